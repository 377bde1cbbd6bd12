#pragma once
// SPDX-License-Identifier: MIT

/// Bright values turn over.

#include "ssl/augment/augmentation.hpp"

namespace ssl {

/// x = x < threshold ? x : 1 - x with the given probability; 128 of 255 is the threshold of byte images.
/// Any number of channels.
struct solarize {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 1;

  float threshold = 128.0f / 255.0f;
  float probability = 0.1f;

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key key, index item, index view,
                         std::uint32_t slot = 0) const {
    if (!random_stream(key, item, view, purpose::solarize, slot).chance(probability)) return;
    T* const p = image.pixels;
    const T bound = static_cast<T>(threshold);
    team.for_each(image.shape.size(), [=](index k) {
      const T x = p[k], turned = T{1} - x;
      p[k] = x < bound ? x : turned;
    });
  }
};

}  // namespace ssl
