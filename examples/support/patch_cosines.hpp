#pragma once
/// How alike patches, means of patches and whole images are, by the cosine of their embeddings. Host only.
///
/// Embeddings behind a ReLU are never negative, so that any two of them have a high cosine: each number comes
/// also of embeddings less their mean over all images.

#include <span>
#include <vector>

#include "ssl/core/config.hpp"

namespace ssl_example {

using ssl::index;

/// Embeddings of the patches of images, a column each: image after image, its patches in a row.
struct patch_embeddings {
  index size = 0, patches = 0, images = 0;
  std::span<const float> values{};  // (size, patches * images)
};

/// Cosines of the mean of an image's first K patches with whole images, averaged over images.
struct growing_bag {
  index patches = 0;  // K
  double own = 0;     // with the image they come from
  double other = 0;   // with another image
  double many = 0;    // with an image, of K patches that come from K other ones
  double model = 0;   // of `own`: see below
};

/// The growing bags and the law of independent patches h = mu + e, E|e|^2 = sigma^2:
///
///     cos(K) = a |mu| / sqrt(|mu|^2 + sigma^2 / K)
///
/// |mu|^2 and sigma^2 are measured on the patches, without bias; only `limit` = a is fitted, by least squares
/// over the sizes.
struct bag_law {
  std::vector<growing_bag> bags;
  double limit = 0;     // a
  double noise = 0;     // sigma^2 / |mu|^2
  double residual = 0;  // root mean square of own - model
};

/// `whole` is (size, images). Sizes rise, from at least 1 to at most the patches; at least two patches and
/// two images.
bag_law law_of_bags(const patch_embeddings& of, std::span<const float> whole, std::span<const index> sizes,
                    bool centred);

/// Mean cosines of patches and of means over half of an image's patches.
struct patch_cosines {
  double patch_same = 0;       // of two patches of an image
  double patch_different = 0;  // of patches of two images
  double patch_altered = 0;    // of a patch and the same patch with other colours
  double bag_same = 0;         // of the means of two halves of an image's patches
  double bag_different = 0;    // of means of two images
  double bag_altered = 0;      // of the mean of all patches and that of the same with other colours
};

/// `altered` shows the same patches as `clean` with other colours.
patch_cosines cosines_of_patches(const patch_embeddings& clean, const patch_embeddings& altered,
                                 bool centred);

}  // namespace ssl_example
