#pragma once
// SPDX-License-Identifier: MIT

/// Colour images without their colour.

#include "ssl/augment/augmentation.hpp"
#include "ssl/augment/color.hpp"

namespace ssl {

/// r = g = b = 0.299 r + 0.587 g + 0.114 b with the given probability. Only three channels are colour; any
/// other image stays as it is.
struct grayscale {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 1;

  float probability = 0.2f;

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key key, index item, index view,
                         std::uint32_t slot = 0) const {
    if (!random_stream(key, item, view, purpose::grayscale, slot).chance(probability)) return;
    adjust_saturation(team, image, T{0});
  }
};

}  // namespace ssl
