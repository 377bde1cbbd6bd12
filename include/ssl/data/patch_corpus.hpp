#pragma once
// SPDX-License-Identifier: MIT

/// A corpus of discrete patches whose co-occurrence is known: what "patches of one image" means when there
/// are K kinds of patches and no pixels.
///
///     an image shows a scene c with probability p(c); its patches are independent draws from p(x | c)
///     p(x, x') = sum_c p(c) p(x | c) p(x' | c),    p(x) = sum_c p(c) p(x | c)
///
/// The joint law of two patches of one image that arXiv 2206.08954 derives its objective from, with scenes in
/// the place of images. D^-1/2 p D^-1/2 is positive semi-definite with at most as many positive eigenvalues
/// as there are scenes, the largest being 1.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/core/random.hpp"
#include "ssl/data/co_occurrence.hpp"

namespace ssl {

/// Two patches of one image, by type.
struct patch_pair {
  index first = 0;
  index second = 0;
  friend bool operator==(const patch_pair&, const patch_pair&) = default;
};

class patch_corpus {
 public:
  /// `scenes` (C): p(c), `patches` (K, C), a column a scene: p(x | c); of any positive scale, each divided by
  /// its sum. shape_error where the numbers do not fit, option_error where a law is not one.
  patch_corpus(index types, std::vector<double> scenes, std::vector<double> patches)
      : types_(types), scene_(std::move(scenes)), patch_(std::move(patches)) {
    if (types < 1 || scene_.empty() || patch_.size() != scene_.size() * static_cast<std::size_t>(types))
      throw shape_error("ssl::patch_corpus: there are " + std::to_string(patch_.size()) + " numbers for " +
                        std::to_string(types) + " types and " + std::to_string(scene_.size()) +
                        " scenes, expected types * scenes >= 1");
    normalise(scene_, scene_below_, "the scenes");
    for (index c = 0; c < this->scenes(); ++c) {
      const auto column =
          std::span(patch_).subspan(static_cast<std::size_t>(c * types_), static_cast<std::size_t>(types_));
      normalise(column, patch_below_, "the patches of scene " + std::to_string(c));
    }
  }

  index types() const { return types_; }
  index scenes() const { return static_cast<index>(scene_.size()); }
  double scene(index c) const { return scene_[static_cast<std::size_t>(c)]; }                        // p(c)
  double patch(index x, index c) const { return patch_[static_cast<std::size_t>(c * types_ + x)]; }  // p(x|c)

  /// The exact law of two patches of one image. O(K^2 C).
  joint_law joint() const {
    std::vector<double> p(static_cast<std::size_t>(types_ * types_));
    for (index c = 0; c < scenes(); ++c)
      for (index j = 0; j < types_; ++j)
        for (index i = 0; i < types_; ++i)
          p[static_cast<std::size_t>(j * types_ + i)] += scene(c) * patch(i, c) * patch(j, c);
    return {types_, std::move(p)};
  }

  /// The patches of image `number`, as many as there is room for; returns its scene. A pure function of (key,
  /// number): more patches continue the fewer.
  index image(rng_key key, index number, std::span<index> patches) const {
    random_stream draw(key, number, 0, purpose::generate);
    const index c = find(scene_below_, 0, scenes(), draw.bits());
    for (index& x : patches) x = find(patch_below_, c * types_, types_, draw.bits());
    return c;
  }

  /// Two patches of image `number`: the first two of `image`.
  patch_pair pair(rng_key key, index number) const {
    index both[2];
    image(key, number, both);
    return {both[0], both[1]};
  }

 private:
  /// Divides by the sum and appends the running sums.
  template <class Law>
  static void normalise(Law&& law, std::vector<double>& below, const std::string& whose) {
    double sum = 0;
    for (const double p : law) {
      if (!is_finite(p) || p < 0)
        throw option_error("ssl::patch_corpus: a probability of " + whose + " is " + std::to_string(p) +
                           ", expected a finite number of at least 0");
      sum += p;
    }
    if (!(sum > 0)) throw option_error("ssl::patch_corpus: the probabilities of " + whose + " are all 0");
    double running = 0;
    for (double& p : law) {
      p /= sum;
      running += p;
      below.push_back(running);
    }
  }

  /// The first of `count` running sums above the word, among those with a probability.
  static index find(const std::vector<double>& below, index first, index count, std::uint32_t word) {
    const auto begin = below.begin() + first, end = begin + count;
    const double at = static_cast<double>(word) * 0x1p-32 * *(end - 1);
    return std::upper_bound(begin, end - 1, at) - begin;
  }

  index types_;
  std::vector<double> scene_;        // (C)
  std::vector<double> patch_;        // (K, C)
  std::vector<double> scene_below_;  // (C) sums up to and with each
  std::vector<double> patch_below_;  // (K, C) the same within a scene
};

/// K types in C scenes without further structure: scene c gives type x the weight -log(u)^sharpness,
/// u uniform, and the scenes themselves -log(u). A sharpness of 0 makes all scenes alike (nothing to learn),
/// 1 is a flat Dirichlet law, larger values leave each scene few types.
inline patch_corpus scene_corpus(index types, index scenes, double sharpness = 3, std::uint64_t seed = 1) {
  if (types < 1 || scenes < 1 || is_nan(sharpness) || sharpness < 0 || sharpness > 20)
    throw option_error("ssl::scene_corpus: there are " + std::to_string(types) + " types, " +
                       std::to_string(scenes) + " scenes and a sharpness of " + std::to_string(sharpness) +
                       ", expected at least 1, at least 1 and 0 to 20");
  const auto exponential = [](random_stream& draw) {
    return -std::log((static_cast<double>(draw.bits()) + 0.5) * 0x1p-32);
  };
  std::vector<double> scene, patch;
  for (index c = 0; c < scenes; ++c) {
    random_stream draw({seed, 0}, c, 1, purpose::generate);
    scene.push_back(exponential(draw));
    for (index x = 0; x < types; ++x) patch.push_back(std::pow(exponential(draw), sharpness));
  }
  return {types, std::move(scene), std::move(patch)};
}

/// K types on a ring, such as the directions of an edge or the place of a part: scene c is a window around
/// type c, p(x | c) = (1 - background) exp(-(distance / width)^2 / 2) / sum + background / K. All marginals
/// are 1 / K and the ratio depends on the distance alone, so that its factors are sines and cosines whose
/// eigenvalues come in equal pairs.
inline patch_corpus ring_corpus(index types, double width = 2, double background = 0.1) {
  if (types < 1 || is_nan(width) || width <= 0 || is_nan(background) || background < 0 || background > 1)
    throw option_error("ssl::ring_corpus: there are " + std::to_string(types) + " types, a width of " +
                       std::to_string(width) + " and a background of " + std::to_string(background) +
                       ", expected at least 1, above 0 and 0 to 1");
  std::vector<double> window(static_cast<std::size_t>(types));
  double sum = 0;
  for (index x = 0; x < types; ++x) {
    const double z = static_cast<double>(std::min(x, types - x)) / width;
    sum += window[static_cast<std::size_t>(x)] = std::exp(-0.5 * z * z);
  }
  std::vector<double> patch;
  for (index c = 0; c < types; ++c)
    for (index x = 0; x < types; ++x)
      patch.push_back((1 - background) * window[static_cast<std::size_t>((x - c + types) % types)] / sum +
                      background / static_cast<double>(types));
  return {types, std::vector<double>(static_cast<std::size_t>(types), 1.0), std::move(patch)};
}

}  // namespace ssl
