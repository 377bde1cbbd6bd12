#pragma once
// SPDX-License-Identifier: MIT

/// Sinkhorn-Knopp: soft assignments of samples to prototypes that use every prototype alike.
///
///     E = exp(s / epsilon);  iterations times: scale rows to sum N / K, then columns to sum 1
///
/// (SwAV, arXiv 2006.09882; the constants cancel.) The first row and column scaling are taken on logarithms:
/// after them every row and every column has an entry of at least 1 / (N K), so nothing overflows or vanishes
/// in float, whatever epsilon and the scores. Cost: 2 exponentials an entry, and 2 sweeps an iteration.

#include <cmath>
#include <string>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/exp.hpp"
#include "ssl/exec/context.hpp"

namespace ssl {

struct sinkhorn {
  double epsilon = 0.05;
  int iterations = 3;

  /// q (K, N), scores coming in, becomes the assignments; columns sum to one.
  template <class Ctx, class B = typename Ctx::backend>
  void assign(Ctx& ctx, view<B> q) const {
    using T = typename B::scalar;
    if (iterations < 1)
      throw option_error("ssl::sinkhorn: iterations is " + std::to_string(iterations) +
                         ", expected at least 1");
    scratch_scope scope(ctx);
    const auto row = ctx.take_accumulator(q.rows, 1);  // (K, 1)
    const auto top = ctx.take(q.rows, 1);              // (K, 1)
    const double sharpness = 1.0 / epsilon;
    fill(ctx.be, top, fn::least<T>);
    map_reduce(ctx.be, top, fn::maximum{}, fn::identity<T>{}, q);
    fill(ctx.be, row, 0.0);
    map_reduce(ctx.be, row, fn::plus{}, risen<B>{top, static_cast<T>(sharpness)}, q);
    map(ctx.be, row, logarithm{}, row);
    for_each_column(ctx.be, q.cols, first_columns<B>{q, top, row, sharpness});
    for (int k = 1; k < iterations; ++k) {
      fill(ctx.be, row, 0.0);
      map_reduce(ctx.be, row, fn::plus{}, fn::cast<double>{}, q);
      map(ctx.be, row, reciprocal{}, row);
      for_each_column(ctx.be, q.cols, next_columns<B>{q, row});
    }
  }

  // The functors below are public because nvcc gives a kernel no private type.

  template <class B>
  struct risen {  // e^{(s - top_i) / epsilon}
    cview<B> top;
    typename B::scalar sharpness;
    SSL_FN double operator()(index i, index, typename B::scalar s) const {
      return static_cast<double>(branchless_exp((s - top.data[i]) * sharpness));
    }
  };

  struct logarithm {
    SSL_FN double operator()(double x) const { return std::log(x); }
  };
  struct reciprocal {
    SSL_FN double operator()(double x) const { return 1.0 / x; }
  };

  /// The column of e^{(s - top_i) / epsilon} / e^{row_i}, scaled to sum one.
  template <class B>
  struct first_columns {
    view<B> q;     // (K, N)
    cview<B> top;  // (K, 1)
    matrix_view<const double, typename B::space> row;
    double sharpness;

    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      using T = typename B::scalar;
      T* const x = q.column(j);
      const T* const up = top.data;
      const double* const mass = row.data;
      const T scale = static_cast<T>(sharpness);
      team.for_each(q.rows, [=](index i) { x[i] = (x[i] - up[i]) * scale - static_cast<T>(mass[i]); });
      const T most = team.reduce(q.rows, fn::least<T>, fn::maximum{}, [=](index i) { return x[i]; });
      const double sum = team.reduce(q.rows, 0.0, fn::plus{}, [=](index i) {
        x[i] = branchless_exp(x[i] - most);
        return static_cast<double>(x[i]);
      });
      const T inverse = static_cast<T>(1.0 / sum);
      team.for_each(q.rows, [=](index i) { x[i] *= inverse; });
    }
  };

  /// The column times row_i, scaled to sum one.
  template <class B>
  struct next_columns {
    view<B> q;  // (K, N)
    matrix_view<const double, typename B::space> row;

    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      using T = typename B::scalar;
      T* const x = q.column(j);
      const double* const mass = row.data;
      const double sum =
          team.reduce(q.rows, 0.0, fn::plus{}, [=](index i) { return static_cast<double>(x[i]) * mass[i]; });
      const double inverse = 1.0 / sum;
      team.for_each(q.rows,
                    [=](index i) { x[i] = static_cast<T>(static_cast<double>(x[i]) * mass[i] * inverse); });
    }
  };
};

}  // namespace ssl
