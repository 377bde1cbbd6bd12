#pragma once
/// Where the ticks of a plot stand and what is written beside them.

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace ssl_example::plotting {

/// An interval that grows with the values added to it; empty at first.
struct range {
  double low = std::numeric_limits<double>::max();
  double high = std::numeric_limits<double>::lowest();

  bool empty() const { return low > high; }
  double span() const { return high - low; }
  void add(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
};

using ticks = std::vector<std::pair<double, std::string>>;  // where, what

/// The 1-2-5 step that cuts `span` > 0 into at most about `wanted` parts.
double nice_step(double span, double wanted);

/// The multiples of `step` within r; `percent` writes 0.25 as 25%.
ticks linear_ticks(const range& r, double step, bool percent);

/// For an axis in octaves (r and `measured` hold log2 of the values): the measured values where at most
/// `wanted` of them, else powers of two.
ticks octave_ticks(const range& r, const std::vector<double>& measured, double wanted);

}  // namespace ssl_example::plotting
