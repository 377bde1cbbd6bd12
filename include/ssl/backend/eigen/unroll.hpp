#pragma once
// SPDX-License-Identifier: MIT

/// SSL_UNROLL before a loop of up to sixteen turns unrolls it. A tile of sums stays in registers only in
/// loops that are unrolled, which -O2 does not do by itself. nvcc knows neither spelling.

#if defined(__CUDACC__)
#define SSL_UNROLL
#elif defined(__clang__)
#define SSL_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define SSL_UNROLL _Pragma("GCC unroll 16")
#else
#define SSL_UNROLL
#endif
