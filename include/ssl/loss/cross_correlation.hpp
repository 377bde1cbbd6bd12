#pragma once
// SPDX-License-Identifier: MIT

/// Cross-correlation: every feature agrees with itself in the other view, and with no other feature.
///
///     on_diagonal    sum_i (1 - C_ii)^2       gradient for view v: -2 (1 - C_ii) z_w / n
///     off_diagonal   sum_{i != k} C_ik^2      gradient for view v: 2 offdiag(C) z_w / n, for w by C^T
///
/// with C = z_v z_w^T / n, mean over the pairs of views. Barlow Twins (arXiv 2103.03230) is their sum on
/// standardised features, see barlow.hpp. Inner products of equal features are double. Cost of off_diagonal:
/// cross_moment.hpp, on whichever side is cheaper; of on_diagonal: two passes a pair.

#include "ssl/loss/cross_moment.hpp"

namespace ssl {

struct on_diagonal {
  using kind = loss_kind;
  static constexpr std::string_view name = "on";

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    if (z.views < 2) return;
    scratch_scope scope(ctx);
    const cross_moment<typename B::scalar, typename B::space> moment(ctx, z.z, z.views, z.side,
                                                                     entries_over::features);
    const double n = static_cast<double>(z.samples()), pairs = static_cast<double>(moment.pairs());
    map_reduce(ctx.be, value, fn::plus{}, distance_from_one{n, 1 / pairs}, moment.diagonal());
    const auto slope = ctx.take_accumulator(moment.diagonal().rows, moment.pairs());
    map(ctx.be, slope, slope_towards_one{n, 2 * weight / (pairs * n)}, moment.diagonal());
    moment.add_diagonal(ctx, slope, dz);
  }

  /// Where the columns are 0, as standardised ones are at a collapse.
  collapse_value collapsed(batch_shape shape, double length) const {
    return length == 0 ? collapse_value{static_cast<double>(shape.features), "d"} : collapse_value{};
  }

  // The functors below are public because nvcc gives a kernel no private type.

  struct distance_from_one {  // factor (c / n - 1)^2
    double n, factor;
    SSL_FN double operator()(double c) const { return factor * (c / n - 1) * (c / n - 1); }
  };
  struct slope_towards_one {  // factor (c / n - 1)
    double n, factor;
    SSL_FN double operator()(double c) const { return factor * (c / n - 1); }
  };
};

struct off_diagonal {
  using kind = loss_kind;
  static constexpr std::string_view name = "off";

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    if (z.views < 2) return;
    scratch_scope scope(ctx);
    const cross_moment<typename B::scalar, typename B::space> moment(ctx, z.z, z.views, z.side,
                                                                     entries_over::features);
    const double n = static_cast<double>(z.samples()), pairs = static_cast<double>(moment.pairs());
    const auto slope = ctx.take_accumulator(moment.diagonal().rows, moment.pairs());
    fill(ctx.be, slope, 0.0);
    moment.add(ctx, 1 / (pairs * n * n), weight, slope, value, dz);
  }

  /// Least, so no warning: the mark of a collapse is on_diagonal's.
  collapse_value collapsed(batch_shape, double length) const {
    return length == 0 ? collapse_value{0, "", true} : collapse_value{};
  }
};

}  // namespace ssl
