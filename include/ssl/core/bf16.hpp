#pragma once
// SPDX-License-Identifier: MIT

/// bfloat16: the upper half of a float. A type to store numbers in, not to compute in.

#include <cstdint>
#include <type_traits>

#include "ssl/core/config.hpp"

namespace ssl {

/// A float's sign and exponent with 7 of its 23 bits of mantissa: a float's range, a relative rounding error
/// of at most 2^-8. It becomes a float by itself, without error, so what takes numbers takes it; it is made
/// only where one says so, rounded to the nearest, ties to the even one. What is too large becomes infinity,
/// infinities and zeros stay, a NaN stays one.
struct bf16 {
  std::uint16_t bits;

  bf16() = default;
  template <class T>
  requires std::is_arithmetic_v<T> SSL_FN explicit bf16(T x)
      : bits(rounded(__builtin_bit_cast(std::uint32_t, to_float(x)))) {}

  SSL_FN operator float() const { return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16U); }

  SSL_FN static bf16 from_bits(std::uint16_t bits) {
    bf16 x;
    x.bits = bits;
    return x;
  }

 private:
  /// A float's bits, rounded to their upper half. Without a branch, so that loops become vectors.
  SSL_FN static std::uint16_t rounded(std::uint32_t u) {
    const std::uint32_t nearest = (u + 0x7fffU + (u >> 16U & 1U)) >> 16U, quiet = u >> 16U | 0x40U;
    return static_cast<std::uint16_t>((u & 0x7fffffffU) > 0x7f800000U ? quiet : nearest);
  }

  SSL_FN static float to_float(float x) { return x; }
  /// x towards zero, with the last bit set where digits were lost: rounded again, that gives what rounding x
  /// once would have given.
  template <class T>
  SSL_FN static float to_float(T from) {
    const double x = static_cast<double>(from);
    const float f = static_cast<float>(x);
    const double back = static_cast<double>(f);
    if (back == x) return f;  // a NaN stays one on either way
    const bool away = x < 0 ? back < x : back > x;
    return __builtin_bit_cast(float, (__builtin_bit_cast(std::uint32_t, f) - (away ? 1U : 0U)) | 1U);
  }
};

static_assert(sizeof(bf16) == 2 && std::is_trivially_copyable_v<bf16>);

}  // namespace ssl
