#pragma once
// SPDX-License-Identifier: MIT

/// The GPU backend with cuDNN's convolutions. For .cu files only; link cudnn beside what cuda.cuh needs.

#include <cudnn.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <map>

#include "ssl/backend/cuda.cuh"
#include "ssl/backend/cuda/convolution.cuh"
#include "ssl/core/bf16.hpp"

namespace ssl {

struct cudnn_options {
  cuda_options cuda{};
  bool deterministic = true;         // the same bits on every run, at some cost of speed
  index workspace = index{1} << 28;  // bytes that one convolution may use beside its maps, at most
};

/// cuda_backend<float> and the wide verbs `conv2d_forward` and `conv2d_backward`, on maps of floats or of
/// bf16 (sums in float). Descriptions and algorithms of a convolution are kept from its first call on; later
/// calls of that size allocate nothing. Weights are transposed on the way in and their gradient on the way
/// out: two passes over the weights, beside many over the maps. On maps of bf16 the gradient of the weights
/// is rounded to it once.
class cudnn_backend : public cuda_backend<float> {
  template <class U>
  using matrix = matrix_view<U, device_space>;
  template <class U>
  using const_matrix = matrix_view<const std::type_identity_t<U>, device_space>;

 public:
  explicit cudnn_backend(cudnn_options options = {})
      : cuda_backend<float>(options.cuda),
        rules_{options.cuda.tf32, options.deterministic, options.workspace} {
    cudnnHandle_t h = nullptr;
    cuda::require_success(cudnnCreate(&h), "cudnnCreate");
    handle_.reset(h);
    cuda::require_success(cudnnSetStream(h, this->stream()), "cudnnSetStream");
  }

  static constexpr const char* name() { return "cudnn"; }

  /// y = W * x, feature maps as (channels, pixels), weights as conv_geometry has them. `=`.
  template <class U>
  requires std::same_as<U, float> || std::same_as<U, bf16>
  void conv2d_forward(const conv_geometry& g, const_matrix<U> x, const_matrix<U> weights, matrix<U> y) {
    const cuda::convolution_plan& plan = plan_for<U>(g, x.cols / g.in.pixels());
    const rooms<U> room = reserve<U>(g, plan.forward.memory);
    map(room.weights, cuda::read_transposed<U>{weights});
    const float one = 1, zero = 0;
    cuda::require_success(
        cudnnConvolutionForward(handle_.get(), &one, plan.x.get(), x.data, plan.weights.get(),
                                room.weights.data, plan.convolution.get(), plan.forward.algo, room.work,
                                plan.forward.memory, &zero, plan.y.get(), y.data),
        "cudnnConvolutionForward");
  }

  /// dx = gradient of the input (left out where dx is empty), dweights += gradient of the weights.
  template <class U>
  requires std::same_as<U, float> || std::same_as<U, bf16>
  void conv2d_backward(const conv_geometry& g, const_matrix<U> x, const_matrix<U> weights, const_matrix<U> dy,
                       matrix<U> dx, matrix<float> dweights) {
    const cuda::convolution_plan& plan = plan_for<U>(g, x.cols / g.in.pixels());
    const rooms<U> room = reserve<U>(g, std::max(plan.backward_data.memory, plan.backward_weights.memory));
    const float one = 1, zero = 0;
    cuda::require_success(cudnnConvolutionBackwardFilter(
                              handle_.get(), &one, plan.x.get(), x.data, plan.y.get(), dy.data,
                              plan.convolution.get(), plan.backward_weights.algo, room.work,
                              plan.backward_weights.memory, &zero, plan.weights.get(), room.weights.data),
                          "cudnnConvolutionBackwardFilter");
    map(dweights, cuda::add_transposed<U>{room.weights}, as_const(dweights));
    if (!dx.data) return;
    map(room.weights, cuda::read_transposed<U>{weights});
    cuda::require_success(
        cudnnConvolutionBackwardData(handle_.get(), &one, plan.weights.get(), room.weights.data, plan.y.get(),
                                     dy.data, plan.convolution.get(), plan.backward_data.algo, room.work,
                                     plan.backward_data.memory, &zero, plan.x.get(), dx.data),
        "cudnnConvolutionBackwardData");
  }

 private:
  using size_key = std::array<index, 9>;

  template <class U>
  struct rooms {
    matrix<U> weights;  // (patch, out)
    void* work;
  };

  template <class U>
  const cuda::convolution_plan& plan_for(const conv_geometry& g, index n) {
    constexpr cudnnDataType_t type = std::same_as<U, float> ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16;
    const size_key key{g.in.channels, g.in.height, g.in.width, g.out_channels,          g.kernel,
                       g.stride,      g.padding,   n,          static_cast<index>(type)};
    auto found = plans_.find(key);
    if (found == plans_.end()) found = plans_.try_emplace(key, handle_.get(), g, n, type, rules_).first;
    return found->second;
  }

  template <class U>
  rooms<U> reserve(const conv_geometry& g, std::size_t workspace) {
    const index weights = g.out_channels * g.patch();
    const index head = (weights * static_cast<index>(sizeof(U)) + 255) / 256 * 256;
    const index bytes = head + static_cast<index>(workspace);
    if (memory_.size() < bytes) memory_ = this->template allocate<std::byte>(bytes, "convolutions");
    std::byte* const start = memory_.all().data;
    return {{reinterpret_cast<U*>(start), g.patch(), g.out_channels, g.patch()}, start + head};
  }

  cuda::convolution_rules rules_;
  cuda::handles::owned<cudnnHandle_t, &cudnnDestroy> handle_;
  std::map<size_key, cuda::convolution_plan> plans_;
  device_buffer<std::byte> memory_;
};

}  // namespace ssl
