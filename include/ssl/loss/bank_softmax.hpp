#pragma once
// SPDX-License-Identifier: MIT

/// Soft-max cross entropy of queries against one positive each and a bank of negatives, in one pass over the
/// bank: for queries q, positives p (d, n), bank b (d, K), scores s = . / temperature,
///
///     value    = 1/n sum_j (log(e^{q_j.p_j} + sum_k e^{q_j.b_k}) - q_j.p_j)
///     gradient = 1/(n temperature) (w_j p_j + sum_k w_jk b_k - p_j) for q_j,  w the soft-max
///
/// The weighted sum of the bank is the gradient, so value and gradient come from one sweep with a running
/// maximum: whatever the temperature and the lengths, no exponent is above 0. The bank is taken in blocks of
/// at most 2^18 / n columns (but 64 at least): scratch is one block of scores and (d, n), never (K, n). Cost:
/// 4 d n K flops and n K exponentials.

#include <algorithm>
#include <cmath>

#include "ssl/core/exp.hpp"
#include "ssl/loss/pull.hpp"

namespace ssl {

namespace detail {

/// What the sweep remembers of each query.
template <class B>
struct running_softmax {
  view<B> sum;                    // (d, n) of the columns seen, weighted by e^{score - top}
  accumulator_view<B> top, mass;  // (1, n) the largest score seen, and sum of e^{score - top}
  accumulator_view<B> positive;   // (1, n) the positive's score
};

/// The positive is the first column seen.
template <class B>
struct start_softmax {
  running_softmax<B> of;
  cview<B> q, p;  // (d, n)
  double sharpness;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const auto self = *this;
    const double score = sharpness * inner(team, q.column(j), p.column(j), q.rows);
    team.for_each(q.rows, [=](index i) { self.of.sum(i, j) = self.p(i, j); });
    team.for_each(1, [=](index) {
      self.of.top.data[j] = self.of.positive.data[j] = score;
      self.of.mass.data[j] = 1.0;
    });
  }
};

/// Takes a block's scores in: s becomes e^{s - top}, what was summed before is scaled to the new top.
template <class B>
struct continue_softmax {
  running_softmax<B> of;
  view<B> s;  // (block, n)

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    using T = typename B::scalar;
    const auto self = *this;
    T* const x = s.column(j);
    const double before = of.top.data[j], mass = of.mass.data[j];
    const double highest =
        static_cast<double>(team.reduce(s.rows, fn::least<T>, fn::maximum{}, [=](index k) { return x[k]; }));
    const double top = highest > before ? highest : before;
    const double scale = before < top ? std::exp(before - top) : 1.0;
    const T shift = static_cast<T>(top);
    const double rest = std::exp(static_cast<double>(shift) - top);  // what rounding the shift leaves
    const double added = team.reduce(s.rows, 0.0, fn::plus{}, [=](index k) {
      const T e = branchless_exp(x[k] - shift) * static_cast<T>(rest);
      x[k] = e;
      return static_cast<double>(e);
    });
    if (scale != 1.0) {
      const T factor = static_cast<T>(scale);
      team.for_each(of.sum.rows, [=](index i) { self.of.sum(i, j) *= factor; });
    }
    team.for_each(1, [=](index) {
      self.of.top.data[j] = top;
      self.of.mass.data[j] = mass * scale + added;
    });
  }
};

/// dq += slope (sum / mass - p); the query's cross entropy replaces its `top`.
template <class B>
struct finish_softmax {
  running_softmax<B> of;
  cview<B> p;  // (d, n)
  view<B> dq;  // (d, n)
  double slope;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    using T = typename B::scalar;
    const auto self = *this;
    const double mass = of.mass.data[j], entropy = std::log(mass) + (of.top.data[j] - of.positive.data[j]);
    const T inverse = static_cast<T>(1.0 / mass), factor = static_cast<T>(slope);
    team.for_each(dq.rows,
                  [=](index i) { self.dq(i, j) += factor * (inverse * self.of.sum(i, j) - self.p(i, j)); });
    team.for_each(1, [=](index) { self.of.top.data[j] = entropy; });
  }
};

/// value += factor * mean cross entropy, dq += weight * factor * its gradient.
template <class Ctx, class B = typename Ctx::backend>
void add_bank_softmax(Ctx& ctx, double weight, double factor, double temperature, cview<B> q, cview<B> p,
                      cview<B> bank, accumulator_view<B> value, view<B> dq) {
  using T = typename B::scalar;
  scratch_scope scope(ctx);
  const index d = q.rows, n = q.cols, k = bank.cols;
  const index block = std::min(k, std::max<index>(64, (index{1} << 18) / n));
  const double each = factor / static_cast<double>(n), sharpness = 1.0 / temperature;
  const running_softmax<B> of{ctx.take(d, n), ctx.take_accumulator(1, n), ctx.take_accumulator(1, n),
                              ctx.take_accumulator(1, n)};
  const auto scores = ctx.take(block, n);
  for_each_column(ctx.be, n, start_softmax<B>{of, q, p, sharpness});
  for (index first = 0; first < k; first += block) {
    const auto columns = bank.columns(first, std::min(block, k - first));
    const view<B> s{scores.data, columns.cols, n, columns.cols};  // (block, n)
    gemm(ctx.be, trans::yes, trans::no, static_cast<T>(sharpness), columns, q, T{0}, s);
    for_each_column(ctx.be, n, continue_softmax<B>{of, s});
    gemm(ctx.be, trans::no, trans::no, T{1}, columns, s, T{1}, of.sum);
  }
  for_each_column(ctx.be, n, finish_softmax<B>{of, p, dq, weight * each * sharpness});
  map_reduce(ctx.be, value, fn::plus{}, fn::scale<double>{each}, of.top);
}

}  // namespace detail

}  // namespace ssl
