#pragma once
/// Is the representation alive? Two numbers without labels, cheap enough for every few steps.

#include <algorithm>
#include <cmath>
#include <limits>

#include "ssl/loss/evaluate.hpp"

namespace ssl {

/// Both look at columns scaled to length one, so neither depends on the embeddings' scale.
///
/// feature_spread: mean over features of the standard deviation over the batch, times sqrt(d). About 1 when
/// directions are spread evenly, 0 when all embeddings are the same direction.
/// effective_rank: participation ratio (sum s)^2 / sum s^2 of the eigenvalues s of the centred covariance:
/// how many directions carry the variance; between 1 (0 when nothing varies but the scalar's rounding) and
/// min(d, n - 1).
struct health {
  double feature_spread = 0;
  double effective_rank = 0;
};

namespace detail {

template <class B>
struct inverse_length {  // 1 / |z_j|, 0 for a zero column
  cview<B> z;
  accumulator_view<B> out;  // (1, n)
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const auto from = z;
    const double squared = team.reduce(z.rows, 0.0, fn::plus{}, [=](index i) {
      const double x = static_cast<double>(from(i, j));
      return x * x;
    });
    out.data[j] = squared > 0 ? 1.0 / std::sqrt(squared) : 0.0;
  }
};

struct square_root {
  SSL_FN double operator()(double x) const { return std::sqrt(x); }
};

template <class B>
struct scale_columns {    // r_j x
  accumulator_view<B> r;  // (1, n)
  SSL_FN typename B::scalar operator()(index, index j, typename B::scalar x) const {
    return static_cast<typename B::scalar>(r.data[j] * static_cast<double>(x));
  }
};

}  // namespace detail

/// Health of embeddings z (d, n); looks at the first 1024 columns at most. Waits for the backend: not for
/// every step.
template <class Ctx, class B = typename Ctx::backend>
health check_health(Ctx& ctx, cview<B> z) {
  const index d = z.rows, n = std::min<index>(z.cols, 1024);
  const cview<B> sample = z.columns(0, n);
  if (n < 2)
    throw shape_error("ssl::check_health: z is " + detail::extent(z) + "; at least two samples are needed");

  scratch_scope scope(ctx);
  const auto scale = ctx.take_accumulator(1, n), mean = ctx.take_accumulator(d, 1),
             numbers = ctx.take_accumulator(1, 3);
  const auto x = ctx.take(d, n);
  for_each_column(ctx.be, n, detail::inverse_length<B>{sample, scale});
  map(ctx.be, x, detail::scale_columns<B>{scale}, sample);
  fill(ctx.be, mean, 0.0);
  map_reduce(ctx.be, mean, fn::plus{}, fn::cast<double>{}, x);
  map(ctx.be, mean, fn::scale<double>{1.0 / static_cast<double>(n)}, mean);
  map(ctx.be, x, detail::subtract_rows<typename B::scalar, typename B::space>{mean}, x);

  const second_moment<B> moment(ctx, x, gram_side::automatic);
  fill(ctx.be, numbers, 0.0);
  map_reduce(ctx.be, numbers.columns(0, 1), fn::plus{}, detail::square_root{}, moment.diagonal());
  map_reduce(ctx.be, numbers.columns(1, 1), fn::plus{}, fn::cast<double>{}, moment.diagonal());
  moment.add_square(ctx, 1.0, numbers.columns(2, 1));

  double host[3] = {};
  ctx.be.download(as_const(numbers), make_view(host, 1, 3));
  ctx.be.wait();
  health out;
  out.feature_spread = host[0] / std::sqrt(static_cast<double>(n) * static_cast<double>(d));
  const double rounding = 4 * static_cast<double>(std::numeric_limits<typename B::scalar>::epsilon());
  const bool still = host[1] <= static_cast<double>(n) * rounding * rounding;  // sum s of n unit columns
  out.effective_rank = still ? 0.0 : host[1] * host[1] / host[2];
  return out;
}

}  // namespace ssl
