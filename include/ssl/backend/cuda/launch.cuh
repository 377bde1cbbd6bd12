#pragma once
// SPDX-License-Identifier: MIT

/// How a kernel of the GPU backend starts.

#include <type_traits>

#include "ssl/backend/cuda/handles.cuh"

namespace ssl::cuda {

/// Queues kernel(arguments...) on a stream. Throws backend_error, naming `what`, where the device refuses it;
/// what goes wrong while it runs shows at the next wait.
template <class... Parameters>
void launch(const char* what, void (*kernel)(Parameters...), unsigned block_count, int threads,
            cudaStream_t stream, const std::type_identity_t<Parameters>&... arguments) {
  kernel<<<block_count, static_cast<unsigned>(threads), 0, stream>>>(arguments...);
  require_success(cudaGetLastError(), what);
}

}  // namespace ssl::cuda
