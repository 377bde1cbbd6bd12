#pragma once
/// Version, the host/device marker and the index type: what every other header stands on.

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

namespace ssl {

/// Rows, columns, counts and offsets. Signed, so that differences and downward loops are safe.
using index = std::ptrdiff_t;

}  // namespace ssl
