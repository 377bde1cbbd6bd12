#pragma once
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
#include <limits>

#include "ssl/core/config.hpp"

namespace ssl {

namespace detail {

/// A constant, because a GPU cannot call std::numeric_limits.
template <class T>
inline constexpr T infinity = std::numeric_limits<T>::infinity();

}  // namespace detail

SSL_FN float branchless_exp(float x) {
#if defined(__CUDA_ARCH__)
  return ::expf(x);
#else
  constexpr float lowest = -87.33654F, highest = 88.72283F;  // e^lowest is normal, e^highest is finite
  constexpr float shift = 12582912.0F;                       // 1.5 2^23: adding it rounds to an integer
  // A NaN fails both comparisons and stays.
  const float above = lowest > x ? lowest : x, inside = highest < above ? highest : above;
  const float shifted = inside * 1.44269504F + shift, k = shifted - shift;
  // ln 2 in two parts; k times the first is exact.
  const float r = (inside - k * 0.693359375F) - k * -2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  const std::uint32_t exponent = (std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(shift))
                                 << 23U;
  const float y = std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + exponent);
  const float bounded = x > highest ? detail::infinity<float> : x < lowest ? 0.0F : y;
  return x != x ? x : bounded;
#endif
}

SSL_FN double branchless_exp(double x) { return std::exp(x); }

}  // namespace ssl
