#pragma once
/// The front door of convolution: the backend's own `conv2d_forward` and `conv2d_backward` where it has them,
/// im2col and matrix products otherwise, with equal results.
///
/// A backend's wide verbs have these signatures and meanings (g is a conv_geometry, n images):
///     be.conv2d_forward(g, x, weights, y)                  y = weights * x
///     be.conv2d_backward(g, x, weights, dy, dx, dweights)  dx = ... unless dx.data is null, dweights += ...
/// x (in.channels, in.pixels n), weights (out_channels, patch), y (out_channels, out.pixels n).

#include <algorithm>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/conv_geometry.hpp"
#include "ssl/exec/context.hpp"

namespace ssl {

template <class B>
concept ConvolvingForward = requires(B& be, const conv_geometry& g, cview<B> x, cview<B> weights, view<B> y) {
  be.conv2d_forward(g, x, weights, y);
};

template <class B>
concept ConvolvingBackward = requires(B& be, const conv_geometry& g, cview<B> x, cview<B> weights, view<B> dx,
                                      view<B> dweights) {
  be.conv2d_backward(g, x, weights, x, dx, dweights);
};

namespace detail {

/// columns(i, j) = the i-th entry of the neighbourhood of output pixel j; zero outside the image.
template <class B>
struct image_to_columns {
  conv_geometry g;
  cview<B> x;  // (channels, in.pixels n)
  SSL_FN typename B::scalar operator()(index i, index j) const {
    const index c = i % g.in.channels, kx = i / g.in.channels % g.kernel, ky = i / g.in.channels / g.kernel;
    const index pixels = g.out_height() * g.out_width(), image = j / pixels, o = j % pixels;
    const index row = o / g.out_width() * g.stride - g.padding + ky;
    const index col = o % g.out_width() * g.stride - g.padding + kx;
    if (row < 0 || row >= g.in.height || col < 0 || col >= g.in.width) return 0;
    return x(c, (image * g.in.height + row) * g.in.width + col);
  }
};

/// dx(c, j) = the sum of every column entry that was read from pixel j.
template <class B>
struct columns_to_image {
  conv_geometry g;
  cview<B> columns;  // (patch, out.pixels n)
  SSL_FN typename B::scalar operator()(index c, index j) const {
    const index pixels = g.in.height * g.in.width, image = j / pixels, o = j % pixels;
    typename B::scalar sum = 0;
    for (index ky = 0; ky < g.kernel; ++ky)
      for (index kx = 0; kx < g.kernel; ++kx) {
        const index y = o / g.in.width + g.padding - ky, x = o % g.in.width + g.padding - kx;
        if (y < 0 || x < 0 || y % g.stride != 0 || x % g.stride != 0) continue;
        const index row = y / g.stride, col = x / g.stride;
        if (row >= g.out_height() || col >= g.out_width()) continue;
        sum += columns((ky * g.kernel + kx) * g.in.channels + c,
                       (image * g.out_height() + row) * g.out_width() + col);
      }
    return sum;
  }
};

/// Images a group, so that the columns of one group stay below 16 million scalars.
inline index column_group(const conv_geometry& g, index n) {
  return std::clamp<index>((index{1} << 24) / (g.out().pixels() * g.patch()), 1, n);
}

/// `convolve` by im2col and gemm.
template <class Ctx, class B = typename Ctx::backend>
void convolve_by_columns(Ctx& ctx, const conv_geometry& g, cview<B> x, cview<B> weights, view<B> y) {
  scratch_scope scope(ctx);
  const index n = x.cols / g.in.pixels(), in = g.in.pixels(), out = g.out().pixels();
  const index group = column_group(g, n);
  const auto columns = ctx.take(g.patch(), g.pointwise() ? 0 : out * group);
  for (index first = 0; first < n; first += group) {
    const index m = std::min(group, n - first);
    cview<B> input = x.columns(first * in, m * in);
    if (!g.pointwise()) {
      map(ctx.be, columns.columns(0, m * out), image_to_columns<B>{g, input});
      input = columns.columns(0, m * out);
    }
    gemm(ctx.be, trans::no, trans::no, 1, weights, input, 0, y.columns(first * out, m * out));
  }
}

/// `convolve_gradient` by im2col and gemm.
template <class Ctx, class B = typename Ctx::backend>
void convolve_gradient_by_columns(Ctx& ctx, const conv_geometry& g, cview<B> x, cview<B> weights, cview<B> dy,
                                  view<B> dx, view<B> dweights) {
  scratch_scope scope(ctx);
  const index n = x.cols / g.in.pixels(), in = g.in.pixels(), out = g.out().pixels();
  const index group = column_group(g, n);
  const auto columns = ctx.take(g.patch(), g.pointwise() ? 0 : out * group);
  for (index first = 0; first < n; first += group) {
    const index m = std::min(group, n - first);
    const auto part = columns.columns(0, g.pointwise() ? 0 : m * out);
    const auto dy_part = dy.columns(first * out, m * out);
    cview<B> input = x.columns(first * in, m * in);
    if (!g.pointwise()) {
      map(ctx.be, part, image_to_columns<B>{g, input});
      input = part;
    }
    gemm(ctx.be, trans::no, trans::yes, 1, dy_part, input, 1, dweights);
    if (!dx.data) continue;
    const auto dx_part = dx.columns(first * in, m * in);
    gemm(ctx.be, trans::yes, trans::no, 1, weights, dy_part, 0, g.pointwise() ? dx_part : part);
    if (!g.pointwise()) map(ctx.be, dx_part, columns_to_image<B>{g, part});
  }
}

inline void require_convolution(const conv_geometry& g, index x_rows, index x_cols, index w_rows,
                                index w_cols, index y_rows, index y_cols) {
  const index n = x_cols / g.in.pixels();
  if (x_rows == g.in.channels && x_cols == n * g.in.pixels() && w_rows == g.out_channels &&
      w_cols == g.patch() && y_rows == g.out_channels && y_cols == n * g.out().pixels())
    return;
  require(false, "convolve",
          "x is " + extent(x_rows, x_cols) + ", the weights are " + extent(w_rows, w_cols) + ", y is " +
              extent(y_rows, y_cols) + "; x must be " + extent(g.in.channels, g.in.pixels()) +
              " times the images, the weights " + extent(g.out_channels, g.patch()) + ", y " +
              extent(g.out_channels, g.out().pixels()) + " times the images");
}

}  // namespace detail

/// y = weights * x. 2 out_channels patch out.pixels n flops.
template <class Ctx, class B = typename Ctx::backend>
void convolve(Ctx& ctx, const conv_geometry& g, cview<B> x, cview<B> weights, view<B> y) {
  detail::require_convolution(g, x.rows, x.cols, weights.rows, weights.cols, y.rows, y.cols);
  if constexpr (ConvolvingForward<B>) {
    ctx.be.conv2d_forward(g, x, weights, y);
  } else {
    detail::convolve_by_columns(ctx, g, x, weights, y);
  }
}

/// dx = the gradient of the input, left out where dx.data is null; dweights += that of the weights. Twice the
/// flops of `convolve`.
template <class Ctx, class B = typename Ctx::backend>
void convolve_gradient(Ctx& ctx, const conv_geometry& g, cview<B> x, cview<B> weights, cview<B> dy,
                       view<B> dx, view<B> dweights) {
  detail::require_convolution(g, x.rows, x.cols, weights.rows, weights.cols, dy.rows, dy.cols);
  if constexpr (ConvolvingBackward<B>) {
    ctx.be.conv2d_backward(g, x, weights, dy, dx, dweights);
  } else {
    detail::convolve_gradient_by_columns(ctx, g, x, weights, dy, dx, dweights);
  }
}

}  // namespace ssl
