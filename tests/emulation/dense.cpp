// cuBLAS and cuSOLVER without a GPU: arguments are checked as those libraries do, the work is queued, and the
// CPU backend or plain loops do it.

#include <cublas_v2.h>
#include <cusolverDn.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <type_traits>
#include <vector>

#include "emulation/device.hpp"
#include "emulation/spectrum.hpp"

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
};
struct cusolverDnContext {
  cudaStream_t stream = nullptr;
};
struct cusolverDnParams {};

using namespace ssl::test::emulation;
using extent = std::int64_t;

namespace {

template <class T>
std::set<T*>& alive() {
  static std::set<T*>& all = *new std::set<T*>;
  return all;
}
template <class T>
void make(T** object) {
  *object = new T;
  alive<T>().insert(*object);
  count_object(+1);
}
template <class T>
bool destroy(T* object) {
  if (alive<T>().erase(object) == 0) return false;
  drain();
  delete object;
  count_object(-1);
  return true;
}

/// A column-major argument of a call.
struct argument {
  const void* data;
  std::int64_t rows, cols, ld;
  std::size_t width;

  bool well_formed() const { return rows >= 0 && cols >= 0 && ld >= std::max<std::int64_t>(1, rows); }
  /// A wrong pointer is a fault on the device, not a status.
  bool there() const {
    if (rows == 0 || cols == 0) return true;
    return on_device(data, static_cast<std::size_t>((cols - 1) * ld + rows) * width);
  }
};
bool all_there(const char* what, std::initializer_list<argument> arguments) {
  for (const argument& a : arguments)
    if (!a.there()) {
      defect(cudaErrorIllegalAddress, std::string(what) + " was given a matrix that is not in device memory");
      return false;
    }
  return true;
}

/// As tensor cores read it: 10 bits of mantissa.
float as_tf32(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits + 0x1000u) & 0xFFFFE000u);
}
float from_bf16(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }
std::uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (x != x) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

struct product {
  cublasOperation_t ta, tb;
  std::int64_t m, n, k;
  argument a, b, c;
};

/// c = alpha op(a) op(b) + beta c; beta == 0 does not read c, and alpha == 0 neither a nor b.
template <class T>
void multiply(const product& p, T alpha, const T* a, extent lda, const T* b, extent ldb, T beta, T* c,
              extent ldc) {
  const auto m = static_cast<std::size_t>(p.m);
  const extent depth = alpha == T{0} ? 0 : p.k;
  const bool turned = p.ta != CUBLAS_OP_N;
  std::vector<T> rows(turned ? m * static_cast<std::size_t>(depth) : 0), sum(m);
  for (extent i = 0; i < p.m && turned; ++i)
    for (extent l = 0; l < depth; ++l) rows[static_cast<std::size_t>(i + l * p.m)] = a[l + i * lda];
  const T* const left = turned ? rows.data() : a;
  const extent left_ld = turned ? p.m : lda;
  for (extent j = 0; j < p.n; ++j) {
    std::fill(sum.begin(), sum.end(), T{0});
    for (extent l = 0; l < depth; ++l) {
      const T x = p.tb == CUBLAS_OP_N ? b[l + j * ldb] : b[j + l * ldb];
      const T* const column = left + l * left_ld;
      for (std::size_t i = 0; i < m; ++i) sum[i] += column[i] * x;
    }
    T* const out = c + j * ldc;
    for (std::size_t i = 0; i < m; ++i)
      out[i] = beta == T{0} ? alpha * sum[i] : alpha * sum[i] + beta * out[i];
  }
}

/// b = op(l)^-1 b, l (m, m) lower triangular, b (m, n).
template <class T>
void solve(bool turned, extent m, extent n, const T* l, extent ldl, T* b, extent ldb) {
  for (extent j = 0; j < n; ++j) {
    T* const x = b + j * ldb;
    for (extent step = 0; step < m; ++step) {
      const extent k = turned ? m - 1 - step : step;
      const T* const column = l + k * ldl;
      if (turned) {
        T sum = x[k];
        for (extent i = k + 1; i < m; ++i) sum -= column[i] * x[i];
        x[k] = sum / column[k];
      } else {
        const T y = x[k] /= column[k];
        for (extent i = k + 1; i < m; ++i) x[i] -= column[i] * y;
      }
    }
  }
}

/// A float copy of a matrix of floats or bf16, contiguous.
std::vector<float> as_floats(const argument& m, bool tf32) {
  std::vector<float> out(static_cast<std::size_t>(m.rows * m.cols));
  for (std::int64_t j = 0; j < m.cols; ++j)
    for (std::int64_t i = 0; i < m.rows; ++i) {
      const std::int64_t from = i + j * m.ld;
      const float x = m.width == 2 ? from_bf16(static_cast<const std::uint16_t*>(m.data)[from])
                                   : static_cast<const float*>(m.data)[from];
      out[static_cast<std::size_t>(i + j * m.rows)] = tf32 ? as_tf32(x) : x;
    }
  return out;
}

/// Float sums over floats or bf16.
void multiply_mixed(const product& p, float alpha, float beta, bool tf32) {
  const auto a = as_floats(p.a, tf32), b = as_floats(p.b, tf32);
  if (p.c.width == 4) {
    multiply<float>(p, alpha, a.data(), std::max<std::int64_t>(1, p.a.rows), b.data(),
                    std::max<std::int64_t>(1, p.b.rows), beta,
                    static_cast<float*>(const_cast<void*>(p.c.data)), p.c.ld);
    return;
  }
  auto c = beta == 0.0f ? std::vector<float>(static_cast<std::size_t>(p.m * p.n)) : as_floats(p.c, false);
  multiply<float>(p, alpha, a.data(), std::max<std::int64_t>(1, p.a.rows), b.data(),
                  std::max<std::int64_t>(1, p.b.rows), beta, c.data(), std::max<std::int64_t>(1, p.m));
  auto* const out = static_cast<std::uint16_t*>(const_cast<void*>(p.c.data));
  for (std::int64_t j = 0; j < p.n; ++j)
    for (std::int64_t i = 0; i < p.m; ++i)
      out[i + j * p.c.ld] = to_bf16(c[static_cast<std::size_t>(i + j * p.m)]);
}

cublasStatus_t blas_ready(cublasHandle_t h) {
  if (h == nullptr || alive<cublasContext>().count(h) == 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (const auto status = injected(call::blas)) return static_cast<cublasStatus_t>(*status);
  if (broken() || !is_stream(h->stream)) return CUBLAS_STATUS_EXECUTION_FAILED;
  count_dense_call();
  return CUBLAS_STATUS_SUCCESS;
}

std::size_t width_of(cudaDataType t) {
  return t == CUDA_R_64F ? 8 : t == CUDA_R_32F ? 4 : t == CUDA_R_16BF ? 2 : 0;
}

product make_product(cublasOperation_t ta, cublasOperation_t tb, std::int64_t m, std::int64_t n,
                     std::int64_t k, const void* a, std::size_t wa, std::int64_t lda, const void* b,
                     std::size_t wb, std::int64_t ldb, void* c, std::size_t wc, std::int64_t ldc) {
  const bool an = ta == CUBLAS_OP_N, bn = tb == CUBLAS_OP_N;
  return {ta,
          tb,
          m,
          n,
          k,
          {a, an ? m : k, an ? k : m, lda, wa},
          {b, bn ? k : n, bn ? n : k, ldb, wb},
          {c, m, n, ldc, wc}};
}
bool well_formed(const product& p) {
  return p.m >= 0 && p.n >= 0 && p.k >= 0 && p.a.well_formed() && p.b.well_formed() && p.c.well_formed();
}

template <class T>
cublasStatus_t gemm(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                    const T* alpha, const T* a, int lda, const T* b, int ldb, const T* beta, T* c, int ldc) {
  const auto entered = lock();
  if (const auto status = blas_ready(h); status != CUBLAS_STATUS_SUCCESS) return status;
  const product p = make_product(ta, tb, m, n, k, a, sizeof(T), lda, b, sizeof(T), ldb, c, sizeof(T), ldc);
  if (!well_formed(p) || alpha == nullptr || beta == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (m == 0 || n == 0) return CUBLAS_STATUS_SUCCESS;
  enqueue(h->stream, [=, x = *alpha, y = *beta, math = h->math] {
    if (!all_there("gemm", {p.a, p.b, p.c})) return;
    static_cast<void>(math);
    if constexpr (std::is_same_v<T, float>) {
      if (math == CUBLAS_TF32_TENSOR_OP_MATH) return multiply_mixed(p, x, y, true);
    }
    multiply<T>(p, x, a, lda, b, ldb, y, c, ldc);
  });
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t gemm_batch(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                          const T* alpha, const T* a, int lda, long long sa, const T* b, int ldb,
                          long long sb, const T* beta, T* c, int ldc, long long sc, int count) {
  const auto entered = lock();
  if (count < 0) return CUBLAS_STATUS_INVALID_VALUE;
  for (int i = 0; i < count; ++i)
    if (const auto status =
            gemm<T>(h, ta, tb, m, n, k, alpha, a + i * sa, lda, b + i * sb, ldb, beta, c + i * sc, ldc);
        status != CUBLAS_STATUS_SUCCESS)
      return status;
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t syrk(cublasHandle_t h, cublasFillMode_t fill, cublasOperation_t t, int n, int k,
                    const T* alpha, const T* a, int lda, const T* beta, T* c, int ldc) {
  const auto entered = lock();
  if (const auto status = blas_ready(h); status != CUBLAS_STATUS_SUCCESS) return status;
  if (fill == CUBLAS_FILL_MODE_FULL) return CUBLAS_STATUS_INVALID_VALUE;
  const cublasOperation_t other = t == CUBLAS_OP_N ? CUBLAS_OP_T : CUBLAS_OP_N;
  const product p = make_product(t, other, n, n, k, a, sizeof(T), lda, a, sizeof(T), lda, c, sizeof(T), ldc);
  if (!well_formed(p) || alpha == nullptr || beta == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (n == 0) return CUBLAS_STATUS_SUCCESS;
  enqueue(h->stream, [=, x = *alpha, y = *beta] {
    if (!all_there("syrk", {p.a, p.c})) return;
    std::vector<T> all(static_cast<std::size_t>(n) * static_cast<std::size_t>(n));
    multiply<T>(p, x, a, lda, a, lda, T{0}, all.data(), n);
    for (extent j = 0; j < n; ++j)
      for (extent i = 0; i < n; ++i) {
        if (fill == CUBLAS_FILL_MODE_LOWER ? i < j : i > j) continue;
        const T sum = all[static_cast<std::size_t>(i + j * n)];
        T& out = c[i + j * ldc];
        out = y == T{0} ? sum : sum + y * out;
      }
  });
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t trsm(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t fill, cublasOperation_t t,
                    cublasDiagType_t diag, int m, int n, const T* alpha, const T* a, int lda, T* b, int ldb) {
  const auto entered = lock();
  if (const auto status = blas_ready(h); status != CUBLAS_STATUS_SUCCESS) return status;
  const argument left{a, m, m, lda, sizeof(T)}, right{b, m, n, ldb, sizeof(T)};
  if (side != CUBLAS_SIDE_LEFT || fill != CUBLAS_FILL_MODE_LOWER || diag != CUBLAS_DIAG_NON_UNIT)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (!left.well_formed() || !right.well_formed() || alpha == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (m == 0 || n == 0) return CUBLAS_STATUS_SUCCESS;
  enqueue(h->stream, [=, x = *alpha] {
    if (!all_there("trsm", {left, right})) return;
    for (extent j = 0; j < n && x != T{1}; ++j)
      for (extent i = 0; i < m; ++i) b[i + j * ldb] *= x;
    solve<T>(t != CUBLAS_OP_N, m, n, a, lda, b, ldb);
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

// --- cuBLAS
// ----------------------------------------------------------------------------------------------------------

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_MAPPING_ERROR:
      return "CUBLAS_STATUS_MAPPING_ERROR";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_LICENSE_ERROR:
      return "CUBLAS_STATUS_LICENSE_ERROR";
  }
  return "CUBLAS_STATUS_UNKNOWN";
}
const char* cublasGetStatusString(cublasStatus_t status) { return cublasGetStatusName(status); }

cublasStatus_t cublasCreate(cublasHandle_t* h) {
  const auto entered = lock();
  if (const auto status = injected(call::blas_create)) return static_cast<cublasStatus_t>(*status);
  if (broken()) return CUBLAS_STATUS_NOT_INITIALIZED;
  make(h);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy(cublasHandle_t h) {
  const auto entered = lock();
  return destroy(h) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED;
}
cublasStatus_t cublasGetVersion(cublasHandle_t, int* version) {
  *version = 130000;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream(cublasHandle_t h, cudaStream_t stream) {
  const auto entered = lock();
  if (alive<cublasContext>().count(h) == 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!is_stream(stream)) return CUBLAS_STATUS_INVALID_VALUE;
  h->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t h, cublasMath_t math) {
  const auto entered = lock();
  if (alive<cublasContext>().count(h) == 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  // Sums are never reduced in less than their own type here, so that flag changes nothing.
  h->math = static_cast<cublasMath_t>(static_cast<int>(math) &
                                      ~int{CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace(cublasHandle_t h, void* memory, std::size_t bytes) {
  const auto entered = lock();
  if (alive<cublasContext>().count(h) == 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (bytes > 0 && (!on_device(memory, bytes) || reinterpret_cast<std::uintptr_t>(memory) % 256 != 0))
    return CUBLAS_STATUS_INVALID_VALUE;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSgemm(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                           const float* alpha, const float* a, int lda, const float* b, int ldb,
                           const float* beta, float* c, int ldc) {
  return gemm<float>(h, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
cublasStatus_t cublasDgemm(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                           const double* alpha, const double* a, int lda, const double* b, int ldb,
                           const double* beta, double* c, int ldc) {
  return gemm<double>(h, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m,
                                         int n, int k, const float* alpha, const float* a, int lda,
                                         long long sa, const float* b, int ldb, long long sb,
                                         const float* beta, float* c, int ldc, long long sc, int count) {
  return gemm_batch<float>(h, ta, tb, m, n, k, alpha, a, lda, sa, b, ldb, sb, beta, c, ldc, sc, count);
}
cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m,
                                         int n, int k, const double* alpha, const double* a, int lda,
                                         long long sa, const double* b, int ldb, long long sb,
                                         const double* beta, double* c, int ldc, long long sc, int count) {
  return gemm_batch<double>(h, ta, tb, m, n, k, alpha, a, lda, sa, b, ldb, sb, beta, c, ldc, sc, count);
}

cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                            const void* alpha, const void* a, cudaDataType type_a, int lda, const void* b,
                            cudaDataType type_b, int ldb, const void* beta, void* c, cudaDataType type_c,
                            int ldc, cublasComputeType_t compute, cublasGemmAlgo_t) {
  if (compute == CUBLAS_COMPUTE_64F || compute == CUBLAS_COMPUTE_64F_PEDANTIC) {
    if (type_a != CUDA_R_64F || type_b != CUDA_R_64F || type_c != CUDA_R_64F)
      return CUBLAS_STATUS_NOT_SUPPORTED;
    return gemm<double>(h, ta, tb, m, n, k, static_cast<const double*>(alpha), static_cast<const double*>(a),
                        lda, static_cast<const double*>(b), ldb, static_cast<const double*>(beta),
                        static_cast<double*>(c), ldc);
  }
  const auto entered = lock();
  if (const auto status = blas_ready(h); status != CUBLAS_STATUS_SUCCESS) return status;
  // The table of cublasGemmEx: a and b alike, c as they are or float.
  const bool pair = type_a == type_b && (type_a == CUDA_R_32F || type_a == CUDA_R_16BF);
  if (!pair || (type_c != type_a && type_c != CUDA_R_32F)) return CUBLAS_STATUS_NOT_SUPPORTED;
  const product p = make_product(ta, tb, m, n, k, a, width_of(type_a), lda, b, width_of(type_b), ldb, c,
                                 width_of(type_c), ldc);
  if (!well_formed(p) || alpha == nullptr || beta == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (m == 0 || n == 0) return CUBLAS_STATUS_SUCCESS;
  const bool tf32 = type_a == CUDA_R_32F &&
                    (compute == CUBLAS_COMPUTE_32F_FAST_TF32 || h->math == CUBLAS_TF32_TENSOR_OP_MATH);
  enqueue(h->stream, [p, tf32, x = *static_cast<const float*>(alpha), y = *static_cast<const float*>(beta)] {
    if (all_there("cublasGemmEx", {p.a, p.b, p.c})) multiply_mixed(p, x, y, tf32);
  });
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSsyrk(cublasHandle_t h, cublasFillMode_t fill, cublasOperation_t t, int n, int k,
                           const float* alpha, const float* a, int lda, const float* beta, float* c,
                           int ldc) {
  return syrk<float>(h, fill, t, n, k, alpha, a, lda, beta, c, ldc);
}
cublasStatus_t cublasDsyrk(cublasHandle_t h, cublasFillMode_t fill, cublasOperation_t t, int n, int k,
                           const double* alpha, const double* a, int lda, const double* beta, double* c,
                           int ldc) {
  return syrk<double>(h, fill, t, n, k, alpha, a, lda, beta, c, ldc);
}
cublasStatus_t cublasStrsm(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t fill,
                           cublasOperation_t t, cublasDiagType_t diag, int m, int n, const float* alpha,
                           const float* a, int lda, float* b, int ldb) {
  return trsm<float>(h, side, fill, t, diag, m, n, alpha, a, lda, b, ldb);
}
cublasStatus_t cublasDtrsm(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t fill,
                           cublasOperation_t t, cublasDiagType_t diag, int m, int n, const double* alpha,
                           const double* a, int lda, double* b, int ldb) {
  return trsm<double>(h, side, fill, t, diag, m, n, alpha, a, lda, b, ldb);
}

// --- cuSOLVER
// --------------------------------------------------------------------------------------------------------

namespace {

cusolverStatus_t solver_ready(cusolverDnHandle_t h, cusolverDnParams_t p) {
  if (alive<cusolverDnContext>().count(h) == 0 || alive<cusolverDnParams>().count(p) == 0)
    return CUSOLVER_STATUS_NOT_INITIALIZED;
  if (broken() || !is_stream(h->stream)) return CUSOLVER_STATUS_EXECUTION_FAILED;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t solver_call(cusolverDnHandle_t h, cusolverDnParams_t p) {
  if (const auto status = injected(call::solver)) return static_cast<cusolverStatus_t>(*status);
  if (const auto status = solver_ready(h, p); status != CUSOLVER_STATUS_SUCCESS) return status;
  count_dense_call();
  return CUSOLVER_STATUS_SUCCESS;
}
bool is_real(cudaDataType t) { return t == CUDA_R_32F || t == CUDA_R_64F; }

struct workspace {
  std::size_t device, host;
};
workspace potrf_workspace(std::int64_t n, cudaDataType t) {
  return {static_cast<std::size_t>(64 * n + 32) * width_of(t), static_cast<std::size_t>(8 * n + 40)};
}
workspace syevd_workspace(std::int64_t n, cudaDataType t) {
  return {static_cast<std::size_t>(2 * n * n + 6 * n + 1) * width_of(t),
          static_cast<std::size_t>(24 * n + 56)};
}

/// What the caller lent is used: nothing else of value may lie there.
bool use_workspace(const char* what, workspace needed, void* device, std::size_t device_bytes, void* host,
                   std::size_t host_bytes, const int* info) {
  if (device_bytes < needed.device || host_bytes < needed.host || device == nullptr || host == nullptr ||
      info == nullptr)
    return false;
  if (!on_device(device, device_bytes) || !on_device(info, sizeof(int)) || on_device(host, 1)) {
    defect(cudaErrorIllegalAddress,
           std::string(what) + " was given a workspace or an info in the wrong memory");
    return false;
  }
  std::memset(host, 0xFF, host_bytes);
  return true;
}

/// Lower Cholesky. Returns 1 + the first column without a positive pivot. A NaN passes, as it may on a
/// device.
template <class T>
int factor(T* a, extent n, extent lda) {
  for (extent j = 0; j < n; ++j) {
    T* const column = a + j * lda;
    for (extent k = 0; k < j; ++k) {
      const T* const left = a + k * lda;
      const T x = left[j];
      for (extent i = j; i < n; ++i) column[i] -= left[i] * x;
    }
    if (column[j] <= T{0}) return static_cast<int>(j) + 1;
    const T root = std::sqrt(column[j]);
    for (extent i = j; i < n; ++i) column[i] /= root;
  }
  return 0;
}

template <class F>
void with_type(cudaDataType t, const F& f) {
  if (t == CUDA_R_32F)
    f(float{});
  else
    f(double{});
}

}  // namespace

cusolverStatus_t cusolverGetVersion(int* version) {
  *version = 12000;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* h) {
  const auto entered = lock();
  if (const auto status = injected(call::solver_create)) return static_cast<cusolverStatus_t>(*status);
  if (broken()) return CUSOLVER_STATUS_NOT_INITIALIZED;
  make(h);
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t h) {
  const auto entered = lock();
  return destroy(h) ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_NOT_INITIALIZED;
}
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t h, cudaStream_t stream) {
  const auto entered = lock();
  if (alive<cusolverDnContext>().count(h) == 0) return CUSOLVER_STATUS_NOT_INITIALIZED;
  if (!is_stream(stream)) return CUSOLVER_STATUS_INVALID_VALUE;
  h->stream = stream;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* p) {
  const auto entered = lock();
  make(p);
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t p) {
  const auto entered = lock();
  return destroy(p) ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_NOT_INITIALIZED;
}

cusolverStatus_t cusolverDnXpotrf_bufferSize(cusolverDnHandle_t h, cusolverDnParams_t p, cublasFillMode_t,
                                             std::int64_t n, cudaDataType t, const void* a, std::int64_t lda,
                                             cudaDataType compute, std::size_t* device_bytes,
                                             std::size_t* host_bytes) {
  const auto entered = lock();
  if (const auto status = solver_ready(h, p); status != CUSOLVER_STATUS_SUCCESS) return status;
  if (!is_real(t) || compute != t || !argument{a, n, n, lda, width_of(t)}.well_formed())
    return CUSOLVER_STATUS_INVALID_VALUE;
  const workspace w = potrf_workspace(n, t);
  *device_bytes = w.device;
  *host_bytes = w.host;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnXpotrf(cusolverDnHandle_t h, cusolverDnParams_t p, cublasFillMode_t fill,
                                  std::int64_t n, cudaDataType t, void* a, std::int64_t lda,
                                  cudaDataType compute, void* device_memory, std::size_t device_bytes,
                                  void* host_memory, std::size_t host_bytes, int* info) {
  const auto entered = lock();
  if (const auto status = solver_call(h, p); status != CUSOLVER_STATUS_SUCCESS) return status;
  const argument all{a, n, n, lda, width_of(t)};
  if (!is_real(t) || compute != t || !all.well_formed()) return CUSOLVER_STATUS_INVALID_VALUE;
  if (fill != CUBLAS_FILL_MODE_LOWER) return CUSOLVER_STATUS_NOT_SUPPORTED;
  if (!use_workspace("cusolverDnXpotrf", potrf_workspace(n, t), device_memory, device_bytes, host_memory,
                     host_bytes, info))
    return broken() ? CUSOLVER_STATUS_EXECUTION_FAILED : CUSOLVER_STATUS_INVALID_VALUE;
  enqueue(h->stream, [=] {
    if (!all_there("cusolverDnXpotrf", {all})) return;
    std::memset(device_memory, 0xFF, device_bytes);
    with_type(t, [&](auto zero) { *info = factor(static_cast<decltype(zero)*>(a), n, lda); });
  });
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnXpotrs(cusolverDnHandle_t h, cusolverDnParams_t p, cublasFillMode_t fill,
                                  std::int64_t n, std::int64_t columns, cudaDataType t, const void* a,
                                  std::int64_t lda, cudaDataType type_b, void* b, std::int64_t ldb,
                                  int* info) {
  const auto entered = lock();
  if (const auto status = solver_call(h, p); status != CUSOLVER_STATUS_SUCCESS) return status;
  const argument left{a, n, n, lda, width_of(t)}, right{b, n, columns, ldb, width_of(type_b)};
  if (!is_real(t) || type_b != t || !left.well_formed() || !right.well_formed() || info == nullptr)
    return CUSOLVER_STATUS_INVALID_VALUE;
  if (fill != CUBLAS_FILL_MODE_LOWER) return CUSOLVER_STATUS_NOT_SUPPORTED;
  enqueue(h->stream, [=] {
    if (!all_there("cusolverDnXpotrs", {left, right, {info, 1, 1, 1, sizeof(int)}})) return;
    *info = 0;
    with_type(t, [&](auto zero) {
      using T = decltype(zero);
      for (const bool turned : {false, true})
        solve<T>(turned, n, columns, static_cast<const T*>(a), lda, static_cast<T*>(b), ldb);
    });
  });
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t h, cusolverDnParams_t p, cusolverEigMode_t,
                                             cublasFillMode_t, std::int64_t n, cudaDataType t, const void* a,
                                             std::int64_t lda, cudaDataType type_w, const void*,
                                             cudaDataType compute, std::size_t* device_bytes,
                                             std::size_t* host_bytes) {
  const auto entered = lock();
  if (const auto status = solver_ready(h, p); status != CUSOLVER_STATUS_SUCCESS) return status;
  if (!is_real(t) || compute != t || type_w != t || !argument{a, n, n, lda, width_of(t)}.well_formed())
    return CUSOLVER_STATUS_INVALID_VALUE;
  const workspace w = syevd_workspace(n, t);
  *device_bytes = w.device;
  *host_bytes = w.host;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t h, cusolverDnParams_t p, cusolverEigMode_t mode,
                                  cublasFillMode_t fill, std::int64_t n, cudaDataType t, void* a,
                                  std::int64_t lda, cudaDataType type_w, void* w, cudaDataType compute,
                                  void* device_memory, std::size_t device_bytes, void* host_memory,
                                  std::size_t host_bytes, int* info) {
  const auto entered = lock();
  if (const auto status = solver_call(h, p); status != CUSOLVER_STATUS_SUCCESS) return status;
  const argument all{a, n, n, lda, width_of(t)}, values{w, n, 1, std::max<std::int64_t>(1, n), width_of(t)};
  if (!is_real(t) || compute != t || type_w != t || !all.well_formed()) return CUSOLVER_STATUS_INVALID_VALUE;
  if (fill != CUBLAS_FILL_MODE_LOWER || mode != CUSOLVER_EIG_MODE_VECTOR)
    return CUSOLVER_STATUS_NOT_SUPPORTED;
  if (!use_workspace("cusolverDnXsyevd", syevd_workspace(n, t), device_memory, device_bytes, host_memory,
                     host_bytes, info))
    return broken() ? CUSOLVER_STATUS_EXECUTION_FAILED : CUSOLVER_STATUS_INVALID_VALUE;
  enqueue(h->stream, [=] {
    if (!all_there("cusolverDnXsyevd", {all, values})) return;
    std::memset(device_memory, 0xFF, device_bytes);
    with_type(t, [&](auto zero) {
      using T = decltype(zero);
      *info = eigenvectors<T>(static_cast<T*>(a), n, lda, static_cast<T*>(w)) ? 0 : 1;
    });
  });
  return CUSOLVER_STATUS_SUCCESS;
}
