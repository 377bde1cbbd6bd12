#pragma once
// SPDX-License-Identifier: MIT

/// The gradient of a convolution's weights on the CPU: dW(., tap) += the sum over pixels of dy x^T, x shifted
/// by the tap.
///
/// x and dy of a block of pixels are laid into panels (panels.hpp), together about a megabyte; threads then
/// take pieces of dW, each piece summing over the block. Only pixels inside the image are summed: in rows of
/// an image where it is large, in runs over the images at one place where it is small. With few channels the
/// neighbourhoods are laid out instead, and the piece is a plain product.
///
/// Blocks and pieces follow from the shapes, so the result has the same bits on every number of threads.

#include <vector>

#include "ssl/backend/eigen/columns.hpp"
#include "ssl/core/conv_geometry.hpp"

namespace ssl::cpu {

namespace direct {

/// What a block of pixels is: images [first, first + images), rows [top, top + height) of the output.
struct pixel_block {
  index first, images, top, height;
};

/// How the pixels of a block lie in panels.
enum class pixel_order {
  rows,            // image, row, column
  across,          // row, column, image
  neighbourhoods,  // as rows, but x is the neighbourhoods of dy's pixels
};

template <class T>
pixel_order order_of(const conv_geometry& g, index images) {
  if (g.kernel > 1 && g.kernel * g.in.channels <= 64) return pixel_order::neighbourhoods;
  return images >= 16 && g.out().pixels() <= 64 ? pixel_order::across : pixel_order::rows;
}

/// Copies channels [0, channels) of one pixel into panels `apart` from each other; the last is filled up with
/// zeros.
template <class T>
void spread(const T* from, index channels, index apart, T* to) {
  constexpr index rows = panel<T>::rows;
  for (; channels >= rows; channels -= rows, from += rows, to += apart)
    for (index i = 0; i < rows; ++i) to[i] = from[i];  // of constant length: no call
  if (channels == 0) return;
  std::copy(from, from + channels, to);
  std::fill(to + channels, to + rows, T{0});
}

/// A neighbourhood (patch) of output pixel (row, col), zeros outside the image x.
template <class T>
void copy_neighbourhood(const conv_geometry& g, const T* x, index row, index col, T* to) {
  const index c = g.in.channels, left = col * g.stride - g.padding, line = g.kernel * c;
  const index before = std::clamp<index>(-left, 0, g.kernel) * c;
  const index end = std::clamp<index>(g.in.width - left, before / c, g.kernel) * c;
  for (index ky = 0; ky < g.kernel; ++ky, to += line) {
    const index y = row * g.stride - g.padding + ky;
    const bool inside = y >= 0 && y < g.in.height;
    const T* const from = inside ? x + (y * g.in.width + left) * c : x;
    if (inside && end - before == line) {
      for (index i = 0; i < line; ++i) to[i] = from[i];
      continue;
    }
    for (index i = 0; i < line; ++i) to[i] = inside && i >= before && i < end ? from[i] : T{0};
  }
}

/// The panels of one block.
template <class T>
struct pixel_panels {
  conv_geometry g;
  pixel_order order;
  pixel_block block;
  index x_top, x_height;  // rows of x that the block reads
  T* x = nullptr;
  T* dy = nullptr;
  index x_apart = 0, dy_apart = 0;  // from panel to panel

  index x_pixels() const {
    return block.images *
           (order == pixel_order::neighbourhoods ? block.height * g.out_width() : x_height * g.in.width);
  }
  /// Where x(., row, col) of the block's image m lies in its panel.
  index x_at(index m, index row, index col) const {
    const index pixel = (row - x_top) * g.in.width + col;
    return (order == pixel_order::across ? pixel * block.images + m : m * x_height * g.in.width + pixel) *
           panel<T>::rows;
  }
  index dy_at(index m, index row, index col) const {
    const index pixel = (row - block.top) * g.out_width() + col;
    return (order == pixel_order::across ? pixel * block.images + m
                                         : m * block.height * g.out_width() + pixel) *
           panel<T>::rows;
  }

  void fill(int threads, const T* from_x, const T* from_dy) {
    const index in = g.in.channels, out = g.out_channels;
    for_each_row(threads, x_height, order != pixel_order::neighbourhoods, [&](index m, index k) {
      const index row = x_top + k;
      const T* const image = from_x + (block.first + m) * g.in.size();
      for (index col = 0; col < g.in.width; ++col)
        spread(image + (row * g.in.width + col) * in, in, x_apart, x + x_at(m, row, col));
    });
    for_each_row(threads, block.height, true, [&](index m, index k) {
      const index row = block.top + k;
      const T* const image = from_dy + (block.first + m) * g.out().size();
      for (index col = 0; col < g.out_width(); ++col)
        spread(image + (row * g.out_width() + col) * out, out, dy_apart, dy + dy_at(m, row, col));
    });
    for_each_row(threads, block.height, order == pixel_order::neighbourhoods, [&](index m, index k) {
      thread_local std::vector<T> patch;
      if (static_cast<index>(patch.size()) < g.patch()) patch.resize(static_cast<std::size_t>(g.patch()));
      for (index col = 0; col < g.out_width(); ++col) {
        copy_neighbourhood(g, from_x + (block.first + m) * g.in.size(), block.top + k, col, patch.data());
        spread(patch.data(), g.patch(), x_apart, x + dy_at(m, block.top + k, col));
      }
    });
  }

 private:
  /// body(m, k) for the block's images m and k < height.
  template <class Body>
  void for_each_row(int threads, index height, bool needed, const Body& body) const {
    const index count = needed ? block.images * height : 0, parts = std::min<index>(count, 32);
    parallel_for(threads, parts, [&](index k) {
      const range mine = part(count, parts, k);
      for (index i = mine.first; i < mine.last; ++i) body(i / height, i % height);
    });
  }
};

/// The runs of one tap: where they begin in a panel of dy and of x, and their common length and step.
template <class T>
struct tap_runs {
  std::vector<const T*> dy, x;
  index count = 0, length = 0, step = 0;

  void add(const T* a, const T* b) {
    if (count == static_cast<index>(dy.size())) {
      dy.resize(static_cast<std::size_t>(count + 64));
      x.resize(static_cast<std::size_t>(count + 64));
    }
    dy[static_cast<std::size_t>(count)] = a;
    x[static_cast<std::size_t>(count++)] = b;
  }

  void find(const pixel_panels<T>& p, const T* dy_panel, const T* x_panel, index ky, index kx) {
    const conv_geometry& g = p.g;
    count = 0;
    if (p.order == pixel_order::neighbourhoods || g.pointwise()) {  // all pixels of the block in one run
      length = p.block.images * p.block.height * g.out_width();
      step = panel<T>::rows;
      return add(dy_panel, x_panel);
    }
    // Columns of the output whose tap lies inside.
    const index first = std::max<index>(0, (g.padding - kx + g.stride - 1) / g.stride);
    const index last = std::min(g.out_width(), (g.in.width - 1 + g.padding - kx) / g.stride + 1);
    if (g.in.width - 1 + g.padding - kx < 0 || first >= last) return;
    const bool across = p.order == pixel_order::across;
    length = across ? p.block.images : last - first;
    step = panel<T>::rows * (across ? 1 : g.stride);
    for (index m = 0; m < (across ? 1 : p.block.images); ++m)
      for (index row = p.block.top; row < p.block.top + p.block.height; ++row) {
        const index source = row * g.stride - g.padding + ky;
        if (source < 0 || source >= g.in.height) continue;
        for (index col = first; col < (across ? last : first + 1); ++col)
          add(dy_panel + p.dy_at(m, row, col), x_panel + p.x_at(m, source, col * g.stride - g.padding + kx));
      }
  }
};

/// dw (rows of one panel of dy, channels of one panel of x) += the sum over the runs.
template <class T>
void add_products(const tap_runs<T>& runs, index tall, index wide, T* dw, index ld) {
  constexpr index rows = panel<T>::rows, cols = panel<T>::cols;
  for (index j = 0; j < wide; j += cols) {
    if (tall == rows && j + cols <= wide) {
      multiply_rows<T, panel<T>::strips>(runs.count, runs.length, runs.dy.data(), rows, runs.x.data(), j,
                                         runs.step, dw + j * ld, ld);
      continue;
    }
    T edge[std::size_t{rows * cols}] = {};
    with_strips<T>(tall, [&](auto strips) {
      multiply_rows<T, strips()>(runs.count, runs.length, runs.dy.data(), rows, runs.x.data(), j, runs.step,
                                 edge, rows);
    });
    for (index q = 0; q < std::min(cols, wide - j); ++q)
      for (index i = 0; i < tall; ++i) dw[(j + q) * ld + i] += edge[q * rows + i];
  }
}

/// Whether the maps of a 1x1 convolution can be multiplied where they lie: whole vectors of channels, and a
/// small gradient.
template <class T>
bool in_place(const conv_geometry& g) {
  return g.pointwise() && g.in.channels % panel<T>::cols == 0 && g.out_channels % panel<T>::width == 0 &&
         g.in.channels * g.out_channels <= index{1} << 16;
}

/// dw (out, in) += dy x^T over pixels [pixels.first, pixels.last), 64 at a time, which a first-level cache
/// holds.
template <class T>
void add_in_place(range pixels, matrix_view<const T, host_space> x, matrix_view<const T, host_space> dy,
                  T* dw) {
  constexpr index rows = panel<T>::rows, cols = panel<T>::cols;
  for (index p = pixels.first; p < pixels.last; p += 64) {
    const index length = std::min<index>(64, pixels.last - p);
    for (index o = 0; o < dy.rows; o += rows)
      for (index j = 0; j < x.rows; j += cols) {
        const T *const a = dy.column(p) + o, *const b = x.column(p) + j;
        T* const to = dw + o + j * dy.rows;
        with_strips<T>(std::min(rows, dy.rows - o), [&](auto strips) {
          multiply_rows<T, strips()>(1, length, &a, dy.rows, &b, 0, x.rows, to, dy.rows);
        });
      }
  }
}

/// dweights += dy x^T in up to sixteen runs of pixels, whose sums are added in order.
template <class T, class Workspace>
void gradient_in_place(int threads, const Workspace& workspace, matrix_view<const T, host_space> x,
                       matrix_view<const T, host_space> dy, matrix_view<T, host_space> dweights) {
  const index size = dweights.size(), lanes = std::clamp<index>(x.cols / 512, 1, 16);
  T* const sums = workspace(lanes * size);
  parallel_for(threads, lanes, [&](index k) {
    std::fill_n(sums + k * size, size, T{0});
    add_in_place(part(x.cols, lanes, k), x, dy, sums + k * size);
  });
  for (index k = 0; k < lanes; ++k)
    for (index i = 0; i < size; ++i) dweights.data[i] += sums[k * size + i];
}

}  // namespace direct

/// dweights += dy * neighbourhoods(x)^T. `workspace(count)` hands out `count` elements: at most about 2^18 or
/// one row of an image and its neighbours.
template <class T, class Workspace>
void direct_weight_gradient(int threads, const Workspace& workspace, const conv_geometry& geometry,
                            matrix_view<const T, host_space> x, matrix_view<const T, host_space> dy,
                            matrix_view<T, host_space> dweights) {
  constexpr index rows = panel<T>::rows, budget = index{1} << 18;
  conv_geometry g = geometry;
  if (direct::in_place<T>(g)) return direct::gradient_in_place(threads, workspace, x, dy, dweights);
  if (g.pointwise()) g.in = {g.in.channels, x.cols, 1};  // pixels know no neighbours
  const index images = g.pointwise() ? 1 : x.cols / g.in.pixels();
  const direct::pixel_order order = direct::order_of<T>(g, images);
  const bool neighbourhoods = order == direct::pixel_order::neighbourhoods;
  const index x_channels = neighbourhoods ? g.patch() : g.in.channels;
  const index wide = panel<T>::padded(x_channels), tall = panel<T>::padded(g.out_channels);
  const index x_row = neighbourhoods ? g.out_width() : g.in.width;  // pixels
  const auto size = [&](index count, index height) {                // elements of a block's panels
    const index x_rows = neighbourhoods ? height : std::min(g.in.height, (height - 1) * g.stride + g.kernel);
    return count * (x_rows * x_row * wide + height * g.out_width() * tall);
  };
  index height = g.out_height();
  while (height > 1 && size(1, height) > budget) height = (height + 1) / 2;
  const index several = height == g.out_height() ? std::clamp<index>(budget / size(1, height), 1, images) : 1;
  T* const memory = workspace(size(several, height));
  const index panels_x = wide / rows, panels_dy = tall / rows, taps = neighbourhoods ? 1 : g.kernel;
  for (index first = 0; first < images; first += several)
    for (index top = 0; top < g.out_height(); top += height) {
      const index x_top = std::max<index>(0, top * g.stride - g.padding);
      const index rows_here = std::min(height, g.out_height() - top);
      const index x_end = std::min(g.in.height, (top + rows_here - 1) * g.stride - g.padding + g.kernel);
      direct::pixel_panels<T> p{g,
                                order,
                                {first, std::min(several, images - first), top, rows_here},
                                x_top,
                                std::max<index>(0, x_end - x_top)};
      p.x_apart = p.x_pixels() * rows;
      p.dy_apart = p.block.images * rows_here * g.out_width() * rows;
      p.x = memory;
      p.dy = memory + panels_x * p.x_apart;
      p.fill(threads, x.data, dy.data);
      parallel_for(threads, panels_dy * panels_x * taps, [&](index k) {
        thread_local direct::tap_runs<T> runs;
        const index ky = k % taps, q = k / taps % panels_x, o = k / taps / panels_x;
        for (index kx = 0; kx < taps; ++kx) {
          runs.find(p, p.dy + o * p.dy_apart, p.x + q * p.x_apart, ky, kx);
          const index column = (ky * taps + kx) * x_channels + q * rows;
          if (runs.count > 0)
            direct::add_products(runs, std::min(rows, g.out_channels - o * rows),
                                 std::min(rows, x_channels - q * rows),
                                 dweights.data + o * rows + column * dweights.ld, dweights.ld);
        }
      });
    }
}

}  // namespace ssl::cpu
