#pragma once
// SPDX-License-Identifier: MIT

/// Barlow Twins (arXiv 2103.03230): on_diagonal + lambda off_diagonal of standardised features.
///
/// With a_v the standardised view and s_i its spread:
///
///     C        = a_v a_w^T / n,   c = diag(C),   m = -2 (1 - c) - 2 lambda c
///     value    = sum_i (1 - c_i)^2 + lambda (<a_v^T a_v, a_w^T a_w> / n^2 - sum_i c_i^2)
///     gradient = (P + m a_w - t a_v) / (n s)
///     P        = 2 lambda / n a_v (a_w^T a_w),   t_i = P_i . a_v,i / n + m_i c_i
///
/// on the sample side, P by C on the feature side: the way back through the standardisation needs one more
/// row sum and no pass of its own, because the mean of the inner gradient is 0. Together the two parts and
/// the standardisation therefore have their own evaluation, for the expression
///
///     on(standardized{...}, a * on_diagonal{} + b * off_diagonal{})
///
/// Joint standardisation goes the general way. Scratch: on the sample side two views and V n^2, not all
/// views; c is taken in double from z. Problems of d n min(d, n) <= 2^22, where it costs no time worth
/// naming, are evaluated in double whatever the scalar.

#include <concepts>

#include "ssl/loss/cross_correlation.hpp"
#include "ssl/loss/on.hpp"
#include "ssl/loss/small_in_double.hpp"
#include "ssl/loss/standardized.hpp"

namespace ssl {

template <>
struct fused<standardized, sum<weighted<on_diagonal>, weighted<off_diagonal>>> {
  using loss_type = sum<weighted<on_diagonal>, weighted<off_diagonal>>;

  static constexpr bool applies(const standardized& change) { return !change.joint; }

  template <class Ctx, class B = typename Ctx::backend>
  static void add(Ctx& ctx, const standardized& change, const loss_type& loss, double weight, view_batch<B> z,
                  accumulator_view<B> values, view<B> dz) {
    if (z.views < 2) return;
    const double on = weight * std::get<0>(loss.terms).weight, off = weight * std::get<1>(loss.terms).weight;
    if constexpr (!std::same_as<typename B::scalar, double>) {
      if (!is_small(z.features(), z.samples())) {
        evaluation<typename B::scalar, Ctx>(ctx, change, z).add(on, off, values, dz);
        return;
      }
    }
    evaluation<double, Ctx>(ctx, change, z).add(on, off, values, dz);
  }

  // The functors below are public because nvcc gives a kernel no private type.

  template <class B>
  struct standardized_product {  // a_v a_w
    accumulator_view<B> mean_v, inverse_v, mean_w, inverse_w;
    using T = typename B::scalar;
    SSL_FN double operator()(index i, index, T x, T y) const {
      return (static_cast<double>(x) - mean_v.data[i]) * inverse_v.data[i] *
             ((static_cast<double>(y) - mean_w.data[i]) * inverse_w.data[i]);
    }
  };

  template <class S, class B>
  struct add_standardized {  // p + m a_w
    accumulator_view<B> slope, mean, inverse;
    SSL_FN S operator()(index i, index, S p, typename B::scalar x) const {
      return p + static_cast<S>(slope.data[i] * ((static_cast<double>(x) - mean.data[i]) * inverse.data[i]));
    }
  };

  struct plus_product {  // t + m c
    SSL_FN double operator()(double t, double m, double c) const { return t + m * c; }
  };

  template <class S, class B>
  struct carry_back {  // dz + (p + m a_w - t a_v) / s_v
    accumulator_view<B> slope, mean_w, inverse_w, along, inverse_v;
    using T = typename B::scalar;
    SSL_FN T operator()(index i, index, T dx, S p, S a, T x) const {
      const double other = (static_cast<double>(x) - mean_w.data[i]) * inverse_w.data[i];
      return static_cast<T>(static_cast<double>(dx) +
                            inverse_v.data[i] * (static_cast<double>(p) + slope.data[i] * other -
                                                 along.data[i] * static_cast<double>(a)));
    }
  };

  /// One evaluation in the precision S.
  template <class S, class Ctx>
  class evaluation {
   public:
    using B = typename Ctx::backend;
    using T = typename B::scalar;
    using space = typename B::space;
    using matrix = matrix_view<S, space>;

    evaluation(Ctx& ctx, const standardized& change, view_batch<B> z)
        : ctx_(ctx),
          z_(z),
          d_(z.features()),
          n_(z.samples()),
          views_(z.views),
          kept_(change.statistics(ctx, z)),
          diagonal_(ctx.take_accumulator(d_, pairs())),
          slope_(ctx.take_accumulator(d_, pairs())) {}

    void add(double on, double off, accumulator_view<B> values, view<B> dz) {
      const double n = static_cast<double>(n_), pairs_d = static_cast<double>(pairs());
      fill(ctx_.be, diagonal_, 0.0);
      for (index v = 0; v < views_; ++v)
        for (index w = v + 1; w < views_; ++w)
          map_reduce(ctx_.be, diagonal_.columns(pair(v, w), 1), fn::plus{},
                     standardized_product<B>{mean(v), inverse(v), mean(w), inverse(w)}, z_[v], z_[w]);
      map_reduce(ctx_.be, values.columns(0, 1), fn::plus{}, on_diagonal::distance_from_one{n, 1 / pairs_d},
                 diagonal_);
      map(ctx_.be, slope_, on_diagonal::slope_towards_one{n, 2 * on / (pairs_d * n)}, diagonal_);

      const double factor = 1 / (pairs_d * n * n);
      const bool samples =
          z_.side == gram_side::samples || (z_.side == gram_side::automatic && n_ < (views_ - 1) * d_);
      if (samples)
        by_samples(factor, off, values.columns(1, 1), dz);
      else
        by_features(factor, off, values.columns(1, 1), dz);
    }

   private:
    index pairs() const { return views_ * (views_ - 1) / 2; }
    index pair(index v, index w) const {
      const index first = std::min(v, w), second = std::max(v, w);
      return first * views_ - first * (first + 1) / 2 + second - first - 1;
    }
    accumulator_view<B> mean(index v) const { return kept_.mean.columns(v, 1); }
    accumulator_view<B> inverse(index v) const { return kept_.inverse.columns(v, 1); }
    accumulator_view<B> slope(index v, index w) const { return slope_.columns(pair(v, w), 1); }

    matrix take(index rows, index cols) { return ctx_.scratch.template take<S>(rows, cols); }
    void standardize(index v, matrix a) {
      map(ctx_.be, a, standardized::standardize<B, S>{mean(v), inverse(v)}, z_[v]);
    }

    void by_samples(double factor, double off, accumulator_view<B> value, view<B> dz) {
      const auto a = take(d_, n_), p = take(d_, n_), grams = take(n_, views_ * n_);
      const auto sum = views_ > 2 ? take(n_, n_) : matrix{};
      const auto gram = [&](index v) { return grams.columns(v * n_, n_); };
      for (index v = 0; v < views_; ++v) {
        standardize(v, a);
        syrk(ctx_.be, trans::yes, S{1}, a, S{0}, gram(v));
        if (v > 0)
          map_reduce(ctx_.be, value, fn::plus{}, detail::scaled_product{factor}, v == 1 ? gram(0) : sum,
                     gram(v));
        if (views_ == 2) continue;
        if (v == 0)
          copy(ctx_.be, gram(0), sum);
        else
          map(ctx_.be, sum, fn::axpy<S>{S{1}}, sum, gram(v));
      }
      map_reduce(ctx_.be, value, fn::plus{}, fn::scaled_square{-factor}, diagonal_);
      map(ctx_.be, slope_, detail::subtract_scaled{2 * off * factor}, slope_, diagonal_);
      for (index v = views_ - 1; v >= 0; --v) {
        if (v < views_ - 1) standardize(v, a);
        if (views_ > 2) map(ctx_.be, gram(v), fn::axpy<S>{S{-1}}, gram(v), sum);
        gemm(ctx_.be, trans::no, trans::no, static_cast<S>(2 * off * factor), a, gram(views_ > 2 ? v : 1 - v),
             S{0}, p);
        finish(v, a, p, dz);
      }
    }

    void by_features(double factor, double off, accumulator_view<B> value, view<B> dz) {
      const auto a = take(d_, views_ * n_), p = take(d_, views_ * n_), c = take(d_, d_);
      const auto of = [&](matrix x, index v) { return x.columns(v * n_, n_); };
      for (index v = 0; v < views_; ++v) standardize(v, of(a, v));
      for (index v = 0; v < views_; ++v)
        for (index w = v + 1; w < views_; ++w) {
          gemm(ctx_.be, trans::no, trans::yes, S{1}, of(a, v), of(a, w), S{0}, c);
          map(ctx_.be, c, fn::zero_diagonal<S>{}, c);
          map_reduce(ctx_.be, value, fn::plus{}, fn::scaled_square{factor}, c);
          const S f = static_cast<S>(2 * off * factor);
          gemm(ctx_.be, trans::no, trans::no, f, c, of(a, w), w == v + 1 && v == 0 ? S{0} : S{1}, of(p, v));
          gemm(ctx_.be, trans::yes, trans::no, f, c, of(a, v), v == 0 ? S{0} : S{1}, of(p, w));
        }
      for (index v = 0; v < views_; ++v) finish(v, of(a, v), of(p, v), dz);
    }

    /// p = the gradient of the off-diagonal part for view v but for the diagonals' share; a = that view.
    void finish(index v, matrix a, matrix p, view<B> dz) {
      scratch_scope scope(ctx_);
      const auto along = ctx_.take_accumulator(d_, 1);
      fill(ctx_.be, along, 0.0);
      map_reduce(ctx_.be, along, fn::plus{}, fn::product<S>{}, p, a);
      for (index w = 0; w < views_; ++w)
        if (w != v) map(ctx_.be, along, plus_product{}, along, slope(v, w), diagonal_.columns(pair(v, w), 1));
      map(ctx_.be, along, fn::product<double>{}, along, kept_.projection.columns(v, 1));
      const index last = v == views_ - 1 ? views_ - 2 : views_ - 1;  // of the others
      for (index w = 0; w < last; ++w)
        if (w != v) map(ctx_.be, p, add_standardized<S, B>{slope(v, w), mean(w), inverse(w)}, p, z_[w]);
      map(ctx_.be, dz.columns(v * n_, n_),
          carry_back<S, B>{slope(v, last), mean(last), inverse(last), along, inverse(v)},
          dz.columns(v * n_, n_), p, a, z_[last]);
    }

    Ctx& ctx_;
    view_batch<B> z_;
    index d_, n_, views_;
    standardized::tape<B> kept_;
    accumulator_view<B> diagonal_, slope_;  // (d, pairs) c n, and its slope
  };
};

/// Barlow Twins as released (facebookresearch/barlowtwins).
constexpr auto barlow_official(double lambda = 0.0051) {
  return on(standardized{}, on_diagonal{} + lambda * off_diagonal{});
}

/// Barlow Twins as lightly has it.
constexpr auto barlow_lightly() { return barlow_official(5e-3); }

/// Barlow Twins as solo-learn has it for CIFAR; its ImageNet recipe scales by 0.048 and has lambda 0.0051.
constexpr auto barlow_solo_learn(double scale = 0.1, double lambda = 5e-3) {
  return scale * barlow_official(lambda);
}

/// Barlow Twins as vissl has it: the views standardised together, which ties their scales and offsets.
constexpr auto barlow_vissl() {
  return 0.024 * on(standardized{.joint = true}, on_diagonal{} + 0.0051 * off_diagonal{});
}

/// Barlow Twins as stable-pretraining has it: with the unbiased deviation C_ii cannot exceed (n - 1) / n, so
/// the loss does not reach 0.
constexpr auto barlow_stable_pretraining() {
  return on(standardized{.unbiased = true, .epsilon_in_root = false}, on_diagonal{} + 5e-3 * off_diagonal{});
}

}  // namespace ssl
