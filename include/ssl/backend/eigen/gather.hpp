#pragma once
// SPDX-License-Identifier: MIT

/// Which pixels a convolution reads for each pixel that it writes, as tables of pointers for the kernel of
/// columns.hpp.

#include <algorithm>
#include <vector>

#include "ssl/backend/eigen/panels.hpp"
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
  /// How far tap (u, v) lies behind tap (0, 0), in entries of x.
  index step(index u, index v) const {
    return (u * rows.offset_step * cols.in_size + v * cols.offset_step) * depth;
  }
  /// Whether a tile is one place of several images.
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

/// The tiles of one group with their tables of runs. Its memory is kept from group to group.
template <class T>
class plan {
 public:
  static constexpr index cols = panel<T>::cols;

  /// Tiles [which.first, which.last) of a gathering from x to y.
  void make(const gathering& g, const T* x, T* y, range which) {
    g_ = &g;
    x_ = x;
    used_ = 0;
    const index count = which.last - which.first, most = g.rows.taps * g.cols.taps;
    at_least(tiles_, count);
    at_least(from_, count * most);
    at_least(at_, count * most * cols);
    at_least(zeros_, g.kernel * g.depth);
    if (g.by_kernel_rows) at_least(patched_, count * cols * g.kernel * g.kernel * g.depth);
    for (index k = 0; k < count; ++k) {
      tile<T>& t = tiles_[static_cast<std::size_t>(k)];
      const bool same_place = find_places(t, which.first + k, y);
      t.first_run = used_;
      if (g.by_kernel_rows)
        take_kernel_rows(patched_.data() + k * cols * g.kernel * g.kernel * g.depth);
      else if (same_place || all_inside())
        take_common_taps();
      else
        take_taps();
      t.runs = used_ - t.first_run;
    }
  }

  const tile<T>& operator[](index k) const { return tiles_[static_cast<std::size_t>(k)]; }
  /// Of each run: where its entries lie in a panel of weights, and `cols` pointers.
  const index* from(const tile<T>& t) const { return from_.data() + t.first_run; }
  const T* const* columns(const tile<T>& t) const { return at_.data() + t.first_run * cols; }

 private:
  struct place {
    index row, col, start;  // the entry of x that tap (0, 0) reads; it may lie outside
  };

  template <class V>
  static void at_least(V& v, index size) {
    if (static_cast<index>(v.size()) < size) v.resize(static_cast<std::size_t>(size));
  }

  /// Where the columns of tile `number` read and write; whether all read the same place of their images.
  bool find_places(tile<T>& t, index number, T* y) {
    const gathering& g = *g_;
    const bool across = g.template across<T>();
    const index places = g.places(), per_image = (places + cols - 1) / cols;
    const index image = across ? number / places * cols : number / per_image;
    const index first = across ? number % places : number % per_image * cols;
    t.valid = std::min(cols, across ? g.images - image : places - first);
    index m = image, row = first / g.cols.count, col = first % g.cols.count;
    for (index j = 0; j < cols; ++j) {  // columns that do not count repeat the last that does
      place_[j] = {
          row, col,
          (m * g.x_pixels + g.rows.source(row, 0) * g.cols.in_size + g.cols.source(col, 0)) * g.depth};
      t.to[j] = y + (m * g.y_pixels + (g.rows.out_first + row * g.rows.out_step) * g.y_width +
                     g.cols.out_first + col * g.cols.out_step) *
                        g.out;
      if (j + 1 >= t.valid) continue;
      if (across) {
        ++m;
      } else if (++col == g.cols.count) {
        col = 0;
        ++row;
      }
    }
    return across;
  }

  bool all_inside() const {
    return std::all_of(place_, place_ + cols,
                       [&](const place& p) { return g_->rows.whole(p.row) && g_->cols.whole(p.col); });
  }

  /// Every tap is inside for all columns or for none.
  void take_common_taps() {
    const gathering& g = *g_;
    for (index u = 0; u < g.rows.taps; ++u) {
      if (!g.rows.inside(place_[0].row, u)) continue;
      for (index v = 0; v < g.cols.taps; ++v) {
        if (!g.cols.inside(place_[0].col, v)) continue;
        const T** const to = at_.data() + used_ * cols;
        for (index j = 0; j < cols; ++j) to[j] = x_ + (place_[j].start + g.step(u, v));
        from_[static_cast<std::size_t>(used_++)] = g.entry(u, v) * panel<T>::rows;
      }
    }
  }

  /// Columns whose tap is outside read zeros; taps outside for all are left out.
  void take_taps() {
    const gathering& g = *g_;
    for (index u = 0; u < g.rows.taps; ++u)
      for (index v = 0; v < g.cols.taps; ++v) {
        bool any = false;
        const T** const to = at_.data() + used_ * cols;
        for (index j = 0; j < cols; ++j) {
          const bool inside = g.rows.inside(place_[j].row, u) && g.cols.inside(place_[j].col, v);
          any |= inside;
          to[j] = inside ? x_ + (place_[j].start + g.step(u, v)) : zeros_.data();
        }
        if (any) from_[static_cast<std::size_t>(used_++)] = g.entry(u, v) * panel<T>::rows;
      }
  }

  /// A row of the kernel is one run; what crosses the border is copied to `patched` and filled up with zeros.
  void take_kernel_rows(T* patched) {
    const gathering& g = *g_;
    const index line = g.kernel * g.depth;
    range inside[std::size_t{cols}];  // entries of a line that lie in the image
    for (index j = 0; j < cols; ++j) {
      const index left = g.cols.source(place_[j].col, 0);
      inside[j] = {std::clamp<index>(-left, 0, g.kernel) * g.depth,
                   std::clamp<index>(g.cols.in_size - left, 0, g.kernel) * g.depth};
    }
    for (index u = 0; u < g.kernel; ++u) {
      bool any = false;
      const T** const to = at_.data() + used_ * cols;
      for (index j = 0; j < cols; ++j, patched += line) {
        to[j] = zeros_.data();
        if (!g.rows.inside(place_[j].row, u)) continue;
        any = true;
        const index first = place_[j].start + g.step(u, 0);
        const auto [begin, end] = inside[j];
        if (end - begin == line) {
          to[j] = x_ + first;
          continue;
        }
        for (index i = 0; i < begin; ++i) patched[i] = T{0};
        for (index i = begin; i < end; ++i) patched[i] = x_[first + i];
        for (index i = std::max(begin, end); i < line; ++i) patched[i] = T{0};
        to[j] = patched;
      }
      if (any) from_[static_cast<std::size_t>(used_++)] = u * line * panel<T>::rows;
    }
  }

  const gathering* g_ = nullptr;
  const T* x_ = nullptr;
  index used_ = 0;  // runs
  place place_[std::size_t{cols}] = {};
  std::vector<tile<T>> tiles_;
  std::vector<index> from_;
  std::vector<const T*> at_;
  std::vector<T> patched_, zeros_;
};

}  // namespace direct

}  // namespace ssl::cpu
