#pragma once
// SPDX-License-Identifier: MIT

/// `map` and `map_reduce` on the CPU. Loops are cut by shape alone, never by thread count, so that every
/// reduction gives the same bits on one thread and on many.

#include <algorithm>

#include "ssl/backend/eigen/parallel.hpp"
#include "ssl/backend/inputs.hpp"
#include "ssl/core/ask_for.hpp"

namespace ssl::cpu {

using detail::call;
using detail::Elementwise;

inline constexpr index parallel_threshold = 1 << 15;  // elements below which threads cost more than they save

/// Bytes of a map and its inputs above which they come from memory.
inline constexpr index beyond_cache = index{1} << 23;

/// Far: columns are asked for about a page ahead. Short columns of several inputs are too many runs for the
/// processor's own foresight, which halves the rate from memory.
template <bool Far, class T, class F, class... Ts>
void map_block(range rows, range cols, matrix_view<T, host_space> out, const F& f,
               matrix_view<const Ts, host_space>... in) {
  for (index j = cols.first; j < cols.last; ++j) {
    T* const o = out.column(j);
    if constexpr (Far) {
      const index ahead = std::min(j + 1024 / out.rows, cols.last - 1);
      for (index i = rows.first; i < rows.last; i += 16) (detail::ask_for(in.column(ahead) + i), ...);
    }
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
    for (index i = rows.first; i < rows.last; ++i) o[i] = static_cast<T>(call(f, i, j, in.column(j)[i]...));
  }
}

template <class T, class F, class... Ts>
void map(int threads, matrix_view<T, host_space> out, const F& f, matrix_view<const Ts, host_space>... in) {
  if constexpr (Elementwise<F, Ts...>) {
    if (out.cols > 1 && out.contiguous() && (in.contiguous() && ...)) {
      map(threads, out.reshaped(out.size(), 1), f, in.reshaped(in.size(), 1)...);
      return;
    }
  }
  const auto block = [&](range rows, range cols) {
    if constexpr (!Elementwise<F, Ts...> && sizeof...(Ts) >= 2) {
      const index bytes = out.size() * static_cast<index>(sizeof(T) + (sizeof(Ts) + ...));
      if (bytes > beyond_cache && out.rows <= 1024) return map_block<true>(rows, cols, out, f, in...);
    }
    map_block<false>(rows, cols, out, f, in...);
  };
  if (out.size() < parallel_threshold || threads == 1) {
    block({0, out.rows}, {0, out.cols});
  } else if (out.cols >= 4 * threads) {
    const index parts = std::min<index>(out.cols, 4 * threads);
    parallel_for(threads, parts, [&](index k) { block({0, out.rows}, part(out.cols, parts, k)); });
  } else {
    const index parts = 4 * threads;
    parallel_for(threads, parts, [&](index k) { block(part(out.rows, parts, k), {0, out.cols}); });
  }
}

/// Folds one column's rows in sixteen interleaved lanes (vectorised), then the lanes in order.
template <class V, class Fold, class F, class... Ts>
V fold_column(range rows, index j, const Fold& fold, const F& f, matrix_view<const Ts, host_space>... in) {
  constexpr index lanes = 16;
  V lane[lanes];
  for (auto& l : lane) l = Fold::template identity<V>();
  index i = rows.first;
  for (; i + lanes <= rows.last; i += lanes)
    for (index l = 0; l < lanes; ++l)
      lane[l] = fold(lane[l], static_cast<V>(call(f, i + l, j, in.column(j)[i + l]...)));
  V sum = Fold::template identity<V>();
  for (; i < rows.last; ++i) sum = fold(sum, static_cast<V>(call(f, i, j, in.column(j)[i]...)));
  for (auto& l : lane) sum = fold(sum, l);
  return sum;
}

/// acc[i] = fold over the columns of f, for the rows of one strip; partial folds of 32 columns keep float
/// sums short.
template <class Acc, class Fold, class F, class... Ts>
void fold_rows(range rows, range cols, Acc* acc, const Fold& fold, const F& f,
               matrix_view<const Ts, host_space>... in) {
  using V = detail::fold_type<Acc, detail::result_of<F, Ts...>>;
  constexpr index strip = 256, run = 32;
  V part_sum[strip];
  for (index i0 = rows.first; i0 < rows.last; i0 += strip) {
    const index m = std::min(strip, rows.last - i0);
    for (index j0 = cols.first; j0 < cols.last; j0 += run) {
      for (index i = 0; i < m; ++i) part_sum[i] = Fold::template identity<V>();
      for (index j = j0; j < std::min(j0 + run, cols.last); ++j)
        for (index i = 0; i < m; ++i)
          part_sum[i] = fold(part_sum[i], static_cast<V>(call(f, i0 + i, j, in.column(j)[i0 + i]...)));
      for (index i = 0; i < m; ++i) acc[i0 + i] = fold(acc[i0 + i], static_cast<Acc>(part_sum[i]));
    }
  }
}

/// `workspace(count)` hands out `count` elements of Acc.
template <class Acc, class Fold, class Workspace, class F, class First, class... Ts>
void map_reduce(int threads, const Workspace& workspace, matrix_view<Acc, host_space> out, const Fold& fold,
                const F& f, matrix_view<const First, host_space> first,
                matrix_view<const Ts, host_space>... in) {
  using V = detail::fold_type<Acc, detail::result_of<F, First, Ts...>>;
  const index rows = first.rows, cols = first.cols;
  const int active = rows * cols < parallel_threshold ? 1 : threads;

  if (out.rows == 1 && out.cols == cols && cols > 1) {  // one result a column
    const index parts = std::min<index>(cols, 64);
    parallel_for(active, parts, [&](index k) {
      const range r = part(cols, parts, k);
      for (index j = r.first; j < r.last; ++j)
        out(0, j) = fold(out(0, j), static_cast<Acc>(fold_column<V>({0, rows}, j, fold, f, first, in...)));
    });
  } else if (out.rows == 1) {  // one result in all: a grid of tiles, folded in order
    const index tall = std::clamp<index>(rows / 4096, 1, 64),
                wide = std::clamp<index>(cols / 16, 1, 64 / tall);
    Acc* const partial = workspace(tall * wide);
    parallel_for(active, tall * wide, [&](index k) {
      const range r = part(rows, tall, k % tall), c = part(cols, wide, k / tall);
      Acc sum = Fold::template identity<Acc>();
      for (index j = c.first; j < c.last; ++j)
        sum = fold(sum, static_cast<Acc>(fold_column<V>(r, j, fold, f, first, in...)));
      partial[k] = sum;
    });
    for (index k = 0; k < tall * wide; ++k) out(0, 0) = fold(out(0, 0), partial[k]);
  } else {  // one result a row
    const index wide = rows >= 2048 ? 1 : std::clamp<index>(cols / 256, 1, 32);
    const index tall = wide == 1 ? std::clamp<index>(rows / 256, 1, 32) : 1;
    if (wide == 1) {
      parallel_for(active, tall, [&](index k) {
        fold_rows(part(rows, tall, k), {0, cols}, out.data, fold, f, first, in...);
      });
      return;
    }
    Acc* const partial = workspace(rows * wide);
    parallel_for(active, wide, [&](index k) {
      Acc* const mine = partial + k * rows;
      for (index i = 0; i < rows; ++i) mine[i] = Fold::template identity<Acc>();
      fold_rows({0, rows}, part(cols, wide, k), mine, fold, f, first, in...);
    });
    for (index k = 0; k < wide; ++k)
      for (index i = 0; i < rows; ++i) out(i, 0) = fold(out(i, 0), partial[k * rows + i]);
  }
}

}  // namespace ssl::cpu
