#pragma once
// SPDX-License-Identifier: MIT

/// Is the representation alive? Numbers without labels, cheap enough for every few steps.
///
///     feature spread       mean over features of the standard deviation over the batch, times sqrt(d)
///     participation ratio  (sum s)^2 / sum s^2, s the eigenvalues of the centred covariance
///     effective rank       exp(-sum p log p), p_k = s_k / sum s + 1e-7, s the singular values of the
///                          columns as they are       RankMe, arXiv 2210.02885; see exec/spectrum.hpp
///     alignment            mean over pairs of views of |u - u'|^2             arXiv 2005.10242
///     uniformity           log mean over pairs of samples of exp(-2 |u - u'|^2)
///
/// All but the effective rank look at columns u of length one, so they do not depend on the embeddings'
/// scale.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "ssl/core/finite.hpp"
#include "ssl/exec/spectrum.hpp"
#include "ssl/loss/evaluate.hpp"

namespace ssl {

struct health {
  double feature_spread = 0;  // about 1 when directions are even, 0 when all embeddings are one direction
  double participation_ratio = 0;     // between 1 (0 when nothing varies but rounding) and min(d, n - 1)
  double effective_rank = 0;          // between 1 (0 for zeros) and min(d, n), up to its epsilon
  double uniformity = 0;              // 0 when all are one direction; towards -4 when even in many dimensions
  std::optional<double> alignment{};  // 0 when views agree, 2 when they have nothing in common; V > 1 only
  double length = 0;                  // mean |z|
};

/// How much of a batch is looked at; more is dearer.
struct health_options {
  index columns = 1024;  // the first columns: spread and participation ratio. Cost d n min(d, n) flops
  index samples = 256;   // the first columns: effective rank; the first samples: alignment, and, in the first
                         // view, uniformity. Cost 2 d n^2 + 9 n^3 flops, n the smaller of samples and d
  double epsilon = 1e-7;  // of the effective rank: values of one epsilon compare
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
    out.data[j] = squared == 0 ? 0.0 : 1.0 / std::sqrt(squared);  // a NaN stays one
  }
};

struct square_root {
  SSL_FN double operator()(double x) const { return std::sqrt(x); }
};

struct length_of {  // 1 / r, 0 for 0
  SSL_FN double operator()(double r) const { return r == 0 ? 0.0 : 1.0 / r; }
};

template <class B>
struct scale_columns {    // r_j x
  accumulator_view<B> r;  // (1, n)
  SSL_FN typename B::scalar operator()(index, index j, typename B::scalar x) const {
    return static_cast<typename B::scalar>(r.data[j] * static_cast<double>(x));
  }
};

struct gaussian_of_pair {  // exp(-2 |u_i - u_j|^2) for i < j, from the product u_i . u_j
  SSL_FN double operator()(index i, index j, double product) const {
    return i < j ? std::exp(4.0 * (product - 1.0)) : 0.0;
  }
};

/// Sum over pairs of views of |u_v - u_w|^2 = V sum_v |u_v|^2 - |sum_v u_v|^2, for sample j.
template <class B>
struct view_distances {
  cview<B> z;  // (d, V n)
  index views, n;
  accumulator_view<B> r;    // (V, m): 1 / length
  accumulator_view<B> out;  // (1, m)

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const auto self = *this;
    double own = 0;
    for (index v = 0; v < views; ++v) {
      const index k = v * n + j;
      const double squared = team.reduce(z.rows, 0.0, fn::plus{}, [=](index i) {
        const double x = static_cast<double>(self.z(i, k));
        return x * x;
      });
      const double inverse = squared == 0 ? 0.0 : 1.0 / std::sqrt(squared);
      own += squared * inverse * inverse;
      team.for_each(1, [=](index) { self.r(v, j) = inverse; });
    }
    const double together = team.reduce(z.rows, 0.0, fn::plus{}, [=](index i) {
      double sum = 0;
      for (index v = 0; v < self.views; ++v)
        sum += self.r(v, j) * static_cast<double>(self.z(i, v * self.n + j));
      return sum * sum;
    });
    team.for_each(1, [=](index) { self.out.data[j] = static_cast<double>(self.views) * own - together; });
  }
};

}  // namespace detail

/// Health of embeddings z (d, V n), view v in columns [v n, (v + 1) n). Waits for the backend and may
/// allocate: not for every step, but cheap beside fifty of them. `shape_error` unless there are two samples
/// of each view.
template <class Ctx, class B = typename Ctx::backend>
health check_health(Ctx& ctx, cview<B> z, index views = 1, health_options o = {}) {
  if (views < 1 || z.cols % views != 0 || z.cols / views < 2)
    throw shape_error("ssl::check_health: z is " + detail::extent(z) +
                      (views == 1 ? "; at least two samples are needed"
                                  : " for " + std::to_string(views) +
                                        " views; it must be (d, views * n) with n at least 2"));
  if (o.columns < 2 || o.samples < 2)
    throw option_error("ssl::check_health: columns is " + std::to_string(o.columns) + ", samples " +
                       std::to_string(o.samples) + "; at least 2 of each are needed");
  const index d = z.rows, n = std::min(z.cols, o.columns), per_view = z.cols / views;
  const cview<B> sample = z.columns(0, n);

  scratch_scope scope(ctx);
  const auto scale = ctx.take_accumulator(1, n), mean = ctx.take_accumulator(d, 1),
             numbers = ctx.take_accumulator(1, 6);
  const auto add_up = [&](index place, auto f, auto x) {
    map_reduce(ctx.be, numbers.columns(place, 1), fn::plus{}, f, x);
  };
  fill(ctx.be, numbers, 0.0);
  const auto x = ctx.take(d, n);
  for_each_column(ctx.be, n, detail::inverse_length<B>{sample, scale});
  add_up(3, detail::length_of{}, scale);
  map(ctx.be, x, detail::scale_columns<B>{scale}, sample);

  const index m = std::min({per_view, o.samples, n});  // uniformity, before x is centred
  {
    scratch_scope inner(ctx);
    const auto products = ctx.take(m, m);
    syrk(ctx.be, trans::yes, typename B::scalar{1}, x.columns(0, m), typename B::scalar{0}, products);
    add_up(4, detail::gaussian_of_pair{}, products);
  }

  fill(ctx.be, mean, 0.0);
  map_reduce(ctx.be, mean, fn::plus{}, fn::cast<double>{}, x);
  map(ctx.be, mean, fn::scale<double>{1.0 / static_cast<double>(n)}, mean);
  map(ctx.be, x, detail::subtract_rows<typename B::scalar, typename B::space>{mean}, x);
  const second_moment<B> moment(ctx, x, gram_side::automatic);
  add_up(0, detail::square_root{}, moment.diagonal());
  add_up(1, fn::cast<double>{}, moment.diagonal());
  moment.add_square(ctx, 1.0, numbers.columns(2, 1));

  const index paired = std::min(per_view, o.samples);
  if (views > 1) {
    const auto factors = ctx.take_accumulator(views, paired), distances = ctx.take_accumulator(1, paired);
    for_each_column(ctx.be, paired, detail::view_distances<B>{z, views, per_view, factors, distances});
    add_up(5, fn::cast<double>{}, distances);
  }

  const index ranked = std::min(z.cols, o.samples), k = std::min(d, ranked);
  const auto squares = ctx.take_accumulator(k, 1), info = ctx.take_accumulator(1, 1);
  detail::squared_singular_values(ctx, z.columns(0, ranked), squares, info);

  std::array<double, 6> host{};
  std::vector<double> singular(static_cast<std::size_t>(k));
  double failed = 1;
  ctx.be.download(as_const(numbers), make_view(host.data(), 1, 6));
  ctx.be.download(as_const(squares), make_view(singular.data(), k, 1));
  ctx.be.download(as_const(info), make_view(&failed, 1, 1));
  ctx.be.wait();

  const auto pairs = [](index count) {
    return 0.5 * static_cast<double>(count) * static_cast<double>(count - 1);
  };
  health out;
  out.feature_spread = host[0] / std::sqrt(static_cast<double>(n) * static_cast<double>(d));
  const double rounding = 4 * static_cast<double>(std::numeric_limits<typename B::scalar>::epsilon());
  const bool still = host[1] <= static_cast<double>(n) * rounding * rounding;  // sum s of n unit columns
  out.participation_ratio = still ? 0.0 : host[1] * host[1] / host[2];
  out.effective_rank = detail::to_singular_values(singular, failed) ? effective_rank(singular, o.epsilon)
                                                                    : not_a_number<double>();
  out.uniformity = std::log(host[4] / pairs(m));
  if (views > 1) out.alignment = host[5] / pairs(views) / static_cast<double>(paired);
  out.length = host[3] / static_cast<double>(n);
  return out;
}

}  // namespace ssl
