#pragma once
// SPDX-License-Identifier: MIT

/// RankMe of held-out features (arXiv 2210.02885): the number of directions that they use evenly,
///
///     exp(-sum_k p_k log p_k),   p_k = s_k / sum s + epsilon,   s the singular values of x (d, n)
///
/// as published: columns not centred, natural logarithm, s and not s^2, p not normalised again after epsilon
/// is added, 25,600 samples, epsilon 1e-7. Each of these changes the number, so values compare between runs
/// of one method with equal options only; ports that use 1e-5, s^2 or the logarithm to the base d measure
/// something else. Computed from the smaller Gram matrix in double (exec/spectrum.hpp).

#include "ssl/core/finite.hpp"
#include "ssl/eval/centred.hpp"

namespace ssl {

struct rank_me_options {
  double epsilon = 1e-7;
  index samples = 25600;     // the first columns, all if there are fewer
  bool centred = false;      // the covariance's singular values instead: rank without the mean's direction
  bool renormalise = false;  // p to sum one after epsilon is added
};

/// Between 1 and min(d, n) up to epsilon, 0 for zeros. Allocates and waits. Throws numeric_error where x is
/// not finite.
template <class Ctx>
double rank_me(Ctx& ctx, typename Ctx::const_matrix x, const rank_me_options& options = {}) {
  if (options.samples < 1 || is_nan(options.epsilon) || options.epsilon < 0)
    throw option_error("ssl::rank_me: samples is " + std::to_string(options.samples) + " and epsilon " +
                       std::to_string(options.epsilon) + "; expected at least 1 and 0");
  if (x.size() == 0)
    detail::demand(false, "rank_me",
                   "x is " + detail::extent(x) + ", expected at least one column and one row");
  scratch_scope scope(ctx);
  typename Ctx::const_matrix seen = x.columns(0, std::min(options.samples, x.cols));
  if (options.centred) {
    const auto y = ctx.take(seen.rows, seen.cols);
    detail::centre_columns(ctx, seen, {}, ctx.take_accumulator(x.rows, 1), y);
    seen = y;
  }
  auto values = singular_values(ctx, seen);
  double sum = 0;
  for (const double s : values) sum += s;
  if (!options.renormalise || !(sum > 0)) return effective_rank(values, options.epsilon);
  for (double& s : values) s = s / sum + options.epsilon;
  return effective_rank(values, 0);
}

}  // namespace ssl
