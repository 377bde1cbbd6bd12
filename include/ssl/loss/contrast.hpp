#pragma once
// SPDX-License-Identifier: MIT

/// What the soft-max contrasts over a batch share: anchors, the cosines of positives, and one evaluation.
///
///     value = mean over anchors r of [lse_r - kappa mean_{v != view of r} w_rv s_rv]
///
/// on columns of length one, kappa = 1 / temperature, s_rv the cosine of r and its sample's column in view v,
/// lse_r the logarithm of the sum of exp(kappa cos) over the columns that r is told from.

#include <cmath>

#include "ssl/loss/loss.hpp"
#include "ssl/loss/similarity.hpp"

namespace ssl {

/// More than two views: every anchor against all other columns at once, or the mean over pairs of views, each
/// pair evaluated as a batch of its own. For two views they are the same. All pairs cost one evaluation, not
/// one each.
enum class contrast { all_views, pairs_of_views };

namespace detail {

/// s_rv for every column r and view v, in double; 0 at its own view.
template <class B>
struct cosines_of_positives {
  view_batch<B> z;        // (d, V n)
  accumulator_view<B> s;  // (V n, V)

  template <class Team>
  SSL_FN void operator()(const Team& team, index r) const {
    const index n = z.samples(), own = r / n, sample = r - own * n;
    const auto x = z.z;
    const auto out = s;
    team.for_each(1, [=](index) { out(r, own) = 0.0; });
    for (index v = own + 1; v < z.views; ++v) {
      const index other = v * n + sample;
      const double cosine = team.reduce(x.rows, 0.0, fn::plus{}, [=](index i) {
        return static_cast<double>(x(i, r)) * static_cast<double>(x(i, other));
      });
      team.for_each(1, [=](index) { out(r, v) = out(other, own) = cosine; });
    }
  }
};

/// The part of lse_r in the value, lse_r - kappa, and in the gradient, 1 / sums as `similarity_kernel` wants
/// it.
template <class T, class Space>
struct anchor_part {
  matrix_view<double, Space> sums;    // (M, groups)
  matrix_view<const T, Space> peaks;  // (M, groups), or empty
  matrix_view<T, Space> c;            // (M, groups)
  double factor;                      // of the value

  SSL_FN double operator()(index r, index, double) const {
    const index groups = sums.cols;
    if (groups == 1) {
      c(r, 0) = static_cast<T>(1.0 / sums(r, 0));
      return factor * (peak(r, 0) + std::log(sums(r, 0)));
    }
    const index own = r / (sums.rows / groups);
    const double share = 1.0 / static_cast<double>(groups - 1);
    double value = 0, own_weight = 0;
    for (index v = 0; v < groups; ++v) {
      if (v == own) continue;
      const double p = peak(r, own), q = peak(r, v), top = p > q ? p : q;
      const double p_part = std::exp(p - top), q_part = std::exp(q - top);
      const double sum = p_part * sums(r, own) + q_part * sums(r, v);
      value += share * (top + std::log(sum));
      own_weight += share * p_part / sum;
      c(r, v) = static_cast<T>(share * q_part / sum);
    }
    c(r, own) = static_cast<T>(own_weight);
    return factor * value;
  }
  SSL_FN double peak(index r, index g) const {
    return peaks.data != nullptr ? static_cast<double>(peaks(r, g)) : 0.0;
  }
};

/// value += mean over anchors of lse_r - kappa, plus what `fill_pull(s, pull)` adds to the value: it gets the
/// cosines s (V n, V) and fills pull (V n, V), the gradient of V n value / kappa with respect to each s_rv.
/// dz += weight times the gradient.
template <class Ctx, class B, class Positives>
void add_contrast(Ctx& ctx, double weight, double temperature, contrast over, index period, index memory,
                  view_batch<B> z, accumulator_view<B> value, view<B> dz, const Positives& fill_pull) {
  const index columns = z.z.cols, views = z.views;
  const double kappa = 1.0 / temperature, share = 1.0 / static_cast<double>(columns);
  const index groups = over == contrast::pairs_of_views && views > 2 ? views : 1;

  scratch_scope scope(ctx);
  const auto s = ctx.take_accumulator(columns, views), pull = ctx.take_accumulator(columns, views);
  for_each_column(ctx.be, columns, cosines_of_positives<B>{z, s});
  fill_pull(as_const(s), pull);
  in_double_where_few_pairs(
      ctx, z.z, dz, fn::cast<double>{},
      [&]<class T, class Space>(matrix_view<const T, Space> x, matrix_view<T, Space> dx) {
        const similarity_kernel<T, Space> all(
            ctx, x, {.kappa = kappa, .period = period, .groups = groups, .memory = memory});
        const auto c = ctx.scratch.template take<T>(columns, groups);
        map_reduce(ctx.be, value, fn::plus{}, anchor_part<T, Space>{all.sums(), all.peaks(), c, share},
                   all.sums().columns(0, 1));
        all.add_product(ctx, weight * kappa * share, c, pull, dx);
      });
}

}  // namespace detail

}  // namespace ssl
