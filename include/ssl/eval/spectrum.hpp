#pragma once
/// How many directions features use: singular values, and the numbers that sum them up.
///
///     effective rank       exp(-sum p log p),  p_k = s_k / sum s + eps      RankMe, arXiv 2210.02885
///     participation ratio  (sum s^2)^2 / sum s^4
///     feature spread       mean over features of the standard deviation
///
/// Singular values are of the features as they are, not centred, from the smaller of the two Gram matrices in
/// double: in float every s below 3e-4 of the largest is lost, and the entropy sees it. p is not normalised
/// again after eps is added, as in the published code; eps is part of the number, so compare only values of
/// one eps.

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "ssl/backend/verbs.hpp"
#include "ssl/exec/context.hpp"

namespace ssl {

namespace detail {

struct root_of_mean_square {  // sqrt(x / n)
  double n;
  SSL_FN double operator()(double x) const { return std::sqrt(x / n); }
};

template <class T, class Space>
struct spread_deviation {                // (factor_j x - sum_i / n)^2; factor 1 where there is none
  matrix_view<const double, Space> sum;  // (d, 1)
  matrix_view<const T, Space> factor;    // (1, n) or empty
  double n;
  SSL_FN double operator()(index i, index j, T x) const {
    const double scale = factor.data ? static_cast<double>(factor.data[j]) : 1.0;
    const double y = scale * static_cast<double>(x) - sum.data[i] / n;
    return y * y;
  }
};

template <class T, class Space>
struct spread_value {                  // factor_j x
  matrix_view<const T, Space> factor;  // (1, n) or empty
  SSL_FN double operator()(index, index j, T x) const {
    return (factor.data ? static_cast<double>(factor.data[j]) : 1.0) * static_cast<double>(x);
  }
};

}  // namespace detail

/// min(d, n) singular values of x (d, n), largest first. Cost d n min(d, n) + O(min^3) flops in double.
/// Allocates and waits.
template <class Ctx>
std::vector<double> singular_values(Ctx& ctx, typename Ctx::const_matrix x) {
  auto& be = ctx.be;
  if (x.size() == 0)
    detail::require(false, "singular_values",
                    "x is " + detail::extent(x) + ", expected at least one column and one row");
  scratch_scope scope(ctx);
  const index d = x.rows, n = x.cols, k = std::min(d, n);
  const auto gram = ctx.take_accumulator(k, k), w = ctx.take_accumulator(k, 1),
             info = ctx.take_accumulator(1, 1);
  fill(be, gram, 0.0);
  const bool by_columns = d <= n;
  const index length = by_columns ? n : d, tile = std::min<index>(length, 2048);
  const auto chunk = ctx.take_accumulator(k * tile, 1);
  for (index first = 0; first < length; first += tile) {
    const index m = std::min(tile, length - first);
    auto part = x.columns(first, m);
    if (!by_columns) part = {x.data + first, m, n, x.ld};
    const accumulator_view<typename Ctx::backend> cast{chunk.data, part.rows, part.cols, part.rows};
    map(be, cast, fn::cast<double>{}, part);
    syrk(be, by_columns ? trans::no : trans::yes, 1.0, cast, 1.0, gram);
  }
  eigh(be, gram, w, info);
  std::vector<double> values(static_cast<std::size_t>(k));
  double failed = 1;
  be.download(as_const(w), make_view(values.data(), k, 1));
  be.download(as_const(info), make_view(&failed, 1, 1));
  be.wait();
  if (failed != 0 || !std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); }))
    throw numeric_error(
        "ssl::singular_values: the eigenvalues were not found; the features hold NaNs or infinities");
  for (double& v : values) v = std::sqrt(std::max(v, 0.0));
  std::reverse(values.begin(), values.end());
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

/// Mean over features of the standard deviation over the n samples (divided by n - 1); 0 means collapse.
/// Column j counts times column_factor(0, j) where one is given (1, n).
template <class Ctx>
double feature_spread(Ctx& ctx, typename Ctx::const_matrix x, typename Ctx::const_matrix column_factor = {}) {
  using T = typename Ctx::scalar;
  using S = typename Ctx::space;
  auto& be = ctx.be;
  if (x.cols < 2 || x.rows < 1)
    detail::require(false, "feature_spread", "x is " + detail::extent(x) + ", expected at least two columns");
  scratch_scope scope(ctx);
  const double n = static_cast<double>(x.cols);
  const auto sum = ctx.take_accumulator(x.rows, 1), square = ctx.take_accumulator(x.rows, 1);
  const auto total = ctx.take_accumulator(1, 1);
  fill(be, sum, 0.0);
  fill(be, square, 0.0);
  fill(be, total, 0.0);
  map_reduce(be, sum, fn::plus{}, detail::spread_value<T, S>{column_factor}, x);
  map_reduce(be, square, fn::plus{}, detail::spread_deviation<T, S>{sum, column_factor, n}, x);
  map_reduce(be, total, fn::plus{}, detail::root_of_mean_square{n - 1}, square);
  double value = 0;
  be.download(as_const(total), make_view(&value, 1, 1));
  be.wait();
  return value / static_cast<double>(x.rows);
}

}  // namespace ssl
