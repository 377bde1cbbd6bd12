#pragma once
// SPDX-License-Identifier: MIT

/// Optimal assignment: the Hungarian method with potentials (Kuhn 1955; shortest augmenting paths, Jonker and
/// Volgenant 1987).
///
///     max over permutations p of sum_i gain(i, p_i)
///
/// Host only. Cost rows^2 cols.

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"

namespace ssl {

/// The column of each row, all different, so that the sum of gains is largest. gain (rows, cols) row by row,
/// finite; rows <= cols.
inline std::vector<index> best_assignment(std::span<const double> gain, index rows, index cols) {
  if (rows < 0 || rows > cols || static_cast<index>(gain.size()) != rows * cols)
    throw shape_error("ssl::best_assignment: " + std::to_string(gain.size()) + " gains for " +
                      std::to_string(rows) + " rows and " + std::to_string(cols) +
                      " columns, expected one for each pair and no more rows than columns");
  for (const double g : gain)
    if (!is_finite(g)) throw numeric_error("ssl::best_assignment: a gain is not finite");
  // Row 0 and column 0 stand for nothing; u and v are the potentials, owner[c] the row of column c.
  const auto at = [](index i) { return static_cast<std::size_t>(i); };
  std::vector<double> u(at(rows + 1), 0.0), v(at(cols + 1), 0.0), slack(at(cols + 1));
  std::vector<index> owner(at(cols + 1), 0), from(at(cols + 1), 0);
  std::vector<bool> seen(at(cols + 1));
  for (index row = 1; row <= rows; ++row) {
    owner[0] = row;
    index here = 0;
    slack.assign(slack.size(), std::numeric_limits<double>::max());
    seen.assign(seen.size(), false);
    do {
      seen[at(here)] = true;
      const index r = owner[at(here)];
      index next = 0;
      double step = std::numeric_limits<double>::max();
      for (index c = 1; c <= cols; ++c) {
        if (seen[at(c)]) continue;
        const double now = -gain[at((r - 1) * cols + c - 1)] - u[at(r)] - v[at(c)];
        if (now < slack[at(c)]) {
          slack[at(c)] = now;
          from[at(c)] = here;
        }
        if (slack[at(c)] < step) {
          step = slack[at(c)];
          next = c;
        }
      }
      for (index c = 0; c <= cols; ++c)
        if (seen[at(c)]) {
          u[at(owner[at(c)])] += step;
          v[at(c)] -= step;
        } else {
          slack[at(c)] -= step;
        }
      here = next;
    } while (owner[at(here)] != 0);
    while (here != 0) {
      owner[at(here)] = owner[at(from[at(here)])];
      here = from[at(here)];
    }
  }
  std::vector<index> column(at(rows));
  for (index c = 1; c <= cols; ++c)
    if (owner[at(c)] > 0) column[at(owner[at(c)] - 1)] = c - 1;
  return column;
}

}  // namespace ssl
