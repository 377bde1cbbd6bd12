#pragma once
// SPDX-License-Identifier: MIT

/// The vocabulary of the generator: six textures, each in a soft disc, and six shapes, as functions of the
/// plane.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ssl/core/config.hpp"
#include "ssl/core/random.hpp"

namespace ssl {

inline constexpr int motif_count = 12;

/// How much of a pixel a motif covers, and which of its two colours (0 or 1) shows there; both in [0, 1].
struct texel {
  float cover = 0, tone = 1;
};

/// A motif fills about the unit disc around (0, 0).
struct motif {
  int kind = 0;                    // 0 to motif_count - 1
  float phase_x = 0, phase_y = 0;  // where a texture begins, in periods
  std::uint32_t grain = 0;         // which speckles
  float pixel = 0.1f;              // the size of a pixel: how soft an edge must be

  /// The motif at (u, v).
  texel operator()(float u, float v) const {
    const float r = std::sqrt(u * u + v * v);
    const float disc = inside(0.95f - r);
    switch (kind) {
      case 0:
        return {disc, wave(u * 1.0f + phase_x)};  // broad stripes
      case 1:
        return {inside(0.2f - std::abs(r - 0.7f)), 1};  // ring
      case 2:
        return {disc, checks(wave(u * 0.95f + phase_x), wave(v * 0.95f + phase_y))};  // checks
      case 3:
        return {inside(0.22f - std::min(std::abs(u), std::abs(v))) * disc, 1};  // cross
      case 4:
        return {disc, dots(u * 1.35f + phase_x, v * 1.35f + phase_y)};  // dots
      case 5:
        return {inside(triangle(u, v)), 1};  // triangle
      case 6:
        return {disc, wave(u * 1.9f + phase_x)};  // fine stripes
      case 7:
        return {inside(std::min(0.9f - r, std::hypot(u - 0.5f, v) - 0.62f)), 1};  // crescent
      case 8:
        return {disc, speckle(u, v)};  // speckle
      case 9:
        return {inside(0.52f + 0.42f * std::cos(5 * std::atan2(v, u)) - r), 1};  // flower
      case 10:
        return {disc, wave(u * 1.2f + phase_x + 0.45f * zigzag(v * 0.9f + phase_y))};  // zigzag
      default:
        return {disc, wave(r * 1.6f + 0.25f)};  // target
    }
  }

 private:
  /// 1 well inside (distance > 0), 0 outside, a ramp of about one pixel and a half between.
  float inside(float distance) const { return std::clamp(distance / (1.5f * pixel) + 0.5f, 0.0f, 1.0f); }
  /// A soft square wave of period 1.
  static float wave(float t) { return std::clamp(0.5f + 0.9f * std::sin(6.2831853f * t), 0.0f, 1.0f); }
  static float checks(float a, float b) { return a + b - 2 * a * b; }
  static float zigzag(float t) { return 2 * std::abs(2 * (t - std::floor(t + 0.5f))) - 1; }
  static float dots(float s, float t) {
    const float x = s - std::floor(s) - 0.5f, y = t - std::floor(t) - 0.5f;
    return std::clamp((0.31f - std::sqrt(x * x + y * y)) * 6 + 0.5f, 0.0f, 1.0f);
  }
  /// A random tone for each square of a grid.
  float speckle(float u, float v) const {
    const auto x = static_cast<std::uint32_t>(static_cast<int>(std::floor(u * 3.4f + phase_x)));
    const auto y = static_cast<std::uint32_t>(static_cast<int>(std::floor(v * 3.4f + phase_y)));
    return static_cast<float>(philox({{x, y, 0, 0}}, grain, 0).word[0] >> 8) * 0x1p-24f;
  }
  /// The distance to the nearest side of an upright triangle, positive inside.
  static float triangle(float u, float v) {
    return std::min(0.46f - v, 0.46f + 0.5f * v - 0.8660254f * std::abs(u));
  }
};

}  // namespace ssl
