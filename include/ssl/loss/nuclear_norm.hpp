#pragma once
// SPDX-License-Identifier: MIT

/// Nuclear norm: the sum of the singular values of x (d, n), and its gradient, the polar factor U V^T.
///
/// The eigenvectors V of the smaller Gram matrix are orthonormal to rounding, but in a Gram matrix a small
/// singular value s has lost (s_1 / s)^2 of its digits. So s and U are taken from b = x V, whose columns are
/// nearly orthogonal: s_k = |b_k|, q_k = b_k / s_k, F = q^T q - I, and to second order in F
///
///     U = q (I + W),  W_jk = -F_jk s_j / (s_j + s_k)  off the diagonal.
///
/// Singular values below 1e-7 of the largest count as zero in the gradient. All in double. Cost: d n m +
/// O(m^3) flops, m = min(d, n). Finding eigenvectors may allocate (see `eigh`).

#include <cmath>

#include "ssl/loss/loss.hpp"

namespace ssl::detail {

template <class Space>
struct singular_length {  // sqrt(x), NaN where no eigenvectors were found
  matrix_view<const double, Space> info;
  SSL_FN double operator()(double squared) const {
    return info.data[0] == 0.0 ? std::sqrt(squared) : std::sqrt(-1.0 - squared * squared);
  }
};

template <class Space>
struct scale_directions {  // b / s_k, 0 where s_k counts as zero; k is the row or the column
  matrix_view<const double, Space> length, largest;
  bool by_row;
  SSL_FN double operator()(index i, index j, double b) const {
    const double s = length.data[by_row ? i : j];
    return s <= 1e-7 * largest.data[0] ? 0.0 : b / s;
  }
};

template <class Space>
struct polar_correction {  // I + W, or its transpose
  matrix_view<const double, Space> length;
  bool transposed;
  SSL_FN double operator()(index i, index j, double f) const {
    if (i == j) return 1.0;
    const double sum = length.data[i] + length.data[j];
    return sum == 0 ? 0.0 : -f * length.data[transposed ? j : i] / sum;
  }
};

/// Always from the smaller Gram matrix: the null space of the other is known to fewer digits.
/// value += factor * sum of the singular values of x (d, n), dx += slope * U V^T.
template <class Ctx, class Space>
void add_nuclear_norm(Ctx& ctx, double factor, double slope, matrix_view<const double, Space> x,
                      matrix_view<double, Space> value, matrix_view<double, Space> dx) {
  scratch_scope scope(ctx);
  const bool features = x.rows <= x.cols;
  const index m = features ? x.rows : x.cols;
  const auto vectors = ctx.take_accumulator(m, m), cross = ctx.take_accumulator(m, m);
  const auto length = ctx.take_accumulator(m, 1), info = ctx.take_accumulator(1, 1),
             largest = ctx.take_accumulator(1, 1);
  const auto b = ctx.take_accumulator(x.rows, x.cols);  // (d, n): V^T x, or x V in its first m columns
  syrk(ctx.be, features ? trans::no : trans::yes, 1.0, x, 0.0, vectors);
  eigh(ctx.be, vectors, length, info);
  if (features)
    gemm(ctx.be, trans::yes, trans::no, 1.0, vectors, x, 0.0, b);
  else
    gemm(ctx.be, trans::no, trans::no, 1.0, x, vectors, 0.0, b);
  fill(ctx.be, length, 0.0);
  map_reduce(ctx.be, features ? length : length.reshaped(1, m), fn::plus{}, fn::square<double>{}, b);
  map(ctx.be, length, singular_length<Space>{info}, length);
  map_reduce(ctx.be, value, fn::plus{}, fn::scale<double>{factor}, length);
  fill(ctx.be, largest, 0.0);
  map_reduce(ctx.be, largest, fn::maximum{}, fn::identity<double>{}, length);
  map(ctx.be, b, scale_directions<Space>{length, largest, features}, b);
  syrk(ctx.be, features ? trans::no : trans::yes, 1.0, b, 0.0, cross);
  map(ctx.be, cross, polar_correction<Space>{length, features}, cross);
  // dx += V (I + W)^T q, or q (I + W) V^T.
  const auto turned = ctx.take_accumulator(m, m);
  if (features) {
    gemm(ctx.be, trans::no, trans::no, 1.0, vectors, cross, 0.0, turned);
    gemm(ctx.be, trans::no, trans::no, slope, turned, b, 1.0, dx);
  } else {
    gemm(ctx.be, trans::no, trans::yes, 1.0, cross, vectors, 0.0, turned);
    gemm(ctx.be, trans::no, trans::no, slope, b, turned, 1.0, dx);
  }
}

}  // namespace ssl::detail
