#pragma once
/// What the tests ask of boxes.

#include <cmath>

#include "ssl/patch/sampler.hpp"

namespace ssl::test {

/// A box in pixels of an image of side `image`, or left = -1 where it is not on whole pixels inside the
/// image.
struct pixels {
  index left = -1, top = -1, width = 0, height = 0;
};

inline pixels in_pixels(box b, index image) {
  const float side = static_cast<float>(image);
  const float value[4] = {b.x * side, b.y * side, b.width * side, b.height * side};
  index whole[4];
  for (int k = 0; k < 4; ++k) {
    whole[k] = static_cast<index>(std::lround(value[k]));
    if (std::fabs(value[k] - static_cast<float>(whole[k])) > 1e-4f) return {};
  }
  const bool inside = whole[0] >= 0 && whole[1] >= 0 && whole[2] >= 1 && whole[3] >= 1 &&
                      whole[0] + whole[2] <= image && whole[1] + whole[3] <= image;
  return inside ? pixels{whole[0], whole[1], whole[2], whole[3]} : pixels{};
}

}  // namespace ssl::test
