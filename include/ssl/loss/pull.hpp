#pragma once
/// The shared pass of losses that pull every column, scaled to length one, towards a direction without
/// gradient:
///
///     u = z / l,  l = max(|z|, 1e-12);   value = u . a;   dz += slope (a - (u . a) u) / l
///
/// Such a loss scales its columns itself, in the same sweep: one read of z and one update of dz, where the
/// shared normalisation of `unit_norm` terms would write and read two more matrices. Sums are taken in double
/// over runs of eight products in the scalar, so float columns may be as long as 1e18. The part along u is
/// left out where the length was clamped.

#include <cmath>

#include "ssl/loss/loss.hpp"

namespace ssl {

namespace detail {

/// x . y of d entries. The runs are strided, so that neighbours of a team read neighbours in memory.
template <class Team, class T>
SSL_FN double inner(const Team& team, const T* x, const T* y, index d) {
  constexpr index run = 8;
  const index m = d < 16 * run ? 0 : d / run;
  const double most = team.reduce(m, 0.0, fn::plus{}, [=](index i) {
    T sum{};
    for (index r = 0; r < run; ++r) sum += x[i + r * m] * y[i + r * m];
    return static_cast<double>(sum);
  });
  const index rest = run * m;
  return team.reduce(d - rest, most, fn::plus{}, [=](index i) {
    return static_cast<double>(x[rest + i]) * static_cast<double>(y[rest + i]);
  });
}

/// max(|x|, 1e-12) of d entries.
template <class Team, class T>
SSL_FN double clamped_length(const Team& team, const T* x, index d) {
  const double found = std::sqrt(inner(team, x, x, d));
  return found < 1e-12 ? 1e-12 : found;
}

/// dz += slope times the gradient of u . (factor a); returns u . (factor a).
template <class Team, class T>
SSL_FN double pull_column(const Team& team, const T* z, T* dz, index d, double length, double slope,
                          const T* a, double factor) {
  const double along = factor * inner(team, z, a, d) / length;
  const double back = length <= 1e-12 ? 0.0 : along;
  const T forward = static_cast<T>(slope / length * factor), inverse = static_cast<T>(1.0 / length),
          backward = static_cast<T>(slope / length * back);
  team.for_each(d, [=](index i) { dz[i] += forward * a[i] - backward * (inverse * z[i]); });
  return along;
}

/// The same for the direction a - factor b.
template <class Team, class T>
SSL_FN double pull_column(const Team& team, const T* z, T* dz, index d, double length, double slope,
                          const T* a, const T* b, double factor) {
  const double along = (inner(team, z, a, d) - factor * inner(team, z, b, d)) / length;
  const double back = length <= 1e-12 ? 0.0 : along;
  const T forward = static_cast<T>(slope / length), inverse = static_cast<T>(1.0 / length),
          backward = static_cast<T>(slope / length * back), less = static_cast<T>(factor);
  team.for_each(d, [=](index i) { dz[i] += forward * (a[i] - less * b[i]) - backward * (inverse * z[i]); });
  return along;
}

/// What the losses of this file's kind carry: columns, their targets, and room for numbers per image.
template <class B>
struct pulled_views {
  cview<B> z, t;               // (d, V n)
  view<B> dz;                  // (d, V n)
  view<B> sum;                 // (d, n) of the unit targets; empty where two views make do without
  accumulator_view<B> length;  // (2, V n) of the columns of z and t
  accumulator_view<B> value;   // (1, n)
  index views, n;

  /// Lengths of all views of image j, kept for `z_length` and `t_length`.
  template <class Team>
  SSL_FN void measure(const Team& team, index j) const {
    for (index v = 0; v < views; ++v) {
      const index k = v * n + j;
      const double mine = clamped_length(team, z.column(k), z.rows);
      const double theirs = t.data == z.data ? mine : clamped_length(team, t.column(k), t.rows);
      const auto keep = length;
      team.for_each(1, [=](index) {
        keep(0, k) = mine;
        keep(1, k) = theirs;
      });
    }
  }
  /// sum_j = the sum of image j's unit targets.
  template <class Team>
  SSL_FN void add_up(const Team& team, index j) const {
    const auto self = *this;
    team.for_each(z.rows, [=](index i) {
      double total = 0;
      for (index k = j; k < self.t.cols; k += self.n)
        total += static_cast<double>(self.t(i, k)) / self.length(1, k);
      self.sum(i, j) = static_cast<typename B::scalar>(total);
    });
  }
  SSL_FN double z_length(index k) const { return length(0, k); }
  SSL_FN double t_length(index k) const { return length(1, k); }
};

/// The scratch of a pull on this batch.
template <class Ctx, class B = typename Ctx::backend>
pulled_views<B> take_pulled_views(Ctx& ctx, view_batch<B> z, view<B> dz, bool with_sum) {
  const index n = z.samples();
  return {.z = z.z,
          .t = z.references(),
          .dz = dz,
          .sum = with_sum ? ctx.take(z.features(), n) : view<B>{},
          .length = ctx.take_accumulator(2, z.z.cols),
          .value = ctx.take_accumulator(1, n),
          .views = z.views,
          .n = n};
}

struct offset_scale {  // a + b x
  double offset, factor;
  SSL_FN double operator()(double x) const { return offset + factor * x; }
};

/// Every view towards the other views' unit targets: value_j = sum_v u_v . (S - t_v). Linear in V.
template <class B>
struct pull_to_others {
  pulled_views<B> of;
  double slope;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    of.measure(team, j);
    if (of.views > 2) of.add_up(team, j);
    const index d = of.z.rows;
    double total = 0;
    for (index v = 0; v < of.views; ++v) {
      const index k = v * of.n + j, other = (1 - v) * of.n + j;
      if (of.views == 2) {
        total += pull_column(team, of.z.column(k), of.dz.column(k), d, of.z_length(k), slope,
                             of.t.column(other), 1.0 / of.t_length(other));
      } else {
        total += pull_column(team, of.z.column(k), of.dz.column(k), d, of.z_length(k), slope,
                             as_const(of.sum).column(j), of.t.column(k), 1.0 / of.t_length(k));
      }
    }
    const auto value = of.value;
    team.for_each(1, [=](index) { value.data[j] = total; });
  }
};

/// value += mean_j (offset + factor p_j) with p_j the mean over ordered pairs of views of u_v . t_w, dz +=
/// weight times its gradient. Nothing for one view.
template <class Ctx, class B = typename Ctx::backend>
void add_mean_cosine(Ctx& ctx, double weight, double offset, double factor, view_batch<B> z,
                     accumulator_view<B> value, view<B> dz) {
  if (z.views < 2) return;
  scratch_scope scope(ctx);
  const double n = static_cast<double>(z.samples()),
               mean = factor / static_cast<double>(z.views * (z.views - 1)) / n;
  const auto of = take_pulled_views(ctx, z, dz, z.views > 2);
  for_each_column(ctx.be, z.samples(), pull_to_others<B>{of, weight * mean});
  map_reduce(ctx.be, value, fn::plus{}, offset_scale{offset / n, mean}, of.value);
}

}  // namespace detail

}  // namespace ssl
