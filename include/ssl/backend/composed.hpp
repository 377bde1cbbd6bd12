#pragma once
// SPDX-License-Identifier: MIT

/// Bodies of `map` and `map_reduce` that any parallel machine can run: one item of a `map`, and `map_reduce`
/// put together from `map` and `for_each_column`. Work is cut by shape alone, never by the number of threads,
/// so that a reduction gives the same bits on every run.

#include <algorithm>

#include "ssl/backend/inputs.hpp"
#include "ssl/core/divide.hpp"

namespace ssl::detail {

struct position {
  index i, j;
};

/// Where element k of a matrix lies, k = i + j * rows; without a division in the first column.
SSL_FN position position_of(index k, index rows) {
  if (k < rows) return {k, 0};
  const divided at = divide(k, rows);
  return {at.remainder, at.quotient};
}

/// Item k of a map: out(i, j) = f(x...) with k = i + j * rows.
template <class T, class Space, class F, class... Ts>
struct map_item {
  matrix_view<T, Space> out;
  F f;
  inputs<Space, Ts...> in;

  SSL_FN void operator()(index k) const {
    const position at = position_of(k, out.rows);
    out(at.i, at.j) = static_cast<T>(in.call(f, at.i, at.j));
  }
};

/// The items of one map. Where all is contiguous and f does not ask for i and j, it is one long column.
template <class T, class Space, class F, class... Ts>
map_item<T, Space, F, Ts...> make_map_item(matrix_view<T, Space> out, F f,
                                           matrix_view<const Ts, Space>... in) {
  if constexpr (Elementwise<F, Ts...>) {
    if ((out.contiguous() && ... && in.contiguous()))
      return {out.reshaped(out.size(), 1), f, make_inputs<Space>(in.reshaped(in.size(), 1)...)};
  }
  return {out, f, make_inputs<Space>(in...)};
}

/// y, then column j of `in` from the top: a whole column to one thread.
template <class V, class Acc, class Space, class Fold, class F, class... Ts>
struct fold_short_column {
  index rows;
  Fold fold;
  F f;
  inputs<Space, Ts...> in;

  SSL_FN Acc operator()(index, index j, Acc y) const {
    V sum = Fold::template identity<V>();
    for (index i = 0; i < rows; ++i) sum = fold(sum, static_cast<V>(in.call(f, i, j)));
    return fold(y, static_cast<Acc>(sum));
  }
};

/// out(0, j) = fold(out(0, j), column j of `in`): a column to a team.
template <class V, class Acc, class Space, class Fold, class F, class... Ts>
struct fold_long_column {
  matrix_view<Acc, Space> out;
  index rows;
  Fold fold;
  F f;
  inputs<Space, Ts...> in;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const V sum = team.reduce(rows, Fold::template identity<V>(), fold,
                              [&](index i) { return static_cast<V>(in.call(f, i, j)); });
    team.for_each(1, [&](index) { out(0, j) = fold(out(0, j), static_cast<Acc>(sum)); });
  }
};

/// partial(k) = tile k of `in`, of a grid that is `tall` tiles high and `wide` tiles wide.
template <class V, class Space, class Fold, class F, class... Ts>
struct fold_tile {
  matrix_view<V, Space> partial;  // (tall * wide, 1)
  index rows, cols, tall, wide;
  Fold fold;
  F f;
  inputs<Space, Ts...> in;

  template <class Team>
  SSL_FN void operator()(const Team& team, index k) const {
    const index p = k % tall, q = k / tall;
    const index i0 = rows * p / tall, height = rows * (p + 1) / tall - i0;
    const index j0 = cols * q / wide, width = cols * (q + 1) / wide - j0;
    const V sum = team.reduce(height * width, Fold::template identity<V>(), fold, [&](index item) {
      const index j = item / height, i = item - j * height;
      return static_cast<V>(in.call(f, i0 + i, j0 + j));
    });
    team.for_each(1, [&](index) { partial.data[k] = sum; });
  }
};

/// out = fold(out, partial(0), partial(1), ...).
template <class V, class Acc, class Space, class Fold>
struct fold_partials {
  matrix_view<Acc, Space> out;    // (1, 1)
  matrix_view<V, Space> partial;  // (count, 1)
  Fold fold;

  template <class Team>
  SSL_FN void operator()(const Team& team, index) const {
    const V sum = team.reduce(partial.rows, Fold::template identity<V>(), fold,
                              [&](index k) { return partial.data[k]; });
    team.for_each(1, [&](index) { out(0, 0) = fold(out(0, 0), static_cast<Acc>(sum)); });
  }
};

/// Row i of `in` over the k-th of `runs` runs of columns; neighbouring threads read neighbouring rows.
template <class V, class Space, class Fold, class F, class... Ts>
struct fold_row_run {
  index cols, runs;
  Fold fold;
  F f;
  inputs<Space, Ts...> in;

  SSL_FN V operator()(index i, index k) const {
    V sum = Fold::template identity<V>();
    for (index j = cols * k / runs; j < cols * (k + 1) / runs; ++j)
      sum = fold(sum, static_cast<V>(in.call(f, i, j)));
    return sum;
  }
};

/// y, then row i of the partial folds.
template <class V, class Acc, class Space, class Fold>
struct fold_row_of_partials {
  matrix_view<V, Space> partial;  // (rows, runs)
  Fold fold;

  SSL_FN Acc operator()(index i, index, Acc y) const {
    V sum = partial(i, 0);
    for (index k = 1; k < partial.cols; ++k) sum = fold(sum, partial(i, k));
    return fold(y, static_cast<Acc>(sum));
  }
};

/// out = fold(out, f(x...)) along the sides that out collapses, by be.map and be.for_each_column.
/// `workspace(bytes)` hands out memory in the backend's space; at most 1024 partial folds, or 64 a row.
template <class B, class Workspace, class Acc, class Space, class Fold, class F, class First, class... Ts>
void composed_map_reduce(B& be, const Workspace& workspace, matrix_view<Acc, Space> out, Fold fold, F f,
                         matrix_view<const First, Space> first, matrix_view<const Ts, Space>... rest) {
  using V = fold_type<Acc, result_of<F, First, Ts...>>;
  const index rows = first.rows, cols = first.cols;
  const auto in = make_inputs<Space>(first, rest...);
  const auto partials = [&](index count, index runs) {
    void* const memory = workspace(count * runs * static_cast<index>(sizeof(V)));
    return matrix_view<V, Space>{static_cast<V*>(memory), count, runs, count};
  };

  if (out.rows == 1 && out.cols == cols && cols > 1) {  // one result a column
    if (rows < 64)
      be.map(out, fold_short_column<V, Acc, Space, Fold, F, First, Ts...>{rows, fold, f, in}, as_const(out));
    else
      be.for_each_column(cols,
                         fold_long_column<V, Acc, Space, Fold, F, First, Ts...>{out, rows, fold, f, in});
  } else if (out.rows == 1) {  // one result in all
    const index tall = std::clamp<index>(rows / 8192, 1, 1024);
    const index wide = std::clamp<index>(cols * (rows / tall) / 8192, 1, std::min<index>(cols, 1024 / tall));
    const auto partial = partials(tall * wide, 1);
    be.for_each_column(tall * wide, fold_tile<V, Space, Fold, F, First, Ts...>{partial, rows, cols, tall,
                                                                               wide, fold, f, in});
    be.for_each_column(1, fold_partials<V, Acc, Space, Fold>{out, partial, fold});
  } else {  // one result a row
    const index runs = rows >= index{1} << 17 ? 1 : std::clamp<index>(cols / 64, 1, 64);
    const auto partial = partials(rows, runs);
    be.map(partial, fold_row_run<V, Space, Fold, F, First, Ts...>{cols, runs, fold, f, in});
    be.map(out, fold_row_of_partials<V, Acc, Space, Fold>{partial, fold}, as_const(out));
  }
}

}  // namespace ssl::detail
