#pragma once
// SPDX-License-Identifier: MIT

/// The two kernels of the GPU backend, the team of `for_each_column`, and the few bodies it needs itself.

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "ssl/backend/composed.hpp"
#include "ssl/core/fn.hpp"
#include "ssl/core/view.hpp"

namespace ssl::cuda {

/// Blocks for `count` items at `each` items a block; kernels stride over what is left.
inline unsigned blocks(index count, index each) {
  return static_cast<unsigned>(std::clamp<index>((count + each - 1) / each, 1, index{1} << 20));
}

/// A thread block on one column. Its members run on the device only; on the host they do nothing, and are
/// there so that a functor may be compiled for both.
class block_team {
 public:
  static constexpr int threads = 128;  // a power of two

  /// body(i) for i in [0, count), strided over the threads; everything written is visible to the block
  /// afterwards.
  template <class Body>
  SSL_FN void for_each([[maybe_unused]] index count, [[maybe_unused]] const Body& body) const {
#if defined(__CUDA_ARCH__)
    for (index i = static_cast<index>(threadIdx.x); i < count; i += threads) body(i);
    __syncthreads();
#endif
  }

  /// fold(init, body(0), ..., body(count - 1)), the same value for every thread, in an order fixed by count:
  /// threads over their strides, then the lanes of a warp, then the warps.
  template <class V, class Fold, class Body>
  SSL_FN V reduce([[maybe_unused]] index count, V init, [[maybe_unused]] const Fold& fold,
                  [[maybe_unused]] const Body& body) const {
#if defined(__CUDA_ARCH__)
    constexpr int warps = threads / 32;
    alignas(16) __shared__ unsigned char memory[warps * sizeof(V)];
    V* const of_warp = reinterpret_cast<V*>(memory);
    const int me = static_cast<int>(threadIdx.x);
    V mine = Fold::template identity<V>();
#if defined(__CUDACC__)
#pragma unroll 4
#endif
    for (index i = me; i < count; i += threads) mine = fold(mine, static_cast<V>(body(i)));
    for (int lanes = 16; lanes > 0; lanes /= 2) mine = fold(mine, from_lane_above(mine, lanes));
    if (me % 32 == 0) of_warp[me / 32] = mine;
    __syncthreads();
    V result = of_warp[0];
    for (int w = 1; w < warps; ++w) result = fold(result, of_warp[w]);
    __syncthreads();  // before a later call writes there
    return fold(init, result);
#else
    return init;
#endif
  }

 private:
#if defined(__CUDA_ARCH__)
  /// The value of the lane `lanes` above; undefined past the warp's last.
  template <class V>
  SSL_FN static V from_lane_above(const V& value, int lanes) {
    using word = std::conditional_t<sizeof(V) % 8 == 0, unsigned long long, unsigned>;
    static_assert(std::is_trivially_copyable_v<V>);
    word words[(sizeof(V) + sizeof(word) - 1) / sizeof(word)] = {};
    V out = value;
    memcpy(words, &value, sizeof(V));
    for (word& w : words) w = __shfl_down_sync(0xffffffffu, w, static_cast<unsigned>(lanes));
    memcpy(&out, words, sizeof(V));
    return out;
  }
#endif
};

inline constexpr int item_threads = 256;

template <class Body>
__global__ void __launch_bounds__(item_threads) item_kernel(index count, const Body body) {
  const index stride = index{gridDim.x} * item_threads;
  for (index k = index{blockIdx.x} * item_threads + threadIdx.x; k < count; k += stride) body(k);
}

template <class F>
__global__ void __launch_bounds__(block_team::threads) column_kernel(index count, const F f) {
  for (index j = blockIdx.x; j < count; j += gridDim.x) {
    f(block_team{}, j);
    __syncthreads();
  }
}

/// c(j, i) = c(i, j) for i > j.
template <class T>
struct mirror_lower {
  matrix_view<T, device_space> c;
  SSL_FN void operator()(index k) const {
    const detail::position at = detail::position_of(k, c.rows);
    if (at.i < at.j) c(at.i, at.j) = c(at.j, at.i);
  }
};

template <class U>
struct read_transposed {  // x(j, i)
  matrix_view<const U, device_space> x;
  SSL_FN U operator()(index i, index j) const { return x(j, i); }
};
template <class U>
struct add_transposed {  // y + x(j, i)
  matrix_view<const U, device_space> x;
  SSL_FN float operator()(index i, index j, float y) const { return y + static_cast<float>(x(j, i)); }
};

/// 0 where the library's status is 0, else 1.
template <class T>
struct report_info {
  const int* status;
  SSL_FN T operator()() const { return *status == 0 ? T{0} : T{1}; }
};

/// 0 where the status is 0 and the factor's diagonal is finite, else 1: a NaN must not pass as a success.
template <class T>
struct report_factor {
  matrix_view<T, device_space> factor;
  const int* status;
  matrix_view<T, device_space> info;

  template <class Team>
  SSL_FN void operator()(const Team& team, index) const {
    const int bad = team.reduce(factor.rows, 0, fn::plus{}, [&](index i) {
      const T x = factor(i, i);
      return x - x == T{0} ? 0 : 1;
    });
    team.for_each(1, [&](index) { info(0, 0) = *status == 0 && bad == 0 ? T{0} : T{1}; });
  }
};

}  // namespace ssl::cuda
