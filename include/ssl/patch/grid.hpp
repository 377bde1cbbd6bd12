#pragma once
// SPDX-License-Identifier: MIT

/// Patches without chance, for evaluation: a dense grid, or the image itself.

#include "ssl/patch/sampler.hpp"

namespace ssl {

/// Square patches of `size` pixels whose corners lie `stride` pixels apart, row after row; positions that
/// would leave the image are left out. 32 pixels, size 16, stride 4: 5 x 5 views.
struct grid {
  index image = 32;  // side of the images in pixels, which are square
  index size = 16;   // side of a patch, at most `image`
  index stride = 4;  // from one patch to the next, at least 1

  /// Positions along one axis.
  SSL_FN constexpr index positions() const { return (image - size) / stride + 1; }
  SSL_FN constexpr index views() const { return positions() * positions(); }

  SSL_FN box operator()(rng_key, index, index view) const {
    const index row = view / positions(), column = view - row * positions();
    return pixel_box(column * stride, row * stride, size, size, image);
  }
};

/// The whole image, every time.
struct whole {
  view_count views = 1;

  SSL_FN box operator()(rng_key, index, index) const { return {}; }
};

}  // namespace ssl
