#pragma once
// SPDX-License-Identifier: MIT

/// What the network sees of an image: how many patches from where, how they are altered, and their size in
/// pixels.

#include <cstdint>

#include "ssl/patch/crop.hpp"

namespace ssl {

/// Views [first, first + count) of one shape.
struct view_block {
  index first = 0, count = 0;
  image_shape target{};
};

/// Sampler, augmentation and target shape of a training or evaluation batch: a description, no backend in it.
template <PatchSampler Sampler, class Augmentation>
struct patch_views {
  Sampler sampler;
  Augmentation augmentation;
  image_shape target;
  resampling filter;

  patch_views(Sampler s, Augmentation a, image_shape t, resampling f = resampling::triangle)
      : sampler(s), augmentation(a), target(t), filter(f) {}

  index count() const { return sampler.views(); }

  /// Views come in groups of one shape each; here there is one group.
  static constexpr index groups() { return 1; }
  view_block group(index) const { return {0, count(), target}; }

  /// out (c, target pixels * n * count) = views [first, first + count) of the byte images (h w c, n), view
  /// after view. `ids` (n) names the images in the random key; see `crop`.
  template <class Ctx>
  void make(Ctx& ctx, rng_key key, matrix_view<const std::uint8_t, typename Ctx::space> images,
            image_shape source, const index* ids, index first, index count, typename Ctx::matrix out) const {
    crop(ctx, key, images, source, ids, sampler, first, count, target, out, augmentation, filter);
  }
};

}  // namespace ssl
