#pragma once
// SPDX-License-Identifier: MIT

/// Residual connections: y = block(x) + shortcut(x), with or without a rectification after the sum.

#include <optional>
#include <utility>

#include "ssl/nn/activation.hpp"

namespace ssl {

namespace fn {

template <class T>
struct add {  // a + b
  SSL_FN T operator()(T a, T b) const { return a + b; }
};

template <class T>
struct add_rectify {  // max(a + b, 0)
  SSL_FN T operator()(T a, T b) const { return rectify<T>{}(a + b); }
};

template <class T>
struct add_gated {  // a + b where gate > 0, else a
  SSL_FN T operator()(T a, T b, T gate) const { return a + detail::where_positive(gate, b); }
};

}  // namespace fn

struct residual_options {
  bool relu = false;  // y = max(block(x) + shortcut(x), 0), as in a ResNet's basic block
};

/// y = block(x) + shortcut(x); no shortcut means x itself. The block's parameters come first, under their own
/// names; the shortcut's are called "downsample. ...". (He et al., arXiv 1512.03385)
template <LayerKind Block, LayerKind Shortcut = identity_layer>
struct residual_layer {
  using kind = layer_kind;
  Block block;
  std::optional<Shortcut> shortcut{};
  residual_options options{};

  image_shape output(image_shape in) const {
    const image_shape out = block.output(in), other = shortcut ? shortcut->output(in) : in;
    if (out != other)
      throw shape_error("ssl::residual: the block makes " + detail::text(out) + ", the shortcut " +
                        detail::text(other) + " of " + detail::text(in) + "; they must be equal to be added");
    return out;
  }
  std::vector<segment> parameters(image_shape in) const {
    std::vector<segment> table = block.parameters(in);
    if (shortcut)
      for (segment& s : detail::prefixed("downsample.", shortcut->parameters(in)))
        table.push_back(std::move(s));
    return table;
  }
  index parameter_count(image_shape in) const {
    return block.parameter_count(in) + (shortcut ? shortcut->parameter_count(in) : 0);
  }
  /// The block's tape and the shortcut's, each with its output where its backward reads it.
  index tape(image_shape in, index n, index entries = 1) const { return places(in, n, entries).end; }

  backward_reads reads() const {
    return {.x = detail::reads_of(block).x || (shortcut && detail::reads_of(*shortcut).x), .y = options.relu};
  }
  bool remakes(bool with_x) const {
    return !keeps_block() && !keeps_side() && detail::remakes(block, with_x) &&
           (shortcut ? detail::remakes(*shortcut, with_x) : with_x && detail::reads_of(block).x);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    detail::check_storage<Block, Ctx, S>();
    detail::check_storage<Shortcut, Ctx, S>();
    scratch_scope scope(ctx);
    const place at = places(in, n, entries_per_scalar<S>);
    const bool keep = ctx.phase == mode::train && p.tape.data;
    const map_view<B, S> a = keep && keeps_block() ? detail::stored_at<S>(p.tape, at.y, at.out, n) : p.y;
    block.forward(ctx, in, n, block_pass(p, at, a));
    map_cview<B, S> b = p.x;
    if (shortcut) {
      const map_view<B, S> side = keep && keeps_side() ? detail::stored_at<S>(p.tape, at.side_y, at.out, n)
                                                       : detail::take_stored<S>(ctx, p.y.rows, p.y.cols);
      shortcut->forward(ctx, in, n, side_pass(p, at, side));
      b = side;
    }
    join(ctx, a, b, p.y);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void remake(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    scratch_scope scope(ctx);
    const place at = places(in, n, entries_per_scalar<S>);
    detail::remake(block, ctx, in, n, block_pass(p, at, p.y));
    map_cview<B, S> b = p.x;
    if (shortcut) {
      const map_view<B, S> side = detail::take_stored<S>(ctx, p.y.rows, p.y.cols);
      detail::remake(*shortcut, ctx, in, n, side_pass(p, at, side));
      b = side;
    }
    join(ctx, p.y, b, p.y);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    using T = typename B::scalar;
    scratch_scope scope(ctx);
    const place at = places(in, n, entries_per_scalar<S>);
    const bool gated =
        options.relu && detail::takes_gate(block) && (!shortcut || detail::takes_gate(*shortcut));
    if (gated) {
      p.gate = p.y;
    } else if (options.relu) {  // from here on dy is the gradient of the sum
      const auto masked = detail::take_from<S>(p.spare, ctx, p.dy.rows, p.dy.cols);
      map(ctx.be, masked, fn::rectify_gradient<T>{}, p.y, p.dy);
      p.dy = masked;
    }
    pass<B, S> side = p;
    if (shortcut && p.dx.data) side.dx = detail::take_from<S>(p.spare, ctx, p.dx.rows, p.dx.cols);
    side.spare = p.spare;

    const auto output = [&](bool kept, index y) {
      return kept ? detail::stored_at<S>(p.tape, y, at.out, n) : map_view<B, S>{};
    };
    block.backward(ctx, in, n, block_pass(p, at, output(keeps_block(), at.y)));
    if (shortcut) shortcut->backward(ctx, in, n, side_pass(side, at, output(keeps_side(), at.side_y)));
    if (!p.dx.data) return;
    if (shortcut)
      map(ctx.be, p.dx, fn::add<T>{}, p.dx, side.dx);
    else if (gated)
      map(ctx.be, p.dx, fn::add_gated<T>{}, p.dx, p.dy, p.gate);
    else
      map(ctx.be, p.dx, fn::add<T>{}, p.dx, p.dy);
  }

 private:
  struct place {
    image_shape out;
    index params = 0, side_params = 0;  // counts; the shortcut's parameters follow the block's
    index taped = 0, y = 0;             // the block's tape at 0, then its output if it is kept
    index side_tape = 0, side_taped = 0, side_y = 0, end = 0;
  };

  bool keeps_block() const { return detail::reads_of(block).y; }
  bool keeps_side() const { return shortcut && detail::reads_of(*shortcut).y; }

  place places(image_shape in, index n, index entries) const {
    place at;
    at.out = block.output(in);
    const index size = detail::padded(detail::scalars_for(at.out.size() * n, entries));
    at.params = block.parameter_count(in);
    at.taped = detail::tape_of(block, in, n, entries);
    at.y = detail::padded(at.taped);
    at.side_tape = at.end = at.y + (keeps_block() ? size : 0);
    if (shortcut) {
      at.side_params = shortcut->parameter_count(in);
      at.side_taped = detail::tape_of(*shortcut, in, n, entries);
      at.side_y = at.side_tape + detail::padded(at.side_taped);
      at.end = at.side_y + (keeps_side() ? size : 0);
    }
    return at;
  }

  /// y = a + b, rectified or not; y may be a.
  template <class Ctx, class B = typename Ctx::backend, class S>
  void join(Ctx& ctx, std::type_identity_t<map_cview<B, S>> a, std::type_identity_t<map_cview<B, S>> b,
            map_view<B, S> y) const {
    using T = typename B::scalar;
    if (options.relu)
      map(ctx.be, y, fn::add_rectify<T>{}, a, b);
    else
      map(ctx.be, y, fn::add<T>{}, a, b);
  }

  template <class B, class S>
  static pass<B, S> block_pass(pass<B, S> p, const place& at, map_view<B, S> y) {
    p.params = slice(p.params, 0, at.params);
    p.dparams = slice(p.dparams, 0, at.params);
    p.tape = slice(p.tape, 0, at.taped);
    p.y = y;
    return p;
  }
  template <class B, class S>
  static pass<B, S> side_pass(pass<B, S> p, const place& at, map_view<B, S> y) {
    p.params = slice(p.params, at.params, at.side_params);
    p.dparams = slice(p.dparams, at.params, at.side_params);
    p.tape = slice(p.tape, at.side_tape, at.side_taped);
    p.y = y;
    return p;
  }
};

/// y = block(x) + x.
template <LayerKind Block>
residual_layer<Block> residual(Block block, residual_options options = {}) {
  return {std::move(block), std::nullopt, options};
}

/// y = block(x) + shortcut(x).
template <LayerKind Block, LayerKind Shortcut>
residual_layer<Block, Shortcut> residual(Block block, Shortcut shortcut, residual_options options = {}) {
  return {std::move(block), std::move(shortcut), options};
}

}  // namespace ssl
