#pragma once
// SPDX-License-Identifier: MIT

/// Dense linear algebra of the CPU backend: products of some size from panels (product.hpp), the rest by
/// Eigen.

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#if !EIGEN_VERSION_AT_LEAST(3, 4, 0) || EIGEN_MAJOR_VERSION >= 6
#error "bagssl needs Eigen 3.4 or 5"
#endif

#include "ssl/backend/backend.hpp"
#include "ssl/backend/eigen/blas.hpp"
#include "ssl/backend/eigen/narrow.hpp"
#include "ssl/backend/eigen/parallel.hpp"
#include "ssl/backend/eigen/product.hpp"

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

/// Whether a product is worth packing. Where Eigen has no vectors all are left to it; where it calls a BLAS,
/// all but those inside a parallel region, which the threads of a BLAS would crowd.
template <class T>
bool worth_packing(index m, index n, index k) {
  if (panel<T>::width == 1) return false;
  if constexpr (has_blas) return k > 0 && inside_region();
  return std::min(m, n) >= 16 && m * n * k >= index{1} << 17;
}

/// c = alpha op(a) op(b) + beta c on as many threads as Eigen takes; one inside a parallel region.
template <class T>
void gemm(trans ta, trans tb, T alpha, matrix_view<const T, host_space> a, matrix_view<const T, host_space> b,
          T beta, matrix_view<T, host_space> c) {
  const index k = ta == trans::no ? a.cols : a.rows;
  if (!has_blas && panel<T>::wide && multiply_narrow(Eigen::nbThreads(), ta, tb, alpha, a, b, beta, c))
    return;
  if (panel<T>::wide && worth_packing<T>(c.rows, c.cols, k))
    return multiply(Eigen::nbThreads(), alpha, tiled::rows_of(a, ta),
                    tiled::rows_of(b, tb == trans::no ? trans::yes : trans::no), k, beta, c);
  const blas_threads limit(inside_region() ? 1 : Eigen::nbThreads());
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

/// c = alpha op(a) op(a)^T + beta c, both triangles written.
template <class T>
void syrk(int threads, trans op, T alpha, matrix_view<const T, host_space> a, T beta,
          matrix_view<T, host_space> c) {
  const index n = c.rows, k = op == trans::no ? a.cols : a.rows;
  if (worth_packing<T>(n, n, k)) return multiply_by_itself(threads, alpha, tiled::rows_of(a, op), k, beta, c);
  if constexpr (has_blas) {
    const blas_threads limit(inside_region() ? 1 : threads);
    auto lower = eigen_map(c).template selfadjointView<Eigen::Lower>();
    auto triangle = eigen_map(c).template triangularView<Eigen::Lower>();
    if (beta == T{0}) {
      triangle.setZero();
    } else if (beta != T{1}) {
      triangle *= beta;
    }
    if (op == trans::no) {
      lower.rankUpdate(eigen_map(a), alpha);
    } else {
      lower.rankUpdate(eigen_map(a).transpose(), alpha);
    }
  } else {
    gemm<T>(op, op == trans::no ? trans::yes : trans::no, alpha, a, a, beta, c);
  }
  // A product kernel may round (p, q) and (q, p) differently.
  for (index q = 0; q < n; ++q)
    for (index p = q + 1; p < n; ++p) c(q, p) = c(p, q);
}

}  // namespace ssl::cpu
