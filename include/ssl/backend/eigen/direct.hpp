#pragma once
// SPDX-License-Identifier: MIT

/// Direct convolution on the CPU: forward, and the gradient of the input, which is a convolution too.
///
/// Nothing is gathered into columns. The weights are packed into panels once a call; the neighbourhood of a
/// pixel is read where it lies, through a table of pointers (columns.hpp), one run a tap. A tile is eight
/// pixels: neighbours in an image where it is large, the same pixel of eight images where it is small. Taps
/// that lie in the padding for all eight are left out: on the 4 x 4 maps of a small encoder that is a third
/// of the arithmetic.
///
/// The gradient of the input with stride s falls into s^2 classes of pixels, each with its own taps.

#include "ssl/backend/eigen/columns.hpp"
#include "ssl/backend/eigen/gather.hpp"

namespace ssl::cpu {

namespace direct {

/// Rows [first, first + count) of the tiles of a plan, count <= panel<T>::rows. Sums longer than 64 KiB of
/// weights are taken in parts, which keeps them in a cache and the rounding small.
template <class T, index Strips>
void multiply_strip(const plan<T>& p, index tiles, index length, const T* panel_of, index first,
                    index count) {
  constexpr index cols = panel<T>::cols, rows = panel<T>::rows;
  constexpr index cached = 64 * 1024 / (rows * static_cast<index>(sizeof(T)));  // inner indices
  const index step =
      length > cached ? (length + (length - 1) / cached) / ((length - 1) / cached + 1) : length;
  const index together = std::max<index>(1, cached / length);
  index most = 1;
  for (index k = 0; k < tiles; ++k) most = std::max(most, p[k].runs);
  for (index r = 0; r < most; r += together)
    for (index l = 0; l < length; l += step)
      for (index k = 0; k < tiles; ++k) {
        const tile<T>& t = p[k];
        if (r > 0 && r >= t.runs) continue;
        const index runs = std::min(together, t.runs - r), deep = std::min(step, length - l);
        const index* const from = p.from(t) + r;
        const auto left = [=](index q) { return panel_of + from[q] + l * rows; };
        const T* const* const at = p.columns(t) + r * cols;
        const bool add = r + l > 0;
        if (count == Strips * panel<T>::width) {
          tiled::multiply_columns_at<T, Strips>(runs, deep, l, left, at, t.valid, add,
                                                [&](index j) { return t.to[j] + first; });
          continue;
        }
        T edge[std::size_t{cols * rows}];
        tiled::multiply_columns_at<T, Strips>(runs, deep, l, left, at, t.valid, false,
                                              [&](index j) { return edge + j * rows; });
        for (index j = 0; j < t.valid; ++j)
          for (index i = 0; i < count; ++i) {
            T& to = t.to[j][first + i];
            to = add ? to + edge[j * rows + i] : edge[j * rows + i];
          }
      }
}

/// y = the gathering of x; `panels` hold a panel for every `panel<T>::rows` channels of y, `panel_size`
/// apart.
template <class T>
void gather(int threads, const gathering& g, const T* x, const T* panels, index panel_size, T* y) {
  constexpr index rows = panel<T>::rows, cols = panel<T>::cols;
  const index tiles = g.tiles<T>(), length = g.by_kernel_rows ? g.kernel * g.depth : g.depth;
  const index bytes = cols * g.depth * g.rows.in_step * g.cols.in_step * static_cast<index>(sizeof(T));
  const index group = std::clamp<index>((index{1} << 18) / bytes, 8, 64),
              groups = (tiles + group - 1) / group;
  parallel_for(threads, groups, [&](index k) {
    thread_local plan<T> p;
    const range mine{k * group, std::min(tiles, (k + 1) * group)};
    p.make(g, x, y, mine);
    for (index first = 0; first < g.out; first += rows) {
      const index count = std::min(rows, g.out - first);
      const T* const panel_of = panels + first / rows * panel_size;
      with_strips<T>(count, [&](auto strips) {
        multiply_strip<T, strips()>(p, mine.last - mine.first, length, panel_of, first, count);
      });
    }
  });
}

}  // namespace direct

/// y = W * x. `workspace(count)` hands out `count` elements: the weights, padded to whole panels.
template <class T, class Workspace>
void direct_forward(int threads, const Workspace& workspace, const conv_geometry& g,
                    matrix_view<const T, host_space> x, matrix_view<const T, host_space> weights,
                    matrix_view<T, host_space> y) {
  constexpr index rows = panel<T>::rows;
  const index strips = (g.out_channels + rows - 1) / rows, size = g.patch() * rows;
  T* const panels = workspace(strips * size);
  parallel_for(strips * size < index{1} << 16 ? 1 : threads, strips, [&](index k) {
    const index first = k * rows, count = std::min(rows, g.out_channels - first);
    pack(operand<T>{weights.data, 1, weights.ld}, first, count, 0, g.patch(), panels + k * size);
  });
  direct::gathering flat{.rows = direct::forward_axis(g, g.in.height, g.out_height()),
                         .cols = direct::forward_axis(g, g.in.width, g.out_width()),
                         .kernel = g.kernel,
                         .depth = g.in.channels,
                         .x_pixels = g.in.pixels(),
                         .out = g.out_channels,
                         .y_pixels = g.out().pixels(),
                         .y_width = g.out_width(),
                         .by_kernel_rows = g.kernel > 1 && g.kernel * g.in.channels <= 64,
                         .images = x.cols / g.in.pixels()};
  if (g.pointwise()) {  // one wide image
    flat.rows.count = flat.rows.in_size = flat.images = 1;
    flat.cols.count = flat.cols.in_size = flat.x_pixels = flat.y_pixels = flat.y_width = x.cols;
  }
  direct::gather(threads, flat, x.data, panels, size, y.data);
}

/// dx = the gradient of the input. `workspace` as in `direct_forward`, but padded along the input's channels.
template <class T, class Workspace>
void direct_input_gradient(int threads, const Workspace& workspace, const conv_geometry& g,
                           matrix_view<const T, host_space> weights, matrix_view<const T, host_space> dy,
                           matrix_view<T, host_space> dx) {
  constexpr index rows = panel<T>::rows;
  const index taps = g.kernel * g.kernel, in = g.in.channels, out = g.out_channels;
  const index strips = (in + rows - 1) / rows, size = taps * out * rows;
  T* const panels = workspace(strips * size);
  parallel_for(strips * size < index{1} << 16 ? 1 : threads, strips * taps, [&](index k) {
    const index first = k / taps * rows, tap = k % taps;
    pack(operand<T>{weights.data + tap * in * weights.ld, weights.ld, 1}, first, std::min(rows, in - first),
         0, out, panels + k / taps * size + tap * out * rows);
  });
  const index images = dx.cols / g.in.pixels();
  if (g.pointwise()) {
    const direct::axis one{1, 0, 1, 1, 1, 1, 0, 1, 0, 1}, all{dx.cols, 0, 1, 1, dx.cols, 1, 0, 1, 0, 1};
    direct::gather(threads, {one, all, 1, out, dx.cols, in, dx.cols, dx.cols, false, 1}, dy.data, panels,
                   size, dx.data);
    return;
  }
  for (index r = 0; r < g.stride; ++r)
    for (index q = 0; q < g.stride; ++q) {
      const direct::gathering part{.rows = direct::gradient_axis(g, g.in.height, g.out_height(), r),
                                   .cols = direct::gradient_axis(g, g.in.width, g.out_width(), q),
                                   .kernel = g.kernel,
                                   .depth = out,
                                   .x_pixels = g.out().pixels(),
                                   .out = in,
                                   .y_pixels = g.in.pixels(),
                                   .y_width = g.in.width,
                                   .by_kernel_rows = false,
                                   .images = images};
      if (part.places() > 0) direct::gather(threads, part, dy.data, panels, size, dx.data);
    }
}

}  // namespace ssl::cpu
