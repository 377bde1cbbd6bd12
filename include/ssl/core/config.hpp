#pragma once
// SPDX-License-Identifier: MIT

/// Version, the host/device marker and the index type: what every other header stands on.

// One sentence, and then the end: what the compiler would say of the rest says nothing more.
#if (defined(_MSVC_LANG) && _MSVC_LANG < 202002L) || (!defined(_MSVC_LANG) && __cplusplus < 202002L)
#error "ssl needs C++20: compile with -std=c++20 or later"
#define SSL_MISSING "C++20"
#include SSL_MISSING
#endif
#if !defined(__cpp_exceptions) && !defined(_CPPUNWIND)
#error "ssl needs exceptions: compile without -fno-exceptions"
#define SSL_MISSING "exceptions"
#include SSL_MISSING
#endif
#if defined(min) || defined(max)
#error "ssl needs std::min and std::max: define NOMINMAX before <windows.h>"
#define SSL_MISSING "std::min and std::max"
#include SSL_MISSING
#endif

#include <cstddef>

#define SSL_VERSION_MAJOR 0
#define SSL_VERSION_MINOR 1
#define SSL_VERSION_PATCH 0

/// Marks a function that must also run on a GPU. Empty for a plain C++ compiler.
#if defined(__CUDACC__)
#define SSL_FN __host__ __device__ inline
#else
#define SSL_FN inline
#endif

// clang reports a loop that it was asked to turn into vectors, and could not, at the function that the loop
// was inlined into, which is the user's. The loops here are asked for in templates, whatever their body is.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

namespace ssl {

/// Rows, columns, counts and offsets. Signed, so that differences and downward loops are safe.
using index = std::ptrdiff_t;

}  // namespace ssl
