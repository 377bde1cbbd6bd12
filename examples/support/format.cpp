#include "support/format.hpp"
#include "ssl/core/finite.hpp"

#include <cmath>
#include <locale>
#include <sstream>

namespace ssl_example {

std::string fixed(double value, int digits) {
  if (!ssl::is_finite(value)) return "–";
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.setf(std::ios::fixed);
  text.precision(digits);
  text << value;
  return text.str();
}

std::string percent(double fraction, int digits) {
  if (!ssl::is_finite(fraction)) return "–";
  return fixed(100.0 * fraction, digits) + " %";
}

std::string duration(double seconds) {
  if (!ssl::is_finite(seconds) || seconds < 0) return "–";
  if (seconds < 9.95) return fixed(seconds, 1) + " s";
  if (seconds >= 1e9) return "years";
  const auto two_digits = [](std::int64_t n) {
    return std::string(n < 10 ? "0" : "").append(std::to_string(n));
  };
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + two_digits(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + two_digits(whole % 3600 / 60) + " min";
}

std::string count(double value) {
  if (!ssl::is_finite(value)) return "–";
  const char* suffix = "";
  for (const char* next : {"k", "M", "G", "T"}) {
    if (std::abs(value) < 999.5) break;
    value /= 1000.0;
    suffix = next;
  }
  const bool small = *suffix == '\0' && value == std::floor(value);
  const double size = std::abs(value);
  return fixed(value, small || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2) + suffix;
}

}  // namespace ssl_example
