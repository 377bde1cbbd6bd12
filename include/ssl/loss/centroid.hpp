#pragma once
// SPDX-License-Identifier: MIT

/// Centroid: the views of an image move towards the middle of its targets. u and t are the columns of z and
/// of z.references() at length one; targets get no gradient.
///
///     leave_one_out         mean_vj (2 - 2 u_v . c_v),  c_v = unit(sum_{w != v} t_w)
///     all_targets           mean_vj (2 - 2 u_v . c),    c   = unit(mean_w t_w)
///     centroid_to_centroid  mean_j (1 - a . c),         a   = unit(mean_v u_v)
///
///     gradient for u_v      -2 c / (V n), of the third -(c - (a . c) a) / (|mean u| V n);
///                           then through the length
///
/// The attraction of MSBReg (arXiv 2207.03552) in the three readings that its abstract and figure allow. The
/// first is BYOL for two views and nothing for one; the third leaves the spread of an image's views alone.
/// Linear in V. Cost: one pass over z, the targets and dz, and (d, n) sums; columns need not have length one.

#include "ssl/loss/pull.hpp"

namespace ssl {

/// Which centre of an image's targets.
enum class centroid_reading { leave_one_out, all_targets, centroid_to_centroid };

struct centroid {
  using kind = loss_kind;
  static constexpr std::string_view name = "centroid";
  static constexpr bool uses_targets = true;

  centroid_reading reading = centroid_reading::leave_one_out;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    // Two views: the other view's target is already of length one.
    if (reading == centroid_reading::leave_one_out && z.views <= 2)
      return detail::add_mean_cosine(ctx, weight, 2.0, -2.0, z, value, dz);
    scratch_scope scope(ctx);
    const double n = static_cast<double>(z.samples()), all = static_cast<double>(z.z.cols);
    const auto pull = detail::take_pulled_views(ctx, z, dz, true);
    if (reading == centroid_reading::centroid_to_centroid) {
      const auto mean = ctx.take_accumulator(z.features(), z.samples());  // (d, n)
      for_each_column(ctx.be, z.samples(), centroids<B>{pull, mean, -weight / all});
      map_reduce(ctx.be, value, fn::plus{}, detail::scaled_gap{1.0 / n, 1.0, -1.0}, pull.value);
    } else {
      for_each_column(ctx.be, z.samples(),
                      to_centroid<B>{pull, reading == centroid_reading::leave_one_out, -2.0 * weight / all});
      map_reduce(ctx.be, value, fn::plus{},
                 detail::scaled_gap{1.0 / n, 2.0, -2.0 / static_cast<double>(z.views)}, pull.value);
    }
  }

  constexpr collapse_value collapsed(batch_shape, double) const { return {.value = 0, .best = true}; }

  // The functors below are public because nvcc gives a kernel no private type.

  /// value_j = sum_v u_v . c_v.
  template <class B>
  struct to_centroid {
    detail::pulled_views<B> of;
    bool without_own;
    double slope;

    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      of.measure(team, j);
      of.add_up(team, j);
      const index d = of.z.rows;
      const auto* const sum = as_const(of.sum).column(j);
      // Clamped as the mean is, not the sum.
      const double views = static_cast<double>(of.views);
      const double square = clamp(detail::inner(team, sum, sum, d) / (views * views)) * views * views;
      double total = 0;
      for (index k = j; k < of.z.cols; k += of.n) {
        if (without_own) {
          const auto* const own = of.t.column(k);
          const double factor = of.t_inverse(k);
          const double rest = std::sqrt(clamp(team.reduce(d, 0.0, fn::plus{}, [=](index i) {
            const double gap = sum[i] - factor * static_cast<double>(own[i]);
            return gap * gap;
          })));
          total += of.column(k).towards(team, slope / rest, sum, own, factor) / rest;
        } else {
          total += of.column(k).towards(team, slope, sum, square);
        }
      }
      const auto value = of.value;
      team.for_each(1, [=](index) { value.data[j] = total; });
    }
  };

  /// value_j = a . c.
  template <class B>
  struct centroids {
    detail::pulled_views<B> of;
    accumulator_view<B>
        mean;  // (d, n): first the sum of the unit columns of z, then the direction that pulls them
    double slope;

    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      using T = typename B::scalar;
      of.measure(team, j);
      of.add_up(team, j);
      const index d = of.z.rows;
      const double views = static_cast<double>(of.views);
      double* const a = mean.column(j);
      const double* const c = of.sum.column(j);
      for (index k = j; k < of.z.cols; k += of.n) {
        const T* const z = of.z.column(k);
        const double factor = 1.0 / std::sqrt(of.square(0, k));
        if (k == j) {
          team.for_each(d, [=](index i) { a[i] = factor * static_cast<double>(z[i]); });
        } else {
          team.for_each(d, [=](index i) { a[i] += factor * static_cast<double>(z[i]); });
        }
      }
      const double* const from = a;
      const double a_found = detail::inner(team, from, from, d) / (views * views),
                   a_square = clamp(a_found) * views * views,
                   c_square = clamp(detail::inner(team, c, c, d) / (views * views)) * views * views;
      const double product = detail::inner(team, from, c, d), lengths = std::sqrt(a_square * c_square);
      const double along = a_found < 1e-24 ? 0.0 : product / a_square;
      team.for_each(d, [=](index i) { a[i] = c[i] - along * a[i]; });
      for (index k = j; k < of.z.cols; k += of.n)
        of.column(k).towards(team, slope * views / lengths, from, 1.0);
      const double cosine = product / lengths;
      const auto value = of.value;
      team.for_each(1, [=](index) { value.data[j] = cosine; });
    }
  };
  SSL_FN static double clamp(double square) { return square < 1e-24 ? 1e-24 : square; }
};

}  // namespace ssl
