#pragma once
// SPDX-License-Identifier: MIT

/// Variance: every feature keeps spreading over the batch.
///
///     value    = mean_i max(0, target - s_i) per view,  s_i = sqrt(Var_i + epsilon), Var_i divided by n - 1
///     gradient = -[s_i < target] (x_ij - mean_i) / (d (n - 1) s_i), times the views' factor
///
/// VICReg (arXiv 2105.04906, eq. 1-2). The released code averages over the views, which is the default; the
/// paper's text and solo-learn sum (`over_views::sum`). epsilon sits inside the root, so that the slope stays
/// finite near a collapse; at an exact collapse the gradient is 0. Every row of the gradient already sums to
/// 0: no second centring.

#include <cmath>

#include "ssl/loss/loss.hpp"

namespace ssl {

struct variance {
  using kind = loss_kind;
  static constexpr std::string_view name = "var";
  static constexpr moment needs = moment::variance;

  double target = 1;
  double epsilon = 1e-4;
  over_views reduction = over_views::mean;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, one_view<B> z, accumulator_view<B> value, view<B> dz) const {
    const double d = static_cast<double>(z.x.rows), n = static_cast<double>(z.x.cols);
    const double factor = view_factor(reduction, z.views) / d;
    map_reduce(ctx.be, value, fn::plus{}, hinge{target, epsilon, factor}, z.variance);
    scratch_scope scope(ctx);
    const auto slope = ctx.take_accumulator(z.x.rows, 1);
    map(ctx.be, slope, hinge_slope{target, epsilon, -weight * factor / (n - 1)}, z.variance);
    detail::add_row_multiples(ctx, 1.0, slope, z.centered, dz);
  }

  collapse_value collapsed(batch_shape shape, double) const {
    const double views = static_cast<double>(shape.views) * view_factor(reduction, shape.views);
    return {views * std::fmax(0, target - std::sqrt(epsilon)), "target - sqrt(epsilon)"};
  }

  // The functors below are public because nvcc gives a kernel no private type.

  struct hinge {
    double target, epsilon, factor;
    SSL_FN double operator()(double var) const {
      const double gap = target - std::sqrt(var + epsilon);
      return gap > 0 ? factor * gap : 0.0 * gap;  // a NaN stays one
    }
  };
  struct hinge_slope {
    double target, epsilon, factor;
    SSL_FN double operator()(double var) const {
      const double s = std::sqrt(var + epsilon);
      return s < target ? factor / s : 0.0;
    }
  };
};

}  // namespace ssl
