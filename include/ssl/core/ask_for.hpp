#pragma once
// SPDX-License-Identifier: MIT

/// Reading ahead, where the compiler offers it.

#include "ssl/core/config.hpp"

namespace ssl::detail {

/// Asks for the cache line of an address that a CPU is about to read: a few columns of several maps at a time
/// are too many short runs for its own foresight, which more than halves the rate from memory.
template <class T>
SSL_FN void ask_for([[maybe_unused]] const T* where) {
#if defined(__GNUC__) && !defined(__CUDA_ARCH__)
  __builtin_prefetch(where);
#endif
}

}  // namespace ssl::detail
