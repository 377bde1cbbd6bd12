#pragma once
/// Numbers as people read them, for reports and progress lines. Independent of the locale.

#include <cstdint>
#include <string>

namespace ssl_example {

/// `value` with `digits` decimals; "–" where it is not finite.
std::string fixed(double value, int digits = 3);

/// A fraction as a percentage, 0.8134 -> "81.3 %"; "–" where it is not finite.
std::string percent(double fraction, int digits = 1);

/// Seconds as "0.8 s", "42 s", "3 min 07 s", "2 h 05 min"; "–" where negative or not finite.
std::string duration(double seconds);

/// Three significant digits with a suffix: 950, 12.3k, 4.56M.
std::string count(double value);

}  // namespace ssl_example
