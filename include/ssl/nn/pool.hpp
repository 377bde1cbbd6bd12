#pragma once
// SPDX-License-Identifier: MIT

/// Pooling over pixels, all channels at once.

#include <type_traits>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/conv_geometry.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

namespace detail {

/// y column j = the maximum over output pixel j's window, `which` (unless null) its place in the window. The
/// first of equal values wins, row by row; a NaN wins over everything.
template <class B, class S>
struct max_of_window {
  using T = typename B::scalar;
  conv_geometry g;
  map_cview<B, S> x;
  map_view<B, S> y;
  view<B> which;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const index width = g.out_width();
    const divided image = divide(j, g.out_height() * width), pixel = divide(image.remainder, width);
    const index top = pixel.quotient * g.stride - g.padding, left = pixel.remainder * g.stride - g.padding;
    S* const best = y.column(j);
    T* const place = which.data ? which.column(j) : nullptr;
    const S lowest = static_cast<S>(-infinite<T>());
    team.for_each(y.rows, [=](index c) { best[c] = lowest; });
    if (place) team.for_each(y.rows, [=](index c) { place[c] = T{-1}; });
    for (index ky = 0; ky < g.kernel; ++ky)
      for (index kx = 0; kx < g.kernel; ++kx) {
        const index row = top + ky, col = left + kx;
        if (row < 0 || row >= g.in.height || col < 0 || col >= g.in.width) continue;
        const S* const from = x.column((image.quotient * g.in.height + row) * g.in.width + col);
        const T here = static_cast<T>(ky * g.kernel + kx);
        if (place)
          team.for_each(y.rows, [=](index c) {
            const S v = from[c], b = best[c];
            const T p = place[c];
            const bool wins = v > b || is_stored_nan(v) || p < T{0};
            best[c] = wins ? v : b;
            place[c] = wins ? here : p;
          });
        else
          team.for_each(y.rows, [=](index c) {
            const S v = from[c], b = best[c];
            best[c] = v > b || is_stored_nan(v) ? v : b;
          });
      }
  }
};

/// dx column j = the sum of dy over the windows whose maximum pixel j is.
template <class B, class S>
struct max_gradient {
  using T = typename B::scalar;
  conv_geometry g;
  map_cview<B, S> dy;
  cview<B> which;
  map_view<B, S> dx;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    if constexpr (std::is_same_v<S, T>)
      add_window_by_window(team, j);
    else
      sum_channel_by_channel(team, j);
  }

  /// The sums grow in dx itself.
  template <class Team>
  SSL_FN void add_window_by_window(const Team& team, index j) const {
    T* const to = dx.column(j);
    team.for_each(dx.rows, [=](index c) { to[c] = T{0}; });
    for_each_window(g, j, [&](index k, index tap) {
      const T* const from = dy.column(k);
      const T* const place = which.column(k);
      const T here = static_cast<T>(tap);
      team.for_each(dx.rows, [=](index c) { to[c] += place[c] == here ? from[c] : T{0}; });
    });
  }

  /// Each sum is complete before it is rounded to S.
  template <class Team>
  SSL_FN void sum_channel_by_channel(const Team& team, index j) const {
    team.for_each(dx.rows, [&](index c) {
      T sum{0};
      for_each_window(g, j, [&](index k, index tap) {
        sum += which(c, k) == static_cast<T>(tap) ? static_cast<T>(dy(c, k)) : T{0};
      });
      dx(c, j) = static_cast<S>(sum);
    });
  }
};

/// y column j = the mean of the `pixels` columns of image j.
template <class B, class S>
struct mean_of_pixels {
  using T = typename B::scalar;
  index pixels;
  map_cview<B, S> x;
  map_view<B, S> y;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const T factor = T{1} / static_cast<T>(pixels);
    if constexpr (std::is_same_v<S, T>) {
      T* const to = y.column(j);
      const T* const first = x.column(j * pixels);
      team.for_each(y.rows, [=](index c) { to[c] = first[c]; });
      for (index k = 1; k < pixels; ++k) {
        const T* const from = x.column(j * pixels + k);
        team.for_each(y.rows, [=](index c) { to[c] += from[c]; });
      }
      team.for_each(y.rows, [=](index c) { to[c] *= factor; });
    } else {  // the sum is complete before it is rounded
      const auto self = *this;
      team.for_each(y.rows, [=](index c) {
        T sum{0};
        for (index k = 0; k < self.pixels; ++k) sum += static_cast<T>(self.x(c, j * self.pixels + k));
        self.y(c, j) = static_cast<S>(sum * factor);
      });
    }
  }
};

/// dx(i, j) = dy(i, j / pixels) / pixels.
template <class B, class S>
struct spread_over_pixels {
  map_cview<B, S> dy;
  index pixels;
  SSL_FN typename B::scalar operator()(index i, index j) const {
    return static_cast<typename B::scalar>(dy(i, divide(j, pixels).quotient)) /
           static_cast<typename B::scalar>(pixels);
  }
};

}  // namespace detail

/// y(c, o) = the maximum of x(c, .) over a kernel x kernel window. Padding never wins. Of equal values the
/// first, row by row, gets the gradient, as in PyTorch. Tape: where each maximum was, as a scalar.
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
  constexpr backward_reads reads() const { return {.x = false, .y = false}; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    const conv_geometry g = geometry(in);
    const view<B> which = p.tape.data ? detail::map_at(p.tape, 0, g.out(), n) : view<B>{};
    for_each_column(ctx.be, p.y.cols, detail::max_of_window<B, S>{g, p.x, p.y, which});
  }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    const conv_geometry g = geometry(in);
    if (p.dx.data)
      for_each_column(ctx.be, p.dx.cols,
                      detail::max_gradient<B, S>{g, p.dy, detail::map_at(p.tape, 0, g.out(), n), p.dx});
  }
};

/// y(c, image) = the mean of x(c, .) over the image's pixels: a feature map becomes an embedding (c, n).
struct mean_pool {
  using kind = layer_kind;

  constexpr image_shape output(image_shape in) const { return {in.channels, 1, 1}; }
  std::vector<segment> parameters(image_shape) const { return {}; }
  constexpr index parameter_count(image_shape) const { return 0; }
  constexpr index tape(image_shape, index) const { return 0; }
  constexpr backward_reads reads() const { return {.x = false, .y = false}; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    for_each_column(ctx.be, n, detail::mean_of_pixels<B, S>{in.pixels(), p.x, p.y});
  }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    if (p.dx.data) map(ctx.be, p.dx, detail::spread_over_pixels<B, S>{p.dy, in.pixels()});
  }
};

}  // namespace ssl
