#pragma once
// SPDX-License-Identifier: MIT

/// Normalisation of images of up to 16 channels by numbers of their own.

#include <span>
#include <string>

#include "ssl/augment/augmentation.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"

namespace ssl {

/// The most channels that `normalize_channels` has numbers for.
inline constexpr index max_normalized_channels = 16;

/// x = scale_c x + shift_c for channel c: always, and last. Made by `normalize_by`. Channels beyond those it
/// was made for stay as they are.
struct normalize_channels {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 1;

  index channels = 0;
  float scale[max_normalized_channels] = {}, shift[max_normalized_channels] = {};

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key, index, index,
                         std::uint32_t = 0) const {
    T* const p = image.pixels;
    const index all = image.shape.channels, known = all < channels ? all : channels;
    const float *const by = scale, *const add = shift;
    team.for_each(image.shape.pixels(), [=](index k) {
      for (index c = 0; c < known; ++c)
        p[k * all + c] = static_cast<T>(by[c]) * p[k * all + c] + static_cast<T>(add[c]);
    });
  }
};

/// x = (x - mean_c) / deviation_c, for as many channels as there are numbers, as `channel_statistics` gives
/// them. A channel without deviation (all its values are one) is only shifted. Throws option_error unless
/// there are 1 to 16 means, as many deviations, all finite and no deviation negative.
inline normalize_channels normalize_by(std::span<const double> mean, std::span<const double> deviation) {
  const auto count = static_cast<index>(mean.size());
  if (count < 1 || count > max_normalized_channels || mean.size() != deviation.size())
    throw option_error("ssl::normalize_by: " + std::to_string(mean.size()) + " means and " +
                       std::to_string(deviation.size()) + " deviations, expected as many of both, 1 to " +
                       std::to_string(max_normalized_channels));
  normalize_channels out;
  out.channels = count;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    if (!is_finite(mean[c]) || !is_finite(deviation[c]) || deviation[c] < 0)
      throw option_error("ssl::normalize_by: channel " + std::to_string(c) + " has the mean " +
                         std::to_string(mean[c]) + " and the deviation " + std::to_string(deviation[c]) +
                         ", expected finite numbers and no negative deviation");
    const double scale = deviation[c] > 0 ? 1 / deviation[c] : 1;
    out.scale[c] = static_cast<float>(scale);
    out.shift[c] = static_cast<float>(-mean[c] * scale);
  }
  return out;
}

}  // namespace ssl
