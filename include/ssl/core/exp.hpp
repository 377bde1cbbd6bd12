#pragma once
// SPDX-License-Identifier: MIT

/// e^x without a branch, a table or a call, so that a compiler can turn a loop over it into vector
/// instructions: std::exp stays scalar unless a program gives up strict floating point.
///
/// float: x = k ln 2 + r with |r| <= ln 2 / 2, a polynomial of degree seven for e^r (the coefficients of
/// Cephes' expf), and k added to the exponent's bits. At most 2 ulp where the result is a normal number; 0
/// below that, infinity above the largest number; NaN stays NaN. double, and device code: the machine's own
/// exp.

#include <bit>
#include <cmath>
#include <cstdint>

#include "ssl/core/config.hpp"
#include "ssl/core/finite.hpp"

namespace ssl {

SSL_FN float branchless_exp(float x) {
#if defined(__CUDA_ARCH__)
  return ::expf(x);
#else
#if defined(__clang__)
#pragma clang fp reassociate(off)
#endif
  constexpr float lowest = -87.33654F, highest = 88.72283F;  // e^lowest is normal, e^highest is finite
  constexpr float shift = 12582912.0F;                       // 1.5 2^23: adding it rounds to an integer
  const float above = lowest > x ? lowest : x, inside = highest < above ? highest : above;
  const float shifted = inside * 1.44269504F + shift;
  const std::uint32_t turns = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(shift);
#if defined(__ASSOCIATIVE_MATH__) && !defined(__clang__)
  // g++ would cancel the shift and join the parts of ln 2: k comes by way of an integer, and a zero that no
  // compiler knows keeps the parts apart.
  const float k = static_cast<float>(static_cast<std::int32_t>(turns));
  float r = inside - k * 0.693359375F;
  r = std::bit_cast<float>(std::bit_cast<std::uint32_t>(r) + ((turns + 256U) >> 16U));
#else
  const float k = shifted - shift;
  float r = inside - k * 0.693359375F;  // ln 2 in two parts; k times the first is exact
#endif
  r -= k * -2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
  // The ends by masks over bits, where choices among numbers leave out infinities and NaNs.
  const std::uint32_t given = std::bit_cast<std::uint32_t>(x), overflow = detail::infinity_bits<float>,
                      y = std::bit_cast<std::uint32_t>(p) + (turns << 23U), none = 0,
                      below = none - static_cast<std::uint32_t>(x < lowest),
                      beyond = none - static_cast<std::uint32_t>(x > highest),
                      no_number = none - static_cast<std::uint32_t>((given & 0x7fffffffU) > overflow);
  return std::bit_cast<float>((y & ~(below | beyond | no_number)) | (beyond & ~no_number & overflow) |
                              (no_number & given));
#else
  const float y = std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + (turns << 23U));
  const float bounded = x > highest ? infinite<float>() : x < lowest ? 0.0F : y;
  return x != x ? x : bounded;
#endif
#endif
}

SSL_FN double branchless_exp(double x) { return std::exp(x); }

}  // namespace ssl
