#pragma once
// SPDX-License-Identifier: MIT

/// Invariance: the views of a sample come together.
///
///     value    = 2 / ((V - 1) n d) sum_v ||z_v - zbar||^2,  zbar the mean over the views
///     gradient = 4 / ((V - 1) n d) (z_v - zbar)
///
/// This is the mean over all pairs of views of the mean squared difference, in O(V) instead of O(V^2); for V
/// = 2 the invariance term of VICReg (arXiv 2105.04906, eq. 5 as released: facebookresearch/vicreg divides by
/// d as well). `per_feature = false` leaves the division by d out, as the paper's formula reads. Zero for one
/// view. Cost: one pass over z and dz. Differences are taken in double.

#include "ssl/loss/loss.hpp"

namespace ssl {

struct invariance {
  using kind = loss_kind;
  static constexpr std::string_view name = "inv";

  bool per_feature = true;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    if (z.views < 2) return;
    const index n = z.samples();
    const double count =
        static_cast<double>((z.views - 1) * n) * (per_feature ? static_cast<double>(z.features()) : 1.0);
    const double value_factor = 2.0 / count, gradient_factor = 4.0 * weight / count;
    if (z.views == 2) {
      scratch_scope scope(ctx);
      const auto sums = ctx.take_accumulator(1, n);
      for_each_column(ctx.be, n,
                      pair<B>{z[0], z[1], dz.columns(0, n), dz.columns(n, n), sums, gradient_factor / 2});
      map_reduce(ctx.be, value, fn::plus{}, fn::scale<double>{value_factor / 2}, sums);
    } else {
      map_reduce(ctx.be, value, fn::plus{}, spread<B>{z.z, dz, z.views, n, value_factor, gradient_factor},
                 z[0]);
    }
  }

  constexpr collapse_value collapsed(batch_shape, double) const { return {.value = 0, .best = true}; }

  // The functors below are public because nvcc gives a kernel no private type.

  /// Column j of two views: z_v - zbar is half their difference, up to the sign.
  template <class B>
  struct pair {
    using T = typename B::scalar;
    cview<B> x, y;
    view<B> dx, dy;
    accumulator_view<B> sums;  // (1, n)
    double factor;

    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      const T *const a = x.column(j), *const b = y.column(j);
      const double sum = team.reduce(x.rows, 0.0, fn::plus{}, [=](index i) {
        const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        return difference * difference;
      });
      sums.data[j] = sum;
      T *const da = dx.column(j), *const db = dy.column(j);
      const double f = factor;
      team.for_each(x.rows, [=](index i) {
        const T slope = static_cast<T>(f * (static_cast<double>(a[i]) - static_cast<double>(b[i])));
        da[i] += slope;
        db[i] -= slope;
      });
    }
  };

  /// Visits entry (i, j) of all views: adds to their gradients, returns their part of the value.
  template <class B>
  struct spread {
    using T = typename B::scalar;
    cview<B> z;
    view<B> dz;
    index views, n;
    double value_factor, gradient_factor;

    SSL_FN double operator()(index i, index j, T) const {
      double mean = 0;
      for (index v = 0; v < views; ++v) mean += static_cast<double>(z(i, v * n + j));
      mean /= static_cast<double>(views);
      double sum = 0;
      for (index v = 0; v < views; ++v) {
        const double difference = static_cast<double>(z(i, v * n + j)) - mean;
        sum += difference * difference;
        dz(i, v * n + j) += static_cast<T>(gradient_factor * difference);
      }
      return value_factor * sum;
    }
  };
};

}  // namespace ssl
