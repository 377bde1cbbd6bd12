#pragma once
// SPDX-License-Identifier: MIT

/// Columns no longer than a radius.
///
///     t_j  = z_j  where |z_j| < radius,  else radius z_j / |z_j|
///     dz_j = dt_j there,                 else radius / |z_j| (dt_j - (u_j . dt_j) u_j),  u_j = z_j / |z_j|
///
/// The spectral contrastive loss as released (jhaochenz/spectral_contrastive_learning): the ball, not the
/// sphere. Cost: one pass forward, one back.

#include <cmath>

#include "ssl/loss/loss.hpp"

namespace ssl {

struct clipped {
  using kind = columns_kind;

  double radius = 1;

  template <class B>
  struct tape {
    accumulator_view<B> length;  // (1, V n)
  };

  /// t = the columns of z, (d, V n), shortened to the radius. `=`.
  template <class Ctx, class B = typename Ctx::backend>
  tape<B> forward(Ctx& ctx, view_batch<B> z, view<B> t) const {
    const auto length = ctx.take_accumulator(1, z.z.cols);
    for_each_column(ctx.be, z.z.cols, shorten<B>{z.z, t, length, radius});
    return {length};
  }

  /// dz += the gradient of z for the gradient dt of t.
  template <class Ctx, class B = typename Ctx::backend>
  void backward(Ctx& ctx, tape<B> kept, view_batch<B>, cview<B> t, view<B> dt, view<B> dz) const {
    for_each_column(ctx.be, dz.cols, carry_back<B>{t, dt, dz, kept.length, radius});
  }

  double collapsed_length(double length) const { return std::fmin(length, radius) + 0 * length; }

  // The functors below are public because nvcc gives a kernel no private type.

  template <class B>
  struct shorten {
    cview<B> z;
    view<B> t;
    accumulator_view<B> length;
    double radius;
    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      const auto from = z;
      const auto to = t;
      const double found = std::sqrt(team.reduce(z.rows, 0.0, fn::plus{}, [=](index i) {
        const double x = static_cast<double>(from(i, j));
        return x * x;
      }));
      length.data[j] = found;
      const double factor = found < radius ? 1.0 : radius / found;
      team.for_each(z.rows, [=](index i) {
        to(i, j) = static_cast<typename B::scalar>(factor * static_cast<double>(from(i, j)));
      });
    }
  };

  template <class B>
  struct carry_back {
    cview<B> t;
    view<B> dt, dz;
    accumulator_view<B> length;
    double radius;
    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      using T = typename B::scalar;
      const auto at = t;
      const auto gradient = dt, out = dz;
      const double found = length.data[j];
      if (found < radius) {
        team.for_each(t.rows, [=](index i) { out(i, j) += gradient(i, j); });
        return;
      }
      // Of t = radius u: (u . dt) u = (t . dt) t / radius^2.
      const double along = team.reduce(t.rows, 0.0, fn::plus{}, [=](index i) {
        return static_cast<double>(at(i, j)) * static_cast<double>(gradient(i, j));
      }) / (radius * radius);
      const double factor = radius / found;
      team.for_each(t.rows, [=](index i) {
        out(i, j) += static_cast<T>(
            factor * (static_cast<double>(gradient(i, j)) - along * static_cast<double>(at(i, j))));
      });
    }
  };
};

}  // namespace ssl
