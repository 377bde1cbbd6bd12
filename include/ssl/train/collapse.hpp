#pragma once
// SPDX-License-Identifier: MIT

/// Named signs of a collapse: terms at the value that they have where all embeddings are the same (each term
/// states it, see loss/collapse.hpp), and a spread or rank that says so by itself.
///
/// A value alone proves little: byol is 0 at its optimum too, and nt_xent is ln(V n - 1) for even directions
/// without information. So a term counts
///
///     within 1 % of its value where the feature spread is below 0.1: embeddings identical;
///     within 0.1 % where it is not, unless that value is the term's least: as at a collapse.

#include <cmath>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "ssl/core/finite.hpp"
#include "ssl/loss/collapse.hpp"
#include "ssl/train/monitor.hpp"

namespace ssl {

struct collapse_sign {
  std::string name;    // the term's, or "feature_spread", "participation_ratio"
  std::string cause;   // "embeddings identical", "as at a collapse", "embeddings on a line"
  std::string detail;  // the name, the value and what it equals

  /// "embeddings identical: ntxent is 6.231, and equal embeddings give ln(V n - 1) = 6.236"
  std::string text() const { return cause + ": " + detail; }
};

/// Where the numbers of a report begin to mean a collapse.
struct collapse_limits {
  double feature_spread = 0.1;       // below: embeddings identical
  double participation_ratio = 1.1;  // below: embeddings on a line
  double confirmed = 1e-2;           // relative distance of a term from its value, where the spread is below
  double alone = 1e-3;               // where it is not
};

namespace detail {

inline std::string four_digits(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

}  // namespace detail

/// The signs in a report, whose terms have these values at a collapse. A value of 0 is met within the limit
/// itself. Numbers that are not finite are no sign of a collapse.
inline std::vector<collapse_sign> collapse_signs(const loss_report& loss,
                                                 std::span<const collapse_value> values, const health& state,
                                                 const collapse_limits& limits = {}) {
  const bool same = state.feature_spread < limits.feature_spread;
  const std::string identical = "embeddings identical";
  std::vector<collapse_sign> signs;
  if (same)
    signs.push_back({"feature_spread", identical,
                     "the feature spread is " + detail::four_digits(state.feature_spread) +
                         ", and even directions give 1"});
  for (std::size_t k = 0; k < loss.terms.size() && k < values.size(); ++k) {
    const term_value& term = loss.terms[k];
    const collapse_value& at = values[k];
    const double limit =
        (same ? limits.confirmed : limits.alone) * (at.value == 0 ? 1.0 : std::abs(at.value));
    const double distance = std::abs(term.value - at.value);
    if ((at.best && !same) || is_nan(distance) || distance > limit) continue;
    signs.push_back({term.name, same ? identical : "as at a collapse",
                     term.name + " is " + detail::four_digits(term.value) + ", and equal embeddings give " +
                         (at.formula.empty() ? "" : std::string(at.formula) + " = ") +
                         detail::four_digits(at.value)});
  }
  if (!same && state.participation_ratio < limits.participation_ratio)
    signs.push_back({"participation_ratio", "embeddings on a line",
                     "the participation ratio is " + detail::four_digits(state.participation_ratio) +
                         ", and one direction gives 1"});
  return signs;
}

/// The signs in a report of this loss on a batch of this shape.
template <LossTerm L>
std::vector<collapse_sign> collapse_signs(const L& loss, const loss_report& report, batch_shape shape,
                                          const health& state, const collapse_limits& limits = {}) {
  return collapse_signs(report, collapse_values(loss, shape, state.length), state, limits);
}

}  // namespace ssl
