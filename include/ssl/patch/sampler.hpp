#pragma once
// SPDX-License-Identifier: MIT

/// The law of this folder: a sampler says where the patches of an image lie; `crop` turns that into pixels.
///
/// A sampler is a small value with two pure functions that run on every backend: how many views it makes of
/// an image, and where view `view` of image `image` lies. Two calls with equal arguments give equal boxes,
/// on every backend, in every order. A box never leaves the image.

#include <concepts>
#include <type_traits>

#include "ssl/core/config.hpp"
#include "ssl/core/random.hpp"

namespace ssl {

/// Where a patch lies, in fractions of the image: x, width of its width; y, height of its height.
struct box {
  float x = 0, y = 0, width = 1, height = 1;

  friend constexpr bool operator==(const box&, const box&) = default;
};

/// The box of whole pixels [left, left + width) x [top, top + height) of an image of side `image`.
SSL_FN box pixel_box(index left, index top, index width, index height, index image) {
  const float side = static_cast<float>(image);
  return {static_cast<float>(left) / side, static_cast<float>(top) / side, static_cast<float>(width) / side,
          static_cast<float>(height) / side};
}

/// The number of views as an option that also answers the law's question: `fixed_scale{.views = 20}` sets it,
/// `sampler.views()` reads it.
struct view_count {
  SSL_FN constexpr view_count(index views = 1) : value(views) {}
  SSL_FN constexpr index operator()() const { return value; }

  index value;
};

template <class S>
concept PatchSampler = std::is_trivially_copyable_v<S> && requires(const S sampler, rng_key key, index k) {
  { sampler.views() } -> std::same_as<index>;
  { sampler(key, k, k) } -> std::same_as<box>;
};

}  // namespace ssl
