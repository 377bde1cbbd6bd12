#pragma once
// SPDX-License-Identifier: MIT

/// Two sums a row in one sweep over the columns: what batch normalisation needs in each direction.

#include <algorithm>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/ask_for.hpp"
#include "ssl/exec/context.hpp"

namespace ssl::detail {

template <class T>
struct two {
  T a{}, b{};
};

/// Columns [run] of f(i, j) summed into part (rows, 2 runs), columns 2 run and 2 run + 1. Eight columns are
/// summed in the scalar, the eights in double. Far: by f.prefetch(i, j) columns are asked for ahead.
template <class B, class F, bool Far>
struct sum_run {
  F f;
  index rows, cols, runs;
  accumulator_view<B> part;

  template <class Team>
  SSL_FN void operator()(const Team& team, index run) const {
    const F g = f;
    double* const a = part.column(2 * run);
    double* const b = part.column(2 * run + 1);
    team.for_each(rows, [=](index i) { a[i] = b[i] = 0; });
    index j = cols * run / runs;
    const index last = cols * (run + 1) / runs;
    for (; j + 8 <= last; j += 8) {
      if constexpr (Far)
        if (j + 24 <= last)
          for (index k = j + 16; k < j + 24; ++k)
            for (index i = 0; i < rows; i += 16) g.prefetch(i, k);
      team.for_each(rows, [=](index i) {
        const auto s0 = g(i, j), s1 = g(i, j + 1), s2 = g(i, j + 2), s3 = g(i, j + 3), s4 = g(i, j + 4),
                   s5 = g(i, j + 5), s6 = g(i, j + 6), s7 = g(i, j + 7);
        a[i] += static_cast<double>(((s0.a + s1.a) + (s2.a + s3.a)) + ((s4.a + s5.a) + (s6.a + s7.a)));
        b[i] += static_cast<double>(((s0.b + s1.b) + (s2.b + s3.b)) + ((s4.b + s5.b) + (s6.b + s7.b)));
      });
    }
    for (; j < last; ++j)
      team.for_each(rows, [=](index i) {
        const auto s = g(i, j);
        a[i] += static_cast<double>(s.a);
        b[i] += static_cast<double>(s.b);
      });
  }
};

/// out(i, j) = the sum over runs of part(i, 2 run + j), in order.
template <class B>
struct join_runs {
  accumulator_view<B> part;
  index runs;
  SSL_FN double operator()(index i, index j) const {
    double sum = 0;
    for (index k = 0; k < runs; ++k) sum += part(i, 2 * k + j);
    return sum;
  }
};

/// Entries of a map from which on several of them are no longer in cache.
inline constexpr index from_memory = index{1} << 20;

/// out (rows, 2) = the sums over j in [0, cols) of f(i, j), a `two<scalar>`. The order is fixed by the shape.
template <class Ctx, class F, class B = typename Ctx::backend>
void row_sums(Ctx& ctx, index cols, F f, accumulator_view<B> out) {
  scratch_scope scope(ctx);
  const index runs = std::clamp<index>(cols / 256, 1, 256);
  const auto part = ctx.take_accumulator(out.rows, 2 * runs);
  bool ahead = false;
  if constexpr (requires(index k) { f.prefetch(k, k); }) {
    ahead = out.rows * cols >= from_memory;
    if (ahead) for_each_column(ctx.be, runs, sum_run<B, F, true>{f, out.rows, cols, runs, part});
  }
  if (!ahead) for_each_column(ctx.be, runs, sum_run<B, F, false>{f, out.rows, cols, runs, part});
  map(ctx.be, out, join_runs<B>{part, runs});
}

}  // namespace ssl::detail
