#pragma once
// SPDX-License-Identifier: MIT

/// How many directions the columns of a matrix use: singular values, and the numbers that sum them up.
///
///     effective rank       exp(-sum p log p),  p_k = s_k / sum s + eps      RankMe, arXiv 2210.02885
///     participation ratio  (sum s^2)^2 / sum s^4
///
/// Singular values are of the columns as they are, not centred, from the smaller of the two Gram matrices in
/// double: in float every s below 3e-4 of the largest is lost, and the entropy sees it. p is not normalised
/// again after eps is added, as in the published code; eps is part of the number, so compare only values of
/// one eps: 64 equal values among 512 give 64.05 with 1e-7 and 67.5 with 1e-5.

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/exec/context.hpp"

namespace ssl {

namespace detail {

/// w (min(d, n), 1) = squared singular values of x (d, n), ascending; info (1, 1) = 0 where they were found.
/// `=`. x is cast to double a tile at a time. Cost d n min(d, n) + O(min^3) flops in double. May allocate;
/// does not wait.
template <class Ctx, class B = typename Ctx::backend>
void squared_singular_values(Ctx& ctx, cview<B> x, accumulator_view<B> w, accumulator_view<B> info) {
  scratch_scope scope(ctx);
  const index d = x.rows, n = x.cols, k = std::min(d, n);
  const auto gram = ctx.take_accumulator(k, k);
  fill(ctx.be, gram, 0.0);
  const bool by_columns = d <= n;
  const index length = by_columns ? n : d, tile = std::min<index>(length, 2048);
  const auto chunk = ctx.take_accumulator(k * tile, 1);
  for (index first = 0; first < length; first += tile) {
    const index m = std::min(tile, length - first);
    auto part = x.columns(first, m);
    if (!by_columns) part = {x.data + first, m, n, x.ld};
    const accumulator_view<B> cast{chunk.data, part.rows, part.cols, part.rows};
    map(ctx.be, cast, fn::cast<double>{}, part);
    syrk(ctx.be, by_columns ? trans::no : trans::yes, 1.0, cast, 1.0, gram);
  }
  eigh(ctx.be, gram, w, info);
}

/// The same on the host: roots, largest first; false where they were not found.
inline bool to_singular_values(std::span<double> squares, double info) {
  if (info != 0 || !std::all_of(squares.begin(), squares.end(), [](double v) { return is_finite(v); }))
    return false;
  for (double& v : squares) v = std::sqrt(std::max(v, 0.0));
  std::reverse(squares.begin(), squares.end());
  return true;
}

}  // namespace detail

/// min(d, n) singular values of x (d, n), largest first. Cost d n min(d, n) + O(min^3) flops in double.
/// Allocates and waits.
template <class Ctx>
std::vector<double> singular_values(Ctx& ctx, typename Ctx::const_matrix x) {
  if (x.size() == 0)
    detail::demand(false, "singular_values",
                   "x is " + detail::extent(x) + ", expected at least one column and one row");
  scratch_scope scope(ctx);
  const index k = std::min(x.rows, x.cols);
  const auto w = ctx.take_accumulator(k, 1), info = ctx.take_accumulator(1, 1);
  detail::squared_singular_values(ctx, x, w, info);
  std::vector<double> values(static_cast<std::size_t>(k));
  double failed = 1;
  ctx.be.download(as_const(w), make_view(values.data(), k, 1));
  ctx.be.download(as_const(info), make_view(&failed, 1, 1));
  ctx.be.wait();
  if (!detail::to_singular_values(values, failed))
    throw numeric_error(
        "ssl::singular_values: the eigenvalues were not found; the features hold NaNs or infinities");
  return values;
}

/// RankMe: exp of the entropy of the normalised singular values; between 1 and their number, up to eps. 0 if
/// all are zero.
inline double effective_rank(std::span<const double> singular, double eps = 1e-7) {
  double sum = 0, entropy = 0;
  for (const double s : singular) sum += s;
  if (!(sum > 0)) return 0;
  for (const double s : singular) {
    const double p = s / sum + eps;
    if (p > 0) entropy -= p * std::log(p);
  }
  return std::exp(entropy);
}

/// (sum s^2)^2 / sum s^4: between 1 and the number of singular values. 0 if all are zero.
inline double participation_ratio(std::span<const double> singular) {
  double two = 0, four = 0;
  for (const double s : singular) {
    two += s * s;
    four += s * s * s * s;
  }
  return four > 0 ? two * two / four : 0;
}

}  // namespace ssl
