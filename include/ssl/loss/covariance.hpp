#pragma once
// SPDX-License-Identifier: MIT

/// Covariance: no feature repeats another.
///
///     value    = 1/d sum_{i != k} C_ik^2 per view,  C = xc xc^T / (n - 1), xc the centred view
///     gradient = 4 / (d (n - 1)) offdiag(C) xc, times the views' factor
///
/// VICReg (arXiv 2105.04906, eq. 3-4). The released code sums over its two views; for V views the default is
/// the mean over pairs of that sum, 2/V sum_v. VICRegL averages (`over_views::mean`). Every row of the
/// gradient sums to 0. Cost: 3 d n min(d, n) flops a view; the sample side needs no d x d memory. For unit
/// variances the value cannot go below d / (n - 1) - 1 when d > n - 1, so values at different batch sizes do
/// not compare.

#include "ssl/loss/loss.hpp"

namespace ssl {

struct covariance {
  using kind = loss_kind;
  static constexpr std::string_view name = "cov";
  static constexpr moment needs = moment::covariance;

  over_views reduction = over_views::pair_sum;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, one_view<B> z, accumulator_view<B> value, view<B> dz) const {
    const double unbias = 1.0 / static_cast<double>(z.x.cols - 1);
    const double factor = view_factor(reduction, z.views) / static_cast<double>(z.x.rows) * unbias * unbias;
    z.covariance->add_off_diagonal(ctx, factor, value);
    z.covariance->add_off_diagonal_product(ctx, 4.0 * weight * factor, dz);
  }

  constexpr collapse_value collapsed(batch_shape, double) const { return {.value = 0, .best = true}; }
};

}  // namespace ssl
