#pragma once
// SPDX-License-Identifier: MIT

/// Similarities to K learned directions: the last layer of SwAV (arXiv 2006.09882) and DINO.

#include <cmath>
#include <string>

#include "ssl/backend/verbs.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/product.hpp"

namespace ssl {

/// y_kj = c_k.x_j / (|c_k| |x_j|), (count, n) from (d, n); prototypes c (d, count), lengths at least 1e-12.
/// Both lengths are divided out inside, with their gradients: a step moves a prototype only across its
/// direction. The released code of SwAV instead overwrites the prototypes with their unit columns before each
/// step, which gives the same scores, but a gradient with a part along the prototype, and steps whose size
/// does not shrink as a prototype grows. Starts uniform on +-1 / sqrt(d). An input with several pixels is
/// read as one column an image. 2 d count n flops forward, twice that backward.
struct prototypes {
  using kind = layer_kind;
  index count = 3000;

  image_shape output(image_shape) const {
    if (count < 1)
      throw option_error("ssl::prototypes: count is " + std::to_string(count) + ", expected at least 1");
    return {count, 1, 1};
  }
  std::vector<segment> parameters(image_shape in) const {
    return {{"weight", in.size(), count, role::matrix,
             initialiser::uniform(1 / std::sqrt(static_cast<double>(in.size()))), 0,
             weight_axes::transposed()}};
  }
  constexpr index parameter_count(image_shape in) const { return in.size() * count; }
  /// The unit columns of the prototypes and of x, then their lengths.
  constexpr index tape(image_shape in, index n, index entries = 1) const {
    return (in.size() + 1) * count + detail::scalars_for(in.size() * n, entries) + n;
  }
  constexpr backward_reads reads() const { return {.x = false, .y = false}; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    const index d = in.size();
    scratch_scope scope(ctx);
    const view<B> block = p.tape.data ? p.tape : ctx.take(tape(in, n, entries_per_scalar<S>), 1);
    const auto kept = split<B, S>(block, d, n);
    for_each_column(ctx.be, count, to_unit<B>{p.params.reshaped(d, count), kept.c, kept.c_length});
    for_each_column(ctx.be, n, to_unit<B, S>{p.x.reshaped(d, n), kept.x, kept.x_length});
    product(ctx, trans::yes, trans::no, 1, kept.c, kept.x, 0, p.y);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    const index d = in.size();
    scratch_scope scope(ctx);
    const auto kept = split<B, S>(p.tape, d, n);
    const auto dc = ctx.take(d, count);
    product(ctx, trans::no, trans::yes, 1, kept.x, p.dy, 0, dc);
    for_each_column(ctx.be, count,
                    from_unit<B>{kept.c, kept.c_length, dc, p.dparams.reshaped(d, count), true});
    if (!p.dx.data) return;
    const auto dx = p.dx.reshaped(d, n);
    product(ctx, trans::no, trans::no, 1, kept.c, p.dy, 0, dx);
    for_each_column(ctx.be, n, from_unit<B, S>{kept.x, kept.x_length, dx, dx, false});
  }

  // The functors below are public because nvcc gives a kernel no private type.

  template <class B, class V = typename B::scalar>
  struct to_unit {
    map_cview<B, V> from;  // (d, m)
    map_view<B, V> to;     // (d, m)
    view<B> length;        // (m, 1)
    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      using T = typename B::scalar;
      const auto self = *this;
      const double squared = team.reduce(from.rows, 0.0, fn::plus{}, [=](index i) {
        const double x = static_cast<double>(self.from(i, j));
        return x * x;
      });
      const double found = std::sqrt(squared), divisor = found < 1e-12 ? 1e-12 : found;
      team.for_each(from.rows, [=](index i) {
        self.to(i, j) = static_cast<V>(static_cast<double>(self.from(i, j)) / divisor);
        if (i == 0) self.length.data[j] = static_cast<T>(divisor);
      });
    }
  };

  /// out = or += (du - (u . du) u) / length; out may be du.
  template <class B, class V = typename B::scalar>
  struct from_unit {
    map_view<B, V> u;
    view<B> length;
    map_view<B, V> du, out;
    bool add;
    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      const auto self = *this;
      const double divisor = static_cast<double>(length.data[j]);
      const double along = team.reduce(u.rows, 0.0, fn::plus{}, [=](index i) {
        return static_cast<double>(self.u(i, j)) * static_cast<double>(self.du(i, j));
      });
      const double back = divisor > 1e-12 ? along : 0.0;
      team.for_each(u.rows, [=](index i) {
        const double g =
            (static_cast<double>(self.du(i, j)) - back * static_cast<double>(self.u(i, j))) / divisor;
        self.out(i, j) = static_cast<V>(self.add ? static_cast<double>(self.out(i, j)) + g : g);
      });
    }
  };

 private:
  template <class B, class S>
  struct parts {
    view<B> c;                   // (d, count)
    map_view<B, S> x;            // (d, n)
    view<B> c_length, x_length;  // (count, 1), (n, 1)
  };
  template <class B, class S>
  parts<B, S> split(view<B> block, index d, index n) const {
    const index lengths = d * count + detail::scalars_for(d * n, entries_per_scalar<S>);
    return {slice(block, 0, d * count).reshaped(d, count),
            detail::stored_at<S>(block, d * count, {d, 1, 1}, n), slice(block, lengths, count),
            slice(block, lengths + count, n)};
  }
};

}  // namespace ssl
