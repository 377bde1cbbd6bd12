#pragma once
// SPDX-License-Identifier: MIT

/// The mean over windows of a map: what mean_pool is on a map of one window's size, and what it becomes where
/// an encoder slides over a larger image.

#include <type_traits>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/conv_geometry.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

namespace detail {

/// y column j = the mean of the columns of x in output pixel j's window; complete before it is rounded to S.
template <class B, class S>
struct mean_of_window {
  using T = typename B::scalar;
  conv_geometry g;
  map_cview<B, S> x;
  map_view<B, S> y;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const index width = g.out_width(), kernel = g.kernel, row_length = g.in.width;
    const divided image = divide(j, g.out_height() * width), pixel = divide(image.remainder, width);
    const index first =
        (image.quotient * g.in.height + pixel.quotient * g.stride) * row_length + pixel.remainder * g.stride;
    const T factor = T{1} / static_cast<T>(kernel * kernel);
    S* const to = y.column(j);
    if constexpr (std::is_same_v<S, T>) {
      const T* const corner = x.column(first);
      team.for_each(y.rows, [=](index c) { to[c] = corner[c]; });
      for (index ky = 0; ky < kernel; ++ky)
        for (index kx = ky == 0 ? 1 : 0; kx < kernel; ++kx) {
          const T* const from = x.column(first + ky * row_length + kx);
          team.for_each(y.rows, [=](index c) { to[c] += from[c]; });
        }
      team.for_each(y.rows, [=](index c) { to[c] *= factor; });
    } else {
      const auto from = x;
      team.for_each(y.rows, [=](index c) {
        T sum{0};
        for (index ky = 0; ky < kernel; ++ky)
          for (index kx = 0; kx < kernel; ++kx) sum += static_cast<T>(from(c, first + ky * row_length + kx));
        to[c] = static_cast<S>(sum * factor);
      });
    }
  }
};

/// dx(c, j) = the sum of dy over the windows that hold pixel j, over the pixels of a window.
template <class B, class S>
struct mean_window_gradient {
  using T = typename B::scalar;
  conv_geometry g;
  map_cview<B, S> dy;
  SSL_FN T operator()(index c, index j) const {
    T sum{0};
    for_each_window(g, j, [&](index k, index) { sum += static_cast<T>(dy(c, k)); });
    return sum / static_cast<T>(g.kernel * g.kernel);
  }
};

}  // namespace detail

/// y(c, o) = the mean of x(c, .) over a kernel x kernel window; no padding. kernel^2 additions a value.
struct mean_window {
  using kind = layer_kind;
  index kernel = 2, stride = 1;

  constexpr conv_geometry geometry(image_shape in) const { return {in, in.channels, kernel, stride, 0}; }
  image_shape output(image_shape in) const {
    if (kernel < 1 || stride < 1)
      throw option_error("ssl::mean_window: kernel " + std::to_string(kernel) + ", stride " +
                         std::to_string(stride) + "; both must be positive");
    if (in.height < kernel || in.width < kernel)
      throw shape_error("ssl::mean_window: the input is " + detail::text(in) +
                        ", smaller than the window of " + detail::extent(kernel, kernel));
    return geometry(in).out();
  }
  std::vector<segment> parameters(image_shape) const { return {}; }
  constexpr index parameter_count(image_shape) const { return 0; }
  constexpr index tape(image_shape, index) const { return 0; }
  constexpr backward_reads reads() const { return {.x = false, .y = false}; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    for_each_column(ctx.be, p.y.cols, detail::mean_of_window<B, S>{geometry(in), p.x, p.y});
  }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    if (p.dx.data) map(ctx.be, p.dx, detail::mean_window_gradient<B, S>{geometry(in), p.dy});
  }
};

}  // namespace ssl
