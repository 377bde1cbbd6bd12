#pragma once
/// Matrices of small integers: every sum of their products is exact in float, so a kernel must give the very
/// numbers of its definition, whatever its order of summation.

#include <cstdint>
#include <vector>

#include "ssl/core/view.hpp"

namespace ssl::test {

/// `count` integers of [-3, 3] that follow from the seed.
template <class T>
std::vector<T> integers(index count, std::uint32_t seed) {
  std::vector<T> out(static_cast<std::size_t>(count));
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (T& x : out) {
    state = state * 1664525u + 1013904223u;
    x = static_cast<T>(static_cast<int>((state >> 16) % 7) - 3);
  }
  return out;
}

inline const std::vector<int> thread_counts{1, 2, 3, 5};

}  // namespace ssl::test
