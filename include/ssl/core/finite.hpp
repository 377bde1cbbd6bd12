#pragma once
// SPDX-License-Identifier: MIT

/// Tests for NaN and infinity by bits. -ffast-math and -Ofast let a compiler take it for granted that neither
/// occurs: it drops `x != x`, std::isnan and std::isfinite, and takes an infinity in a comparison or a NaN in
/// a choice for something that cannot be.

#include <cstdint>
#include <type_traits>

#include "ssl/core/config.hpp"

namespace ssl {

namespace detail {

template <class T>
using float_bits = std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                      std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;

/// The bits of +infinity: of a bf16, a float or a double. Those of a NaN's magnitude are greater.
template <class T>
inline constexpr auto infinity_bits = static_cast<float_bits<T>>(sizeof(T) == 2   ? 0x7f80U
                                                                 : sizeof(T) == 4 ? 0x7f800000U
                                                                                  : 0x7ff0000000000000U);
template <class T>
inline constexpr auto sign_bit = static_cast<float_bits<T>>(float_bits<T>{1} << (8 * sizeof(T) - 1));
template <class T>
inline constexpr auto quiet_nan_bits = static_cast<float_bits<T>>(infinity_bits<T> | infinity_bits<T> >> 1);

/// x, where no compiler can see any more how it came about: clang knows these tests by bits, too.
template <class Bits>
SSL_FN constexpr Bits opaque_bits(Bits x) {
#if defined(__FINITE_MATH_ONLY__) && defined(__GNUC__) && !defined(__CUDA_ARCH__)
#if __FINITE_MATH_ONLY__
  if (!std::is_constant_evaluated()) asm("" : "+r"(x));
#endif
#endif
  return x;
}

/// By reference: what a function takes and returns as a number is one of those that cannot be.
template <class T>
SSL_FN constexpr float_bits<T> magnitude_bits(const T& x) {
  return static_cast<float_bits<T>>(opaque_bits(__builtin_bit_cast(float_bits<T>, x)) & ~sign_bit<T>);
}

}  // namespace detail

/// Of a float, a double or a bf16.
template <class T>
SSL_FN constexpr bool is_finite(const T& x) {
  return detail::magnitude_bits(x) < detail::infinity_bits<T>;
}
template <class T>
SSL_FN constexpr bool is_infinite(const T& x) {
  return detail::magnitude_bits(x) == detail::infinity_bits<T>;
}
template <class T>
SSL_FN constexpr bool is_nan(const T& x) {
  return detail::magnitude_bits(x) > detail::infinity_bits<T>;
}

/// is_nan of a number that lies in memory, for loops that must become vectors.
template <class T>
SSL_FN constexpr bool is_stored_nan(const T& x) {
  return (__builtin_bit_cast(detail::float_bits<T>, x) & ~detail::sign_bit<T>) > detail::infinity_bits<T>;
}

/// The two as values that may be stored, chosen and compared under these flags.
template <class T>
SSL_FN constexpr T infinite() {
  return __builtin_bit_cast(T, detail::opaque_bits(detail::infinity_bits<T>));
}
template <class T>
SSL_FN constexpr T not_a_number() {
  return __builtin_bit_cast(T, detail::opaque_bits(detail::quiet_nan_bits<T>));
}

}  // namespace ssl
