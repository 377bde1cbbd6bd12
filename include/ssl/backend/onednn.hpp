#pragma once
// SPDX-License-Identifier: MIT

/// The CPU backend with oneDNN's convolutions: link dnnl beside what eigen.hpp needs, and OpenMP.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <map>
#include <string>

#include "ssl/backend/eigen.hpp"
#include "ssl/backend/onednn/convolution.hpp"

namespace ssl {

/// eigen_backend<float> whose wide verbs `conv2d_forward` and `conv2d_backward` are oneDNN's, on as many
/// threads as the backend has, with contiguous maps and weights. Primitives of a size are kept from their
/// first call on; later calls of that size allocate nothing here. Weights go into the layout that a primitive
/// prefers on the way in, their gradient back on the way out, where it prefers another: a pass over the
/// weights, beside many over the maps. The gradient of the weights repeats bit for bit for an equal number of
/// threads.
template <std::same_as<float> T = float>
class onednn_backend : public eigen_backend<T> {
  using matrix = typename eigen_backend<T>::matrix;
  using const_matrix = typename eigen_backend<T>::const_matrix;

 public:
  /// `threads` as of eigen_backend. Throws backend_error where oneDNN has no engine for this processor.
  explicit onednn_backend(int threads = 0)
      : eigen_backend<T>(threads),
        engine_(onednn::checked("an engine", [] { return dnnl::engine(dnnl::engine::kind::cpu, 0); })),
        stream_(onednn::checked("a stream", [&] { return dnnl::stream(engine_); })) {}

  static constexpr const char* name() { return "onednn"; }
  std::string description() const {
    const dnnl_version_t* const v = dnnl_version();  // of the library that runs, not of the header
    return cpu::describe<T>("oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
                                std::to_string(v->patch),
                            this->threads());
  }

  /// y = W * x, feature maps as (channels, pixels), weights as conv_geometry has them. `=`.
  void conv2d_forward(const conv_geometry& g, const_matrix x, const_matrix weights, matrix y) {
    this->require_contiguous("conv2d_forward", x, weights, y);
    if (y.size() == 0) return;
    const profile::span timed = this->watch_convolution("conv2d_forward", g, x.cols, 1);
    const onednn::thread_limit limit(this->threads());
    onednn::checked("a convolution", [&] {
      const onednn::direction& forward = plan_for(g, x.cols / g.in.pixels()).forward();
      std::byte* const room = reserve(forward.memory());
      const void* const w = ordered(forward, weights.data, room);
      forward.run(stream_, {x.data, w, y.data, room + forward.weights});
      stream_.wait();
    });
  }

  /// dx = gradient of the input (left out where dx is empty), dweights += gradient of the weights.
  void conv2d_backward(const conv_geometry& g, const_matrix x, const_matrix weights, const_matrix dy,
                       matrix dx, matrix dweights) {
    this->require_contiguous("conv2d_backward", x, weights, dy, dx, dweights);
    if (dy.size() == 0) return;
    const onednn::thread_limit limit(this->threads());
    onednn::checked("the gradients of a convolution", [&] {
      onednn::convolution& plan = plan_for(g, x.cols / g.in.pixels());
      {
        const profile::span timed = this->watch_convolution("conv2d_weight_gradient", g, x.cols, 1);
        const onednn::direction& of_weights = plan.backward_weights();
        std::byte* const room = reserve(of_weights.memory());
        of_weights.run(stream_, {x.data, dy.data, room, room + of_weights.weights});
        (*of_weights.reorder)(stream_, {room, dweights.data, room + of_weights.weights});
        stream_.wait();
      }
      if (!dx.data) return;
      const profile::span timed = this->watch_convolution("conv2d_input_gradient", g, x.cols, 1);
      const onednn::direction& of_data = plan.backward_data();
      std::byte* const room = reserve(of_data.memory());
      const void* const w = ordered(of_data, weights.data, room);
      of_data.run(stream_, {dy.data, w, dx.data, room + of_data.weights});
      stream_.wait();
    });
  }

 private:
  using size_key = std::array<index, 8>;

  onednn::convolution& plan_for(const conv_geometry& g, index n) {
    const size_key key{g.in.channels, g.in.height, g.in.width, g.out_channels,
                       g.kernel,      g.stride,    g.padding,  n};
    auto found = plans_.find(key);
    if (found == plans_.end()) found = plans_.try_emplace(key, engine_, g, n).first;
    return found->second;
  }

  /// The weights as the primitive wants them: in place, or in `room`.
  const void* ordered(const onednn::direction& d, const T* weights, std::byte* room) {
    if (!d.reorder) return weights;
    (*d.reorder)(stream_, {weights, room, room + d.weights});
    return room;
  }

  std::byte* reserve(std::size_t bytes) {
    const index count = std::max<index>(static_cast<index>(bytes), 64);
    if (room_.size() < count) room_ = this->template allocate<std::byte>(count, "convolutions");
    return room_.all().data;
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  std::map<size_key, onednn::convolution> plans_;
  host_buffer<std::byte> room_;
};

}  // namespace ssl
