#pragma once
// SPDX-License-Identifier: MIT

/// Threads of the CPU backend: OpenMP where the compiler has it on, one thread otherwise.

#include <algorithm>

#include "ssl/core/config.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace ssl::cpu {

/// Threads that a parallel region would get.
inline int hardware_threads() {
#if defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}

/// This thread's number inside a region.
inline int thread_number() {
#if defined(_OPENMP)
  return omp_get_thread_num();
#else
  return 0;
#endif
}

/// Whether other threads of the backend may be at work beside this one.
inline bool inside_region() {
#if defined(_OPENMP)
  return omp_in_parallel();
#else
  return false;
#endif
}

/// body(k) for k in [0, count), on up to `threads` threads; items are handed out in order as threads get
/// free. Runs in the calling thread when there is one item, one thread, or a region already.
template <class Body>
void parallel_for([[maybe_unused]] int threads, index count, const Body& body) {
#if defined(_OPENMP)
  if (threads > 1 && count > 1 && !omp_in_parallel()) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (index k = 0; k < count; ++k) body(k);
    return;
  }
#endif
  for (index k = 0; k < count; ++k) body(k);
}

/// Part k of `count` items cut into `parts` runs of nearly equal length: [first, last).
struct range {
  index first, last;
};
inline range part(index count, index parts, index k) { return {count * k / parts, count * (k + 1) / parts}; }

}  // namespace ssl::cpu
