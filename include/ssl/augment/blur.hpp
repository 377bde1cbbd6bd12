#pragma once
// SPDX-License-Identifier: MIT

/// Random gaussian blur.

#include <cmath>

#include "ssl/augment/augmentation.hpp"

namespace ssl {

/// The largest radius of `blur_image`, in pixels.
inline constexpr index max_blur_radius = 31;

namespace detail {

/// Pixel i of an axis of `size` pixels, mirrored at the first and the last without repeating them.
SSL_FN index reflect(index i, index size) {
  const index up = i < 0 ? -i : i;
  return up < size ? up : 2 * (size - 1) - up;
}

}  // namespace detail

///     image = w * image along columns, then along rows
///     w_k   proportional to exp(-k^2 / (2 sigma^2)) for |k| <= radius, and summing to one
///
/// Edges are mirrored without repeating the edge pixel, as torchvision does. The radius is cut to the shorter
/// side less one and to `max_blur_radius`. Cost: 2 (radius + 1) multiplications a value. Overwrites scratch,
/// where the image lies turned between the passes, (height, channels * width).
template <class Team, class T>
SSL_FN void blur_image(const Team& team, image_ref<T> image, T sigma, index radius) {
  const index height = image.shape.height, width = image.shape.width, channels = image.shape.channels;
  const index shorter = (height < width ? height : width) - 1;
  const index bound = shorter < max_blur_radius ? shorter : max_blur_radius;
  const index reach = radius < bound ? radius : bound;
  T weight[max_blur_radius + 1];
  T total = 0;
  for (index k = 0; k <= reach; ++k) {
    const T ratio = static_cast<T>(k) / sigma;
    weight[k] = std::exp(T(-0.5) * ratio * ratio);
    total += k == 0 ? weight[k] : 2 * weight[k];
  }
  for (index k = 0; k <= reach; ++k) weight[k] /= total;

  const index stride = width * channels;
  const T* const w = weight;
  T *const pixels = image.pixels, *const turned = image.scratch;
  for_each_run(team, height, stride, [=](index y, index first, auto count) {
    T sum[full_run::length];
    for_each_lane(count, [&](index e) { sum[e] = w[0] * pixels[y * stride + first + e]; });
    for (index k = 1; k <= reach; ++k) {
      const T* const above = pixels + detail::reflect(y - k, height) * stride + first;
      const T* const below = pixels + detail::reflect(y + k, height) * stride + first;
      for_each_lane(count, [&](index e) { sum[e] += w[k] * (above[e] + below[e]); });
    }
    for_each_lane(count, [&](index e) { turned[(first + e) * height + y] = sum[e]; });
  });
  for_each_run(team, stride, height, [=](index column, index first, auto count) {
    const index x = column / channels, channel = column - x * channels;
    T sum[full_run::length];
    for_each_lane(count, [&](index e) { sum[e] = w[0] * turned[column * height + first + e]; });
    for (index k = 1; k <= reach; ++k) {
      const T* const left = turned + (detail::reflect(x - k, width) * channels + channel) * height + first;
      const T* const right = turned + (detail::reflect(x + k, width) * channels + channel) * height + first;
      for_each_lane(count, [&](index e) { sum[e] += w[k] * (left[e] + right[e]); });
    }
    for_each_lane(count, [&](index e) { pixels[(first + e) * stride + column] = sum[e]; });
  });
}

/// Blur with sigma uniform in [sigma_min, sigma_max] pixels, with the given probability. `kernel` = 0 cuts
/// the gaussian at 3 sigma, which is what PIL's GaussianBlur(radius = sigma) approximates by box filters; an
/// odd `kernel` takes that many taps, which is torchvision's GaussianBlur(kernel). Any number of channels.
struct gaussian_blur {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 1;

  float sigma_min = 0.1f, sigma_max = 2;
  float probability = 0.5f;
  index kernel = 0;

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key key, index item, index view,
                         std::uint32_t slot = 0) const {
    random_stream draw(key, item, view, purpose::blur, slot);
    if (!draw.chance(probability)) return;
    const float sigma = draw.uniform(sigma_min, sigma_max);
    const index radius = kernel > 0 ? kernel / 2 : static_cast<index>(std::ceil(3 * sigma));
    blur_image(team, image, static_cast<T>(sigma), radius);
  }
};

}  // namespace ssl
