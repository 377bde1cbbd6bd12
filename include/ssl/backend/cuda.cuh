#pragma once
// SPDX-License-Identifier: MIT

/// The GPU backend: one stream, own kernels for the elementwise verbs, cuBLAS and cuSOLVER for dense algebra.
/// For .cu files only. Link cudart, cublas and cusolver.

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "ssl/backend/composed.hpp"
#include "ssl/backend/cuda/handles.cuh"
#include "ssl/backend/cuda/kernels.cuh"
#include "ssl/backend/cuda/launch.cuh"
#include "ssl/backend/cuda/memory.cuh"
#include "ssl/backend/verbs.hpp"

namespace ssl {

struct cuda_options {
  bool tf32 = false;  // let float products round their inputs to 10 bits of mantissa
};

/// Models `Backend` on the device that is current when it is made, which must stay current while it is used.
/// Verbs queue work on one stream and return; `wait` is where the host meets the device, and where an error
/// of a kernel shows. A failed call throws backend_error. Not thread-safe: one object per thread of control.
template <std::floating_point T>
class cuda_backend {
 public:
  using scalar = T;
  using space = device_space;

  explicit cuda_backend(cuda_options options = {}) : handles_(options.tf32) {}

  static constexpr const char* name() { return "cuda"; }
  cudaStream_t stream() const { return handles_.stream.get(); }
  /// Allocations made through this object so far. What cuBLAS and cuSOLVER keep for themselves is not
  /// counted.
  index allocations() const { return allocations_; }

  template <class U, class F, class... Ts>
  void map(matrix_view<U, device_space> out, F f, matrix_view<const Ts, device_space>... in) {
    for_each(out.size(), detail::make_map_item(out, f, in...));
  }
  template <class Acc, class Fold, class F, class... Ts>
  void map_reduce(matrix_view<Acc, device_space> out, Fold fold, F f,
                  matrix_view<const Ts, device_space>... in) {
    detail::composed_map_reduce(
        *this, [this](index bytes) { return work(work_, bytes); }, out, fold, f, in...);
  }
  template <class F>
  void for_each_column(index count, F f) {
    cuda::launch("the launch of for_each_column", cuda::column_kernel<F>, cuda::blocks(count, 1),
                 cuda::block_team::threads, stream(), count, f);
  }

  template <class U>
  void gemm(trans ta, trans tb, std::type_identity_t<U> alpha, matrix_view<const U, device_space> a,
            matrix_view<const U, device_space> b, std::type_identity_t<U> beta,
            matrix_view<U, device_space> c) {
    const index k = ta == trans::no ? a.cols : a.rows;
    cuda::require_success(cuda::gemm(handles_.blas.get(), cuda::op(ta), cuda::op(tb), cuda::narrow(c.rows),
                                     cuda::narrow(c.cols), cuda::narrow(k), alpha, a.data, cuda::stride(a),
                                     b.data, cuda::stride(b), beta, c.data, cuda::stride(c)),
                          "cublas gemm");
  }
  /// c = alpha op(a) op(b) + beta c with sums in float: the wide verb of products on maps of bf16.
  template <class C>
  requires std::same_as<C, bf16> || std::same_as<C, float>
  void gemm_bf16(trans ta, trans tb, float alpha, matrix_view<const bf16, device_space> a,
                 matrix_view<const bf16, device_space> b, float beta, matrix_view<C, device_space> c) {
    const index k = ta == trans::no ? a.cols : a.rows;
    cuda::require_success(
        cublasGemmEx(handles_.blas.get(), cuda::op(ta), cuda::op(tb), cuda::narrow(c.rows),
                     cuda::narrow(c.cols), cuda::narrow(k), &alpha, a.data, cuda::type<bf16>, cuda::stride(a),
                     b.data, cuda::type<bf16>, cuda::stride(b), &beta, c.data, cuda::type<C>, cuda::stride(c),
                     CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
        "cublasGemmEx");
  }
  template <class U>
  void syrk(trans op, std::type_identity_t<U> alpha, matrix_view<const U, device_space> a,
            std::type_identity_t<U> beta, matrix_view<U, device_space> c) {
    const index k = op == trans::no ? a.cols : a.rows;
    cuda::require_success(cuda::syrk(handles_.blas.get(), cuda::op(op), cuda::narrow(c.rows), cuda::narrow(k),
                                     alpha, a.data, cuda::stride(a), beta, c.data, cuda::stride(c)),
                          "cublas syrk");
    for_each(c.size(), cuda::mirror_lower<U>{c});
  }

  template <class U>
  void cholesky(matrix_view<U, device_space> a, matrix_view<U, device_space> info) {
    auto* const solver = handles_.solver.get();
    auto* const parameters = handles_.parameters.get();
    std::size_t device_bytes = 0, host_bytes = 0;
    cuda::require_success(
        cusolverDnXpotrf_bufferSize(solver, parameters, CUBLAS_FILL_MODE_LOWER, a.rows, cuda::type<U>, a.data,
                                    cuda::stride(a), cuda::type<U>, &device_bytes, &host_bytes),
        "cusolverDnXpotrf_bufferSize");
    const solver_memory memory = solver_work(device_bytes, host_bytes);
    cuda::require_success(cusolverDnXpotrf(solver, parameters, CUBLAS_FILL_MODE_LOWER, a.rows, cuda::type<U>,
                                           a.data, cuda::stride(a), cuda::type<U>, memory.device,
                                           device_bytes, memory.host, host_bytes, memory.info),
                          "cusolverDnXpotrf");
    for_each_column(1, cuda::report_factor<U>{a, memory.info, info});
  }
  template <class U>
  void cholesky_solve(matrix_view<const U, device_space> l, matrix_view<U, device_space> b) {
    const solver_memory memory = solver_work(0, 0);
    cuda::require_success(
        cusolverDnXpotrs(handles_.solver.get(), handles_.parameters.get(), CUBLAS_FILL_MODE_LOWER, l.rows,
                         b.cols, cuda::type<U>, l.data, cuda::stride(l), cuda::type<U>, b.data,
                         cuda::stride(b), memory.info),
        "cusolverDnXpotrs");
  }
  template <class U>
  void triangular_solve(trans op, matrix_view<const U, device_space> l, matrix_view<U, device_space> b) {
    cuda::require_success(cuda::trsm(handles_.blas.get(), cuda::op(op), cuda::narrow(b.rows),
                                     cuda::narrow(b.cols), l.data, cuda::stride(l), b.data, cuda::stride(b)),
                          "cublas trsm");
  }
  template <class U>
  void eigh(matrix_view<U, device_space> a, matrix_view<U, device_space> w,
            matrix_view<U, device_space> info) {
    auto* const solver = handles_.solver.get();
    auto* const parameters = handles_.parameters.get();
    std::size_t device_bytes = 0, host_bytes = 0;
    cuda::require_success(
        cusolverDnXsyevd_bufferSize(solver, parameters, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER,
                                    a.rows, cuda::type<U>, a.data, cuda::stride(a), cuda::type<U>, w.data,
                                    cuda::type<U>, &device_bytes, &host_bytes),
        "cusolverDnXsyevd_bufferSize");
    const solver_memory memory = solver_work(device_bytes, host_bytes);
    cuda::require_success(
        cusolverDnXsyevd(solver, parameters, CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER, a.rows,
                         cuda::type<U>, a.data, cuda::stride(a), cuda::type<U>, w.data, cuda::type<U>,
                         memory.device, device_bytes, memory.host, host_bytes, memory.info),
        "cusolverDnXsyevd");
    map(info, cuda::report_info<U>{memory.info});
  }

  /// Queued: `from` must stay as it is until `wait`.
  template <class U>
  void upload(matrix_view<const U, host_space> from, matrix_view<U, device_space> to) {
    move(from, to, cudaMemcpyHostToDevice);
  }
  /// Queued: `to` is complete after `wait`.
  template <class U>
  void download(matrix_view<const U, device_space> from, matrix_view<U, host_space> to) {
    move(from, to, cudaMemcpyDeviceToHost);
  }
  void wait() { cuda::require_success(cudaStreamSynchronize(stream()), "the work on the device"); }

  /// The purpose ends the phrase "were asked for ..." of an out_of_memory.
  template <class U = T>
  device_buffer<U> allocate(index count, const std::string& purpose = "a matrix") {
    ++allocations_;
    return device_buffer<U>(count, purpose, ledger_);
  }
  /// Page-locked host memory to upload from.
  template <class U = T>
  pinned_buffer<U> allocate_pinned(index count) {
    ++allocations_;
    return pinned_buffer<U>(count);
  }
  /// Bytes of device memory in blocks of this backend that are still alive.
  index held_bytes() const { return ledger_->total(); }
  /// Bytes that the device has left, whoever holds the rest.
  static index free_bytes() {
    std::size_t free = 0, total = 0;
    cuda::require_success(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return static_cast<index>(free);
  }

 private:
  struct solver_memory {
    int* info;
    void* device;
    void* host;
  };

  template <class Body>
  void for_each(index count, const Body& body) {
    cuda::launch("the launch of a map", cuda::item_kernel<Body>, cuda::blocks(count, cuda::item_threads),
                 cuda::item_threads, stream(), count, body);
  }

  template <class From, class To>
  void move(const From& from, const To& to, cudaMemcpyKind kind) {
    if (from.rows != to.rows || from.cols != to.cols)
      throw shape_error("ssl: a matrix of " + detail::extent(from) + " cannot be copied into one of " +
                        detail::extent(to));
    if (from.size() == 0) return;
    constexpr std::size_t width = sizeof(typename To::value_type);
    const auto bytes = [](index count) { return static_cast<std::size_t>(count) * width; };
    if (from.contiguous() && to.contiguous()) {
      cuda::require_success(cudaMemcpyAsync(to.data, from.data, bytes(from.size()), kind, stream()),
                            "cudaMemcpyAsync");
    } else {
      cuda::require_success(
          cudaMemcpy2DAsync(to.data, bytes(cuda::stride(to)), from.data, bytes(cuda::stride(from)),
                            bytes(from.rows), static_cast<std::size_t>(from.cols), kind, stream()),
          "cudaMemcpy2DAsync");
    }
  }

  /// Memory that one verb needs while it runs; grows, never shrinks.
  void* work(device_buffer<std::byte>& memory, index bytes) {
    if (memory.size() < bytes) memory = allocate<std::byte>(bytes + bytes / 4, "a verb's workspace");
    return memory.all().data;
  }

  /// cuSOLVER's status, then its device workspace, in one block; its host workspace beside it.
  solver_memory solver_work(std::size_t device_bytes, std::size_t host_bytes) {
    constexpr index head = 256;
    if (host_work_.size() < host_bytes) host_work_.resize(host_bytes);
    auto* const start = static_cast<std::byte*>(work(work_, head + static_cast<index>(device_bytes)));
    return {reinterpret_cast<int*>(start), start + head, host_work_.data()};
  }

  cuda::handles handles_;
  std::shared_ptr<cuda::ledger> ledger_ = std::make_shared<cuda::ledger>();
  index allocations_ = 0;
  device_buffer<std::byte> work_;
  std::vector<std::byte> host_work_;
};

}  // namespace ssl
