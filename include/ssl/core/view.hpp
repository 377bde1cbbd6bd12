#pragma once
// SPDX-License-Identifier: MIT

/// Non-owning matrices. Column-major, a column is a sample, and the memory space is part of the type,
/// so that a device pointer cannot reach host code.

#include <concepts>
#include <type_traits>

#include "ssl/core/config.hpp"

namespace ssl {

struct host_space {};
struct device_space {};

/// A column-major block of `rows` x `cols`, column j starting at `data + j * ld`.
/// Never owns, never allocates; a vector is (d, 1), a scalar (1, 1).
template <class T, class Space>
struct matrix_view {
  using value_type = T;
  using space = Space;

  T* data = nullptr;
  index rows = 0, cols = 0, ld = 0;

  SSL_FN T& operator()(index i, index j) const { return data[i + j * ld]; }
  SSL_FN T* column(index j) const { return data + j * ld; }
  SSL_FN index size() const { return rows * cols; }
  SSL_FN bool contiguous() const { return ld == rows || cols <= 1; }

  /// Columns [first, first + count): a batch slice, a view, a rank's share; no copy.
  SSL_FN matrix_view columns(index first, index count) const { return {data + first * ld, rows, count, ld}; }

  /// The same memory under another shape of the same size; only for contiguous views.
  SSL_FN matrix_view reshaped(index new_rows, index new_cols) const {
    return {data, new_rows, new_cols, new_rows};
  }

  /// A view can always be read through a const view.
  template <class U>
  requires std::same_as<U, const T> SSL_FN operator matrix_view<U, Space>() const {
    return {data, rows, cols, ld};
  }
};

/// The same view, read-only: for calls that deduce their element type and so cannot convert.
template <class T, class Space>
SSL_FN matrix_view<const T, Space> as_const(matrix_view<T, Space> m) {
  return {m.data, m.rows, m.cols, m.ld};
}

/// A contiguous view of `rows` x `cols` over memory that the caller owns.
template <class Space = host_space, class T>
SSL_FN matrix_view<T, Space> make_view(T* data, index rows, index cols) {
  return {data, rows, cols, rows};
}

/// Entries [first, first + count) of a flat block (P, 1) as a column; nothing of an empty block.
template <class T, class Space>
SSL_FN matrix_view<T, Space> slice(matrix_view<T, Space> block, index first, index count) {
  return block.data ? matrix_view<T, Space>{block.data + first, count, 1, count} : matrix_view<T, Space>{};
}

template <class V>
concept MatrixView = std::is_trivially_copyable_v<V> && requires(const V v, index k) {
  typename V::space;
  { v(k, k) } -> std::same_as<typename V::value_type&>;
  { v.columns(k, k) } -> std::same_as<V>;
};

/// A matrix of a backend's scalars in its memory: `view` to write, `cview` to read.
template <class B>
using view = matrix_view<typename B::scalar, typename B::space>;
template <class B>
using cview = matrix_view<const typename B::scalar, typename B::space>;

/// Matrices of doubles beside them: loss values and statistics are accumulated in double whatever the scalar.
template <class B>
using accumulator_view = matrix_view<double, typename B::space>;

}  // namespace ssl
