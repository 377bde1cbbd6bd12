#pragma once
// SPDX-License-Identifier: MIT

/// TiCo: an embedding agrees with its target, and avoids the directions that a running second moment is full
/// of. On columns of length one,
///
///     value    = 1 - mean_j u_j.t_j + rho <B, C>,  B = 1/n u u^T,  C = momentum C' + (1 - momentum) B
///     gradient = 1/n (-t_j + 2 rho C u_j) for u_j
///
/// with u view 0, t view 1 of z.references() (no gradient), C' (d, d) the state, which starts at zero and
/// becomes C in `update`. TiCo (arXiv 2206.10698; momentum 0.9, rho 8). B is held constant where it makes C,
/// as lightly has it since its PR 1484; `attached` lets the gradient through it, as sayannag/TiCo-pytorch
/// does:
///
///     gradient = 1/n (-t_j + 2 rho (momentum C' + 2 (1 - momentum) B) u_j)
///
/// `both` uses every view: the mean over ordered pairs, and B over all columns. A collapse gives rho once C
/// has seen it. Zero for one view. Cost: 3 d^2 n flops and two d x d matrices a view that is used.

#include "ssl/loss/pull.hpp"

namespace ssl {

struct tico {
  using kind = loss_kind;
  static constexpr std::string_view name = "tico";
  static constexpr bool unit_norm = true;
  static constexpr bool uses_targets = true;

  double momentum = 0.9;
  double rho = 8;
  bool attached = false;
  bool both = false;

  constexpr index state_size(batch_shape s) const { return s.features * s.features; }

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    using T = typename B::scalar;
    if (z.views < 2) return;
    scratch_scope scope(ctx);
    const index d = z.features(), n = z.samples();
    const cview<B> u = online(z);  // (d, m)
    const auto du = dz.columns(0, u.cols);
    const double mean = 1.0 / static_cast<double>(u.cols);
    if (both) {
      detail::add_mean_cosine(ctx, weight, 1.0, -1.0, z, value, dz);
    } else {
      map_reduce(ctx.be, value, fn::plus{}, agree<B>{du, mean, static_cast<T>(weight * mean)}, u,
                 z.references().columns(n, n));
    }
    const auto c = ctx.take(d, d), pushed = ctx.take(d, u.cols);
    next_moment(ctx, u, cview<B>{z.state.data, d, d, d}, c);
    gemm(ctx.be, trans::no, trans::no, T{1}, c, u, T{0}, pushed);
    map_reduce(ctx.be, value, fn::plus{}, scaled_product{rho * mean}, u, pushed);
    const double slope = 2 * rho * weight * mean;
    map(ctx.be, du, fn::axpy<T>{static_cast<T>(slope)}, pushed, du);
    if (attached) {
      syrk(ctx.be, trans::no, static_cast<T>(mean * (1 - momentum)), u, T{0}, c);
      gemm(ctx.be, trans::no, trans::no, static_cast<T>(slope), c, u, T{1}, du);
    }
  }

  template <class Ctx, class B = typename Ctx::backend>
  void update(Ctx& ctx, view_batch<B> z, view<B> state) const {
    const view<B> c{state.data, z.features(), z.features(), z.features()};
    next_moment(ctx, online(z), c, c);
  }

  constexpr collapse_value collapsed(batch_shape, double) const { return {rho, "rho"}; }

  // The functors below are public because nvcc gives a kernel no private type.

  /// The first view's part 1 - u.t, an entry at a time; its gradient on the way.
  template <class B>
  struct agree {
    view<B> du;
    double mean;
    typename B::scalar slope;
    SSL_FN double operator()(index i, index j, typename B::scalar u, typename B::scalar t) const {
      du(i, j) -= slope * t;
      return mean * ((i == 0 ? 1.0 : 0.0) - static_cast<double>(u) * static_cast<double>(t));
    }
  };
  struct scaled_product {
    double factor;
    template <class T>
    SSL_FN double operator()(T x, T y) const {
      return factor * static_cast<double>(x) * static_cast<double>(y);
    }
  };

 private:
  template <class B>
  cview<B> online(const view_batch<B>& z) const {
    return both ? z.z : z[0];
  }

  /// c = momentum before + (1 - momentum) / m u u^T; before may be c.
  template <class Ctx, class B = typename Ctx::backend>
  void next_moment(Ctx& ctx, cview<B> u, cview<B> before, view<B> c) const {
    using T = typename B::scalar;
    if (before.data != c.data) copy(ctx.be, before, c);
    syrk(ctx.be, trans::no, static_cast<T>((1 - momentum) / static_cast<double>(u.cols)), u,
         static_cast<T>(momentum), c);
  }
};

}  // namespace ssl
