#pragma once
// SPDX-License-Identifier: MIT

/// One convolution of one size as cuDNN wants it described, with the algorithms and workspace it is run by.

#include <cudnn.h>

#include <string>

#include "ssl/backend/cuda/handles.cuh"
#include "ssl/core/conv_geometry.hpp"

namespace ssl::cuda {

inline void require_success(cudnnStatus_t status, const char* what) {
  if (status != CUDNN_STATUS_SUCCESS) fail(what, cudnnGetErrorString(status));
}

/// How algorithms are chosen.
struct convolution_rules {
  bool tf32 = false;                 // tensor cores may round float inputs to 10 bits of mantissa
  bool deterministic = true;         // the same bits on every run
  index workspace = index{1} << 28;  // bytes, at most
};

/// Images are (n, h, w, c) row-major; cuDNN's filters are (out, kernel, kernel, channels) row-major, so a
/// weight matrix (out, patch) of conv_geometry goes in and comes out transposed.
class convolution_plan {
 public:
  convolution_plan(cudnnHandle_t handle, const conv_geometry& g, index n, cudnnDataType_t type,
                   convolution_rules rules) {
    x = tensor(g.in, n, type);
    y = tensor(g.out(), n, type);
    cudnnFilterDescriptor_t f = nullptr;
    require_success(cudnnCreateFilterDescriptor(&f), "cudnnCreateFilterDescriptor");
    weights.reset(f);
    require_success(cudnnSetFilter4dDescriptor(f, type, CUDNN_TENSOR_NHWC, narrow(g.out_channels),
                                               narrow(g.in.channels), narrow(g.kernel), narrow(g.kernel)),
                    "cudnnSetFilter4dDescriptor");
    cudnnConvolutionDescriptor_t c = nullptr;
    require_success(cudnnCreateConvolutionDescriptor(&c), "cudnnCreateConvolutionDescriptor");
    convolution.reset(c);
    const int padding = narrow(g.padding), stride = narrow(g.stride);
    require_success(cudnnSetConvolution2dDescriptor(c, padding, padding, stride, stride, 1, 1,
                                                    CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
                    "cudnnSetConvolution2dDescriptor");
    // The default lets Ampere and later round float inputs without being asked.
    const bool whole = type == CUDNN_DATA_FLOAT && !rules.tf32;
    require_success(cudnnSetConvolutionMathType(c, whole ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH),
                    "cudnnSetConvolutionMathType");

    forward = choose<cudnnConvolutionFwdAlgoPerf_t>(
        [&](int asked, int* found, auto* out) {
          return cudnnGetConvolutionForwardAlgorithm_v7(handle, x.get(), f, c, y.get(), asked, found, out);
        },
        g, "the convolution", rules);
    backward_data = choose<cudnnConvolutionBwdDataAlgoPerf_t>(
        [&](int asked, int* found, auto* out) {
          return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, f, y.get(), c, x.get(), asked, found,
                                                             out);
        },
        g, "the convolution's gradient by its input", rules);
    backward_weights = choose<cudnnConvolutionBwdFilterAlgoPerf_t>(
        [&](int asked, int* found, auto* out) {
          return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, x.get(), y.get(), c, f, asked, found,
                                                               out);
        },
        g, "the convolution's gradient by its weights", rules);
  }

  handles::owned<cudnnTensorDescriptor_t, &cudnnDestroyTensorDescriptor> x, y;
  handles::owned<cudnnFilterDescriptor_t, &cudnnDestroyFilterDescriptor> weights;
  handles::owned<cudnnConvolutionDescriptor_t, &cudnnDestroyConvolutionDescriptor> convolution;
  cudnnConvolutionFwdAlgoPerf_t forward{};
  cudnnConvolutionBwdDataAlgoPerf_t backward_data{};
  cudnnConvolutionBwdFilterAlgoPerf_t backward_weights{};

 private:
  static handles::owned<cudnnTensorDescriptor_t, &cudnnDestroyTensorDescriptor> tensor(image_shape s, index n,
                                                                                       cudnnDataType_t type) {
    cudnnTensorDescriptor_t d = nullptr;
    require_success(cudnnCreateTensorDescriptor(&d), "cudnnCreateTensorDescriptor");
    handles::owned<cudnnTensorDescriptor_t, &cudnnDestroyTensorDescriptor> owner(d);
    require_success(cudnnSetTensor4dDescriptor(d, CUDNN_TENSOR_NHWC, type, narrow(n), narrow(s.channels),
                                               narrow(s.height), narrow(s.width)),
                    "cudnnSetTensor4dDescriptor");
    return owner;
  }

  /// The fastest by cuDNN's estimate among those that the rules allow.
  template <class Choice, class Ask>
  static Choice choose(const Ask& ask, const conv_geometry& g, const char* what,
                       const convolution_rules& rules) {
    constexpr int most = 16;
    Choice list[most];
    int found = 0;
    require_success(ask(most, &found, list), "cuDNN's choice of an algorithm");
    for (int k = 0; k < found; ++k)
      if (list[k].status == CUDNN_STATUS_SUCCESS && static_cast<index>(list[k].memory) <= rules.workspace &&
          (!rules.deterministic || list[k].determinism == CUDNN_DETERMINISTIC))
        return list[k];
    throw backend_error("ssl: cuDNN has no algorithm for " + std::string(what) + " of " +
                        std::to_string(g.in.channels) + " channels, " + std::to_string(g.in.height) + "x" +
                        std::to_string(g.in.width) + " pixels and kernel " + std::to_string(g.kernel) +
                        " within its workspace" + (rules.deterministic ? " that repeats bit for bit" : "") +
                        "; cuda_backend computes it by matrix products");
  }
};

}  // namespace ssl::cuda
