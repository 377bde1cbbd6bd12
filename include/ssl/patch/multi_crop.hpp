#pragma once
// SPDX-License-Identifier: MIT

/// Several groups of patches of one image: a few large crops and many small ones (SwAV, arXiv 2006.09882;
/// DINO, 2104.14294; VICRegL, 2210.01571), or any one group, chosen while the program runs.

#include <initializer_list>
#include <string>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/patch/fixed_scale.hpp"
#include "ssl/patch/random_resized.hpp"
#include "ssl/patch/sampler.hpp"

namespace ssl {

/// Patches that are drawn alike. One scale and aspect 1 make squares of one size at uniform positions, the
/// boxes of `fixed_scale`; anything else makes those of `random_resized`.
struct crop_group {
  double scale_min = 0.08, scale_max = 1;                 // share of the image's area, in (0, 1]
  double aspect_min = 3.0 / 4.0, aspect_max = 4.0 / 3.0;  // width over height
  view_count views = 2;                                   // patches of an image

  /// Squares of `scale` of the area; scale 1 is the whole image.
  static constexpr crop_group square(double scale, index views) { return {scale, scale, 1, 1, views}; }

  SSL_FN bool fixed() const { return scale_min == scale_max && aspect_min == 1 && aspect_max == 1; }

  friend constexpr bool operator==(const crop_group& a, const crop_group& b) {
    return a.scale_min == b.scale_min && a.scale_max == b.scale_max && a.aspect_min == b.aspect_min &&
           a.aspect_max == b.aspect_max && a.views() == b.views();
  }
};

/// The views of group 0, then those of group 1, ... A view's box depends on its number among all views.
///
///     multi_crop(224, {{.scale_min = 0.4, .views = 2}, {.scale_min = 0.05, .scale_max = 0.4, .views = 8}})
class multi_crop {
 public:
  static constexpr index max_groups = 4;

  /// `image` is the side of the images in pixels, which are square. Throws option_error for more than four
  /// groups and for a group that has no boxes.
  explicit multi_crop(index image, std::initializer_list<crop_group> groups = {}) : image_(image) {
    if (image < 1)
      throw option_error("ssl::multi_crop: images of side " + std::to_string(image) +
                         ", expected at least 1");
    for (const crop_group& g : groups) add(g);
  }

  /// One more group, its views after all others.
  multi_crop& add(crop_group g) {
    if (count_ == max_groups)
      throw option_error("ssl::multi_crop: more than " + std::to_string(max_groups) + " groups");
    if (is_nan(g.scale_min + g.scale_max + g.aspect_min + g.aspect_max) || g.scale_min <= 0 ||
        g.scale_min > g.scale_max || g.scale_max > 1 || g.aspect_min <= 0 || g.aspect_min > g.aspect_max ||
        g.views() < 0)
      throw option_error("ssl::multi_crop: a group of " + std::to_string(g.views()) + " views of scale " +
                         std::to_string(g.scale_min) + " to " + std::to_string(g.scale_max) + " and aspect " +
                         std::to_string(g.aspect_min) + " to " + std::to_string(g.aspect_max) +
                         "; scales must rise within (0, 1], aspects must be positive and rise");
    group_[count_++] = g;
    return *this;
  }

  SSL_FN index groups() const { return count_; }
  SSL_FN const crop_group& group(index g) const { return group_[g]; }
  SSL_FN index image() const { return image_; }
  SSL_FN index views() const {
    index total = 0;
    for (index g = 0; g < count_; ++g) total += group_[g].views();
    return total;
  }

  SSL_FN box operator()(rng_key key, index item, index view) const {
    index at = 0, end = group_[0].views();
    while (view >= end && at + 1 < count_) end += group_[++at].views();
    const crop_group& g = group_[at];
    if (g.fixed()) return fixed_scale{g.scale_min, g.views, image_}(key, item, view);
    return random_resized{g.scale_min, g.scale_max, g.aspect_min, g.aspect_max, g.views, image_}(key, item,
                                                                                                 view);
  }

 private:
  index image_, count_ = 0;
  crop_group group_[max_groups]{};
};

}  // namespace ssl
