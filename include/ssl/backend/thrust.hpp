#pragma once
// SPDX-License-Identifier: MIT

/// The elementwise verbs on any of Thrust's systems (serial, OpenMP, TBB, CUDA), with the rest taken from
/// another backend. The system is the one that THRUST_DEVICE_SYSTEM names. On a CPU system a plain C++
/// compiler runs the functors and the index arithmetic that a GPU would run.

#include <thrust/execution_policy.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>

#include <cstddef>
#include <utility>

#include "ssl/backend/composed.hpp"
#include "ssl/backend/team.hpp"
#include "ssl/backend/verbs.hpp"

namespace ssl {

namespace detail {

template <class F>
struct column_item {  // one column to one thread
  F f;
  SSL_FN void operator()(index j) const { f(serial_team{}, j); }
};

}  // namespace detail

/// Models `Backend`. `Dense` gives the memory space, the dense verbs, allocation and transfers, and may give
/// an execution policy as `policy()`; a backend such as eigen_backend is one as it stands.
/// Verbs allocate nothing, except that the memory for partial folds grows to the largest it ever was.
template <std::floating_point T, class Dense>
class thrust_backend : private Dense {
 public:
  using scalar = T;
  using space = typename Dense::space;

  explicit thrust_backend(Dense dense = Dense{}) : Dense(std::move(dense)) {}

  static constexpr const char* name() { return "thrust"; }

  template <class U, class F, class... Ts>
  void map(matrix_view<U, space> out, F f, matrix_view<const Ts, space>... in) {
    for_each(out.size(), detail::make_map_item(out, f, in...));
  }
  template <class Acc, class Fold, class F, class... Ts>
  void map_reduce(matrix_view<Acc, space> out, Fold fold, F f, matrix_view<const Ts, space>... in) {
    detail::composed_map_reduce(
        *this, [this](index bytes) { return work(bytes); }, out, fold, f, in...);
  }
  template <class F>
  void for_each_column(index count, F f) {
    for_each(count, detail::column_item<F>{f});
  }

  using Dense::allocate;
  using Dense::allocations;
  using Dense::cholesky;
  using Dense::cholesky_solve;
  using Dense::download;
  using Dense::eigh;
  using Dense::gemm;
  using Dense::syrk;
  using Dense::triangular_solve;
  using Dense::upload;
  using Dense::wait;

 private:
  template <class Body>
  void for_each(index count, const Body& body) {
    const thrust::counting_iterator<index> first(0);
    if constexpr (requires(const Dense& d) { d.policy(); }) {
      thrust::for_each_n(Dense::policy(), first, count, body);
    } else {
      thrust::for_each_n(thrust::device, first, count, body);
    }
  }

  void* work(index bytes) {
    if (work_.size() < bytes)
      work_ = this->template allocate<std::byte>(bytes + bytes / 4, "a verb's workspace");
    return work_.all().data;
  }

  using buffer = decltype(std::declval<Dense&>().template allocate<std::byte>(index{}));
  buffer work_;
};

}  // namespace ssl
