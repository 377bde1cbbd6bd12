#pragma once
// SPDX-License-Identifier: MIT

/// Shapes of images and batches.

#include "ssl/core/config.hpp"

namespace ssl {

/// One image or feature map. Channel-last: a map of n images is a matrix (channels, height * width * n),
/// one column per pixel, whose bytes are a row-major (n, height, width, channels) array.
struct image_shape {
  index channels = 3, height = 1, width = 1;

  SSL_FN constexpr index pixels() const { return height * width; }
  SSL_FN constexpr index size() const { return channels * height * width; }
  friend constexpr bool operator==(const image_shape&, const image_shape&) = default;
};

/// A batch of embeddings: (features, samples * views), view after view.
struct batch_shape {
  index features = 0, samples = 0, views = 1;

  SSL_FN constexpr index columns() const { return samples * views; }
  friend constexpr bool operator==(const batch_shape&, const batch_shape&) = default;
};

}  // namespace ssl
