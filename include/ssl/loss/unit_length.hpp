#pragma once
// SPDX-License-Identifier: MIT

/// Columns of length one.
///
///     u_j  = z_j / max(|z_j|, 1e-12)
///     dz_j = (du_j - (u_j . du_j) u_j) / max(|z_j|, 1e-12)
///
/// The projection is left out where the length was clamped. A term with `unit_norm = true` sees its columns
/// like this; all such terms of a sum share it. Cost: one pass forward, one back.

#include <cmath>

#include "ssl/loss/loss.hpp"

namespace ssl {

struct unit_length {
  using kind = columns_kind;

  template <class B>
  struct tape {
    accumulator_view<B> length;  // (1, V n)
  };

  /// t = the columns of z, (d, V n), at length one. `=`.
  template <class Ctx, class B = typename Ctx::backend>
  tape<B> forward(Ctx& ctx, view_batch<B> z, view<B> t) const {
    const auto length = ctx.take_accumulator(1, z.z.cols);
    for_each_column(ctx.be, z.z.cols, scale<B>{z.z, t, length});
    return {length};
  }

  /// dz += the gradient of z for the gradient dt of t.
  template <class Ctx, class B = typename Ctx::backend>
  void backward(Ctx& ctx, tape<B> kept, view_batch<B>, cview<B> t, view<B> dt, view<B> dz) const {
    for_each_column(ctx.be, dz.cols, unscale<B>{t, dt, dz, kept.length, 1});
  }

  /// dz = the gradient of z, where dz holds the gradient of t.
  template <class Ctx, class B = typename Ctx::backend>
  void backward_in_place(Ctx& ctx, tape<B> kept, cview<B> t, view<B> dz) const {
    for_each_column(ctx.be, dz.cols, unscale<B>{t, dz, dz, kept.length, 0});
  }

  constexpr double collapsed_length(double length) const { return length == 0 ? 0 : 1; }

  // The functors below are public because nvcc gives a kernel no private type.

  template <class B>
  struct scale {
    cview<B> z;
    view<B> t;
    accumulator_view<B> length;
    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      const auto from = z;
      const auto to = t;
      const double squared = team.reduce(z.rows, 0.0, fn::plus{}, [=](index i) {
        const double x = static_cast<double>(from(i, j));
        return x * x;
      });
      const double found = std::sqrt(squared), divisor = found < 1e-12 ? 1e-12 : found;
      length.data[j] = divisor;
      // A float cannot see the rounding of the inverse.
      using T = typename B::scalar;
      const double inverse = 1.0 / divisor;
      team.for_each(z.rows, [=](index i) {
        const double x = static_cast<double>(from(i, j));
        to(i, j) = static_cast<T>(sizeof(T) < sizeof(double) ? x * inverse : x / divisor);
      });
    }
  };

  template <class B>
  struct unscale {
    cview<B> t;
    view<B> dt, dz;
    accumulator_view<B> length;
    typename B::scalar keep;  // of dz: 1 or 0
    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      using T = typename B::scalar;
      const auto unit = t;
      const auto gradient = dt, out = dz;
      const double divisor = length.data[j];
      const double along = divisor <= 1e-12 ? 0.0 : team.reduce(t.rows, 0.0, fn::plus{}, [=](index i) {
        return static_cast<double>(unit(i, j)) * static_cast<double>(gradient(i, j));
      });
      const double inverse = 1.0 / divisor;
      const T kept = keep;
      team.for_each(t.rows, [=](index i) {
        const T slope = static_cast<T>(
            (static_cast<double>(gradient(i, j)) - along * static_cast<double>(unit(i, j))) * inverse);
        out(i, j) = kept == T{0} ? slope : out(i, j) + slope;
      });
    }
  };
};

}  // namespace ssl
