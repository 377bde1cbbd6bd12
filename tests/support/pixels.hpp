#pragma once
/// Comparing pixels with golden ones.

#include <cstddef>
#include <type_traits>
#include <vector>

namespace ssl::test {

/// Largest |a - b|; infinite where the sizes differ.
inline double distance(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return 1e300;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = a[i] < b[i] ? b[i] - a[i] : a[i] - b[i];
    if (!(d <= worst)) worst = d;
  }
  return worst;
}

/// How far a golden pixel may be off: the scalar's rounding, or that of the printed values.
template <class B>
inline constexpr double pixel_tolerance = by_scalar<B>(1e-6, 1e-9);

}  // namespace ssl::test
