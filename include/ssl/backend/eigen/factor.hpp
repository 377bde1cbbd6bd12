#pragma once
// SPDX-License-Identifier: MIT

/// Cholesky factors and triangular systems of the CPU backend. Matrices are halved until Eigen's own routines
/// take over on blocks that fit the caches; in between, all work is products, which run at full speed. What
/// halving cannot share out (columns of a right side, rows of a panel, tiles of an update) goes to threads.

#include <algorithm>

#include "ssl/backend/eigen/dense.hpp"
#include "ssl/core/finite.hpp"

namespace ssl::cpu {

template <class T>
matrix_view<T, host_space> block_of(matrix_view<T, host_space> m, index i, index j, index rows, index cols) {
  return {m.data + i + j * m.ld, rows, cols, m.ld};
}

/// The first part of n halved: a multiple of 32.
inline index half_of(index n) { return (n / 2 + 31) / 32 * 32; }

inline constexpr index triangular_leaf = 64;

/// b = op(l)^-1 b on the calling thread.
template <class T>
void solve_left(trans op, matrix_view<const T, host_space> l, matrix_view<T, host_space> b) {
  const index n = l.rows;
  if (n <= triangular_leaf) {
    auto x = eigen_map(b);
    const auto factor = eigen_map(l);
    if (op == trans::no)
      factor.template triangularView<Eigen::Lower>().solveInPlace(x);
    else
      factor.transpose().template triangularView<Eigen::Upper>().solveInPlace(x);
    return;
  }
  const index h = half_of(n);
  const auto below = block_of(l, h, 0, n - h, h);
  const auto top = block_of(b, 0, 0, h, b.cols), bottom = block_of(b, h, 0, n - h, b.cols);
  const auto l_top = block_of(l, 0, 0, h, h), l_bottom = block_of(l, h, h, n - h, n - h);
  if (op == trans::no) {
    solve_left(op, l_top, top);
    gemm<T>(trans::no, trans::no, T{-1}, below, as_const(top), T{1}, bottom);
    solve_left(op, l_bottom, bottom);
  } else {
    solve_left(op, l_bottom, bottom);
    gemm<T>(trans::yes, trans::no, T{-1}, below, as_const(bottom), T{1}, top);
    solve_left(op, l_top, top);
  }
}

/// b = b l^-T on the calling thread.
template <class T>
void solve_right(matrix_view<const T, host_space> l, matrix_view<T, host_space> b) {
  const index n = l.rows;
  if (n <= triangular_leaf) {
    auto x = eigen_map(b);
    eigen_map(l).transpose().template triangularView<Eigen::Upper>().template solveInPlace<Eigen::OnTheRight>(
        x);
    return;
  }
  const index h = half_of(n);
  const auto first = block_of(b, 0, 0, b.rows, h), second = block_of(b, 0, h, b.rows, n - h);
  solve_right(block_of(l, 0, 0, h, h), first);
  gemm<T>(trans::no, trans::yes, T{-1}, as_const(first), block_of(l, h, 0, n - h, h), T{1}, second);
  solve_right(block_of(l, h, h, n - h, n - h), second);
}

/// body(first, count) for runs of `items` that keep every thread busy, of at least `least` items.
template <class Body>
void parallel_runs(int threads, index items, index least, const Body& body) {
  const index parts = std::clamp<index>(items / least, 1, 2 * threads);
  parallel_for(threads, parts, [&](index k) {
    const range r = part(items, parts, k);
    body(r.first, r.last - r.first);
  });
}

/// b = op(l)^-1 b.
template <class T>
void triangular_solve(int threads, trans op, matrix_view<const T, host_space> l,
                      matrix_view<T, host_space> b) {
  parallel_runs(threads, b.cols, 16,
                [&](index first, index count) { solve_left(op, l, b.columns(first, count)); });
}

/// b = (l l^T)^-1 b.
template <class T>
void cholesky_solve(int threads, matrix_view<const T, host_space> l, matrix_view<T, host_space> b) {
  parallel_runs(threads, b.cols, 16, [&](index first, index count) {
    const auto columns = b.columns(first, count);
    solve_left(trans::no, l, columns);
    solve_left(trans::yes, l, columns);
  });
}

/// The lower triangle of c -= a a^T; its upper triangle is undefined afterwards.
template <class T>
void subtract_square(int threads, matrix_view<const T, host_space> a, matrix_view<T, host_space> c) {
  const index n = c.rows, tile = std::clamp<index>(n / 8, 64, 384), tiles = (n + tile - 1) / tile;
  parallel_for(threads, tiles * (tiles + 1) / 2, [&](index k) {
    index i = 0;  // the k-th tile of the lower triangle is (i, j), i >= j
    while ((i + 1) * (i + 2) / 2 <= k) ++i;
    const index j = k - i * (i + 1) / 2;
    const index rows = std::min(tile, n - i * tile), cols = std::min(tile, n - j * tile);
    gemm<T>(trans::no, trans::yes, T{-1}, block_of(a, i * tile, 0, rows, a.cols),
            block_of(a, j * tile, 0, cols, a.cols), T{1}, block_of(c, i * tile, j * tile, rows, cols));
  });
}

/// Eigen::Success, a name that X11 has a macro for.
inline constexpr Eigen::ComputationInfo succeeded{};

/// a = L L^T, L into the lower triangle; false where a is not positive definite or not a number.
template <class T>
bool cholesky(int threads, matrix_view<T, host_space> a) {
  const index n = a.rows;
  if (n <= 256) {
    auto in_place = eigen_map(a);
    Eigen::LLT<Eigen::Ref<dense<T>, Eigen::Unaligned, Eigen::OuterStride<>>> factor(in_place);
    if (factor.info() != succeeded) return false;
    // A NaN fails no comparison inside, so it would pass as a success.
    for (index i = 0; i < n; ++i)
      if (!is_finite(a(i, i))) return false;
    return true;
  }
  const index h = half_of(n);
  const auto top = block_of(a, 0, 0, h, h), below = block_of(a, h, 0, n - h, h),
             rest = block_of(a, h, h, n - h, n - h);
  if (!cholesky(threads, top)) return false;
  parallel_runs(threads, below.rows, 64, [&](index first, index count) {
    solve_right(as_const(top), block_of(below, first, 0, count, h));
  });
  subtract_square(threads, as_const(below), rest);
  return cholesky(threads, rest);
}

}  // namespace ssl::cpu
