#pragma once
// The library's header of this name without nvcc: the kernel becomes a call for each thread.

#include <tuple>
#include <type_traits>

#include "emulation/device.hpp"
#include "ssl/backend/cuda/handles.cuh"

namespace ssl::cuda {

template <class... Parameters>
void launch(const char* what, void (*kernel)(Parameters...), unsigned block_count, int threads,
            cudaStream_t stream, const std::type_identity_t<Parameters>&... arguments) {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "kernel arguments are copied as bytes");
  static_assert((sizeof(Parameters) + ... + 0) <= 4096, "kernel arguments fit the constant bank");
  test::emulation::launch(stream, block_count, static_cast<unsigned>(threads),
                          [kernel, pack = std::tuple<std::remove_const_t<Parameters>...>(arguments...)] {
                            std::apply(kernel, pack);
                          });
  require_success(cudaGetLastError(), what);
}

}  // namespace ssl::cuda
