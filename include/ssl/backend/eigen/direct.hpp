#pragma once
/// Direct convolution on the CPU: forward, and the gradient of the input, which is a convolution too.
///
/// Nothing is gathered into columns. The weights are packed into panels once a call; the neighbourhood of a
/// pixel is read where it lies, through a table of pointers (columns.hpp), one run a tap. A tile is eight
/// pixels: neighbours in an image where it is large, the same pixel of eight images where it is small. Taps
/// that lie in the padding for all eight are left out: on the 4 x 4 maps of a small encoder that is a third
/// of the arithmetic.
///
/// The gradient of the input with stride s falls into s^2 classes of pixels, each with its own taps.

#include <array>
#include <vector>

#include "ssl/backend/eigen/columns.hpp"
#include "ssl/core/conv_geometry.hpp"

namespace ssl::cpu {

namespace direct {

/// One dimension of a gathering: place i < count is pixel out_first + i out_step of what is written; its tap
/// u < taps is kernel entry kernel_first + u kernel_step and reads pixel i in_step + offset + u offset_step,
/// if that is below in_size.
struct axis {
  index count, out_first, out_step, in_step, in_size;
  index taps, kernel_first, kernel_step, offset, offset_step;

  index source(index i, index u) const { return i * in_step + offset + u * offset_step; }
  bool inside(index i, index u) const {
    const index at = source(i, u);
    return at >= 0 && at < in_size;
  }
  /// Whether every tap of place i is inside.
  bool whole(index i) const { return taps > 0 && inside(i, 0) && inside(i, taps - 1); }
};

inline axis forward_axis(const conv_geometry& g, index in, index out) {
  return {out, 0, 1, g.stride, in, g.kernel, 0, 1, -g.padding, 1};
}

/// The pixels y of the input with (y + padding) mod stride = r.
inline axis gradient_axis(const conv_geometry& g, index in, index out, index r) {
  const index s = g.stride, first = ((r - g.padding) % s + s) % s;
  const index count = first < in ? (in - first + s - 1) / s : 0;
  const index taps = r < g.kernel ? (g.kernel - r + s - 1) / s : 0;
  return {count, first, s, 1, out, taps, r, s, (first + g.padding - r) / s, -1};
}

/// A gathering: y(., p) = the sum over taps of panel(tap) x(., source of p), and what lies where.
struct gathering {
  axis rows, cols;
  index kernel;           // side
  index depth, x_pixels;  // channels of x and pixels of one of its images
  index out, y_pixels;    // channels of y and pixels of one of its images
  index y_width;          // of one of y's images
  bool by_kernel_rows;    // a run is a row of the kernel: few channels
  index images;

  index places() const { return rows.count * cols.count; }
  /// Where tap (u, v) begins among the inner indices of a panel of weights.
  index entry(index u, index v) const {
    return ((rows.kernel_first + u * rows.kernel_step) * kernel + cols.kernel_first + v * cols.kernel_step) *
           depth;
  }
  /// Whether a tile is one place of eight images.
  template <class T>
  bool across() const {
    return images >= panel<T>::cols && places() <= 64;
  }
  template <class T>
  index tiles() const {
    constexpr index cols_of_tile = panel<T>::cols;
    const index blocks = (images + cols_of_tile - 1) / cols_of_tile;
    return across<T>() ? blocks * places() : images * ((places() + cols_of_tile - 1) / cols_of_tile);
  }
};

/// A tile of places, and the runs that its columns read.
template <class T>
struct tile {
  index runs = 0, valid = 0, first_run = 0;  // in the table
  T* to[panel<T>::cols] = {};
};

/// Tiles of one group with their tables of runs.
template <class T>
struct plan {
  std::vector<tile<T>> tiles;
  std::vector<index> from;   // of each run: where its entries lie in a panel of weights
  std::vector<const T*> at;  // of each run: cols pointers
  std::vector<T> patched;    // neighbourhoods that cross the border, by_kernel_rows only
  std::vector<T> zeros;
};

/// Fills the plan for tiles [first, last).
template <class T>
void make_plan(const gathering& g, const T* x, T* y, range which, plan<T>& out) {
  constexpr index cols = panel<T>::cols;
  const bool across = g.across<T>();
  const index places = g.places(), most = g.rows.taps * g.cols.taps, count = which.last - which.first;
  const index line = g.kernel * g.depth;  // of a run, by_kernel_rows
  const auto at_least = [](auto& v, index size) {
    if (static_cast<index>(v.size()) < size) v.resize(static_cast<std::size_t>(size));
  };
  at_least(out.tiles, count);
  at_least(out.from, count * most);
  at_least(out.at, count * most * cols);
  at_least(out.zeros, std::max(g.depth, line));
  if (g.by_kernel_rows) at_least(out.patched, count * cols * g.kernel * line);
  const T* const zeros = out.zeros.data();
  index run = 0;
  for (index k = 0; k < count; ++k) {
    tile<T>& t = out.tiles[static_cast<std::size_t>(k)];
    index row[cols], col[cols];
    const T* image[cols];
    const index number = which.first + k;
    const index per_image = (places + cols - 1) / cols;
    const index first_image = across ? number / places * cols : number / per_image;
    const index first_place = across ? number % places : number % per_image * cols;
    t.valid = std::min(cols, across ? g.images - first_image : places - first_place);
    for (index j = 0; j < cols; ++j) {
      const index inside = std::min(j, t.valid - 1);  // columns that do not count repeat the last that does
      const index m = first_image + (across ? inside : 0), place = first_place + (across ? 0 : inside);
      row[j] = place / g.cols.count;
      col[j] = place % g.cols.count;
      image[j] = x + m * g.x_pixels * g.depth;
      t.to[j] = y + (m * g.y_pixels + (g.rows.out_first + row[j] * g.rows.out_step) * g.y_width +
                     g.cols.out_first + col[j] * g.cols.out_step) *
                        g.out;
    }
    t.first_run = run;
    if (const bool inside = std::all_of(row, row + cols, [&](index i) { return g.rows.whole(i); }) &&
                            std::all_of(col, col + cols, [&](index i) { return g.cols.whole(i); });
        inside && !g.by_kernel_rows) {  // nothing but offsets
      const T* start[cols];
      for (index j = 0; j < cols; ++j)
        start[j] =
            image[j] + (g.rows.source(row[j], 0) * g.cols.in_size + g.cols.source(col[j], 0)) * g.depth;
      for (index u = 0; u < g.rows.taps; ++u)
        for (index v = 0; v < g.cols.taps; ++v, ++run) {
          out.from[static_cast<std::size_t>(run)] = g.entry(u, v) * panel<T>::rows;
          const index step = (u * g.rows.offset_step * g.cols.in_size + v * g.cols.offset_step) * g.depth;
          const T** const to = out.at.data() + run * cols;
          for (index j = 0; j < cols; ++j) to[j] = start[j] + step;
        }
      t.runs = most;
      continue;
    }
    for (index u = 0; u < g.rows.taps; ++u) {
      bool any_row = false;
      for (index j = 0; j < cols; ++j) any_row |= g.rows.inside(row[j], u);
      if (!any_row) continue;
      if (g.by_kernel_rows) {
        for (index j = 0; j < cols; ++j) {
          const T*& to = out.at[static_cast<std::size_t>(run * cols + j)];
          if (!g.rows.inside(row[j], u)) {
            to = zeros;
            continue;
          }
          const T* const source = image[j] + g.rows.source(row[j], u) * g.cols.in_size * g.depth;
          const index left = g.cols.source(col[j], 0);
          if (left >= 0 && left + g.kernel <= g.cols.in_size) {
            to = source + left * g.depth;
            continue;
          }
          T* const copy = out.patched.data() + ((k * cols + j) * g.kernel + u) * line;
          for (index v = 0; v < g.kernel; ++v)
            for (index c = 0; c < g.depth; ++c)
              copy[v * g.depth + c] = g.cols.inside(col[j], v) ? source[(left + v) * g.depth + c] : T{0};
          to = copy;
        }
        out.from[static_cast<std::size_t>(run++)] = u * line * panel<T>::rows;
        continue;
      }
      for (index v = 0; v < g.cols.taps; ++v) {
        bool any = false;
        for (index j = 0; j < cols; ++j) {
          const bool in = g.rows.inside(row[j], u) && g.cols.inside(col[j], v);
          any |= in;
          out.at[static_cast<std::size_t>(run * cols + j)] =
              in ? image[j] + (g.rows.source(row[j], u) * g.cols.in_size + g.cols.source(col[j], v)) * g.depth
                 : zeros;
        }
        if (!any) continue;
        out.from[static_cast<std::size_t>(run++)] = g.entry(u, v) * panel<T>::rows;
      }
    }
    t.runs = run - t.first_run;
  }
}

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
  for (index k = 0; k < tiles; ++k) most = std::max(most, p.tiles[static_cast<std::size_t>(k)].runs);
  for (index r = 0; r < most; r += together)
    for (index l = 0; l < length; l += step)
      for (index k = 0; k < tiles; ++k) {
        const tile<T>& t = p.tiles[static_cast<std::size_t>(k)];
        if (r > 0 && r >= t.runs) continue;
        const index runs = std::min(together, t.runs - r), deep = std::min(step, length - l);
        const index* const from = p.from.data() + t.first_run + r;
        const auto left = [=](index q) { return panel_of + from[q] + l * rows; };
        const T* const* const at = p.at.data() + (t.first_run + r) * cols;
        const bool add = r + l > 0;
        if (count == Strips * panel<T>::width) {
          tiled::multiply_columns_at<T, Strips>(runs, deep, l, left, at, t.valid, add,
                                                [&](index j) { return t.to[j] + first; });
          continue;
        }
        T edge[cols * rows];
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
    make_plan(g, x, y, mine, p);
    for (index first = 0; first < g.out; first += rows) {
      const index count = std::min(rows, g.out - first);
      const T* const panel_of = panels + first / rows * panel_size;
      if (panel<T>::strips > 1 && count <= panel<T>::width)
        multiply_strip<T, 1>(p, mine.last - mine.first, length, panel_of, first, count);
      else
        multiply_strip<T, panel<T>::strips>(p, mine.last - mine.first, length, panel_of, first, count);
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
