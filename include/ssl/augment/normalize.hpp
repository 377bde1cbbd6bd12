#pragma once
// SPDX-License-Identifier: MIT

/// From [0, 1] to the numbers a network likes: always, and last.

#include "ssl/augment/augmentation.hpp"

namespace ssl {

/// x = (x - mean_c) / deviation_c for channel c. An image of one channel takes the first number; channels
/// after the third take the third's; `normalize_channels` has numbers for each.
struct normalize {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 1;

  float mean[3] = {0.5f, 0.5f, 0.5f};
  float deviation[3] = {0.5f, 0.5f, 0.5f};

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key, index, index,
                         std::uint32_t = 0) const {
    T* const p = image.pixels;
    const index channels = image.shape.channels;
    struct {
      T scale[3], shift[3];
    } by;
    for (int c = 0; c < 3; ++c) {
      by.scale[c] = T{1} / static_cast<T>(deviation[c]);
      by.shift[c] = -static_cast<T>(mean[c]) * by.scale[c];
    }
    if (channels == 3) {
      team.for_each(image.shape.pixels(), [=](index k) {
        p[3 * k] = by.scale[0] * p[3 * k] + by.shift[0];
        p[3 * k + 1] = by.scale[1] * p[3 * k + 1] + by.shift[1];
        p[3 * k + 2] = by.scale[2] * p[3 * k + 2] + by.shift[2];
      });
    } else {
      team.for_each(image.shape.pixels(), [=](index k) {
        for (index c = 0; c < channels; ++c) {
          const index known = c < 3 ? c : 2;
          p[k * channels + c] = by.scale[known] * p[k * channels + c] + by.shift[known];
        }
      });
    }
  }
};

/// Statistics of ImageNet and CIFAR-10 as published recipes use them.
constexpr normalize imagenet_normalize() { return {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}}; }
constexpr normalize cifar_normalize() { return {{0.4914f, 0.4822f, 0.4465f}, {0.2023f, 0.1994f, 0.2010f}}; }

}  // namespace ssl
