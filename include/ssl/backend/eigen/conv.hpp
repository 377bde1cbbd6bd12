#pragma once
// SPDX-License-Identifier: MIT

/// Convolution on the CPU: which way each shape takes.

#include <algorithm>

#include "ssl/backend/eigen/direct.hpp"
#include "ssl/backend/eigen/weight_gradient.hpp"
#include "ssl/backend/eigen/winograd.hpp"

namespace ssl::cpu {

/// How a convolution is computed: as its definition says, or by Winograd's filtering with tiles of 2x2 or 4x4
/// outputs.
enum class conv_way { direct, winograd_2, winograd_4 };

constexpr const char* name_of(conv_way way) {
  switch (way) {
    case conv_way::direct:
      return "direct";
    case conv_way::winograd_2:
      return "winograd 2x2";
    case conv_way::winograd_4:
      return "winograd 4x4";
  }
  return "";
}

/// What a profile calls them.
struct conv_verbs {
  const char *forward, *input_gradient, *weight_gradient;
};
constexpr conv_verbs verbs_of(conv_way way) {
  switch (way) {
    case conv_way::winograd_2:
      return {"conv2d_forward, winograd 2x2", "conv2d_input_gradient, winograd 2x2",
              "conv2d_weight_gradient, winograd 2x2"};
    case conv_way::winograd_4:
      return {"conv2d_forward, winograd 4x4", "conv2d_input_gradient, winograd 4x4",
              "conv2d_weight_gradient, winograd 4x4"};
    case conv_way::direct:
      break;
  }
  return {"conv2d_forward", "conv2d_input_gradient", "conv2d_weight_gradient"};
}

/// The share of a side's 3 taps an output that lie inside the image.
constexpr double share_inside(index in, index out, index padding) {
  index count = 0;
  for (index i = 0; i < out; ++i)
    for (index tap = 0; tap < 3; ++tap) count += i - padding + tap >= 0 && i - padding + tap < in;
  return static_cast<double>(count) / static_cast<double>(3 * out);
}

/// The way that takes the least time for n images, by a model: its arithmetic for the tiles and channels that
/// there are, times what a tile costs beside it, plus the transform of the weights. Constants as measured on
/// AVX-512: 4x4 tiles that fit take 0.4 of the direct way's time, 2x2 tiles 0.65, the weights that of 3
/// tiles. The gradients are judged by the forward pass.
inline conv_way choose_way(const conv_geometry& g, index n, bool winograd = true) {
  if (!winograd || !winograd_fits(g) || std::min(g.in.channels, g.out_channels) < 16) return conv_way::direct;
  const index height = g.out_height(), width = g.out_width();
  const auto cost = [&](index side, double of_tile) {
    const index tiles = (height + side - 1) / side * ((width + side - 1) / side);
    const double outputs = static_cast<double>(height * width * n);
    const double padded = static_cast<double>(tiles * side * side * n);
    return padded / outputs * of_tile + 3.0 * 16.0 * of_tile / outputs;
  };
  const bool leaves_out = n >= panel<float>::cols && height * width <= 64;  // taps in the padding
  const double direct =
      leaves_out ? share_inside(g.in.height, height, g.padding) * share_inside(g.in.width, width, g.padding)
                 : 1;
  const double four = cost(4, 0.4), two = cost(2, 0.65);
  if (direct <= std::min(two, four)) return conv_way::direct;
  return four <= two ? conv_way::winograd_4 : conv_way::winograd_2;
}

/// y = W * x. `workspace(count)` hands out `count` elements.
template <class T, class Workspace>
void conv_forward(conv_way way, int threads, const Workspace& workspace, const conv_geometry& g,
                  matrix_view<const T, host_space> x, matrix_view<const T, host_space> weights,
                  matrix_view<T, host_space> y) {
  switch (way) {
    case conv_way::direct:
      return direct_forward<T>(threads, workspace, g, x, weights, y);
    case conv_way::winograd_2:
      return winograd_forward<2, T>(threads, workspace, g, x, weights, y);
    case conv_way::winograd_4:
      return winograd_forward<4, T>(threads, workspace, g, x, weights, y);
  }
}

/// dx = the gradient of the input.
template <class T, class Workspace>
void conv_input_gradient(conv_way way, int threads, const Workspace& workspace, const conv_geometry& g,
                         matrix_view<const T, host_space> weights, matrix_view<const T, host_space> dy,
                         matrix_view<T, host_space> dx) {
  switch (way) {
    case conv_way::direct:
      return direct_input_gradient<T>(threads, workspace, g, weights, dy, dx);
    case conv_way::winograd_2:
      return winograd_input_gradient<2, T>(threads, workspace, g, weights, dy, dx);
    case conv_way::winograd_4:
      return winograd_input_gradient<4, T>(threads, workspace, g, weights, dy, dx);
  }
}

/// dweights += the gradient of the weights.
template <class T, class Workspace>
void conv_weight_gradient(conv_way way, int threads, const Workspace& workspace, const conv_geometry& g,
                          matrix_view<const T, host_space> x, matrix_view<const T, host_space> dy,
                          matrix_view<T, host_space> dweights) {
  switch (way) {
    case conv_way::direct:
      return direct_weight_gradient<T>(threads, workspace, g, x, dy, dweights);
    case conv_way::winograd_2:
      return winograd_weight_gradient<2, T>(threads, workspace, g, x, dy, dweights);
    case conv_way::winograd_4:
      return winograd_weight_gradient<4, T>(threads, workspace, g, x, dy, dweights);
  }
}

}  // namespace ssl::cpu
