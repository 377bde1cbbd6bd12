#pragma once
// SPDX-License-Identifier: MIT

/// Alignment: the views of a sample lie close together, on columns of length one.
///
///     value    = mean over pairs of views and samples of |u_a - u_b|^alpha
///     gradient = alpha |u_a - u_b|^(alpha - 2) (u_a - u_b), summed over b, times 2 / (V (V - 1) n)
///
/// arXiv 2005.10242 (SsnL/align_uniform), whose functions expect normalised input. alpha = 2 is evaluated
/// from the mean over the views, in O(V n d); any other over the pairs, in O(V^2 n d), where a pair that
/// coincides has no gradient. Zero for one view. Differences are taken in double.

#include <cmath>

#include "ssl/loss/invariance.hpp"

namespace ssl {

struct alignment {
  using kind = loss_kind;
  static constexpr std::string_view name = "align";
  static constexpr bool unit_norm = true;

  double alpha = 2;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    if (alpha == 2) return invariance{.per_feature = false}.add(ctx, weight, z, value, dz);
    if (z.views < 2) return;
    const index n = z.samples();
    const double share = 2.0 / static_cast<double>(z.views * (z.views - 1) * n);
    scratch_scope scope(ctx);
    const auto sum = ctx.take_accumulator(1, n);
    for_each_column(ctx.be, n, pairs<B>{z, dz, sum, alpha, weight * share});
    map_reduce(ctx.be, value, fn::plus{}, fn::scale<double>{share}, sum);
  }

  constexpr collapse_value collapsed(batch_shape, double) const { return {.value = 0, .best = true}; }

  // The functors below are public because nvcc gives a kernel no private type.

  /// All pairs of views of sample j.
  template <class B>
  struct pairs {
    view_batch<B> z;
    view<B> dz;
    accumulator_view<B> sum;  // (1, n)
    double alpha, factor;

    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      using T = typename B::scalar;
      const index n = z.samples();
      const auto x = z.z;
      const auto dx = dz;
      double total = 0;
      for (index v = 0; v < z.views; ++v)
        for (index w = v + 1; w < z.views; ++w) {
          const index a = v * n + j, b = w * n + j;
          const double squared = team.reduce(x.rows, 0.0, fn::plus{}, [=](index i) {
            const double difference = static_cast<double>(x(i, a)) - static_cast<double>(x(i, b));
            return difference * difference;
          });
          total += std::pow(squared, 0.5 * alpha);
          const double slope = squared > 0 ? factor * alpha * std::pow(squared, 0.5 * alpha - 1) : 0.0;
          team.for_each(x.rows, [=](index i) {
            const T step =
                static_cast<T>(slope * (static_cast<double>(x(i, a)) - static_cast<double>(x(i, b))));
            dx(i, a) += step;
            dx(i, b) -= step;
          });
        }
      const auto out = sum;
      team.for_each(1, [=](index) { out(0, j) = total; });
    }
  };
};

}  // namespace ssl
