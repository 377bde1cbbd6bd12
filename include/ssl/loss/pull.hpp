#pragma once
// SPDX-License-Identifier: MIT

/// The shared pass of losses that pull every column, scaled to length one, towards a direction without
/// gradient:
///
///     u = z / l,  l = max(|z|, 1e-12);   value = u . a;   dz += slope (a - (u . a) u) / l
///
/// Such a loss scales its columns itself, in the same sweep: one read of z and one update of dz, where the
/// shared normalisation of `unit_norm` terms would write and read two more matrices. Sums are taken in double
/// over runs of eight products in the scalar where columns are long; float columns may be as long as 1e16.
/// The part along u is left out where the length was clamped. A column that points along its direction has
/// cosine 1 and gradient 0 exactly.

#include <cmath>

#include "ssl/loss/loss.hpp"

namespace ssl {

namespace detail {

/// x . y of d entries. The runs are strided, so that neighbours of a team read neighbours in memory.
template <class Team, class T, class U>
SSL_FN double inner(const Team& team, const T* x, const U* y, index d) {
  constexpr index run = 8;
  const index m = d < 16 * run ? 0 : d / run;
  const double most = team.reduce(m, 0.0, fn::plus{}, [=](index i) {
    decltype(x[i] * y[i]) sum{};
    for (index r = 0; r < run; ++r) sum += x[i + r * m] * y[i + r * m];
    return static_cast<double>(sum);
  });
  const index rest = run * m;
  if (rest == d) return most;
  return team.reduce(d - rest, most, fn::plus{}, [=](index i) {
    return static_cast<double>(x[rest + i]) * static_cast<double>(y[rest + i]);
  });
}

/// max(|x|, 1e-12)^2 of d entries.
template <class Team, class T>
SSL_FN double clamped_square(const Team& team, const T* x, index d) {
  const double found = inner(team, x, x, d);
  return found < 1e-24 ? 1e-24 : found;
}

/// A column that is pulled: its entries, its gradient and its clamped square.
template <class T>
struct pulled_column {
  const T* z;
  T* dz;
  index d;
  double square;

  /// dz += slope times the gradient of u . a / |a|, a of that clamped square; returns u . a / |a|.
  template <class Team, class A>
  SSL_FN double towards(const Team& team, double slope, const A* a, double a_square) const {
    const T* const x = z;
    T* const dx = dz;
    const double product = inner(team, z, a, d), lengths = std::sqrt(square * a_square);
    const T forward = static_cast<T>(slope / lengths), along = static_cast<T>(share(product));
    team.for_each(d, [=](index i) { dx[i] += forward * (static_cast<T>(a[i]) - along * x[i]); });
    return product / lengths;
  }
  /// dz += slope times the gradient of u . (a - factor b); returns u . (a - factor b).
  template <class Team, class A>
  SSL_FN double towards(const Team& team, double slope, const A* a, const T* b, double factor) const {
    const T* const x = z;
    T* const dx = dz;
    const double product = inner(team, z, a, d) - factor * inner(team, z, b, d), length = std::sqrt(square);
    const T forward = static_cast<T>(slope / length), along = static_cast<T>(share(product)),
            less = static_cast<T>(factor);
    team.for_each(d,
                  [=](index i) { dx[i] += forward * ((static_cast<T>(a[i]) - less * b[i]) - along * x[i]); });
    return product / length;
  }
  /// What of z lies in a direction with that product.
  SSL_FN double share(double product) const { return square <= 1e-24 ? 0.0 : product / square; }
};

/// What the losses of this file's kind carry: columns, their targets, and room for numbers per image.
template <class B>
struct pulled_views {
  cview<B> z, t;               // (d, V n)
  view<B> dz;                  // (d, V n)
  accumulator_view<B> sum;     // (d, n) of the unit targets; empty where two views make do without
  accumulator_view<B> square;  // (2, V n) clamped, of the columns of z and t
  accumulator_view<B> value;   // (1, n)
  index views, n;

  /// The squares of all views of image j.
  template <class Team>
  SSL_FN void measure(const Team& team, index j) const {
    for (index v = 0; v < views; ++v) {
      const index k = v * n + j;
      const double mine = clamped_square(team, z.column(k), z.rows);
      const double theirs = t.data == z.data ? mine : clamped_square(team, t.column(k), t.rows);
      const auto keep = square;
      team.for_each(1, [=](index) {
        keep(0, k) = mine;
        keep(1, k) = theirs;
      });
    }
  }
  /// sum_j = the sum of image j's unit targets.
  template <class Team>
  SSL_FN void add_up(const Team& team, index j) const {
    using T = typename B::scalar;
    double* const total = sum.column(j);
    for (index k = j; k < t.cols; k += n) {
      const T* const x = t.column(k);
      const double factor = t_inverse(k);
      if (k == j) {
        team.for_each(t.rows, [=](index i) { total[i] = factor * static_cast<double>(x[i]); });
      } else {
        team.for_each(t.rows, [=](index i) { total[i] += factor * static_cast<double>(x[i]); });
      }
    }
  }
  /// 1 / |t| of column k.
  SSL_FN double t_inverse(index k) const { return 1.0 / std::sqrt(square(1, k)); }
  SSL_FN pulled_column<typename B::scalar> column(index k) const {
    return {z.column(k), dz.column(k), z.rows, square(0, k)};
  }
};

/// The scratch of a pull on this batch.
template <class Ctx, class B = typename Ctx::backend>
pulled_views<B> take_pulled_views(Ctx& ctx, view_batch<B> z, view<B> dz, bool with_sum) {
  const index n = z.samples();
  return {.z = z.z,
          .t = z.references(),
          .dz = dz,
          .sum = with_sum ? ctx.take_accumulator(z.features(), n) : accumulator_view<B>{},
          .square = ctx.take_accumulator(2, z.z.cols),
          .value = ctx.take_accumulator(1, n),
          .views = z.views,
          .n = n};
}

struct scaled_gap {  // a (b + c x)
  double scale, offset, factor;
  SSL_FN double operator()(double x) const { return scale * (offset + factor * x); }
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
    double total = 0;
    for (index v = 0; v < of.views; ++v) {
      const index k = v * of.n + j, other = (1 - v) * of.n + j;
      if (of.views == 2) {
        total += of.column(k).towards(team, slope, of.t.column(other), of.square(1, other));
      } else {
        total +=
            of.column(k).towards(team, slope, as_const(of.sum).column(j), of.t.column(k), of.t_inverse(k));
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
               mean = factor / static_cast<double>(z.views * (z.views - 1));
  const auto of = take_pulled_views(ctx, z, dz, z.views > 2);
  for_each_column(ctx.be, z.samples(), pull_to_others<B>{of, weight * mean / n});
  map_reduce(ctx.be, value, fn::plus{}, scaled_gap{1.0 / n, offset, mean}, of.value);
}

}  // namespace detail

}  // namespace ssl
