#pragma once
// SPDX-License-Identifier: MIT

/// All patch embeddings of an image, one below the other (arXiv 2206.08954): rows [v e, (v + 1) e) of the
/// result are view v.

#include "ssl/eval/aggregator.hpp"

namespace ssl {

namespace detail {

template <class T, class Space>
struct place_patches {
  matrix_view<const T, Space> h;  // (e, views * n)
  matrix_view<T, Space> out;      // (e * total, n)
  index first, views;
  bool unit;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    for (index v = 0; v < views; ++v) {
      const index column = v * out.cols + j;
      const T* const x = h.column(column);
      T* const place = out.column(j) + (first + v) * h.rows;
      const T factor = unit ? unit_factor(team, h, column) : T{1};
      team.for_each(h.rows, [=](index i) { place[i] = factor * x[i]; });
    }
  }
};

}  // namespace detail

/// Models `Aggregator`; output (e * views, n), so this is the one whose result grows with the views.
struct concatenation {
  bool normalize_patches = false;  // patches to length one

  index output(index e, index views) const { return e * views; }

  template <class Ctx>
  void begin(Ctx&, typename Ctx::matrix) const {}

  template <class Ctx>
  void add(Ctx& ctx, typename Ctx::const_matrix h, index first, index views, index total,
           typename Ctx::matrix out) const {
    detail::require_chunk("concatenation", h, first, views, total, out, h.rows * total);
    for_each_column(ctx.be, out.cols,
                    detail::place_patches<typename Ctx::scalar, typename Ctx::space>{h, out, first, views,
                                                                                     normalize_patches});
  }

  template <class Ctx>
  void finish(Ctx&, index, typename Ctx::matrix) const {}
};

}  // namespace ssl
