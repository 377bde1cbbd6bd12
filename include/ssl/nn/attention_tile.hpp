#pragma once
// SPDX-License-Identifier: MIT

/// Tiles of sixteen tokens, the pieces that attention is computed in: sixteen lanes side by side are one or
/// two vector registers, and whatever is summed or compared goes down the rows of a tile, lane by lane.

#include "ssl/core/config.hpp"
#include "ssl/core/divide.hpp"
#include "ssl/core/view.hpp"

namespace ssl::detail {

inline constexpr index tile_lanes = 16;

/// tile (rows, lanes), row-major: row i, lane e = factor * column e of m at row i; zero where there is no
/// column. `m` is the first column's first row.
template <class Team, class S, class T>
SSL_FN void load_tile(const Team& team, index rows, const S* m, index ld, index columns, T factor, T* tile) {
  team.for_each(tile_lanes, [=](index e) {
    for (index i = 0; i < rows; ++i)
      tile[i * tile_lanes + e] = e < columns ? factor * static_cast<T>(m[i + e * ld]) : T{0};
  });
}

/// Column e of m, row i = factor[e] * tile row i, lane e, for the columns that there are.
template <class Team, class S, class T>
SSL_FN void store_tile(const Team& team, index rows, const T* tile, const T* factor, S* m, index ld,
                       index columns) {
  team.for_each(columns, [=](index e) {
    for (index i = 0; i < rows; ++i) m[i + e * ld] = static_cast<S>(factor[e] * tile[i * tile_lanes + e]);
  });
}

/// out (lanes) = fold over the rows of a tile, lane by lane, in runs of sixteen rows; `part` has room for a
/// row for each run.
template <class Team, class T, class Fold>
SSL_FN void fold_lanes(const Team& team, index rows, const T* tile, const Fold& fold, T* part, T* out) {
  const index runs = (rows + 15) / 16;
  team.for_each(runs, [=](index k) {
    const index last = 16 * k + 16 < rows ? 16 * k + 16 : rows;
    T lane[tile_lanes];
    for (index e = 0; e < tile_lanes; ++e) lane[e] = tile[16 * k * tile_lanes + e];
    for (index i = 16 * k + 1; i < last; ++i)
      for (index e = 0; e < tile_lanes; ++e) lane[e] = fold(lane[e], tile[i * tile_lanes + e]);
    for (index e = 0; e < tile_lanes; ++e) part[k * tile_lanes + e] = lane[e];
  });
  team.for_each(tile_lanes, [=](index e) {
    T sum = part[e];
    for (index k = 1; k < runs; ++k) sum = fold(sum, part[k * tile_lanes + e]);
    out[e] = sum;
  });
}

/// out (rows, lanes) = m x, m(i, j) = m[i * down + j * across] for j in [0, depth), x (depth, lanes).
template <class Team, class S, class T>
SSL_FN void multiply_tile(const Team& team, index rows, index depth, const S* m, index down, index across,
                          const T* x, T* out) {
  const index blocks = rows / 4;
  team.for_each(blocks + (rows - 4 * blocks), [=](index k) {
    if (k < blocks) {
      T a[tile_lanes] = {}, b[tile_lanes] = {}, c[tile_lanes] = {}, d[tile_lanes] = {};
      const S* row = m + 4 * k * down;
      for (index j = 0; j < depth; ++j, row += across) {
        const T* const lane = x + j * tile_lanes;
        const T fa = static_cast<T>(row[0]), fb = static_cast<T>(row[down]);
        const T fc = static_cast<T>(row[2 * down]), fd = static_cast<T>(row[3 * down]);
        for (index e = 0; e < tile_lanes; ++e) {
          a[e] += fa * lane[e];
          b[e] += fb * lane[e];
          c[e] += fc * lane[e];
          d[e] += fd * lane[e];
        }
      }
      T* const to = out + 4 * k * tile_lanes;
      for (index e = 0; e < tile_lanes; ++e) to[e] = a[e];
      for (index e = 0; e < tile_lanes; ++e) to[tile_lanes + e] = b[e];
      for (index e = 0; e < tile_lanes; ++e) to[2 * tile_lanes + e] = c[e];
      for (index e = 0; e < tile_lanes; ++e) to[3 * tile_lanes + e] = d[e];
    } else {
      const index i = 3 * blocks + k;  // one row at a time from row 4 blocks on
      T a[tile_lanes] = {};
      const S* row = m + i * down;
      for (index j = 0; j < depth; ++j, row += across) {
        const T f = static_cast<T>(*row);
        for (index e = 0; e < tile_lanes; ++e) a[e] += f * x[j * tile_lanes + e];
      }
      for (index e = 0; e < tile_lanes; ++e) out[i * tile_lanes + e] = a[e];
    }
  });
}

}  // namespace ssl::detail
