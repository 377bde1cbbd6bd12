#pragma once
// SPDX-License-Identifier: MIT

/// A fully connected layer: y = W x + b.

#include <cmath>

#include "ssl/backend/verbs.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/product.hpp"

namespace ssl {

namespace detail {

/// out(i, j) = values(i, 0).
template <class B>
struct broadcast_column {
  cview<B> values;
  SSL_FN typename B::scalar operator()(index i, index) const { return values.data[i]; }
};

/// x(i, j) + values(i, 0).
template <class B>
struct add_column {
  cview<B> values;
  SSL_FN typename B::scalar operator()(index i, index, typename B::scalar x) const {
    return x + values.data[i];
  }
};

/// x + its gradient's sum, which is a double.
template <class T>
struct add_sum {
  SSL_FN T operator()(T x, double sum) const { return x + static_cast<T>(sum); }
};

/// into (rows, 1) += the sums of the rows of dy, accumulated in double.
template <class Ctx, class B = typename Ctx::backend, class S>
void add_row_sums(Ctx& ctx, map_cview<B, S> dy, view<B> into) {
  using T = typename B::scalar;
  scratch_scope scope(ctx);
  const auto sums = ctx.take_accumulator(dy.rows, 1);  // (rows, 1)
  fill(ctx.be, sums, 0.0);
  map_reduce(ctx.be, sums, fn::plus{}, fn::identity<T>{}, dy);
  map(ctx.be, into, add_sum<T>{}, into, sums);
}

}  // namespace detail

/// y = W x + b, (out, n) from (in, n); W (out, in), b (out, 1). An input with several pixels is read as one
/// column an image, channel by channel within pixel by pixel. On maps of bf16 W and b are rounded to it
/// first. Starts as PyTorch's nn.Linear: W and b uniform on +-1 / sqrt(in). 2 in out n flops forward, twice
/// that backward.
struct linear {
  using kind = layer_kind;
  index out = 1;
  bool bias = true;

  image_shape output(image_shape) const {
    if (out < 1) throw option_error("ssl::linear: out is " + std::to_string(out) + ", expected at least 1");
    return {out, 1, 1};
  }
  std::vector<segment> parameters(image_shape in) const {
    const auto start = initialiser::uniform(1 / std::sqrt(static_cast<double>(in.size())));
    std::vector<segment> table{
        {"weight", out, in.size(), role::matrix, start, 0, weight_axes::map(in.height, in.width)}};
    if (bias) table.push_back({"bias", out, 1, role::vector, start});
    return table;
  }
  constexpr index parameter_count(image_shape in) const { return out * (in.size() + (bias ? 1 : 0)); }
  constexpr index tape(image_shape, index) const { return 0; }
  constexpr backward_reads reads() const { return {.x = true, .y = false}; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    const map_cview<B, S> x = p.x.reshaped(in.size(), n);  // (in, n)
    const cview<B> w = slice(p.params, 0, out * in.size()).reshaped(out, in.size());
    if (bias) map(ctx.be, p.y, detail::broadcast_column<B>{slice(p.params, w.size(), out)});
    product(ctx, trans::no, trans::no, 1, w, x, bias ? 1 : 0, p.y);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    const map_cview<B, S> x = p.x.reshaped(in.size(), n);
    const cview<B> w = slice(p.params, 0, out * in.size()).reshaped(out, in.size());
    const view<B> dw = slice(p.dparams, 0, w.size()).reshaped(out, in.size());
    product(ctx, trans::no, trans::yes, 1, p.dy, x, 1, dw);
    if (bias) detail::add_row_sums(ctx, p.dy, slice(p.dparams, w.size(), out));
    if (p.dx.data) product(ctx, trans::yes, trans::no, 1, w, p.dy, 0, p.dx.reshaped(in.size(), n));
  }
};

}  // namespace ssl
