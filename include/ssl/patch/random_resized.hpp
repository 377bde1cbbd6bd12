#pragma once
// SPDX-License-Identifier: MIT

/// Patches of random area and aspect: what most joint-embedding methods train on.

#include <cmath>

#include "ssl/patch/sampler.hpp"

namespace ssl {

/// torchvision's RandomResizedCrop. Ten times: an area uniform in [scale_min, scale_max] of the image's, an
/// aspect (width / height) log-uniform in [aspect_min, aspect_max], both sides rounded to whole pixels; the
/// first that fits lies at a uniform whole-pixel position. If none fits, the largest centred box with an
/// aspect in range, which on a square image is all of it when the range contains 1.
struct random_resized {
  double scale_min = 0.08, scale_max = 1;                 // share of the image's area
  double aspect_min = 3.0 / 4.0, aspect_max = 4.0 / 3.0;  // width over height
  view_count views = 2;                                   // patches of an image
  index image = 32;                                       // side of the images in pixels, which are square

  SSL_FN box operator()(rng_key key, index item, index view) const {
    random_stream draw(key, item, view, purpose::crop);
    const double side = static_cast<double>(image);
    const double log_min = std::log(aspect_min), log_max = std::log(aspect_max);
    for (int attempt = 0; attempt < 10; ++attempt) {
      const double share = scale_min + (scale_max - scale_min) * static_cast<double>(draw.uniform());
      const double aspect = std::exp(log_min + (log_max - log_min) * static_cast<double>(draw.uniform()));
      const index width = static_cast<index>(side * std::sqrt(share * aspect) + 0.5);
      const index height = static_cast<index>(side * std::sqrt(share / aspect) + 0.5);
      if (width < 1 || width > image || height < 1 || height > image) continue;
      const index left = draw.below(image - width + 1), top = draw.below(image - height + 1);
      return pixel_box(left, top, width, height, image);
    }
    index width = image, height = image;
    if (aspect_min > 1) height = static_cast<index>(side / aspect_min + 0.5);
    if (aspect_max < 1) width = static_cast<index>(side * aspect_max + 0.5);
    return pixel_box((image - width) / 2, (image - height) / 2, width, height, image);
  }
};

}  // namespace ssl
