#pragma once
// SPDX-License-Identifier: MIT

/// alpha-ReQ (arXiv 2202.05808): how fast the spectrum of features decays. Eigenvalues of the covariance,
/// largest first, are fitted by a power law over ranks first to last,
///
///     log lambda_r = -alpha log r + c,   least squares with weights 1 / r
///
/// The paper finds good transfer near alpha = 1. Range (ranks 12 to 100) and weights are those of the
/// released code, which has them from Stringer et al. (Nature 2019); the paper fixes neither, and other users
/// take 4 to 50, so values of one range compare. Features are centred; alpha does not depend on their scale.

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "ssl/eval/centred.hpp"

namespace ssl {

struct alpha_req_options {
  index first = 12, last = 100;  // ranks, from 1, both included; `last` is cut to the positive eigenvalues
  bool weighted = true;          // by 1 / rank; else all alike
  bool centred = true;
};

/// values ~ exp(intercept) rank^-alpha.
struct power_law {
  double alpha = 0, intercept = 0;
  double r_squared = 0;       // share of the (weighted) variance of the logarithms that the line explains
  index first = 0, last = 0;  // ranks that were fitted
};

/// Fits positive values, largest first. Values below 1e-14 of the first are rounding and end the range.
/// Throws shape_error if fewer than two ranks are left.
inline power_law fit_power_law(std::span<const double> values, index first, index last, bool weighted) {
  index count = 0;
  while (count < static_cast<index>(values.size()) &&
         values[static_cast<std::size_t>(count)] > 1e-14 * values[0])
    ++count;
  power_law fit{0, 0, 0, first, std::min(last, count)};
  if (first < 1 || fit.last <= first)
    throw shape_error("ssl::fit_power_law: ranks " + std::to_string(first) + " to " + std::to_string(last) +
                      " of " + std::to_string(count) + " positive values, expected at least two of them");
  const auto sum_over = [&](const auto& f) {
    double sum = 0;
    for (index r = first; r <= fit.last; ++r) {
      const double rank = static_cast<double>(r);
      sum +=
          (weighted ? 1 / rank : 1.0) * f(std::log(rank), std::log(values[static_cast<std::size_t>(r - 1)]));
    }
    return sum;
  };
  const double weight = sum_over([](double, double) { return 1.0; }),
               x = sum_over([](double a, double) { return a; }) / weight,
               y = sum_over([](double, double b) { return b; }) / weight,
               xx = sum_over([=](double a, double) { return (a - x) * (a - x); }),
               xy = sum_over([=](double a, double b) { return (a - x) * (b - y); }),
               yy = sum_over([=](double, double b) { return (b - y) * (b - y); });
  fit.alpha = -xy / xx;
  fit.intercept = y + fit.alpha * x;
  fit.r_squared = yy > 0 ? xy * xy / (xx * yy) : 1;
  return fit;
}

/// Of the columns of x (d, n). Allocates and waits. Throws numeric_error where x is not finite.
template <class Ctx>
power_law alpha_req(Ctx& ctx, typename Ctx::const_matrix x, const alpha_req_options& options = {}) {
  if (x.size() == 0)
    detail::demand(false, "alpha_req",
                   "x is " + detail::extent(x) + ", expected at least one column and one row");
  scratch_scope scope(ctx);
  typename Ctx::const_matrix seen = x;
  if (options.centred) {
    const auto y = ctx.take(x.rows, x.cols);
    detail::centre_columns(ctx, x, {}, ctx.take_accumulator(x.rows, 1), y);
    seen = y;
  }
  auto values = singular_values(ctx, seen);
  for (double& s : values) s = s * s / static_cast<double>(x.cols);
  return fit_power_law(values, options.first, options.last, options.weighted);
}

}  // namespace ssl
