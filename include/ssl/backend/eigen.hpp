#pragma once
// SPDX-License-Identifier: MIT

/// The CPU backend: Eigen for dense algebra, OpenMP (where enabled) for everything else. The only header of
/// the library that brings Eigen in; nothing else in the library includes it.

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "ssl/backend/eigen/conv.hpp"
#include "ssl/backend/eigen/dense.hpp"
#include "ssl/backend/eigen/describe.hpp"
#include "ssl/backend/eigen/elementwise.hpp"
#include "ssl/backend/eigen/factor.hpp"
#include "ssl/backend/eigen/parallel.hpp"
#include "ssl/backend/profile.hpp"
#include "ssl/backend/team.hpp"
#include "ssl/backend/verbs.hpp"
#include "ssl/core/error.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ssl {

/// Owned host memory, uninitialised: aligned to 64 bytes or, from 4 MiB on, to 2 MiB, where Linux is asked
/// for huge pages: products of large matrices are up to a third faster with them.
template <class T>
class host_buffer {
 public:
  host_buffer() = default;
  /// Throws out_of_memory.
  explicit host_buffer(index count, const std::string& purpose = "a matrix")
      : data_(nullptr, {count}), count_(count) {
    if (count <= 0) return;
    const free_aligned memory{count};
    void* const start = ::operator new(memory.bytes(), memory.alignment(), std::nothrow);
    if (!start)
      throw out_of_memory("ssl: out of memory: " + bytes_text(static_cast<double>(memory.bytes())) +
                          " were asked for " + purpose);
#if defined(MADV_HUGEPAGE)
    if (memory.large()) ::madvise(start, memory.bytes(), MADV_HUGEPAGE);  // a wish; refused, nothing changes
#endif
    data_.reset(static_cast<T*>(start));
  }

  /// Everything as one column (count, 1).
  matrix_view<T, host_space> all() const { return {data_.get(), count_, 1, count_}; }
  /// The first rows * cols elements as a matrix.
  matrix_view<T, host_space> as(index rows, index cols) const { return {data_.get(), rows, cols, rows}; }
  index size() const { return count_; }

 private:
  struct free_aligned {
    index count = 0;
    std::size_t bytes() const { return static_cast<std::size_t>(count) * sizeof(T); }
    bool large() const { return bytes() >= std::size_t{1} << 22; }
    std::align_val_t alignment() const { return std::align_val_t{large() ? std::size_t{1} << 21 : 64}; }
    void operator()(T* p) const { ::operator delete(static_cast<void*>(p), alignment()); }
  };

  std::unique_ptr<T[], free_aligned> data_;
  index count_ = 0;
};

/// Models `Backend` and offers the wide verbs `conv2d_forward` and `conv2d_backward`.
/// Not thread-safe: one backend object per thread of control; its verbs use `threads()` threads inside.
template <std::floating_point T>
class eigen_backend {
 public:
  using scalar = T;
  using space = host_space;
  using matrix = matrix_view<T, host_space>;
  using const_matrix = matrix_view<const T, host_space>;

  /// `threads` = 0 takes what OpenMP offers. Also sets the threads of Eigen's own products, which are global.
  explicit eigen_backend(int threads = 0) : threads_(threads > 0 ? threads : cpu::hardware_threads()) {
    Eigen::setNbThreads(threads_);
  }

  static constexpr const char* name() { return "eigen"; }
  int threads() const { return threads_; }
  /// What computes here, in one line: instruction set, products, convolutions, threads.
  std::string description() const { return cpu::describe<T>("the library's own", threads_); }
  /// Allocations made through this object so far. Eigen's own packing buffers are not counted.
  index allocations() const { return allocations_; }
  /// From now on every verb adds its time to `to`; null for none. The profile must outlive that.
  void record_into(profile* to) { profile_ = to; }

  template <class U, class F, class... Ts>
  void map(matrix_view<U, host_space> out, F f, matrix_view<const Ts, host_space>... in) {
    const profile::span timed = watch<F>("map", out, in...);
    cpu::map(threads_, out, f, in...);
  }
  template <class Acc, class Fold, class F, class... Ts>
  void map_reduce(matrix_view<Acc, host_space> out, Fold fold, F f, matrix_view<const Ts, host_space>... in) {
    const profile::span timed = watch<F>("map_reduce", in...);
    cpu::map_reduce(
        threads_, [this](index count) { return work<Acc>(count); }, out, fold, f, in...);
  }
  template <class F>
  void for_each_column(index count, F f) {
    const profile::span timed = watch<F>("for_each_column");
    const index parts = count < 4 * threads_ ? count : std::min<index>(count, 16 * threads_);
    cpu::parallel_for(threads_, parts, [&](index k) {
      const cpu::range r = cpu::part(count, parts, k);
      for (index j = r.first; j < r.last; ++j) f(serial_team{}, j);
    });
  }

  template <class U>
  void gemm(trans ta, trans tb, std::type_identity_t<U> alpha, matrix_view<const U, host_space> a,
            matrix_view<const U, host_space> b, std::type_identity_t<U> beta, matrix_view<U, host_space> c) {
    const profile::span timed =
        watch_dense<U>("gemm", {c.rows, c.cols, ta == trans::no ? a.cols : a.rows}, 2);
    cpu::gemm<U>(ta, tb, alpha, a, b, beta, c);
  }
  template <class U>
  void syrk(trans op, std::type_identity_t<U> alpha, matrix_view<const U, host_space> a,
            std::type_identity_t<U> beta, matrix_view<U, host_space> c) {
    const profile::span timed =
        watch_dense<U>("syrk", {c.rows, c.cols, op == trans::no ? a.cols : a.rows}, 1);
    cpu::syrk<U>(threads_, op, alpha, a, beta, c);
  }

  template <class U>
  void cholesky(matrix_view<U, host_space> a, matrix_view<U, host_space> info) {
    const profile::span timed = watch_dense<U>("cholesky", {a.rows, a.rows, a.rows}, 1.0 / 3);
    info(0, 0) = cpu::cholesky<U>(threads_, a) ? U{0} : U{1};
  }
  template <class U>
  void cholesky_solve(matrix_view<const U, host_space> l, matrix_view<U, host_space> b) {
    const profile::span timed = watch_dense<U>("cholesky_solve", {l.rows, b.cols, l.rows}, 2);
    cpu::cholesky_solve<U>(threads_, l, b);
  }
  template <class U>
  void triangular_solve(trans op, matrix_view<const U, host_space> l, matrix_view<U, host_space> b) {
    const profile::span timed = watch_dense<U>("triangular_solve", {l.rows, b.cols, l.rows}, 1);
    cpu::triangular_solve<U>(threads_, op, l, b);
  }
  template <class U>
  void eigh(matrix_view<U, host_space> a, matrix_view<U, host_space> w, matrix_view<U, host_space> info) {
    const profile::span timed = watch_dense<U>("eigh", {a.rows, a.rows, a.rows}, 0);
    Eigen::SelfAdjointEigenSolver<cpu::dense<U>> solver(cpu::eigen_map(a));
    info(0, 0) = solver.info() == cpu::succeeded ? U{0} : U{1};
    cpu::eigen_map(a) = solver.eigenvectors();
    cpu::eigen_map(w) = solver.eigenvalues();
  }

  /// y = W * x, feature maps as (channels, pixels), weights as conv_geometry has them. `=`.
  void conv2d_forward(const conv_geometry& g, const_matrix x, const_matrix weights, matrix y) {
    require_contiguous("conv2d_forward", x, weights, y);
    if (y.size() == 0) return;
    const cpu::conv_way way = cpu::choose_way(g, x.cols / g.in.pixels(), winograd_);
    const profile::span timed = watch_convolution(cpu::verbs_of(way).forward, g, x.cols, 1);
    cpu::conv_forward<T>(way, threads_, memory(), g, x, weights, y);
  }
  /// dx = gradient of the input (left out where dx is empty), dweights += gradient of the weights.
  void conv2d_backward(const conv_geometry& g, const_matrix x, const_matrix weights, const_matrix dy,
                       matrix dx, matrix dweights) {
    require_contiguous("conv2d_backward", x, weights, dy, dx, dweights);
    if (dy.size() == 0) return;
    const cpu::conv_way way = cpu::choose_way(g, x.cols / g.in.pixels(), winograd_);
    {
      const profile::span timed = watch_convolution(cpu::verbs_of(way).weight_gradient, g, x.cols, 1);
      cpu::conv_weight_gradient<T>(way, threads_, memory(), g, x, dy, dweights);
    }
    if (!dx.data) return;
    const profile::span timed = watch_convolution(cpu::verbs_of(way).input_gradient, g, x.cols, 1);
    cpu::conv_input_gradient<T>(way, threads_, memory(), g, weights, dy, dx);
  }

  /// Whether 3x3 convolutions with stride 1 may go by Winograd's filtering, where that is faster: on by
  /// default. Its rounding errors are larger; see backend/eigen/winograd.hpp.
  void use_winograd(bool on) { winograd_ = on; }
  /// How n images of this shape are convolved, and their gradients: "direct", "winograd 2x2" or "winograd
  /// 4x4".
  const char* convolution_of(const conv_geometry& g, index n) const {
    return cpu::name_of(cpu::choose_way(g, n, winograd_));
  }

  template <class U>
  void upload(matrix_view<const U, host_space> from, matrix_view<U, host_space> to) {
    move(from, to);
  }
  template <class U>
  void download(matrix_view<const U, host_space> from, matrix_view<U, host_space> to) {
    move(from, to);
  }
  void wait() {}

  /// The purpose ends the phrase "were asked for ..." of an out_of_memory.
  template <class U = T>
  host_buffer<U> allocate(index count, const std::string& purpose = "a matrix") {
    ++allocations_;
    return host_buffer<U>(count, purpose);
  }

 protected:
  template <class... V>
  static void require_contiguous(const char* verb, const V&... m) {
    detail::demand((m.contiguous() && ...), verb, "a matrix is not contiguous; maps and weights must be");
  }
  profile::span watch_convolution(const char* verb, const conv_geometry& g, index columns, int passes) const {
    return {profile_, [&] { return conv_operation(verb, g, columns / g.in.pixels(), passes, sizeof(T)); }};
  }

 private:
  template <class F, class... U>
  profile::span watch(const char* verb, matrix_view<U, host_space>... m) const {
    return {profile_, [&] {
              return operation{verb,
                               detail::spelled<F>(),
                               {},
                               0,
                               (0.0 + ... + static_cast<double>(m.size() * static_cast<index>(sizeof(U))))};
            }};
  }
  /// m n k `times` flops.
  template <class U>
  profile::span watch_dense(const char* verb, std::array<index, 3> shape, double times) const {
    return {profile_, [&] { return dense_operation(verb, shape, times, sizeof(U)); }};
  }

  template <class U>
  static void move(matrix_view<const U, host_space> from, matrix_view<U, host_space> to) {
    if (from.rows != to.rows || from.cols != to.cols)
      throw shape_error("ssl: a matrix of " + detail::extent(from) + " cannot be copied into one of " +
                        detail::extent(to));
    if (from.size() == 0) return;
    for (index j = 0; j < from.cols; ++j)
      std::memcpy(to.column(j), from.column(j), static_cast<std::size_t>(from.rows) * sizeof(U));
  }

  /// Memory that one verb needs while it runs; grows, never shrinks.
  template <class U>
  U* work(index count) {
    const index bytes = count * static_cast<index>(sizeof(U));
    if (work_.size() < bytes) work_ = allocate<std::byte>(bytes + bytes / 4, "a verb's workspace");
    return reinterpret_cast<U*>(work_.all().data);
  }

  auto memory() {
    return [this](index count) { return work<T>(count); };
  }

  int threads_;
  bool winograd_ = true;
  index allocations_ = 0;
  profile* profile_ = nullptr;
  host_buffer<std::byte> work_;
};

/// What thrust_backend takes its dense verbs, memory and transfers from on a CPU.
template <std::floating_point T>
using eigen_dense = eigen_backend<T>;

}  // namespace ssl
