#pragma once
// SPDX-License-Identifier: MIT

/// cuBLAS and cuSOLVER as the GPU backend uses them: owned handles, checked statuses, one name per scalar.

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cusolverDn.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>

#include "ssl/backend/backend.hpp"
#include "ssl/core/bf16.hpp"
#include "ssl/core/error.hpp"

namespace ssl::cuda {

[[noreturn]] inline void fail(const char* what, const std::string& status) {
  throw backend_error("ssl: " + std::string(what) + " failed with " + status);
}

/// Throws unless the call succeeded, and forgets an error that the next call would otherwise be blamed for.
inline void require_success(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  fail(what, std::string(cudaGetErrorName(status)) + " (" + cudaGetErrorString(status) + ")" +
                 (status == cudaErrorNoKernelImageForDevice
                      ? "; this program was not compiled for the architecture of this device"
                      : ""));
}
inline void require_success(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) fail(what, cublasGetStatusName(status));
}
inline void require_success(cusolverStatus_t status, const char* what) {
  switch (status) {
    case CUSOLVER_STATUS_SUCCESS:
      return;
    case CUSOLVER_STATUS_NOT_INITIALIZED:
      fail(what, "CUSOLVER_STATUS_NOT_INITIALIZED");
    case CUSOLVER_STATUS_ALLOC_FAILED:
      fail(what, "CUSOLVER_STATUS_ALLOC_FAILED");
    case CUSOLVER_STATUS_INVALID_VALUE:
      fail(what, "CUSOLVER_STATUS_INVALID_VALUE");
    case CUSOLVER_STATUS_ARCH_MISMATCH:
      fail(what, "CUSOLVER_STATUS_ARCH_MISMATCH");
    case CUSOLVER_STATUS_EXECUTION_FAILED:
      fail(what, "CUSOLVER_STATUS_EXECUTION_FAILED");
    case CUSOLVER_STATUS_INTERNAL_ERROR:
      fail(what, "CUSOLVER_STATUS_INTERNAL_ERROR");
    default:
      fail(what, "cuSOLVER status " + std::to_string(static_cast<int>(status)));
  }
}

/// Extents for libraries that count in int.
inline int narrow(index n) {
  if (n < 0 || n > std::numeric_limits<int>::max())
    throw backend_error("ssl: an extent of " + std::to_string(n) + " was found; cuBLAS takes at most " +
                        std::to_string(std::numeric_limits<int>::max()));
  return static_cast<int>(n);
}
/// The distance of two columns, at least 1 as the libraries ask.
template <class V>
int stride(const V& v) {
  return narrow(std::max<index>({v.ld, v.rows, 1}));
}

inline cublasOperation_t op(trans t) { return t == trans::no ? CUBLAS_OP_N : CUBLAS_OP_T; }

template <class T>
inline constexpr cudaDataType type = std::is_same_v<T, bf16>    ? CUDA_R_16BF
                                     : std::is_same_v<T, float> ? CUDA_R_32F
                                                                : CUDA_R_64F;

inline cublasStatus_t gemm(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                           float alpha, const float* a, int lda, const float* b, int ldb, float beta,
                           float* c, int ldc) {
  return cublasSgemm(h, ta, tb, m, n, k, &alpha, a, lda, b, ldb, &beta, c, ldc);
}
inline cublasStatus_t gemm(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                           double alpha, const double* a, int lda, const double* b, int ldb, double beta,
                           double* c, int ldc) {
  return cublasDgemm(h, ta, tb, m, n, k, &alpha, a, lda, b, ldb, &beta, c, ldc);
}
inline cublasStatus_t syrk(cublasHandle_t h, cublasOperation_t op, int n, int k, float alpha, const float* a,
                           int lda, float beta, float* c, int ldc) {
  return cublasSsyrk(h, CUBLAS_FILL_MODE_LOWER, op, n, k, &alpha, a, lda, &beta, c, ldc);
}
inline cublasStatus_t syrk(cublasHandle_t h, cublasOperation_t op, int n, int k, double alpha,
                           const double* a, int lda, double beta, double* c, int ldc) {
  return cublasDsyrk(h, CUBLAS_FILL_MODE_LOWER, op, n, k, &alpha, a, lda, &beta, c, ldc);
}

inline cublasStatus_t trsm(cublasHandle_t h, cublasOperation_t op, int m, int n, const float* a, int lda,
                           float* b, int ldb) {
  const float one = 1;
  return cublasStrsm(h, CUBLAS_SIDE_LEFT, CUBLAS_FILL_MODE_LOWER, op, CUBLAS_DIAG_NON_UNIT, m, n, &one, a,
                     lda, b, ldb);
}
inline cublasStatus_t trsm(cublasHandle_t h, cublasOperation_t op, int m, int n, const double* a, int lda,
                           double* b, int ldb) {
  const double one = 1;
  return cublasDtrsm(h, CUBLAS_SIDE_LEFT, CUBLAS_FILL_MODE_LOWER, op, CUBLAS_DIAG_NON_UNIT, m, n, &one, a,
                     lda, b, ldb);
}

/// Throws backend_error unless there is a device and a driver that can use it.
inline void require_device() {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status == cudaSuccess && devices > 0) return;
  cudaGetLastError();
  if (status == cudaSuccess || status == cudaErrorNoDevice)
    throw backend_error("ssl: this machine has no CUDA device; cuda_backend needs one");
  if (status == cudaErrorInsufficientDriver) {
    int runtime = 0;
    cudaRuntimeGetVersion(&runtime);
    throw backend_error("ssl: no CUDA device can be used: the driver is missing, or older than CUDA " +
                        std::to_string(runtime / 1000) + "." + std::to_string(runtime % 1000 / 10) +
                        " needs");
  }
  require_success(status, "the search for a CUDA device");
}

/// A stream and the libraries' handles on it, released together in the right order.
struct handles {
  template <auto Destroy>
  struct destroy {
    template <class H>
    void operator()(H* h) const {
      Destroy(h);
    }
  };
  template <class Handle, auto Destroy>
  using owned = std::unique_ptr<std::remove_pointer_t<Handle>, destroy<Destroy>>;

  owned<cudaStream_t, &cudaStreamDestroy> stream;
  owned<cublasHandle_t, &cublasDestroy> blas;
  owned<cusolverDnHandle_t, &cusolverDnDestroy> solver;
  owned<cusolverDnParams_t, &cusolverDnDestroyParams> parameters;

  explicit handles(bool tf32) {
    require_device();
    cudaStream_t s = nullptr;
    require_success(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), "cudaStreamCreate");
    stream.reset(s);
    cublasHandle_t b = nullptr;
    require_success(cublasCreate(&b), "cublasCreate");
    blas.reset(b);
    require_success(cublasSetStream(b, s), "cublasSetStream");
    // Partial sums of products of bf16 stay floats.
    const int math = (tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH) |
                     CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
    require_success(cublasSetMathMode(b, static_cast<cublasMath_t>(math)), "cublasSetMathMode");
    cusolverDnHandle_t d = nullptr;
    require_success(cusolverDnCreate(&d), "cusolverDnCreate");
    solver.reset(d);
    require_success(cusolverDnSetStream(d, s), "cusolverDnSetStream");
    cusolverDnParams_t p = nullptr;
    require_success(cusolverDnCreateParams(&p), "cusolverDnCreateParams");
    parameters.reset(p);
  }
};

}  // namespace ssl::cuda
