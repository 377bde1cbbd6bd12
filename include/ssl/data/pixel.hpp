#pragma once
// SPDX-License-Identifier: MIT

/// Colours of single pixels, in bytes.

#include <cstdint>
#include <span>

#include "ssl/core/config.hpp"

namespace ssl {

/// 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded, as PIL's convert("L").
constexpr std::uint8_t luma(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  return static_cast<std::uint8_t>((19595u * red + 38470u * green + 7471u * blue + 0x8000u) >> 16);
}

namespace detail {

/// out (channels, n) = the colours of (4, n) inverted inks C M Y K: R = C K / 255, ...; or their luma.
inline void colour_of_inks(std::span<const std::uint8_t> inks, index channels, std::uint8_t* out) {
  for (std::size_t p = 0; p + 4 <= inks.size(); p += 4) {
    const unsigned k = inks[p + 3];
    const auto shade = [k](unsigned ink) { return static_cast<std::uint8_t>((ink * k + 127) / 255); };
    const std::uint8_t r = shade(inks[p]), g = shade(inks[p + 1]), b = shade(inks[p + 2]);
    if (channels == 1) {
      *out++ = luma(r, g, b);
    } else {
      *out++ = r;
      *out++ = g;
      *out++ = b;
    }
  }
}

}  // namespace detail

}  // namespace ssl
