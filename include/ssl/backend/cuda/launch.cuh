#pragma once
/// How a kernel of the GPU backend starts.

#include <algorithm>
#include <type_traits>

#include "ssl/backend/cuda/handles.cuh"

namespace ssl::cuda {

/// Blocks for `count` items at `each` items a block; kernels stride over what is left.
inline unsigned blocks(index count, index each) {
  return static_cast<unsigned>(std::clamp<index>((count + each - 1) / each, 1, index{1} << 20));
}

/// Queues kernel(arguments...) on a stream. Throws backend_error, naming `what`, where the device refuses it;
/// what goes wrong while it runs shows at the next wait.
template <class... Parameters>
void launch(const char* what, void (*kernel)(Parameters...), unsigned block_count, int threads,
            cudaStream_t stream, const std::type_identity_t<Parameters>&... arguments) {
  kernel<<<block_count, static_cast<unsigned>(threads), 0, stream>>>(arguments...);
  check(cudaGetLastError(), what);
}

}  // namespace ssl::cuda
