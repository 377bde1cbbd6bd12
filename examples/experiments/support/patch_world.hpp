#pragma once
/// Pairs of patches with a type each, whose co-occurrence is known: drawn from a law, or cut from images.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ssl/data/any_dataset.hpp"
#include "ssl/data/patch_corpus.hpp"

namespace ssl_example {

using ssl::index;

struct patch_world {
  ssl::joint_law law;                          // of the pairs' types, exactly
  std::function<ssl::patch_pair(index)> pair;  // the types of training pair n, n >= 0
  index features = 0;                          // of a patch as an encoder sees it
  std::function<void(index, float*)> left;     // the patches of training pair n: (features)
  std::function<void(index, float*)> right;
  std::vector<float> probes = {};     // (features, m): patches to ask an encoder about
  std::vector<int> probe_types = {};  // (m)
};

/// A patch of type t looks like 16 normal numbers of that type, and noise of this standard deviation on each.
patch_world corpus_world(const ssl::patch_corpus& corpus, double noise, std::uint64_t seed);

/// Square patches of images, as many at random places of each; (features, images * patches), image by image.
/// Pixels less their mean over all, divided by their deviation.
struct cut_patches {
  index images = 0, each = 0, features = 0;
  std::vector<float> pixels = {};
};
cut_patches cut(const ssl::any_dataset& images, index count, index each, index side, std::uint64_t seed);

/// The law of two different patches of one image, by their types: `types` (images * each) in [0, K). Pairs
/// are two different patches of a random image.
patch_world image_world(cut_patches patches, std::vector<int> types, index count, std::uint64_t seed);

/// How much two tables agree.
struct agreement {
  double pearson = 0;   // each entry with its weight
  double spearman = 0;  // all entries alike; equal values share their rank
};
agreement compare(std::span<const double> a, std::span<const double> b, std::span<const double> weights);

/// offset and factor for which |offset + factor a - b|^2 with these weights is least.
struct line {
  double offset = 0, factor = 0;
};
line fit(std::span<const double> a, std::span<const double> b, std::span<const double> weights);

}  // namespace ssl_example
