#pragma once
/// Dense linear algebra of the CPU backend by Eigen.

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include "ssl/backend/backend.hpp"
#include "ssl/backend/eigen/parallel.hpp"

namespace ssl::cpu {

template <class T>
using dense = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
template <class T>
using dense_map = Eigen::Map<dense<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <class T>
using const_dense_map = Eigen::Map<const dense<T>, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class T>
dense_map<T> eigen_map(matrix_view<T, host_space> m) {
  return {m.data, m.rows, m.cols, Eigen::OuterStride<>(m.ld)};
}
template <class T>
const_dense_map<T> eigen_map(matrix_view<const T, host_space> m) {
  return {m.data, m.rows, m.cols, Eigen::OuterStride<>(m.ld)};
}

/// c = alpha op(a) op(b) + beta c on as many threads as Eigen takes; one inside a parallel region.
template <class T>
void gemm(trans ta, trans tb, T alpha, matrix_view<const T, host_space> a, matrix_view<const T, host_space> b,
          T beta, matrix_view<T, host_space> c) {
  auto out = eigen_map(c);
  if (beta == T{0}) {
    out.setZero();
  } else if (beta != T{1}) {
    out *= beta;
  }
  const auto x = eigen_map(a), y = eigen_map(b);
  if (ta == trans::no && tb == trans::no) {
    out.noalias() += alpha * x * y;
  } else if (ta == trans::yes && tb == trans::no) {
    out.noalias() += alpha * x.transpose() * y;
  } else if (ta == trans::no) {
    out.noalias() += alpha * x * y.transpose();
  } else {
    out.noalias() += alpha * x.transpose() * y.transpose();
  }
}

/// c = alpha op(a) op(a)^T + beta c: the tiles on and below the diagonal as products, the rest
/// mirrored.
template <class T>
void syrk(int threads, trans op, T alpha, matrix_view<const T, host_space> a, T beta,
          matrix_view<T, host_space> c) {
  const index n = c.rows, tile = n <= 128 ? n : std::clamp<index>(n / 8, 64, 512);
  const index tiles = (n + tile - 1) / tile;
  const auto slice = [&](index k) {
    const index first = k * tile, count = std::min(tile, n - first);
    return op == trans::no ? matrix_view<const T, host_space>{a.data + first, count, a.cols, a.ld}
                           : a.columns(first, count);
  };
  parallel_for(threads, tiles * (tiles + 1) / 2, [&](index k) {
    index i = 0;  // the k-th tile of the lower triangle is (i, j), i >= j
    while ((i + 1) * (i + 2) / 2 <= k) ++i;
    const index j = k - i * (i + 1) / 2;
    const auto left = slice(i), right = slice(j);
    const index rows = std::min(tile, n - i * tile), cols = std::min(tile, n - j * tile);
    const matrix_view<T, host_space> block{c.data + i * tile + j * tile * c.ld, rows, cols, c.ld};
    gemm<T>(op, op == trans::no ? trans::yes : trans::no, alpha, left, right, beta, block);
    // Diagonal tiles too: a product kernel may round (p, q) and (q, p) differently.
    for (index q = 0; q < cols; ++q)
      for (index p = i == j ? q + 1 : 0; p < rows; ++p) c(j * tile + q, i * tile + p) = block(p, q);
  });
}

}  // namespace ssl::cpu
