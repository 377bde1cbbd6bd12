#pragma once
// SPDX-License-Identifier: MIT

/// The numbers of a two-dimensional convolution.

#include "ssl/core/divide.hpp"
#include "ssl/core/shape.hpp"

namespace ssl {

/// Square kernel, equal stride and zero padding on both axes. Weights are (out, kernel * kernel *
/// in.channels), column (ky * kernel + kx) * in.channels + channel.
struct conv_geometry {
  image_shape in;
  index out_channels = 1, kernel = 3, stride = 1, padding = 1;

  SSL_FN constexpr index out_height() const {
    return divide(in.height + 2 * padding - kernel, stride).quotient + 1;
  }
  SSL_FN constexpr index out_width() const {
    return divide(in.width + 2 * padding - kernel, stride).quotient + 1;
  }
  SSL_FN constexpr image_shape out() const { return {out_channels, out_height(), out_width()}; }
  SSL_FN constexpr index patch() const { return kernel * kernel * in.channels; }
  /// A 1x1 convolution without stride or padding is one matrix product.
  SSL_FN constexpr bool pointwise() const { return kernel == 1 && stride == 1 && padding == 0; }
};

/// body(k, tap) for each output pixel k, counted over all images, whose window holds input pixel j; tap = ky
/// * kernel + kx is where in it.
template <class Body>
SSL_FN void for_each_window(const conv_geometry& g, index j, const Body& body) {
  const divided image = divide(j, g.in.height * g.in.width), pixel = divide(image.remainder, g.in.width);
  const index height = g.out_height(), width = g.out_width();
  for (index ky = 0; ky < g.kernel; ++ky) {
    const index y = pixel.quotient + g.padding - ky;
    if (y < 0) return;
    const divided row = divide(y, g.stride);
    if (row.remainder != 0 || row.quotient >= height) continue;
    for (index kx = 0; kx < g.kernel; ++kx) {
      const index x = pixel.remainder + g.padding - kx;
      if (x < 0) break;
      const divided col = divide(x, g.stride);
      if (col.remainder == 0 && col.quotient < width)
        body((image.quotient * height + row.quotient) * width + col.quotient, ky * g.kernel + kx);
    }
  }
}

}  // namespace ssl
