#pragma once
/// What studies measure beside accuracies, and how conclusions are read off intervals.

#include <string>
#include <utility>
#include <vector>

#include "experiments/support/learner.hpp"
#include "support/experiment_page.hpp"

namespace ssl_example {

/// The last step of a training as measures: rank (effective), participation, spread, length and alignment of
/// what the loss saw (ssl/train/monitor.hpp); collapsed, 1 where the step shows a sign of a collapse, else 0;
/// and each term's value, unweighted, as "term NAME".
std::vector<std::pair<std::string, double>> state_of(const ssl::step_record& last);

/// A number as the value of a condition: six significant digits, no more than it needs.
std::string number_text(double value);

/// What the 95 % interval of a paired difference says.
enum class change { undecided, up, down };
change change_of(const estimate& difference);

/// "higher by 2.1 ± 0.4 %", "lower by ...", or "not told apart (0.4 ± 1.2 %)".
std::string difference_text(const estimate& difference, int digits = 1, bool percent = true);

/// How several differences came out: "2 up, 1 down, 3 undecided".
struct tally {
  int up = 0, down = 0, undecided = 0;

  void add(change c) { ++(c == change::up ? up : c == change::down ? down : undecided); }
  int all() const { return up + down + undecided; }
  std::string text() const;

  /// What they say of the claim that each is up: holds where all are, in part where some are, not here where
  /// none is and one is down, else open.
  outcome verdict() const;
};

}  // namespace ssl_example
