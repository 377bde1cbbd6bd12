#pragma once
// SPDX-License-Identifier: MIT

/// Quotient and remainder of indices, for functors that find their place by dividing.

#include <cstdint>

#include "ssl/core/config.hpp"

namespace ssl {

struct divided {
  index quotient, remainder;
};

/// a = quotient * b + remainder, 0 <= remainder < b, for a >= 0 and b > 0. A GPU has no 64-bit division and
/// spends some hundred instructions on one, so where 32 bits do, 32 bits are divided.
SSL_FN constexpr divided divide(index a, index b) {
  const index quotient =
      (a | b) >> 32 == 0 ? static_cast<index>(static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b))
                         : a / b;
  return {quotient, a - quotient * b};
}

}  // namespace ssl
