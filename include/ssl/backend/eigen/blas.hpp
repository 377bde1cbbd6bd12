#pragma once
// SPDX-License-Identifier: MIT

/// A BLAS behind Eigen's products, where the program defines EIGEN_USE_BLAS: its name and its threads.

#include <cstddef>
#include <string>

#include "ssl/backend/eigen/parallel.hpp"

#if defined(EIGEN_USE_BLAS) && defined(__GNUC__) && defined(__ELF__)
extern "C" {
// Of OpenBLAS; null where another library is linked.
__attribute__((weak)) void openblas_set_num_threads(int threads);
__attribute__((weak)) int openblas_get_num_threads(void);
__attribute__((weak)) char* openblas_get_config(void);
}
#define SSL_MAY_BE_OPENBLAS 1
#endif

namespace ssl::cpu {

#if defined(EIGEN_USE_BLAS)
inline constexpr bool has_blas = true;
#else
inline constexpr bool has_blas = false;
#endif

/// "OpenBLAS 0.3.21", or "a BLAS" where it does not say.
inline std::string blas_name() {
#if defined(SSL_MAY_BE_OPENBLAS)
  if (openblas_get_config) {
    const std::string text = openblas_get_config();  // "OpenBLAS 0.3.21 NO_LAPACKE ..."
    return text.substr(0, text.find(' ', text.find(' ') + 1));
  }
#endif
  return "a BLAS";
}

/// While it lives, the BLAS uses `threads` threads: by OpenMP's own number, which libraries on OpenMP follow,
/// and by OpenBLAS's where it has a pool of its own, which keeps it. Does nothing without a BLAS.
class blas_threads {
 public:
  explicit blas_threads([[maybe_unused]] int threads) {
#if defined(EIGEN_USE_BLAS)
#if defined(_OPENMP)
    before_ = omp_get_max_threads();
    if (before_ != threads) omp_set_num_threads(threads);
    changed_ = before_ != threads;
#endif
#if defined(SSL_MAY_BE_OPENBLAS)
    if (openblas_set_num_threads && openblas_get_num_threads && openblas_get_num_threads() != threads)
      openblas_set_num_threads(threads);
#endif
#endif
  }
  ~blas_threads() {
#if defined(EIGEN_USE_BLAS) && defined(_OPENMP)
    if (changed_) omp_set_num_threads(before_);
#endif
  }
  blas_threads(const blas_threads&) = delete;
  blas_threads& operator=(const blas_threads&) = delete;

 private:
  [[maybe_unused]] int before_ = 0;
  [[maybe_unused]] bool changed_ = false;
};

}  // namespace ssl::cpu
