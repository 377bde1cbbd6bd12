#pragma once
/// The numbers of a loss that --set may change.

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ssl_example {

/// A number in at most six digits.
std::string short_text(double value);

/// A number that --set may change. Values lie in [least, most], above `least` where `open`.
struct parameter {
  std::string name;
  double value = 0;  // the default
  double least = std::numeric_limits<double>::lowest();
  bool open = false, whole = false;
  double most = std::numeric_limits<double>::max();
};

/// A parameter that is 0 or 1.
inline parameter flag(std::string name, bool value) {
  return {std::move(name), value ? 1.0 : 0.0, 0, false, true, 1};
}

/// The parameters of one loss with the values of one run.
class settings {
 public:
  explicit settings(const std::vector<parameter>& known) : values_(known) {}

  double operator[](std::string_view name) const;

  /// Takes "key=value". ssl::option_error names the loss, what is wrong and what is known.
  void set(const std::string& loss, const std::string& assignment);

 private:
  std::vector<parameter> values_;
};

}  // namespace ssl_example
