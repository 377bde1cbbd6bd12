#pragma once
// SPDX-License-Identifier: MIT

/// Lengths of columns: what cosines are made of.

#include <cmath>

#include "ssl/backend/verbs.hpp"
#include "ssl/exec/context.hpp"

namespace ssl::detail {

template <class T>
struct inverse_root {  // x^(-1/2), 0 for 0
  SSL_FN T operator()(double square) const {
    return static_cast<T>(square > 0 ? 1 / std::sqrt(square) : 0.0);
  }
};

/// 1 / |x_j| for every member of a team, 0 for a zero column.
template <class Team, class T, class Space>
SSL_FN T unit_factor(const Team& team, matrix_view<const T, Space> x, index j) {
  return inverse_root<T>{}(team.reduce(x.rows, 0.0, fn::plus{}, [=](index i) {
    const double value = static_cast<double>(x(i, j));
    return value * value;
  }));
}

/// out (1, n) = |x_j|^2, then transformed by f(double).
template <class Ctx, class F>
void column_squares(Ctx& ctx, typename Ctx::const_matrix x, F f, typename Ctx::matrix out) {
  scratch_scope scope(ctx);
  const auto square = ctx.take_accumulator(1, x.cols);
  fill(ctx.be, square, 0.0);
  map_reduce(ctx.be, square, fn::plus{}, fn::square<typename Ctx::scalar>{}, x);
  map(ctx.be, out, f, square);
}

/// out (1, n) = 1 / |x_j|, 0 for zero columns.
template <class Ctx>
void inverse_lengths(Ctx& ctx, typename Ctx::const_matrix x, typename Ctx::matrix out) {
  column_squares(ctx, x, inverse_root<typename Ctx::scalar>{}, out);
}

}  // namespace ssl::detail
