#pragma once
/// Pooling over pixels, all channels at once.

#include <cmath>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/conv_geometry.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

namespace detail {

/// y column j = the maximum over output pixel j's window, `which` (unless null) its place in the window. The
/// first of equal values wins, row by row; a NaN wins over everything.
template <class B>
struct max_of_window {
  using T = typename B::scalar;
  conv_geometry g;
  cview<B> x;
  view<B> y, which;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const index pixels = g.out_height() * g.out_width(), image = j / pixels, o = j % pixels;
    const index top = o / g.out_width() * g.stride - g.padding,
                left = o % g.out_width() * g.stride - g.padding;
    T* const best = y.column(j);
    T* const place = which.data ? which.column(j) : nullptr;
    team.for_each(y.rows, [=](index c) { best[c] = -static_cast<T>(INFINITY); });
    if (place) team.for_each(y.rows, [=](index c) { place[c] = T{-1}; });
    for (index ky = 0; ky < g.kernel; ++ky)
      for (index kx = 0; kx < g.kernel; ++kx) {
        const index row = top + ky, col = left + kx;
        if (row < 0 || row >= g.in.height || col < 0 || col >= g.in.width) continue;
        const T* const from = x.column((image * g.in.height + row) * g.in.width + col);
        const T here = static_cast<T>(ky * g.kernel + kx);
        if (place)
          team.for_each(y.rows, [=](index c) {
            const T v = from[c], b = best[c], p = place[c];
            const bool wins = v > b || v != v || p < T{0};
            best[c] = wins ? v : b;
            place[c] = wins ? here : p;
          });
        else
          team.for_each(y.rows, [=](index c) {
            const T v = from[c], b = best[c];
            best[c] = v > b || v != v ? v : b;
          });
      }
  }
};

/// dx column j = the sum of dy over the windows whose maximum pixel j is.
template <class B>
struct max_gradient {
  using T = typename B::scalar;
  conv_geometry g;
  cview<B> dy, which;
  view<B> dx;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const index pixels = g.in.height * g.in.width, image = j / pixels, o = j % pixels;
    T* const to = dx.column(j);
    team.for_each(dx.rows, [=](index c) { to[c] = T{0}; });
    for (index ky = 0; ky < g.kernel; ++ky)
      for (index kx = 0; kx < g.kernel; ++kx) {
        const index y = o / g.in.width + g.padding - ky, x = o % g.in.width + g.padding - kx;
        if (y < 0 || x < 0 || y % g.stride != 0 || x % g.stride != 0) continue;
        const index row = y / g.stride, col = x / g.stride;
        if (row >= g.out_height() || col >= g.out_width()) continue;
        const index k = (image * g.out_height() + row) * g.out_width() + col;
        const T* const from = dy.column(k);
        const T* const place = which.column(k);
        const T here = static_cast<T>(ky * g.kernel + kx);
        team.for_each(dx.rows, [=](index c) { to[c] += place[c] == here ? from[c] : T{0}; });
      }
  }
};

/// y column j = the mean of the `pixels` columns of image j.
template <class B>
struct mean_of_pixels {
  using T = typename B::scalar;
  index pixels;
  cview<B> x;
  view<B> y;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    T* const to = y.column(j);
    const T* const first = x.column(j * pixels);
    team.for_each(y.rows, [=](index c) { to[c] = first[c]; });
    for (index k = 1; k < pixels; ++k) {
      const T* const from = x.column(j * pixels + k);
      team.for_each(y.rows, [=](index c) { to[c] += from[c]; });
    }
    const T factor = T{1} / static_cast<T>(pixels);
    team.for_each(y.rows, [=](index c) { to[c] *= factor; });
  }
};

/// dx(i, j) = dy(i, j / pixels) / pixels.
template <class B>
struct spread_over_pixels {
  cview<B> dy;
  index pixels;
  SSL_FN typename B::scalar operator()(index i, index j) const {
    return dy(i, j / pixels) / static_cast<typename B::scalar>(pixels);
  }
};

}  // namespace detail

/// y(c, o) = the maximum of x(c, .) over a kernel x kernel window. Padding never wins. Of equal values the
/// first, row by row, gets the gradient, as in PyTorch. Tape: where each maximum was.
struct max_pool {
  using kind = layer_kind;
  index kernel = 2, stride = 2, padding = 0;

  constexpr conv_geometry geometry(image_shape in) const {
    return {in, in.channels, kernel, stride, padding};
  }
  image_shape output(image_shape in) const {
    if (kernel < 1 || stride < 1 || padding < 0 || 2 * padding > kernel)
      throw option_error("ssl::max_pool: kernel " + std::to_string(kernel) + ", stride " +
                         std::to_string(stride) + ", padding " + std::to_string(padding) +
                         "; kernel and stride must be positive, the padding at most half the kernel");
    if (in.height + 2 * padding < kernel || in.width + 2 * padding < kernel)
      throw shape_error("ssl::max_pool: the input is " + detail::text(in) + " with padding " +
                        std::to_string(padding) + ", smaller than the window of " +
                        detail::extent(kernel, kernel));
    return geometry(in).out();
  }
  std::vector<segment> parameters(image_shape) const { return {}; }
  constexpr index parameter_count(image_shape) const { return 0; }
  constexpr index tape(image_shape in, index n) const { return geometry(in).out().size() * n; }

  template <class Ctx, class B = typename Ctx::backend>
  void forward(Ctx& ctx, image_shape in, index n, pass<B> p) const {
    const conv_geometry g = geometry(in);
    const view<B> which = p.tape.data ? detail::map_at(p.tape, 0, g.out(), n) : view<B>{};
    for_each_column(ctx.be, p.y.cols, detail::max_of_window<B>{g, p.x, p.y, which});
  }
  template <class Ctx, class B = typename Ctx::backend>
  void backward(Ctx& ctx, image_shape in, index n, pass<B> p) const {
    const conv_geometry g = geometry(in);
    if (p.dx.data)
      for_each_column(ctx.be, p.dx.cols,
                      detail::max_gradient<B>{g, p.dy, detail::map_at(p.tape, 0, g.out(), n), p.dx});
  }
};

/// y(c, image) = the mean of x(c, .) over the image's pixels: a feature map becomes an embedding (c, n).
struct mean_pool {
  using kind = layer_kind;

  constexpr image_shape output(image_shape in) const { return {in.channels, 1, 1}; }
  std::vector<segment> parameters(image_shape) const { return {}; }
  constexpr index parameter_count(image_shape) const { return 0; }
  constexpr index tape(image_shape, index) const { return 0; }

  template <class Ctx, class B = typename Ctx::backend>
  void forward(Ctx& ctx, image_shape in, index n, pass<B> p) const {
    for_each_column(ctx.be, n, detail::mean_of_pixels<B>{in.pixels(), p.x, p.y});
  }
  template <class Ctx, class B = typename Ctx::backend>
  void backward(Ctx& ctx, image_shape in, index, pass<B> p) const {
    if (p.dx.data) map(ctx.be, p.dx, detail::spread_over_pixels<B>{p.dy, in.pixels()});
  }
};

}  // namespace ssl
