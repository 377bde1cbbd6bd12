#pragma once
// SPDX-License-Identifier: MIT

/// What a classifier's evaluation returns, and the checks of labels that all of them share.

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"

namespace ssl {

/// Fractions in [0, 1] of the test samples whose label is the best class, or among the best five.
struct accuracy {
  double top1 = 0, top5 = 0;
};

/// An accuracy and the best class of every sample.
struct classification {
  accuracy score;
  std::vector<int> predicted;
};

namespace detail {

/// Throws unless there is one label in [0, classes) for each of `samples` columns.
inline void require_labels(const char* who, const char* what, std::span<const int> labels, index samples,
                           index classes) {
  const std::string where = std::string("ssl::") + who + ": ";
  if (classes < 1)
    throw option_error(where + "classes is " + std::to_string(classes) + ", expected at least 1");
  if (samples < 1) throw shape_error(where + "there are no " + what + " samples");
  if (static_cast<index>(labels.size()) != samples)
    throw shape_error(where + std::to_string(samples) + " " + what + " samples but " +
                      std::to_string(labels.size()) + " labels");
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= classes)
      throw option_error(where + "label " + std::to_string(labels[i]) + " of " + what + " sample " +
                         std::to_string(i) + " is outside [0, " + std::to_string(classes) + ")");
}

/// Counts ranks (0 = best, larger = worse) into fractions.
inline accuracy score_of_ranks(std::span<const int> ranks) {
  index first = 0, five = 0;
  for (const int rank : ranks) {
    first += rank == 0;
    five += rank < 5;
  }
  const double n = static_cast<double>(std::max<std::size_t>(ranks.size(), 1));
  return {static_cast<double>(first) / n, static_cast<double>(five) / n};
}

}  // namespace detail
}  // namespace ssl
