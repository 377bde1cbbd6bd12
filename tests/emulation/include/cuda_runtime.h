#pragma once
// What nvcc gives to device code, for a plain C++ compiler: see ../threads.cpp for how the threads of a block
// run.

#include <cuda_runtime_api.h>

#include <cstring>
#include <type_traits>

#define __global__
#define __host__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static  // one block runs at a time

struct emulated_index {
  unsigned x, y, z;
};
extern emulated_index threadIdx, blockIdx, blockDim, gridDim;
inline constexpr int warpSize = 32;

void __syncthreads();
void __syncwarp(unsigned mask = 0xFFFFFFFFu);

/// Leaves `bytes` bytes, then takes those of another lane of the warp, its own where there is no such lane.
void emulated_exchange(void* value, std::size_t bytes, int lane);
/// The caller's place in its warp.
int emulated_lane();

template <class T>
T emulated_take(T value, int lane) {
  static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                "a shuffle moves 4 or 8 bytes");
  emulated_exchange(&value, sizeof value, lane);
  return value;
}
template <class T>
T __shfl_sync(unsigned, T value, int from, int width = warpSize) {
  return emulated_take(value, emulated_lane() / width * width + from % width);
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned by, int width = warpSize) {
  const int me = emulated_lane(), from = me + static_cast<int>(by);
  return emulated_take(value, from / width == me / width ? from : me);
}
template <class T>
T __shfl_up_sync(unsigned, T value, unsigned by, int width = warpSize) {
  const int me = emulated_lane(), from = me - static_cast<int>(by);
  return emulated_take(value, from >= me / width * width ? from : me);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int with, int width = warpSize) {
  const int me = emulated_lane(), from = me ^ with;
  return emulated_take(value, from / width <= me / width ? from : me);
}
