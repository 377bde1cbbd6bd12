#pragma once
// SPDX-License-Identifier: MIT

/// What is done to colours, on one image of values in [0, 1], as torchvision defines it on float tensors:
/// brightness, contrast, saturation, hue, gray. Results are clamped to [0, 1] after each.
///
/// Only three channels are colour. Elsewhere saturation, hue and gray leave the image as it is, and contrast
/// takes the mean of all its values.

#include "ssl/core/fn.hpp"
#include "ssl/core/image_ref.hpp"

namespace ssl {

/// Brightness of a colour (ITU-R BT.601), the weights summing to one as in PIL; torchvision's tensors round
/// the first down to 0.2989.
template <class T>
SSL_FN T luma(T red, T green, T blue) {
  return T(0.299) * red + T(0.587) * green + T(0.114) * blue;
}

namespace detail {

template <class T>
SSL_FN T clamp_unit(T x) {
  const T low = x < T{0} ? T{0} : x;
  return low < T{1} ? low : T{1};
}

/// x = clamp(factor x + shift) for every value.
template <class Team, class T>
SSL_FN void scale_and_shift(const Team& team, image_ref<T> image, T factor, T shift) {
  T* const p = image.pixels;
  team.for_each(image.shape.size(), [=](index k) { p[k] = clamp_unit(factor * p[k] + shift); });
}

}  // namespace detail

/// x = factor x.
template <class Team, class T>
SSL_FN void adjust_brightness(const Team& team, image_ref<T> image, T factor) {
  detail::scale_and_shift(team, image, factor, T{0});
}

/// x = factor x + (1 - factor) m, m the mean luma of the image.
template <class Team, class T>
SSL_FN void adjust_contrast(const Team& team, image_ref<T> image, T factor) {
  const T* const p = image.pixels;
  const index pixels = image.shape.pixels(), size = image.shape.size();
  T mean;
  if (image.shape.channels == 3) {
    mean = team.reduce(pixels, T{0}, fn::plus{}, [=](index k) {
      return luma(p[3 * k], p[3 * k + 1], p[3 * k + 2]);
    }) / static_cast<T>(pixels);
  } else {
    mean = team.reduce(size, T{0}, fn::plus{}, [=](index k) { return p[k]; }) / static_cast<T>(size);
  }
  detail::scale_and_shift(team, image, factor, (T{1} - factor) * mean);
}

/// x = factor x + (1 - factor) l, l the pixel's luma; with factor 0, gray.
template <class Team, class T>
SSL_FN void adjust_saturation(const Team& team, image_ref<T> image, T factor) {
  if (image.shape.channels != 3) return;
  T* const p = image.pixels;
  team.for_each(image.shape.pixels(), [=](index k) {
    const T red = p[3 * k], green = p[3 * k + 1], blue = p[3 * k + 2];
    const T gray = (T{1} - factor) * luma(red, green, blue);
    p[3 * k] = detail::clamp_unit(factor * red + gray);
    p[3 * k + 1] = detail::clamp_unit(factor * green + gray);
    p[3 * k + 2] = detail::clamp_unit(factor * blue + gray);
  });
}

/// The hue turns by `turn` of a full circle, in [-1/2, 1/2]; the value max(r, g, b) and the chroma max - min
/// stay. With hue h in [0, 6) a channel is value - chroma clamp(min(k, 4 - k), 0, 1), k = (n + h) mod 6,
/// n = 5, 3, 1 for red, green, blue: the HSV round trip without a branch.
template <class Team, class T>
SSL_FN void adjust_hue(const Team& team, image_ref<T> image, T turn) {
  if (image.shape.channels != 3) return;
  T* const p = image.pixels;
  team.for_each(image.shape.pixels(), [=](index k) {
    const T red = p[3 * k], green = p[3 * k + 1], blue = p[3 * k + 2];
    const T above = green < blue ? blue : green, below = green < blue ? green : blue;
    const T value = red < above ? above : red, chroma = value - (red < below ? red : below);
    const T difference = value == red ? green - blue : value == green ? blue - red : red - green;
    const T sector = value == red ? T{0} : value == green ? T{2} : T{4};
    T h = sector + difference / (chroma > T{0} ? chroma : T{1}) + T{6} * turn;  // in [-4, 8]
    h = h < T{0} ? h + T{6} : h;
    h = h < T{6} ? h : h - T{6};
    const auto channel = [=](T n) {
      T c = n + h;
      c = c < T{6} ? c : c - T{6};
      return value - chroma * detail::clamp_unit(c < T{2} ? c : T{4} - c);
    };
    p[3 * k] = channel(T{5});
    p[3 * k + 1] = channel(T{3});
    p[3 * k + 2] = channel(T{1});
  });
}

}  // namespace ssl
