#pragma once
// SPDX-License-Identifier: MIT

/// What a program's CPU backend computes with, in words.

#include <string>

#include "ssl/backend/eigen/dense.hpp"

namespace ssl::cpu {

/// The vectors that the program was compiled for.
constexpr const char* instruction_set() {
#if defined(EIGEN_VECTORIZE_AVX512)
  return "AVX-512";
#elif defined(EIGEN_VECTORIZE_AVX2)
  return "AVX2";
#elif defined(EIGEN_VECTORIZE_AVX)
  return "AVX";
#elif defined(EIGEN_VECTORIZE_SSE)
  return "SSE";
#elif defined(EIGEN_VECTORIZE_SVE)
  return "SVE";
#elif defined(EIGEN_VECTORIZE_NEON)
  return "NEON";
#elif defined(EIGEN_VECTORIZE_ALTIVEC)
  return "AltiVec";
#else
  return "no vector instructions";
#endif
}

/// Who multiplies large matrices of T.
template <class T>
std::string product_source() {
  if (has_blas) return blas_name();
  return panel<T>::width > 1 && panel<T>::wide ? "own panels" : "Eigen";
}

/// "AVX-512, products by own panels, convolutions by ours, 2 threads".
template <class T>
std::string describe(const std::string& convolutions, int threads) {
  return std::string(instruction_set()) + ", products by " + product_source<T>() + ", convolutions by " +
         convolutions + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

}  // namespace ssl::cpu
