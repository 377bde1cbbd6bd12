#pragma once
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
  /// The block's tape and output, then the shortcut's.
  index tape(image_shape in, index n, index entries = 1) const { return places(in, n, entries).end; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    using T = typename B::scalar;
    detail::check_storage<Block, Ctx, S>();
    detail::check_storage<Shortcut, Ctx, S>();
    scratch_scope scope(ctx);
    const place at = places(in, n, entries_per_scalar<S>);
    const image_shape out = block.output(in);
    const bool train = ctx.phase == mode::train;
    const map_view<B, S> a = train ? detail::stored_at<S>(p.tape, at.y, out, n) : p.y;
    block.forward(ctx, in, n, block_pass(p, at, a));
    map_cview<B, S> b = p.x;
    if (shortcut) {
      const map_view<B, S> side = train ? detail::stored_at<S>(p.tape, at.shortcut_y, out, n)
                                        : detail::take_stored<S>(ctx, out.channels, out.pixels() * n);
      shortcut->forward(ctx, in, n, shortcut_pass(p, at, side));
      b = side;
    }
    if (options.relu)
      map(ctx.be, p.y, fn::add_rectify<T>{}, a, b);
    else
      map(ctx.be, p.y, fn::add<T>{}, a, b);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    using T = typename B::scalar;
    scratch_scope scope(ctx);
    const place at = places(in, n, entries_per_scalar<S>);
    const image_shape out = block.output(in);
    if (options.relu) {  // from here on dy is the gradient of the sum
      const auto masked = detail::take_stored<S>(ctx, p.dy.rows, p.dy.cols);
      map(ctx.be, masked, fn::rectify_gradient<T>{}, p.y, p.dy);
      p.dy = masked;
    }
    block.backward(ctx, in, n, block_pass(p, at, detail::stored_at<S>(p.tape, at.y, out, n)));
    if (!shortcut) {
      if (p.dx.data) map(ctx.be, p.dx, fn::add<T>{}, p.dx, p.dy);
      return;
    }
    pass<B, S> side = shortcut_pass(p, at, detail::stored_at<S>(p.tape, at.shortcut_y, out, n));
    if (p.dx.data) side.dx = detail::take_stored<S>(ctx, p.dx.rows, p.dx.cols);
    shortcut->backward(ctx, in, n, side);
    if (p.dx.data) map(ctx.be, p.dx, fn::add<T>{}, p.dx, side.dx);
  }

 private:
  struct place {
    index params = 0, shortcut_params = 0;  // counts; the shortcut's parameters follow the block's
    index taped = 0, y = 0;                 // the block's tape at 0, then its output
    index shortcut_tape = 0, shortcut_taped = 0, shortcut_y = 0, end = 0;
  };

  place places(image_shape in, index n, index entries) const {
    place at;
    const index size = detail::padded(detail::scalars_for(block.output(in).size() * n, entries));
    at.params = block.parameter_count(in);
    at.taped = detail::tape_of(block, in, n, entries);
    at.y = detail::padded(at.taped);
    at.shortcut_tape = at.end = at.y + size;
    if (shortcut) {
      at.shortcut_params = shortcut->parameter_count(in);
      at.shortcut_taped = detail::tape_of(*shortcut, in, n, entries);
      at.shortcut_y = at.shortcut_tape + detail::padded(at.shortcut_taped);
      at.end = at.shortcut_y + size;
    }
    return at;
  }

  template <class B, class S>
  static pass<B, S> block_pass(pass<B, S> p, const place& at, map_view<B, S> y) {
    p.params = stretch(p.params, 0, at.params);
    p.dparams = stretch(p.dparams, 0, at.params);
    p.tape = stretch(p.tape, 0, at.taped);
    p.y = y;
    return p;
  }
  template <class B, class S>
  static pass<B, S> shortcut_pass(pass<B, S> p, const place& at, map_view<B, S> y) {
    p.params = stretch(p.params, at.params, at.shortcut_params);
    p.dparams = stretch(p.dparams, at.params, at.shortcut_params);
    p.tape = stretch(p.tape, at.shortcut_tape, at.shortcut_taped);
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
