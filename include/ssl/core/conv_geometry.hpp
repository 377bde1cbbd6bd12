#pragma once
/// The numbers of a two-dimensional convolution.

#include "ssl/core/shape.hpp"

namespace ssl {

/// Square kernel, equal stride and zero padding on both axes. Weights are (out, kernel * kernel *
/// in.channels), column (ky * kernel + kx) * in.channels + channel.
struct conv_geometry {
  image_shape in;
  index out_channels = 1, kernel = 3, stride = 1, padding = 1;

  SSL_FN constexpr index out_height() const { return (in.height + 2 * padding - kernel) / stride + 1; }
  SSL_FN constexpr index out_width() const { return (in.width + 2 * padding - kernel) / stride + 1; }
  SSL_FN constexpr image_shape out() const { return {out_channels, out_height(), out_width()}; }
  SSL_FN constexpr index patch() const { return kernel * kernel * in.channels; }
  /// A 1x1 convolution without stride or padding is one matrix product.
  SSL_FN constexpr bool pointwise() const { return kernel == 1 && stride == 1 && padding == 0; }
};

}  // namespace ssl
