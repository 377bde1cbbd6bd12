#pragma once
// SPDX-License-Identifier: MIT

/// The two-dimensional convolution layer.

#include <cmath>

#include "ssl/nn/convolve.hpp"
#include "ssl/nn/linear.hpp"

namespace ssl {

/// How a convolution's weights start.
enum class conv_start {
  uniform_fan_in,  // PyTorch's default: uniform on +-1 / sqrt(kernel^2 in)
  he_fan_out,      // torchvision's ResNet: normal with deviation sqrt(2 / (kernel^2 out)) (arXiv 1502.01852)
};

/// y = W * x + b: (out, out.pixels n) from (in.channels, in.pixels n), square kernel, zero padding. W (out,
/// kernel^2 in.channels) as conv_geometry has it, b (out, 1) uniform on +-1 / sqrt(kernel^2 in). Without bias
/// by default: a batch norm usually follows. On maps of bf16 W is rounded to it first, b is added in the
/// scalar.
struct conv2d {
  using kind = layer_kind;
  index out = 1, kernel = 3, stride = 1, padding = 1;
  bool bias = false;
  conv_start start = conv_start::uniform_fan_in;

  constexpr conv_geometry geometry(image_shape in) const { return {in, out, kernel, stride, padding}; }

  image_shape output(image_shape in) const {
    if (out < 1 || kernel < 1 || stride < 1 || padding < 0)
      throw option_error("ssl::conv2d: out " + std::to_string(out) + ", kernel " + std::to_string(kernel) +
                         ", stride " + std::to_string(stride) + ", padding " + std::to_string(padding) +
                         "; all but the padding must be positive, the padding zero or more");
    if (in.height + 2 * padding < kernel || in.width + 2 * padding < kernel)
      throw shape_error("ssl::conv2d: the input is " + detail::text(in) + " with padding " +
                        std::to_string(padding) + ", smaller than the kernel of " +
                        detail::extent(kernel, kernel));
    return geometry(in).out();
  }
  std::vector<segment> parameters(image_shape in) const {
    const conv_geometry g = geometry(in);
    const auto torch = initialiser::uniform(1 / std::sqrt(static_cast<double>(g.patch())));
    const auto he = initialiser::normal(std::sqrt(2 / static_cast<double>(kernel * kernel * out)));
    std::vector<segment> table{{"weight", out, g.patch(), role::matrix,
                                start == conv_start::he_fan_out ? he : torch, 0,
                                weight_axes::kernel(kernel, kernel)}};
    if (bias) table.push_back({"bias", out, 1, role::vector, torch});
    return table;
  }
  constexpr index parameter_count(image_shape in) const {
    return out * (geometry(in).patch() + (bias ? 1 : 0));
  }
  constexpr index tape(image_shape, index) const { return 0; }
  constexpr backward_reads reads() const { return {.x = true, .y = false}; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    const conv_geometry g = geometry(in);
    const cview<B> w = slice(p.params, 0, out * g.patch()).reshaped(out, g.patch());
    convolve(ctx, g, p.x, w, p.y);
    if (bias) {
      const cview<B> b = slice(p.params, w.size(), out);
      map(ctx.be, p.y, detail::add_column<B>{b}, p.y);
    }
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    const conv_geometry g = geometry(in);
    const cview<B> w = slice(p.params, 0, out * g.patch()).reshaped(out, g.patch());
    const view<B> dw = slice(p.dparams, 0, w.size()).reshaped(out, g.patch());
    convolve_gradient(ctx, g, p.x, w, p.dy, p.dx, dw);
    if (bias) detail::add_row_sums(ctx, p.dy, slice(p.dparams, w.size(), out));
  }
};

}  // namespace ssl
