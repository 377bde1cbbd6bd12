#pragma once
/// The two views of the table of losses' values that the tests hold: 8 samples, 6 features,
///     A_ij = sin(0.7 i + 1.3 j + 0.1 i j),  B_ij = A_ij + 0.3 cos(0.5 i - 0.9 j + 0.2 i j)
/// for sample i and feature j.

#include <cmath>
#include <vector>

#include "ssl/core/shape.hpp"

namespace ssl::test {

inline constexpr batch_shape table_shape{6, 8, 2};

/// The first `features` features of both views, (features, 16).
inline std::vector<double> table_views(index features = 6) {
  std::vector<double> z;
  for (int view = 0; view < 2; ++view)
    for (int i = 0; i < 8; ++i)
      for (int j = 0; j < features; ++j)
        z.push_back(std::sin(0.7 * i + 1.3 * j + 0.1 * i * j) +
                    view * 0.3 * std::cos(0.5 * i - 0.9 * j + 0.2 * i * j));
  return z;
}

/// The length of the gradient of one view.
inline double length_of_view(const std::vector<double>& gradient, batch_shape shape, index v) {
  double squared = 0;
  const auto size = static_cast<std::size_t>(shape.features * shape.samples);
  for (std::size_t k = 0; k < size; ++k) {
    const double g = gradient[static_cast<std::size_t>(v) * size + k];
    squared += g * g;
  }
  return std::sqrt(squared);
}

}  // namespace ssl::test
