#pragma once
// SPDX-License-Identifier: MIT

/// Watches a training run: warns once of each sign of a collapse, and stops a run that is dead, with the
/// cause.

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ssl/core/finite.hpp"
#include "ssl/loss/evaluate.hpp"
#include "ssl/train/collapse.hpp"
#include "ssl/train/monitor.hpp"

namespace ssl {

/// Limits below which a run counts as dead. The defaults only catch what no run recovers from.
struct guard {
  double least_feature_spread = 0.02;       // of the projections; 1 is healthy
  double least_participation_ratio = 1.05;  // 1 is a line
  index patience = 3;                       // consecutive bad checks before it stops a run
  index grace = 0;                  // steps in which a collapse does not count: some methods begin with one
  index bad_checks = 0;             // consecutive bad checks so far
  std::vector<std::string> told{};  // warnings so far

  /// Why the run should stop, as a sentence, or nothing. Call with every logged step, in order. Values that
  /// are not finite stop a run at once, in the grace period too.
  std::optional<std::string> inspect(const loss_report& loss, const health& state, index step,
                                     std::span<const collapse_sign> signs = {}) {
    const std::string at = "step " + std::to_string(step) + ": ";
    for (const term_value& term : loss.terms)
      if (!is_finite(term.value))
        return at + "loss term '" + term.name + "' is " + (is_nan(term.value) ? "not a number" : "infinite") +
               "; lower the learning rate, warm up longer, or look at the input";
    if (!is_finite(state.feature_spread) || !is_finite(state.participation_ratio))
      return at + "the embeddings are not finite";
    const bool flat = state.feature_spread < least_feature_spread,
               line = state.participation_ratio < least_participation_ratio;
    bad_checks = step > grace && (flat || line) ? bad_checks + 1 : 0;
    if (bad_checks < patience || bad_checks == 0) return std::nullopt;
    std::string cause = flat ? "collapse, the feature spread is " + std::to_string(state.feature_spread) +
                                   " and should stay above " + std::to_string(least_feature_spread) +
                                   "; all embeddings point the same way"
                             : "collapse, the participation ratio is " +
                                   std::to_string(state.participation_ratio) + " and should stay above " +
                                   std::to_string(least_participation_ratio) +
                                   "; all embeddings lie on a line";
    for (const collapse_sign& sign : signs)
      if (sign.name != "feature_spread" && sign.name != "participation_ratio") cause += "; " + sign.detail;
    return at + cause;
  }

  /// The signs that have not been told before, as sentences.
  std::vector<std::string> warnings(std::span<const collapse_sign> signs, index step) {
    std::vector<std::string> fresh;
    for (const collapse_sign& sign : signs) {
      std::string key = sign.cause + ": " + sign.name;
      if (std::find(told.begin(), told.end(), key) != told.end()) continue;
      told.push_back(std::move(key));
      fresh.push_back("step " + std::to_string(step) + ": " + sign.text());
    }
    return fresh;
  }
};

}  // namespace ssl
