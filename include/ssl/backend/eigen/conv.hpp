#pragma once
/// Convolution on the CPU: which way each shape takes.

#include "ssl/backend/eigen/direct.hpp"
#include "ssl/backend/eigen/weight_gradient.hpp"

namespace ssl::cpu {

/// y = W * x. `workspace(count)` hands out `count` elements.
template <class T, class Workspace>
void conv_forward(int threads, const Workspace& workspace, const conv_geometry& g,
                  matrix_view<const T, host_space> x, matrix_view<const T, host_space> weights,
                  matrix_view<T, host_space> y) {
  direct_forward<T>(threads, workspace, g, x, weights, y);
}

/// dweights += the gradient of the weights and, where dx is not empty, dx = that of the input.
template <class T, class Workspace>
void conv_backward(int threads, const Workspace& workspace, const conv_geometry& g,
                   matrix_view<const T, host_space> x, matrix_view<const T, host_space> weights,
                   matrix_view<const T, host_space> dy, matrix_view<T, host_space> dx,
                   matrix_view<T, host_space> dweights) {
  direct_weight_gradient<T>(threads, workspace, g, x, dy, dweights);
  if (dx.data) direct_input_gradient<T>(threads, workspace, g, weights, dy, dx);
}

}  // namespace ssl::cpu
