#pragma once
// SPDX-License-Identifier: MIT

/// Features less their mean, which what looks at variances starts from.

#include "ssl/eval/spectrum.hpp"

namespace ssl::detail {

template <class T, class Space>
struct centred_column {                   // factor_j x - mean_i
  matrix_view<const T, Space> factor;     // (1, n) or empty
  matrix_view<const double, Space> mean;  // (d, 1)
  SSL_FN T operator()(index i, index j, T x) const {
    const double scale = factor.data ? static_cast<double>(factor.data[j]) : 1.0;
    return static_cast<T>(scale * static_cast<double>(x) - mean.data[i]);
  }
};

/// y (d, n) = factor_j x_j - mean, mean (d, 1) = the mean of factor_j x_j in double; no factor is 1. `=`.
/// y may be x.
template <class Ctx>
void centre_columns(Ctx& ctx, typename Ctx::const_matrix x, typename Ctx::const_matrix factor,
                    accumulator_view<typename Ctx::backend> mean, typename Ctx::matrix y) {
  using T = typename Ctx::scalar;
  using S = typename Ctx::space;
  fill(ctx.be, mean, 0.0);
  map_reduce(ctx.be, mean, fn::plus{}, spread_value<T, S>{factor}, x);
  map(ctx.be, mean, fn::scale<double>{1.0 / static_cast<double>(x.cols)}, mean);
  map(ctx.be, y, centred_column<T, S>{factor, mean}, x);
}

}  // namespace ssl::detail
