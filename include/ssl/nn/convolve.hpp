#pragma once
// SPDX-License-Identifier: MIT

/// The front door of convolution: the backend's own `conv2d_forward` and `conv2d_backward` where it has them,
/// im2col and matrix products otherwise, with equal results.
///
/// A backend's wide verbs have these signatures and meanings (g is a conv_geometry, n images):
///
///     be.conv2d_forward(g, x, weights, y)                  y = weights * x
///     be.conv2d_backward(g, x, weights, dy, dx, dweights)  dx = ... unless dx.data is null, dweights += ...
///
/// x (in.channels, in.pixels n), weights (out_channels, patch), y (out_channels, out.pixels n). Maps of bf16
/// go to a wide verb only if it takes x, y, dy and dx, and weights rounded to it, in bf16, and dweights in
/// the scalar.

#include <algorithm>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/conv_geometry.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/product.hpp"

namespace ssl {

template <class B, class S = typename B::scalar>
concept ConvolvingForward = requires(B& be, const conv_geometry& g, map_cview<B, S> x, map_view<B, S> y) {
  be.conv2d_forward(g, x, x, y);
};

template <class B, class S = typename B::scalar>
concept ConvolvingBackward = requires(B& be, const conv_geometry& g, map_cview<B, S> x, map_view<B, S> dx,
                                      view<B> dweights) {
  be.conv2d_backward(g, x, x, x, dx, dweights);
};

namespace detail {

/// columns(i, j) = the i-th entry of the neighbourhood of output pixel j; zero outside the image.
template <class B, class S>
struct image_to_columns {
  conv_geometry g;
  map_cview<B, S> x;  // (channels, in.pixels n)
  SSL_FN S operator()(index i, index j) const {
    const divided entry = divide(i, g.in.channels), tap = divide(entry.quotient, g.kernel);
    const index width = g.out_width();
    const divided image = divide(j, g.out_height() * width), pixel = divide(image.remainder, width);
    const index row = pixel.quotient * g.stride - g.padding + tap.quotient;
    const index col = pixel.remainder * g.stride - g.padding + tap.remainder;
    if (row < 0 || row >= g.in.height || col < 0 || col >= g.in.width) return S{0};
    return x(entry.remainder, (image.quotient * g.in.height + row) * g.in.width + col);
  }
};

/// dx(c, j) = the sum of every column entry that was read from pixel j.
template <class B>
struct columns_to_image {
  conv_geometry g;
  cview<B> columns;  // (patch, out.pixels n)
  SSL_FN typename B::scalar operator()(index c, index j) const {
    typename B::scalar sum = 0;
    for_each_window(g, j, [&](index k, index tap) { sum += columns(tap * g.in.channels + c, k); });
    return sum;
  }
};

/// Images a group, so that the columns of one group stay below 16 million entries; where maps of bf16 are
/// widened, columns and output together below what `product` widens at a time.
template <class B, class S>
index column_group(const conv_geometry& g, index n) {
  if constexpr (std::same_as<S, operand_type<B, S>>) {
    return std::clamp<index>((index{1} << 24) / (g.out().pixels() * g.patch()), 1, n);
  } else {
    return std::clamp<index>(widened_scalars / (g.out().pixels() * (g.patch() + g.out_channels)), 1, n);
  }
}

/// The weights as a wide verb takes them: rounded to S, in scratch.
template <class S, class Ctx, class B = typename Ctx::backend>
map_cview<B, S> rounded_weights(Ctx& ctx, cview<B> weights) {
  const auto out = take_stored<S>(ctx, weights.rows, weights.cols);
  map(ctx.be, out, fn::cast<S>{}, weights);
  return out;
}

/// `convolve` by im2col and products.
template <class Ctx, class B = typename Ctx::backend, class S>
void convolve_by_columns(Ctx& ctx, const conv_geometry& g, map_cview<B, S> x, cview<B> weights,
                         map_view<B, S> y) {
  using O = operand_type<B, S>;
  scratch_scope scope(ctx);
  const index n = x.cols / g.in.pixels(), in = g.in.pixels(), out = g.out().pixels();
  const index group = column_group<B, S>(g, n);
  const auto w = as_operand<S>(ctx, weights);  // (out_channels, patch)
  const auto columns = take_stored<O>(ctx, g.patch(), g.pointwise() ? 0 : out * group);
  for (index first = 0; first < n; first += group) {
    scratch_scope of_group(ctx);
    const index m = std::min(group, n - first);
    const auto image = x.columns(first * in, m * in);
    const auto part = columns.columns(0, g.pointwise() ? 0 : m * out);
    if (!g.pointwise()) map(ctx.be, part, image_to_columns<B, S>{g, image});
    const auto input = g.pointwise() ? as_operand<S>(ctx, image) : as_const(part);
    multiply(ctx, trans::no, trans::no, 1, w, input, 0, y.columns(first * out, m * out));
  }
}

/// `convolve_gradient` by im2col and products. Entries of the columns' gradient are scalars whatever S, so
/// that dx is rounded once.
template <class Ctx, class B = typename Ctx::backend, class S>
void convolve_gradient_by_columns(Ctx& ctx, const conv_geometry& g, map_cview<B, S> x, cview<B> weights,
                                  map_cview<B, S> dy, map_view<B, S> dx, view<B> dweights) {
  using T = typename B::scalar;
  using O = operand_type<B, S>;
  scratch_scope scope(ctx);
  const index n = x.cols / g.in.pixels(), in = g.in.pixels(), out = g.out().pixels();
  const index group = column_group<B, S>(g, n), gathered = g.pointwise() ? 0 : out * group;
  const auto w = as_operand<S>(ctx, weights);  // (out_channels, patch)
  const auto columns = take_stored<O>(ctx, g.patch(), gathered);
  view<B> gradient;  // (patch, gathered)
  if constexpr (std::same_as<O, T>) {
    gradient = columns;
  } else {
    gradient = ctx.take(g.patch(), gathered);
  }
  for (index first = 0; first < n; first += group) {
    scratch_scope of_group(ctx);
    const index m = std::min(group, n - first), used = g.pointwise() ? 0 : m * out;
    const auto image = x.columns(first * in, m * in);
    if (!g.pointwise()) map(ctx.be, columns.columns(0, used), image_to_columns<B, S>{g, image});
    const auto dy_part = as_operand<S>(ctx, dy.columns(first * out, m * out));
    const auto input = g.pointwise() ? as_operand<S>(ctx, image) : as_const(columns.columns(0, used));
    multiply(ctx, trans::no, trans::yes, 1, dy_part, input, 1, dweights);
    if (!dx.data) continue;
    const auto dx_part = dx.columns(first * in, m * in);
    if (g.pointwise()) {
      multiply(ctx, trans::yes, trans::no, 1, w, dy_part, 0, dx_part);
    } else {
      multiply(ctx, trans::yes, trans::no, 1, w, dy_part, 0, gradient.columns(0, used));
      map(ctx.be, dx_part, columns_to_image<B>{g, gradient.columns(0, used)});
    }
  }
}

inline void require_convolution(const conv_geometry& g, index x_rows, index x_cols, index w_rows,
                                index w_cols, index y_rows, index y_cols) {
  const index n = x_cols / g.in.pixels();
  if (x_rows == g.in.channels && x_cols == n * g.in.pixels() && w_rows == g.out_channels &&
      w_cols == g.patch() && y_rows == g.out_channels && y_cols == n * g.out().pixels())
    return;
  demand(false, "convolve",
         "x is " + extent(x_rows, x_cols) + ", the weights are " + extent(w_rows, w_cols) + ", y is " +
             extent(y_rows, y_cols) + "; x must be " + extent(g.in.channels, g.in.pixels()) +
             " times the images, the weights " + extent(g.out_channels, g.patch()) + ", y " +
             extent(g.out_channels, g.out().pixels()) + " times the images");
}

}  // namespace detail

/// y = weights * x; on maps of bf16 with the weights rounded to it first. 2 out_channels patch out.pixels n
/// flops.
template <class Ctx, MatrixView X, class B = typename Ctx::backend, class S = detail::stored_in<X>>
void convolve(Ctx& ctx, const conv_geometry& g, X x, cview<B> weights,
              std::type_identity_t<map_view<B, S>> y) {
  detail::require_convolution(g, x.rows, x.cols, weights.rows, weights.cols, y.rows, y.cols);
  if constexpr (!ConvolvingForward<B, S>) {
    detail::convolve_by_columns<Ctx, B, S>(ctx, g, x, weights, y);
  } else if constexpr (std::same_as<S, typename B::scalar>) {
    ctx.be.conv2d_forward(g, as_const(x), weights, y);
  } else {
    scratch_scope scope(ctx);
    ctx.be.conv2d_forward(g, as_const(x), detail::rounded_weights<S>(ctx, weights), y);
  }
}

/// dx = the gradient of the input, left out where dx.data is null; dweights += that of the weights. Twice the
/// flops of `convolve`.
template <class Ctx, MatrixView X, class B = typename Ctx::backend, class S = detail::stored_in<X>>
void convolve_gradient(Ctx& ctx, const conv_geometry& g, X x, cview<B> weights,
                       std::type_identity_t<map_cview<B, S>> dy, std::type_identity_t<map_view<B, S>> dx,
                       view<B> dweights) {
  detail::require_convolution(g, x.rows, x.cols, weights.rows, weights.cols, dy.rows, dy.cols);
  if constexpr (!ConvolvingBackward<B, S>) {
    detail::convolve_gradient_by_columns<Ctx, B, S>(ctx, g, x, weights, dy, dx, dweights);
  } else if constexpr (std::same_as<S, typename B::scalar>) {
    ctx.be.conv2d_backward(g, as_const(x), weights, dy, dx, dweights);
  } else {
    scratch_scope scope(ctx);
    ctx.be.conv2d_backward(g, as_const(x), detail::rounded_weights<S>(ctx, weights), dy, dx, dweights);
  }
}

}  // namespace ssl
