#pragma once
// SPDX-License-Identifier: MIT

/// Learned positions: what tells one pixel of a map from another where layers treat all alike (Dosovitskiy et
/// al., arXiv 2010.11929).

#include "ssl/backend/verbs.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/linear.hpp"

namespace ssl {

/// y = x + p, p (c, pixels) learned and the same for all images, normal with deviation `start` at first. The
/// number of parameters is the map's size, so a network with positions belongs to one image size.
struct learned_positions {
  using kind = layer_kind;
  double start = 0.02;

  constexpr image_shape output(image_shape in) const { return in; }
  std::vector<segment> parameters(image_shape in) const {
    return {{"pos_embed", in.channels, in.pixels(), role::vector, initialiser::normal(start)}};
  }
  constexpr index parameter_count(image_shape in) const { return in.size(); }
  constexpr index tape(image_shape, index) const { return 0; }
  constexpr backward_reads reads() const { return {.x = false, .y = false}; }
  constexpr bool in_place() const { return true; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    map(ctx.be, p.y.reshaped(in.size(), n), detail::add_column<B>{p.params}, p.x.reshaped(in.size(), n));
  }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    detail::add_row_sums(ctx, p.dy.reshaped(in.size(), n), p.dparams);
    if (p.dx.data) copy(ctx.be, p.dy, p.dx);
  }
};

}  // namespace ssl
