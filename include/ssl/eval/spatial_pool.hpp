#pragma once
// SPDX-License-Identifier: MIT

/// Patches on a square grid, averaged within cells x cells regions whose means are put one below the other:
/// between the mean (cells = 1) and the concatenation (cells = grid). arXiv 2206.08954 pools 2 x 2.
///
/// View v lies in row v / grid, column v % grid. Region (r, c) has the rows floor(r grid / cells) to
/// ceil((r + 1) grid / cells) and the columns alike, so regions share the middle patches where `cells` does
/// not divide `grid` (adaptive average pooling). Its mean is rows [(r cells + c) e, (r cells + c + 1) e) of
/// the result.

#include "ssl/core/error.hpp"
#include "ssl/eval/aggregator.hpp"

namespace ssl {

namespace detail {

/// Positions of one region along one axis: [first, last).
SSL_FN index region_first(index region, index grid, index cells) { return region * grid / cells; }
SSL_FN index region_last(index region, index grid, index cells) {
  return ((region + 1) * grid + cells - 1) / cells;
}

template <class T, class Space>
struct pool_patches {
  matrix_view<const T, Space> h;  // (e, views * n)
  matrix_view<T, Space> out;      // (cells * cells * e, n)
  index first, views, grid, cells;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    for (index v = 0; v < views; ++v) {
      const T* const x = h.column(v * out.cols + j);
      const index row = (first + v) / grid, column = (first + v) % grid;
      for (index r = 0; r < cells; ++r) {
        const index top = region_first(r, grid, cells), bottom = region_last(r, grid, cells);
        if (row < top || row >= bottom) continue;
        for (index c = 0; c < cells; ++c) {
          const index left = region_first(c, grid, cells), right = region_last(c, grid, cells);
          if (column < left || column >= right) continue;
          const T weight = static_cast<T>(1.0 / static_cast<double>((bottom - top) * (right - left)));
          T* const mean = out.column(j) + (r * cells + c) * h.rows;
          team.for_each(h.rows, [=](index i) { mean[i] += weight * x[i]; });
        }
      }
    }
  }
};

}  // namespace detail

/// Models `Aggregator`; output (cells * cells * e, n).
struct spatial_pool {
  index grid = 2;   // patches along one side of the image
  index cells = 2;  // regions along one side

  index output(index e, index) const { return cells * cells * e; }

  /// Throws option_error unless 1 <= cells <= grid.
  template <class Ctx>
  void begin(Ctx& ctx, typename Ctx::matrix out) const {
    if (cells < 1 || cells > grid)
      throw option_error("ssl::spatial_pool: cells is " + std::to_string(cells) +
                         ", expected 1 to grid = " + std::to_string(grid));
    fill(ctx.be, out, typename Ctx::scalar{0});
  }

  template <class Ctx>
  void add(Ctx& ctx, typename Ctx::const_matrix h, index first, index views, index total,
           typename Ctx::matrix out) const {
    detail::require_chunk("spatial_pool", h, first, views, total, out, output(h.rows, total));
    if (total != grid * grid)
      detail::demand(false, "spatial_pool",
                     std::to_string(total) + " views, expected grid * grid = " + std::to_string(grid * grid));
    for_each_column(
        ctx.be, out.cols,
        detail::pool_patches<typename Ctx::scalar, typename Ctx::space>{h, out, first, views, grid, cells});
  }

  template <class Ctx>
  void finish(Ctx&, index, typename Ctx::matrix) const {}
};

}  // namespace ssl
