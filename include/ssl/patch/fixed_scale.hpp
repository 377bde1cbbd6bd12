#pragma once
/// Square patches of one area at uniform positions: every view shows the same share of the image (EMP-SSL,
/// arXiv 2304.03977; BagSSL, arXiv 2206.08954).

#include <cmath>

#include "ssl/patch/sampler.hpp"

namespace ssl {

/// The patch is round(image sqrt(scale)) pixels wide and high, its corner uniform over all whole-pixel
/// positions: torchvision's RandomResizedCrop with scale = (s, s), ratio = (1, 1). A scale of 0.25 of 32
/// pixels is 16 x 16 at one of 17 x 17 positions.
struct fixed_scale {
  double scale = 0.25;  // the patch's share of the image's area, in (0, 1]
  index views_ = 0;
};

}  // namespace ssl
