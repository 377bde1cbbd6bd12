#pragma once
/// Convolution on the CPU: im2col of a few images at a time, so that the columns stay in cache, and one
/// single-threaded product a group; groups go to threads.

#include <algorithm>
#include <cstring>

#include "ssl/backend/eigen/dense.hpp"
#include "ssl/core/conv_geometry.hpp"

namespace ssl::cpu {

/// col (patch, pixels of one image) = the neighbourhood of each output pixel of x (channels, pixels of one
/// image).
template <class T>
void im2col(const conv_geometry& g, const T* x, T* col) {
  const index c = g.in.channels, h = g.in.height, w = g.in.width, ow = g.out_width(), k = g.kernel;
  for (index oy = 0; oy < g.out_height(); ++oy) {
    for (index ky = 0; ky < k; ++ky) {
      const index y = oy * g.stride - g.padding + ky;
      T* row = col + oy * ow * g.patch() + ky * k * c;
      if (y < 0 || y >= h) {
        for (index ox = 0; ox < ow; ++ox)
          std::memset(row + ox * g.patch(), 0, sizeof(T) * static_cast<std::size_t>(k * c));
        continue;
      }
      for (index ox = 0; ox < ow; ++ox, row += g.patch()) {
        const index x0 = ox * g.stride - g.padding;
        const index before = std::clamp<index>(-x0, 0, k), last = std::clamp<index>(w - x0, before, k);
        std::fill(row, row + before * c, T{0});
        const T* from = x + (y * w + x0 + before) * c;
        std::copy(from, from + (last - before) * c, row + before * c);
        std::fill(row + last * c, row + k * c, T{0});
      }
    }
  }
}

/// x += the transpose of im2col applied to col.
template <class T>
void col2im(const conv_geometry& g, const T* col, T* x) {
  const index c = g.in.channels, h = g.in.height, w = g.in.width, ow = g.out_width(), k = g.kernel;
  for (index oy = 0; oy < g.out_height(); ++oy) {
    for (index ky = 0; ky < k; ++ky) {
      const index y = oy * g.stride - g.padding + ky;
      if (y < 0 || y >= h) continue;
      const T* row = col + oy * ow * g.patch() + ky * k * c;
      for (index ox = 0; ox < ow; ++ox, row += g.patch()) {
        const index x0 = ox * g.stride - g.padding;
        const index before = std::clamp<index>(-x0, 0, k), last = std::clamp<index>(w - x0, before, k);
        T* to = x + (y * w + x0 + before) * c;
        const T* from = row + before * c;
        for (index i = 0; i < (last - before) * c; ++i) to[i] += from[i];
      }
    }
  }
}

/// Images whose columns fill about half a megabyte: they stay in the second-level cache.
template <class T>
index conv_group(const conv_geometry& g, index images) {
  const index one = g.out().pixels() * g.patch() * static_cast<index>(sizeof(T));
  return std::clamp<index>((index{1} << 19) / std::max<index>(one, 1), 1, std::max<index>(images, 1));
}

/// y = W * x. `workspace(count)` hands out `count` elements, `threads` times the columns of a group.
template <class T, class Workspace>
void conv_forward(int threads, const Workspace& workspace, const conv_geometry& g,
                  matrix_view<const T, host_space> x, matrix_view<const T, host_space> weights,
                  matrix_view<T, host_space> y) {
  const index images = x.cols / g.in.pixels(), out_pixels = g.out().pixels(),
              group = conv_group<T>(g, images);
  const index groups = (images + group - 1) / group, col_size = group * out_pixels * g.patch();
  T* const cols = g.pointwise() ? nullptr : workspace(threads * col_size);
  parallel_for(threads, groups, [&](index k) {
    const index first = k * group, n = std::min(group, images - first);
    T* const col = g.pointwise() ? nullptr : cols + thread_number() * col_size;
    for (index m = 0; m < n && !g.pointwise(); ++m)
      im2col(g, x.column((first + m) * g.in.pixels()), col + m * out_pixels * g.patch());
    const auto input = g.pointwise() ? x.columns(first * out_pixels, n * out_pixels)
                                     : make_view<host_space, const T>(col, g.patch(), n * out_pixels);
    gemm<T>(trans::no, trans::no, T{1}, weights, input, T{0}, y.columns(first * out_pixels, n * out_pixels));
  });
}

/// dweights += dy * im2col(x)^T and, where dx is not empty, dx = col2im(W^T dy). One sweep over the images.
template <class T, class Workspace>
void conv_backward(int threads, const Workspace& workspace, const conv_geometry& g,
                   matrix_view<const T, host_space> x, matrix_view<const T, host_space> weights,
                   matrix_view<const T, host_space> dy, matrix_view<T, host_space> dx,
                   matrix_view<T, host_space> dweights) {
  const index images = x.cols / g.in.pixels(), in_pixels = g.in.pixels(), out_pixels = g.out().pixels();
  const index group = conv_group<T>(g, images), groups = (images + group - 1) / group;
  const index col_size = g.pointwise() ? 0 : group * out_pixels * g.patch(), w_size = weights.size();
  // A fixed number of partial sums, each over a fixed run of groups: the result does not depend on thread
  // timing.
  const index lanes = std::min<index>(threads, groups);
  T* const work = workspace(lanes * (col_size + w_size));
  parallel_for(threads, lanes, [&](index lane) {
    T* const col = work + lane * (col_size + w_size);
    const auto mine = make_view(col + col_size, weights.rows, weights.cols);
    std::fill(mine.data, mine.data + w_size, T{0});
    const range run = part(groups, lanes, lane);
    for (index k = run.first; k < run.last; ++k) {
      const index first = k * group, n = std::min(group, images - first);
      const auto dy_k = dy.columns(first * out_pixels, n * out_pixels);
      if (g.pointwise()) {
        gemm<T>(trans::no, trans::yes, T{1}, dy_k, x.columns(first * in_pixels, n * in_pixels), T{1}, mine);
        if (dx.data)
          gemm<T>(trans::yes, trans::no, T{1}, weights, dy_k, T{0},
                  dx.columns(first * in_pixels, n * in_pixels));
        continue;
      }
      const auto col_k = make_view(col, g.patch(), n * out_pixels);
      for (index m = 0; m < n; ++m)
        im2col(g, x.column((first + m) * in_pixels), col + m * out_pixels * g.patch());
      gemm<T>(trans::no, trans::yes, T{1}, dy_k, as_const(col_k), T{1}, mine);
      if (!dx.data) continue;
      gemm<T>(trans::yes, trans::no, T{1}, weights, dy_k, T{0}, col_k);
      T* const dx_k = dx.column(first * in_pixels);
      std::fill(dx_k, dx_k + n * g.in.size(), T{0});
      for (index m = 0; m < n; ++m) col2im(g, col + m * out_pixels * g.patch(), dx_k + m * g.in.size());
    }
  });
  for (index lane = 0; lane < lanes; ++lane) {
    const T* const mine = work + lane * (col_size + w_size) + col_size;
    for (index i = 0; i < w_size; ++i) dweights.data[i] += mine[i];
  }
}

}  // namespace ssl::cpu
