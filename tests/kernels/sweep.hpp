#pragma once
/// What sweeps over shapes share: sizes around a blocking constant, the first place where a kernel and its
/// definition differ, and matrices that notice a write beside them.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "kernels/integers.hpp"
#include "ssl/core/view.hpp"

namespace ssl::test {

/// 1 to `all`, then each constant and its two neighbours.
inline std::vector<index> sizes(index all, std::initializer_list<index> constants = {}) {
  std::vector<index> out;
  for (index k = 1; k <= all; ++k) out.push_back(k);
  for (const index c : constants)
    for (const index k : {c - 1, c, c + 1}) out.push_back(k);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

/// The first place where two vectors differ, -1 where they agree. NaNs are equal to none.
template <class A, class B>
index first_difference(const std::vector<A>& found, const std::vector<B>& expected) {
  if (found.size() != expected.size()) return 0;
  for (std::size_t k = 0; k < found.size(); ++k)
    if (!(found[k] == expected[k])) return static_cast<index>(k);
  return -1;
}

/// The first place where found is farther than `most` from expected, -1 where there is none.
template <class T>
index first_beyond(const std::vector<T>& found, const std::vector<double>& expected, double most) {
  if (found.size() != expected.size()) return 0;
  for (std::size_t k = 0; k < found.size(); ++k) {
    const double error = static_cast<double>(found[k]) - expected[k];
    if (!(error <= most && -error <= most)) return static_cast<index>(k);
  }
  return -1;
}

/// (rows, cols) inside a larger matrix, on no boundary that vectors like.
template <class T>
class fenced {
 public:
  fenced(index rows, index cols, const std::vector<T>& values)
      : rows_(rows), cols_(cols), memory_(static_cast<std::size_t>((rows + gap) * cols + 2 * gap), fence()) {
    const auto inside = (*this)();
    for (index j = 0; j < cols; ++j)
      for (index i = 0; i < rows; ++i) inside(i, j) = values[static_cast<std::size_t>(i + j * rows)];
  }

  matrix_view<T, host_space> operator()() { return {memory_.data() + gap, rows_, cols_, rows_ + gap}; }
  matrix_view<const T, host_space> read() const { return {memory_.data() + gap, rows_, cols_, rows_ + gap}; }
  std::vector<T> get() const {
    std::vector<T> out;
    for (index j = 0; j < cols_; ++j)
      for (index i = 0; i < rows_; ++i) out.push_back(read()(i, j));
    return out;
  }
  /// Whether nothing was written around it.
  bool intact() const {
    for (index k = 0; k < static_cast<index>(memory_.size()); ++k) {
      const index j = (k - gap) / (rows_ + gap), i = k - gap - j * (rows_ + gap);
      const bool inside = k >= gap && j < cols_ && i < rows_;
      if (!inside && !(memory_[static_cast<std::size_t>(k)] == fence())) return false;
    }
    return true;
  }

 private:
  static constexpr index gap = 3;
  static T fence() { return static_cast<T>(99.0F); }

  index rows_, cols_;
  std::vector<T> memory_;
};

}  // namespace ssl::test
