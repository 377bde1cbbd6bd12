#pragma once
/// The GPU backend with cuDNN's convolutions. For .cu files only; link cudnn beside what cuda.cuh needs.

#include <cudnn.h>

#include <array>
#include <map>
#include <utility>

#include "ssl/backend/cuda.cuh"
#include "ssl/backend/cuda/convolution.cuh"

namespace ssl {

struct cudnn_options {
  cuda_options cuda{};
  bool deterministic = true;         // the same bits on every run, at some cost of speed
  index workspace = index{1} << 28;  // bytes that one convolution may use beside its maps, at most
};

/// cuda_backend<float> and the wide verbs `conv2d_forward` and `conv2d_backward`. Descriptions and algorithms
/// of a convolution are kept from its first call on; later calls of that size allocate nothing. Weights are
/// transposed on the way in and their gradient on the way out: two passes over the weights, beside many over
/// the maps.
class cudnn_backend : public cuda_backend<float> {
 public:
  using matrix = matrix_view<float, device_space>;
  using const_matrix = matrix_view<const float, device_space>;

  explicit cudnn_backend(cudnn_options options = {})
      : cuda_backend<float>(options.cuda),
        rules_{options.cuda.tf32, options.deterministic, options.workspace} {
    cudnnHandle_t h = nullptr;
    cuda::check(cudnnCreate(&h), "cudnnCreate");
    handle_.reset(h);
    cuda::check(cudnnSetStream(h, this->stream()), "cudnnSetStream");
  }

  static constexpr const char* name() { return "cudnn"; }

  /// y = W * x, feature maps as (channels, pixels), weights as conv_geometry has them. `=`.
  void conv2d_forward(const conv_geometry& g, const_matrix x, const_matrix weights, matrix y) {
    const cuda::convolution_plan& plan = plan_for(g, x.cols / g.in.pixels());
    const space_of space = reserve(g, plan.forward.memory);
    transpose(weights, space.weights);
    const float one = 1, zero = 0;
    cuda::check(cudnnConvolutionForward(handle_.get(), &one, plan.x.get(), x.data, plan.weights.get(),
                                        space.weights.data, plan.convolution.get(), plan.forward.algo,
                                        space.work, plan.forward.memory, &zero, plan.y.get(), y.data),
                "cudnnConvolutionForward");
  }

  /// dx = gradient of the input (left out where dx is empty), dweights += gradient of the weights.
  void conv2d_backward(const conv_geometry& g, const_matrix x, const_matrix weights, const_matrix dy,
                       matrix dx, matrix dweights) {
    const cuda::convolution_plan& plan = plan_for(g, x.cols / g.in.pixels());
    const space_of space = reserve(g, std::max(plan.backward_data.memory, plan.backward_weights.memory));
    const float one = 1, zero = 0;
    cuda::check(cudnnConvolutionBackwardFilter(handle_.get(), &one, plan.x.get(), x.data, plan.y.get(),
                                               dy.data, plan.convolution.get(), plan.backward_weights.algo,
                                               space.work, plan.backward_weights.memory, &zero,
                                               plan.weights.get(), space.weights.data),
                "cudnnConvolutionBackwardFilter");
    map(dweights, add_transposed{space.weights}, as_const(dweights));
    if (!dx.data) return;
    transpose(weights, space.weights);
    cuda::check(
        cudnnConvolutionBackwardData(handle_.get(), &one, plan.weights.get(), space.weights.data,
                                     plan.y.get(), dy.data, plan.convolution.get(), plan.backward_data.algo,
                                     space.work, plan.backward_data.memory, &zero, plan.x.get(), dx.data),
        "cudnnConvolutionBackwardData");
  }

  struct read_transposed {  // out(i, j) = x(j, i)
    const_matrix x;
    SSL_FN float operator()(index i, index j) const { return x(j, i); }
  };
  struct add_transposed {  // y + x(j, i)
    const_matrix x;
    SSL_FN float operator()(index i, index j, float y) const { return y + x(j, i); }
  };

 private:
  struct space_of {
    matrix weights;  // (patch, out)
    void* work;
  };

  const cuda::convolution_plan& plan_for(const conv_geometry& g, index n) {
    const std::array<index, 8> key{g.in.channels, g.in.height, g.in.width, g.out_channels,
                                   g.kernel,      g.stride,    g.padding,  n};
    auto found = plans_.find(key);
    if (found == plans_.end())
      found = plans_.try_emplace(key, handle_.get(), g, n, CUDNN_DATA_FLOAT, rules_).first;
    return found->second;
  }

  space_of reserve(const conv_geometry& g, std::size_t workspace) {
    const index weights = g.out_channels * g.patch();
    const index head = (weights * static_cast<index>(sizeof(float)) + 255) / 256 * 256;
    const index bytes = head + static_cast<index>(workspace);
    if (memory_.size() < bytes) memory_ = this->template allocate<std::byte>(bytes, "convolutions");
    std::byte* const start = memory_.all().data;
    return {{reinterpret_cast<float*>(start), g.patch(), g.out_channels, g.patch()}, start + head};
  }

  void transpose(const_matrix weights, matrix out) { map(out, read_transposed{weights}); }

  cuda::convolution_rules rules_;
  cuda::handles::owned<cudnnHandle_t, &cudnnDestroy> handle_;
  std::map<std::array<index, 8>, cuda::convolution_plan> plans_;
  device_buffer<std::byte> memory_;
};

}  // namespace ssl
