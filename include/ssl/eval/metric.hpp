#pragma once
// SPDX-License-Identifier: MIT

/// What "near" means for two columns: the cosine, the inner product, or minus the squared distance; larger is
/// nearer.

#include "ssl/core/fn.hpp"
#include "ssl/eval/lengths.hpp"

namespace ssl {

enum class similarity { cosine, euclidean, dot };

namespace detail {

/// out (1, n): what turns inner products into similarities, s = a_i a_j x_i . x_j, or 2 x_i . x_j - a_i - a_j
/// of the squared distance.
template <class Ctx>
void metric_norms(Ctx& ctx, similarity metric, typename Ctx::const_matrix x, typename Ctx::matrix out) {
  using T = typename Ctx::scalar;
  if (metric == similarity::cosine)
    inverse_lengths(ctx, x, out);
  else if (metric == similarity::euclidean)
    column_squares(ctx, x, fn::cast<T>{}, out);
  else
    fill(ctx.be, out, T{1});
}

}  // namespace detail
}  // namespace ssl
