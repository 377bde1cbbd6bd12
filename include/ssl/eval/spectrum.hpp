#pragma once
// SPDX-License-Identifier: MIT

/// Feature spread: the mean over features of the standard deviation. Beside it stand the singular values,
/// effective rank and participation ratio of ssl/exec/spectrum.hpp.

#include <cmath>

#include "ssl/exec/spectrum.hpp"

namespace ssl {

namespace detail {

struct root_of_mean_square {  // sqrt(x / n)
  double n;
  SSL_FN double operator()(double x) const { return std::sqrt(x / n); }
};

template <class T, class Space>
struct spread_deviation {                // (factor_j x - sum_i / n)^2; factor 1 where there is none
  matrix_view<const double, Space> sum;  // (d, 1)
  matrix_view<const T, Space> factor;    // (1, n) or empty
  double n;
  SSL_FN double operator()(index i, index j, T x) const {
    const double scale = factor.data ? static_cast<double>(factor.data[j]) : 1.0;
    const double y = scale * static_cast<double>(x) - sum.data[i] / n;
    return y * y;
  }
};

template <class T, class Space>
struct spread_value {                  // factor_j x
  matrix_view<const T, Space> factor;  // (1, n) or empty
  SSL_FN double operator()(index, index j, T x) const {
    return (factor.data ? static_cast<double>(factor.data[j]) : 1.0) * static_cast<double>(x);
  }
};

}  // namespace detail

/// Mean over features of the standard deviation over the n samples (divided by n - 1); 0 means collapse.
/// Column j counts times column_factor(0, j) where one is given (1, n).
template <class Ctx>
double feature_spread(Ctx& ctx, typename Ctx::const_matrix x, typename Ctx::const_matrix column_factor = {}) {
  using T = typename Ctx::scalar;
  using S = typename Ctx::space;
  auto& be = ctx.be;
  if (x.cols < 2 || x.rows < 1)
    detail::demand(false, "feature_spread", "x is " + detail::extent(x) + ", expected at least two columns");
  scratch_scope scope(ctx);
  const double n = static_cast<double>(x.cols);
  const auto sum = ctx.take_accumulator(x.rows, 1), square = ctx.take_accumulator(x.rows, 1);
  const auto total = ctx.take_accumulator(1, 1);
  fill(be, sum, 0.0);
  fill(be, square, 0.0);
  fill(be, total, 0.0);
  map_reduce(be, sum, fn::plus{}, detail::spread_value<T, S>{column_factor}, x);
  map_reduce(be, square, fn::plus{}, detail::spread_deviation<T, S>{sum, column_factor, n}, x);
  map_reduce(be, total, fn::plus{}, detail::root_of_mean_square{n - 1}, square);
  double value = 0;
  be.download(as_const(total), make_view(&value, 1, 1));
  be.wait();
  return value / static_cast<double>(x.rows);
}

}  // namespace ssl
