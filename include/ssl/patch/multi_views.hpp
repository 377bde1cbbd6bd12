#pragma once
// SPDX-License-Identifier: MIT

/// Views of several sizes: large crops of most of an image and small crops of little of it, each group
/// resampled to its own shape (multi-crop, SwAV, arXiv 2006.09882).

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/patch/multi_crop.hpp"
#include "ssl/patch/views.hpp"

namespace ssl {

/// A sampler of groups, one augmentation for all, and each group's target shape. A trainer takes it where it
/// takes `patch_views`; the encoder sees group after group (train/bound_branches.hpp).
///
///     multi_views(multi_crop(32, {{.scale_min = 0.4}, {.scale_min = 0.05, .scale_max = 0.4, .views = 4}}),
///                 flip{} | normalize{}, {{3, 32, 32}, {3, 16, 16}})
template <class Augmentation>
struct multi_views {
  multi_crop sampler;
  Augmentation augmentation;
  std::vector<image_shape> targets;
  resampling filter;

  /// Throws shape_error unless there is one shape for each group, all of one number of channels, and
  /// option_error for a group without views.
  multi_views(multi_crop s, Augmentation a, std::vector<image_shape> shapes,
              resampling f = resampling::triangle)
      : sampler(s), augmentation(a), targets(std::move(shapes)), filter(f) {
    if (targets.empty() || static_cast<index>(targets.size()) != sampler.groups())
      throw shape_error("ssl::multi_views: " + std::to_string(targets.size()) + " target shapes for " +
                        std::to_string(sampler.groups()) + " groups of crops; each needs one");
    for (index g = 0; g < groups(); ++g) {
      if (group(g).target.channels != group(0).target.channels)
        throw shape_error("ssl::multi_views: views of " + std::to_string(group(0).target.channels) +
                          " and of " + std::to_string(group(g).target.channels) +
                          " channels; all must have the same");
      if (group(g).count < 1)
        throw option_error("ssl::multi_views: group " + std::to_string(g) + " has no views");
    }
  }

  index count() const { return sampler.views(); }
  index groups() const { return sampler.groups(); }
  view_block group(index g) const {
    view_block b{0, sampler.group(g).views(), targets[static_cast<std::size_t>(g)]};
    for (index k = 0; k < g; ++k) b.first += sampler.group(k).views();
    return b;
  }

  /// out (c, target pixels * n * count) = views [first, first + count), which must be of one group. The rest
  /// is `patch_views::make`'s.
  template <class Ctx>
  void make(Ctx& ctx, rng_key key, matrix_view<const std::uint8_t, typename Ctx::space> images,
            image_shape source, const index* ids, index first, index count, typename Ctx::matrix out) const {
    for (index g = 0; g < groups(); ++g) {
      const view_block b = group(g);
      if (first < b.first || first + count > b.first + b.count) continue;
      return crop(ctx, key, images, source, ids, sampler, first, count, b.target, out, augmentation, filter);
    }
    throw option_error("ssl::multi_views: views [" + std::to_string(first) + ", " +
                       std::to_string(first + count) + ") are not of one group");
  }
};

}  // namespace ssl
