#pragma once
// SPDX-License-Identifier: MIT

/// Correlation: no feature repeats another, whatever its scale.
///
///     value    = 1/d^2 sum_{i != k} R_ik^2 per view,  R = t t^T / n
///     gradient = 4 / (d^2 n) offdiag(R) t, times the views' factor
///
/// R is the correlation where t are standardised features: `on(standardized{.epsilon = 0}, correlation{})`,
/// the decorrelation of VIbCReg (arXiv 2109.00783, as solo-learn has it: columns centred and of length one
/// over the batch, the mean over all d^2 entries, summed over two views). Free of scale, so its size is
/// comparable between networks. At least (d / (n - 1) - 1) / d when d > n - 1. Cost: 3 d n min(d, n) flops a
/// view.

#include "ssl/loss/invariance.hpp"
#include "ssl/loss/on.hpp"
#include "ssl/loss/standardized.hpp"
#include "ssl/loss/variance.hpp"

namespace ssl {

struct correlation {
  using kind = loss_kind;
  static constexpr std::string_view name = "cor";
  static constexpr moment needs = moment::second;

  over_views reduction = over_views::pair_sum;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, one_view<B> z, accumulator_view<B> value, view<B> dz) const {
    const double dn = static_cast<double>(z.x.rows) * static_cast<double>(z.x.cols);
    const double factor = view_factor(reduction, z.views) / (dn * dn);
    z.second->add_off_diagonal(ctx, factor, value);
    z.second->add_off_diagonal_product(ctx, 4.0 * weight * factor, dz);
  }

  /// Where the columns are 0, as standardised ones are at a collapse.
  constexpr collapse_value collapsed(batch_shape, double length) const {
    return length == 0 ? collapse_value{.value = 0, .best = true} : collapse_value{};
  }
};

/// VIbCReg (arXiv 2109.00783) as solo-learn has it: VICReg with the correlation in place of the covariance.
constexpr auto vibcreg() {
  return 25 * invariance{} + 25 * variance{.reduction = over_views::sum} +
         200 * on(standardized{.epsilon = 0}, correlation{});
}

}  // namespace ssl
