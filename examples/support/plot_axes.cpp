#include "support/plot_axes.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "support/format.hpp"

namespace ssl_example::plotting {
namespace {

/// The fewest decimals that write multiples of `step`, never more than nine.
int decimals_for(double step) {
  return std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-6)), 0, 9);
}

/// A tick with as many decimals as its step needs; `largest` is the size of the largest tick.
std::string tick_text(double value, double step, double largest, bool percent) {
  if (percent) {
    value *= 100;
    step *= 100;
    largest *= 100;
  }
  if (std::abs(value) < step * 1e-6) value = 0;
  const double size = std::abs(value);
  std::string text;
  if (value == 0) {
    text = largest < 1e4 && largest >= 1e-3 ? fixed(0, decimals_for(step)) : "0";
  } else if (largest >= 1e15 || largest < 1e-3) {
    const double decade = std::pow(10.0, std::floor(std::log10(size) + 1e-9));
    text = fixed(value / decade, decimals_for(step / decade)) + "e" + fixed(std::log10(decade), 0);
  } else if (largest >= 1e4) {
    const char* const suffixes[] = {"", "k", "M", "G", "T"};
    std::size_t thousands = 0;
    double unit = 1;
    for (; thousands < 4 && size >= unit * 999.999; ++thousands) unit *= 1e3;
    if (thousands > 0 && size < unit * 0.999999) unit /= 1e3, --thousands;
    text = fixed(value / unit, decimals_for(step / unit));
    if (text.find('.') != std::string::npos) {
      text.resize(text.find_last_not_of('0') + 1);
      if (text.back() == '.') text.pop_back();
    }
    text += suffixes[thousands];
  } else {
    text = fixed(value, decimals_for(step));
  }
  if (text.starts_with('-')) text = "−" + text.substr(1);
  return percent ? text + "%" : text;
}

}  // namespace

double nice_step(double span, double wanted) {
  const double raw = span / wanted;
  const double decade = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double m : {1.0, 2.0, 5.0}) {
    if (m * decade >= raw * 0.999) return m * decade;
  }
  return 10.0 * decade;
}

ticks linear_ticks(const range& r, double step, bool percent) {
  ticks result;
  const double first = std::ceil(r.low / step - 1e-6);
  const double last = std::floor(r.high / step + 1e-6);
  const double largest = std::max(std::abs(first), std::abs(last)) * step;
  for (double k = first; k <= last && result.size() < 40; k += 1) {
    result.emplace_back(k * step, tick_text(k * step, step, largest, percent));
  }
  return result;
}

ticks octave_ticks(const range& r, const std::vector<double>& measured, double wanted) {
  ticks result;
  const auto add = [&](double octave) {
    const double v = std::exp2(octave);
    const bool whole = std::abs(v - std::round(v)) < 1e-9 * v;
    result.emplace_back(octave, v >= 1e5 ? count(v) : fixed(v, whole ? 0 : v < 1 ? 3 : 1));
  };
  if (!measured.empty() && static_cast<double>(measured.size()) <= wanted) {
    double previous = std::numeric_limits<double>::lowest();
    for (const double octave : measured) {
      if (octave - previous < r.span() / (1.5 * wanted)) continue;
      add(octave);
      previous = octave;
    }
    return result;
  }
  const double step = std::max(1.0, std::ceil(r.span() / wanted - 1e-6));
  for (double k = std::ceil(r.low - 1e-6); k <= r.high + 1e-6; k += step) add(k);
  return result;
}

}  // namespace ssl_example::plotting
