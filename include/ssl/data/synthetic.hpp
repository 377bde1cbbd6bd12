#pragma once
// SPDX-License-Identifier: MIT

/// A generator of labelled colour images that needs no files.
///
/// A class is a co-occurrence: a set of three of the twelve motifs of data/motif.hpp (textures in discs, and
/// shapes), laid at random places, sizes and angles, in random colours that lean towards a hue of the motif,
/// over a soft background under a gradient of light. Each motif belongs to several classes and two classes
/// share few motifs, so one patch leaves the class open and more patches settle it. Motifs from outside the
/// class (distractors), motifs left out, overlaps and noise keep every method below 100 %. Nearest neighbours
/// on pixels stay close to chance.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/core/random.hpp"
#include "ssl/data/dataset.hpp"
#include "ssl/data/motif.hpp"

namespace ssl {

struct synthetic_options {
  int classes = 10;       // 2 to 200
  index size = 32;        // pixels of a side; the scene is the same, larger is sharper
  int instances = 5;      // motifs of the class in an image; each of the three at least once
  int distractors = 1;    // motifs from outside the class
  float missing = 0.12f;  // probability that one of the three motifs is left out of an image
  float radius = 0.17f;   // of a motif, as a part of the side; each between 0.8 and 1.25 times that
  float lean = 0.6f;      // how far a motif's hues keep to its own: 0 not at all, 1 entirely
  float noise = 0.03f;    // standard deviation of each pixel's noise, of the full range
};

/// The three motifs of each class: chosen one class after another so that the sets overlap least with the
/// earlier ones and use all motifs equally. The same for every seed; the first k classes of more are the k
/// classes.
inline std::vector<std::array<int, 3>> synthetic_classes(int classes) {
  std::vector<std::array<int, 3>> chosen;
  int used[motif_count] = {};
  int paired[motif_count][motif_count] = {};
  while (static_cast<int>(chosen.size()) < classes) {
    std::array<int, 3> best{};
    int lowest = -1;
    for (int a = 0; a < motif_count; ++a)
      for (int b = a + 1; b < motif_count; ++b)
        for (int c = b + 1; c < motif_count; ++c) {
          const std::array<int, 3> set{a, b, c};
          if (std::find(chosen.begin(), chosen.end(), set) != chosen.end()) continue;
          const int cost = 100 * (paired[a][b] + paired[a][c] + paired[b][c]) + used[a] * used[a] +
                           used[b] * used[b] + used[c] * used[c];
          if (lowest < 0 || cost < lowest) lowest = cost, best = set;
        }
    chosen.push_back(best);
    for (const int m : best) ++used[m];
    ++paired[best[0]][best[1]], ++paired[best[0]][best[2]], ++paired[best[1]][best[2]];
  }
  return chosen;
}

namespace detail {

using colour = std::array<float, 3>;

/// Hue, saturation and value, each in [0, 1], to red, green and blue.
inline colour from_hsv(float h, float s, float v) {
  colour out{};
  for (int c = 0; c < 3; ++c) {
    const float k = std::fmod(static_cast<float>(5 - 2 * c) + 6 * h, 6.0f);
    out[static_cast<std::size_t>(c)] = v - v * s * std::clamp(std::min(k, 4 - k), 0.0f, 1.0f);
  }
  return out;
}
inline colour mix(const colour& a, const colour& b, float t) {
  return {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])};
}
inline float smooth(float t) { return t * t * (3 - 2 * t); }

/// One image, painted motif after motif.
class synthetic_canvas {
 public:
  synthetic_canvas(const synthetic_options& options, random_stream& draw)
      : options_(options), draw_(draw), pixels_(static_cast<std::size_t>(options.size * options.size)) {}

  /// Four random colours, one a corner, blended softly.
  void background() {
    std::array<colour, 4> corner;
    const float hue = draw_.uniform();
    for (colour& c : corner) c = any(hue, 0.25f, {0.1f, 0.55f}, {0.3f, 0.8f});
    for (index y = 0; y < options_.size; ++y)
      for (index x = 0; x < options_.size; ++x)
        at(x, y) = mix(mix(corner[0], corner[1], smooth(place(x))),
                       mix(corner[2], corner[3], smooth(place(x))), smooth(place(y)));
  }

  /// One motif at the freest of a few random places.
  void paint(int kind) {
    const float radius = options_.radius * draw_.uniform(0.8f, 1.25f);
    float x = 0, y = 0, room = -1;
    for (int attempt = 0; attempt < 4; ++attempt) {
      const float tx = draw_.uniform(0.6f * radius, 1 - 0.6f * radius);
      const float ty = draw_.uniform(0.6f * radius, 1 - 0.6f * radius);
      float nearest = 4;
      for (const auto& [px, py] : taken_) nearest = std::min(nearest, std::hypot(px - tx, py - ty));
      if (nearest > room) x = tx, y = ty, room = nearest;
    }
    taken_.push_back({x, y});

    const float angle = draw_.uniform(0, 6.2831853f), cosine = std::cos(angle), sine = std::sin(angle);
    const auto side = static_cast<float>(options_.size);
    const motif m{kind, draw_.uniform(), draw_.uniform(), draw_.bits(), 1 / (radius * side)};
    // Two colours of clearly different brightness; a shape takes the one farther from its ground.
    const float hue = static_cast<float>(kind) / motif_count, spread = 0.5f * (1 - options_.lean);
    const colour dark = any(hue, spread, {0.3f, 0.9f}, {0.05f, 0.4f});
    const colour light = any(hue, spread, {0.05f, 0.7f}, {0.75f, 1.0f});
    const colour& ground = at(std::min(static_cast<index>(x * side), options_.size - 1),
                              std::min(static_cast<index>(y * side), options_.size - 1));
    const bool bright = ground[0] + ground[1] + ground[2] > 1.5f;
    const float opacity = draw_.uniform(0.75f, 1.0f);
    const colour& one = bright ? dark : light;
    const colour& other = bright ? light : dark;

    const auto edge = [&](float t) {
      return std::clamp(static_cast<index>(t * side), index{0}, options_.size);
    };
    for (index row = edge(y - 1.1f * radius); row < edge(y + 1.1f * radius + 1 / side); ++row)
      for (index column = edge(x - 1.1f * radius); column < edge(x + 1.1f * radius + 1 / side); ++column) {
        const float dx = (place(column) - x) / radius, dy = (place(row) - y) / radius;
        const texel t = m(cosine * dx + sine * dy, cosine * dy - sine * dx);
        if (t.cover > 0) at(column, row) = mix(at(column, row), mix(other, one, t.tone), opacity * t.cover);
      }
  }

  /// A gradient of light over everything, then noise; rounded to bytes, channel-last.
  void develop(std::span<std::uint8_t> out) {
    const float angle = draw_.uniform(0, 6.2831853f), strength = draw_.uniform(0, 0.7f);
    const float level = draw_.uniform(0.75f, 1.15f), warmth = draw_.uniform(-0.08f, 0.08f);
    const float gx = strength * std::cos(angle), gy = strength * std::sin(angle);
    const colour tint{level * (1 + warmth), level, level * (1 - warmth)};
    std::size_t k = 0;
    for (index y = 0; y < options_.size; ++y)
      for (index x = 0; x < options_.size; ++x) {
        const float light = 1 + gx * (place(x) - 0.5f) + gy * (place(y) - 0.5f);
        for (std::size_t c = 0; c < 3; ++c) {
          const float value = at(x, y)[c] * tint[c] * light + options_.noise * grain();
          out[k++] = static_cast<std::uint8_t>(std::clamp(255 * value + 0.5f, 0.0f, 255.0f));
        }
      }
  }

 private:
  colour& at(index x, index y) { return pixels_[static_cast<std::size_t>(y * options_.size + x)]; }
  float place(index pixel) const {
    return (static_cast<float>(pixel) + 0.5f) / static_cast<float>(options_.size);
  }
  struct range {
    float low, high;
  };
  /// A random colour of about this hue. One statement a draw: the order of arguments is the compiler's
  /// choice.
  colour any(float hue, float spread, range saturation, range value) {
    const float h = hue + draw_.uniform(-spread, spread);
    const float s = draw_.uniform(saturation.low, saturation.high);
    const float v = draw_.uniform(value.low, value.high);
    return from_hsv(h - std::floor(h), s, v);
  }
  /// Mean 0, deviation 1: the sum of four random bytes, which is close to normal and needs one word.
  float grain() {
    const std::uint32_t b = draw_.bits();
    const auto sum = static_cast<float>((b & 255) + (b >> 8 & 255) + (b >> 16 & 255) + (b >> 24));
    return (sum - 510) * (1 / 147.8f);
  }

  const synthetic_options& options_;
  random_stream& draw_;
  std::vector<colour> pixels_;
  std::vector<std::array<float, 2>> taken_;
};

}  // namespace detail

/// Images first ... first + count - 1, three channels, the class of image i being i mod classes. Image i is a
/// pure function of (options, seed, i): two calls that meet in i agree on it, so that first = n continues a
/// training set of n images with images it does not hold. Compiler flags may change
/// the rounding of single bytes, nothing else. Throws option_error.
inline memory_dataset make_synthetic(const synthetic_options& options, std::uint64_t seed, index count,
                                     index first = 0) {
  const auto demand = [](bool holds, const char* name, auto value, const char* range) {
    if (!holds)
      throw option_error(std::string("make_synthetic: ") + name + " is " + std::to_string(value) +
                         ", expected " + range);
  };
  demand(options.classes >= 2 && options.classes <= 200, "classes", options.classes, "2 to 200");
  demand(options.size >= 8 && options.size <= 4096, "size", options.size, "8 to 4096");
  demand(options.instances >= 3 && options.instances <= 64, "instances", options.instances, "3 to 64");
  demand(options.distractors >= 0 && options.distractors <= 64, "distractors", options.distractors,
         "0 to 64");
  demand(options.missing >= 0 && options.missing <= 1, "missing", options.missing, "0 to 1");
  demand(options.radius > 0 && options.radius <= 0.5f, "radius", options.radius, "above 0 and at most 0.5");
  demand(options.lean >= 0 && options.lean <= 1, "lean", options.lean, "0 to 1");
  demand(options.noise >= 0 && options.noise <= 1, "noise", options.noise, "0 to 1");
  demand(count >= 0, "count", count, "at least 0");
  demand(first >= 0 && first <= 0xffffffff - count, "first", first, "0 to 2^32 less count");

  const image_shape shape{3, options.size, options.size};
  const auto sets = synthetic_classes(options.classes);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count * shape.size()));
  std::vector<int> labels(static_cast<std::size_t>(count));
#if defined(_OPENMP)
#pragma omp parallel for schedule(dynamic, 16)
#endif
  for (index k = 0; k < count; ++k) {
    const index i = first + k;
    const int label = static_cast<int>(i % options.classes);
    labels[static_cast<std::size_t>(k)] = label;
    random_stream draw({seed, 0}, i, 0, purpose::generate);
    const std::array<int, 3>& set = sets[static_cast<std::size_t>(label)];

    // What to paint: each motif of the class, more of them, and distractors, in random order.
    std::array<int, 128> scene{};
    index things = 0;
    const index absent = draw.chance(options.missing) ? draw.below(3) : 3;
    for (int n = 0; n < options.instances; ++n) {
      index which = n < 3 ? n : draw.below(3);
      if (which == absent) which = (which + 1 + draw.below(2)) % 3;
      scene[static_cast<std::size_t>(things++)] = set[static_cast<std::size_t>(which)];
    }
    for (int n = 0; n < options.distractors; ++n) {
      int other = static_cast<int>(draw.below(motif_count - 3));
      for (const int m : set) other += other >= m;  // the sets are sorted
      scene[static_cast<std::size_t>(things++)] = other;
    }
    for (index n = things; n > 1; --n)
      std::swap(scene[static_cast<std::size_t>(n - 1)], scene[static_cast<std::size_t>(draw.below(n))]);

    detail::synthetic_canvas canvas(options, draw);
    canvas.background();
    for (index n = 0; n < things; ++n) canvas.paint(scene[static_cast<std::size_t>(n)]);
    canvas.develop(std::span(pixels).subspan(static_cast<std::size_t>(k * shape.size()),
                                             static_cast<std::size_t>(shape.size())));
  }
  return {shape, std::move(pixels), std::move(labels), options.classes};
}

}  // namespace ssl
