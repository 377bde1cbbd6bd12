#pragma once
// SPDX-License-Identifier: MIT

/// The mean of an image's patch embeddings: 1 / V sum_v h_v, optionally of patches or with a result of length
/// one. What EMP-SSL evaluates (not normalised) and BagSSL's main aggregate (arXiv 2206.08954).

#include "ssl/eval/aggregator.hpp"

namespace ssl {

namespace detail {

template <class T, class Space>
struct add_patches {              // out_j += sum_v a_v h_{v n + j}, in order of v
  matrix_view<const T, Space> h;  // (e, views * n)
  matrix_view<T, Space> out;      // (e, n)
  index views;
  bool unit;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    T* const sum = out.column(j);
    for (index v = 0; v < views; ++v) {
      const index column = v * out.cols + j;
      const T* const x = h.column(column);
      const T factor = unit ? unit_factor(team, h, column) : T{1};
      team.for_each(h.rows, [=](index i) { sum[i] += factor * x[i]; });
    }
  }
};

template <class T, class Space>
struct unit_column {  // out_j /= |out_j|
  matrix_view<T, Space> out;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const T factor = unit_factor(team, as_const(out), j);
    T* const x = out.column(j);
    team.for_each(out.rows, [=](index i) { x[i] *= factor; });
  }
};

}  // namespace detail

/// Models `Aggregator`; output (e, n). Sums run in the scalar, patch after patch.
struct patch_mean {
  bool normalize_patches = false;  // patches to length one before they are summed
  bool normalize_mean = false;     // the result to length one

  index output(index e, index) const { return e; }

  template <class Ctx>
  void begin(Ctx& ctx, typename Ctx::matrix out) const {
    fill(ctx.be, out, typename Ctx::scalar{0});
  }

  template <class Ctx>
  void add(Ctx& ctx, typename Ctx::const_matrix h, index first, index views, index total,
           typename Ctx::matrix out) const {
    detail::require_chunk("patch_mean", h, first, views, total, out, h.rows);
    for_each_column(
        ctx.be, out.cols,
        detail::add_patches<typename Ctx::scalar, typename Ctx::space>{h, out, views, normalize_patches});
  }

  template <class Ctx>
  void finish(Ctx& ctx, index total, typename Ctx::matrix out) const {
    using T = typename Ctx::scalar;
    map(ctx.be, out, fn::scale<T>{static_cast<T>(1.0 / static_cast<double>(total))}, out);
    if (normalize_mean) for_each_column(ctx.be, out.cols, detail::unit_column<T, typename Ctx::space>{out});
  }
};

}  // namespace ssl
