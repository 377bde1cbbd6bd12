#pragma once
// SPDX-License-Identifier: MIT

/// Mean and deviation of each channel over a collection: what images are normalised by.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/data/dataset.hpp"

namespace ssl {

/// Of values in [0, 1], bytes / 255. The deviation divides by the number of values.
struct channel_moments {
  std::vector<double> mean, deviation;  // (channels)
};

/// The moments of every value of each channel: one pass, an image at a time. Bytes are counted, and the
/// counts are exact, so that no order of images and no number of them changes a bit. O(channels) memory.
/// Throws data_error if there is no image.
template <Dataset D>
channel_moments channel_statistics(const D& data) {
  if (data.size() < 1) throw data_error("ssl::channel_statistics: there is no image");
  const auto channels = static_cast<std::size_t>(data.shape().channels);
  std::vector<std::array<std::uint64_t, 256>> seen(channels);  // how often each channel has each byte
  std::vector<std::uint8_t> image(static_cast<std::size_t>(data.shape().size()));
  for (index i = 0; i < data.size(); ++i) {
    read_image(data, i, image);
    for (std::size_t k = 0; k < image.size(); k += channels)
      for (std::size_t c = 0; c < channels; ++c) ++seen[c][image[k + c]];
  }
  channel_moments out;
  const double count = static_cast<double>(data.size()) * static_cast<double>(data.shape().pixels());
  for (const auto& often : seen) {
    double mean = 0, square = 0;
    for (std::size_t b = 0; b < 256; ++b)
      mean += static_cast<double>(often[b]) / count * static_cast<double>(b);
    for (std::size_t b = 0; b < 256; ++b) {
      const double away = static_cast<double>(b) - mean;
      square += static_cast<double>(often[b]) / count * away * away;
    }
    out.mean.push_back(mean / 255);
    out.deviation.push_back(std::sqrt(square) / 255);
  }
  return out;
}

}  // namespace ssl
