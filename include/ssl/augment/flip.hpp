#pragma once
// SPDX-License-Identifier: MIT

/// Left becomes right.

#include "ssl/augment/augmentation.hpp"

namespace ssl {

/// out(c, y, x) = in(c, y, width - 1 - x) with the given probability. Any number of channels.
struct flip {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 1;

  float probability = 0.5f;

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key key, index item, index view,
                         std::uint32_t slot = 0) const {
    if (!random_stream(key, item, view, purpose::flip, slot).chance(probability)) return;
    const image_shape shape = image.shape;
    const index half = shape.width / 2;
    team.for_each(shape.height * half, [=](index k) {
      const index y = k / half, x = k - y * half;
      for (index c = 0; c < shape.channels; ++c) {
        T& left = image(c, y, x);
        T& right = image(c, y, shape.width - 1 - x);
        const T kept = left;
        left = right;
        right = kept;
      }
    });
  }
};

}  // namespace ssl
