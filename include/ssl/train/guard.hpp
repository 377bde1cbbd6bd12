#pragma once
/// Stops a training run that has gone wrong, and says how: a term that is not a number, or a collapse.

#include <cmath>
#include <optional>
#include <string>

#include "ssl/loss/evaluate.hpp"
#include "ssl/train/monitor.hpp"

namespace ssl {

/// Limits below which a run counts as collapsed. The defaults only catch what no run recovers from.
struct guard {
  double least_feature_spread = 0.02;  // of the projections; 1 is healthy
  double least_effective_rank = 1.05;  // 1 is a line
  index patience = 3;                  // consecutive bad checks before it speaks
  index bad_checks = 0;                // consecutive bad checks so far

  /// The cause, as a sentence, or nothing. Call with every logged step, in order.
  std::optional<std::string> inspect(const loss_report& loss, const health& state, index step) {
    for (const term_value& term : loss.terms)
      if (!std::isfinite(term.value))
        return "step " + std::to_string(step) + ": loss term '" + term.name + "' is " +
               (std::isnan(term.value) ? "not a number" : "infinite") +
               "; lower the learning rate, warm up longer, or look at the input";
    if (!std::isfinite(state.feature_spread) || !std::isfinite(state.effective_rank))
      return "step " + std::to_string(step) + ": the embeddings are not finite";
    const bool flat = state.feature_spread < least_feature_spread,
               line = state.effective_rank < least_effective_rank;
    bad_checks = flat || line ? bad_checks + 1 : 0;
    if (bad_checks < patience) return std::nullopt;
    if (flat)
      return "step " + std::to_string(step) + ": collapse, the feature spread is " +
             std::to_string(state.feature_spread) + " and should stay above " +
             std::to_string(least_feature_spread) + "; all embeddings point the same way";
    return "step " + std::to_string(step) + ": collapse, the effective rank is " +
           std::to_string(state.effective_rank) + " and should stay above " +
           std::to_string(least_effective_rank) + "; all embeddings lie on a line";
  }
};

}  // namespace ssl
