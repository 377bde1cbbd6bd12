#pragma once
// SPDX-License-Identifier: MIT

/// Square patches of one area at uniform positions: every view shows the same share of its image (EMP-SSL,
/// arXiv 2304.03977).

#include <cmath>

#include "ssl/patch/sampler.hpp"

namespace ssl {

/// A patch is round(image sqrt(scale)) pixels wide and high, its corner uniform over all whole-pixel
/// positions: torchvision's RandomResizedCrop with scale = (s, s), ratio = (1, 1). A scale of 0.25 of 32
/// pixels is 16 x 16 at one of 17 x 17 positions.
struct fixed_scale {
  double scale = 0.25;   // the patch's share of the image's area, in (0, 1]
  view_count views = 2;  // patches of an image
  index image = 32;      // side of the images in pixels, which are square

  /// Side of a patch in pixels, at least 1 and at most `image`.
  SSL_FN index side() const {
    const index rounded = static_cast<index>(std::sqrt(scale) * static_cast<double>(image) + 0.5);
    return rounded < 1 ? 1 : rounded > image ? image : rounded;
  }

  SSL_FN box operator()(rng_key key, index item, index view) const {
    random_stream draw(key, item, view, purpose::crop);
    const index size = side(), left = draw.below(image - size + 1), top = draw.below(image - size + 1);
    return pixel_box(left, top, size, size, image);
  }
};

}  // namespace ssl
