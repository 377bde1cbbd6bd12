#pragma once
// SPDX-License-Identifier: MIT

/// Linear probe in closed form: ridge regression of centred one-hot targets on centred features,
///
///     W = Y X^T (X X^T + lambda tr(X X^T) / d I)^-1,   b = mean(y) - W mean(x)
///
/// X (d, n) has its mean removed and, with `standardize`, deviation one. lambda is relative to the mean
/// eigenvalue, so one value means the same for features of any scale. lambda = 0 lets it be chosen: each of
/// `candidates` is fitted without a random tenth of the training samples and judged by its squared error on
/// them; the final fit has all samples. Test data are never looked at. Everything in double.
/// Cost: n d^2 + candidates d^3 / 3 flops.

#include <array>

#include "ssl/core/finite.hpp"
#include "ssl/core/random.hpp"
#include "ssl/eval/linear_probe.hpp"

namespace ssl {

/// A classifier and the lambda it was fitted with.
template <class B>
struct ridge_fit {
  linear_classifier<B> classifier;
  double lambda = 0;
};

namespace detail {

template <class Space>
struct centred_target {                           // [label_j = c] - frequency_c
  matrix_view<const std::int32_t, Space> labels;  // (1, n)
  matrix_view<const std::int32_t, Space> ids;     // (1, m)
  matrix_view<const double, Space> frequency;     // (classes, 1)
  SSL_FN double operator()(index c, index j) const {
    return (labels.data[ids.data[j]] == c ? 1.0 : 0.0) - frequency.data[c];
  }
};

struct add_number {  // x + c
  double c;
  SSL_FN double operator()(double x) const { return x + c; }
};

template <class T, class Space>
struct unscaled_weight {                      // W_{c i} = S_{i c} factor_i
  matrix_view<const double, Space> solution;  // (d, classes)
  feature_scale<Space> scale;
  SSL_FN T operator()(index c, index i) const {
    return static_cast<T>(solution(i, c) * scale.factor.data[i]);
  }
};

template <class T, class Space>
struct unscaled_bias {                         // b_c = frequency_c - sum_i S_{i c} factor_i mean_i
  matrix_view<const double, Space> solution;   // (d, classes)
  matrix_view<const double, Space> frequency;  // (classes, 1)
  feature_scale<Space> scale;
  matrix_view<T, Space> bias;  // (classes, 1)

  template <class Team>
  SSL_FN void operator()(const Team& team, index c) const {
    const double* const s = solution.column(c);
    const double *const mean = scale.mean.data, *const factor = scale.factor.data;
    const double shift =
        team.reduce(solution.rows, 0.0, fn::plus{}, [=](index i) { return s[i] * factor[i] * mean[i]; });
    const auto out = bias;
    const double start = frequency.data[c];
    team.for_each(1, [=](index) { out.data[c] = static_cast<T>(start - shift); });
  }
};

/// The diagonal of a square matrix as a row (1, d).
template <class T, class Space>
matrix_view<T, Space> diagonal(matrix_view<T, Space> a) {
  return {a.data, 1, a.rows, a.ld + 1};
}

}  // namespace detail

struct ridge_probe {
  bool standardize = true;
  double lambda = 0;  // 0: chosen among `candidates`
  std::array<double, 8> candidates{1e1, 1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
  double held_out = 0.1;  // fraction of the training samples that chooses
  std::uint64_t seed = 0;

  /// x (d, n), labels in [0, classes). Allocates and waits. Throws numeric_error where no factorisation
  /// succeeds.
  template <class Ctx, class B = typename Ctx::backend>
  ridge_fit<B> fit(Ctx& ctx, typename Ctx::const_matrix x, std::span<const int> labels, index classes) const {
    detail::require_labels("ridge_probe", "training", labels, x.cols, classes);
    if (is_nan(lambda) || is_nan(held_out) || lambda < 0 || held_out <= 0 || held_out >= 1)
      throw option_error("ssl::ridge_probe: lambda is " + std::to_string(lambda) + " and held_out " +
                         std::to_string(held_out) + "; expected lambda >= 0 and held_out in (0, 1)");
    scratch_scope scope(ctx);
    problem<Ctx> p(ctx, x, labels, classes, standardize);
    linear_classifier<B> classifier(ctx.be, classes, x.rows);
    std::vector<std::int32_t> fitted, held;
    for (index j = 0; j < x.cols; ++j) {
      const bool out =
          lambda == 0 && random_stream({seed, 0}, j, 0, purpose::probe).chance(static_cast<float>(held_out));
      (out ? held : fitted).push_back(static_cast<std::int32_t>(j));
    }
    double best = lambda;
    p.accumulate(fitted);
    if (lambda == 0) {
      best = 1e-3;
      if (!held.empty() && !fitted.empty()) best = choose(p, held, classifier, best);
      p.accumulate(held);
    }
    if (!p.solve(best, classifier))
      throw numeric_error("ssl::ridge_probe: the normal equations with lambda " + std::to_string(best) +
                          " are not positive definite; the features hold NaNs, or lambda is too small");
    return {std::move(classifier), best};
  }

 private:
  /// The normal equations, in scratch.
  template <class Ctx>
  struct problem {
    using B = typename Ctx::backend;
    using S = typename Ctx::space;
    Ctx& ctx;
    typename Ctx::const_matrix x;
    detail::feature_scale<S> scale;
    accumulator_view<B> frequency, gram, cross, factor, solution, number;
    matrix_view<std::int32_t, S> labels;

    problem(Ctx& c, typename Ctx::const_matrix features, std::span<const int> names, index classes,
            bool standard)
        : ctx(c), x(features), scale(detail::make_feature_scale(c, features, true, standard)) {
      const index d = x.rows;
      frequency = ctx.take_accumulator(classes, 1);
      gram = ctx.take_accumulator(d, d);
      factor = ctx.take_accumulator(d, d);
      cross = ctx.take_accumulator(d, classes);
      solution = ctx.take_accumulator(d, classes);
      number = ctx.take_accumulator(1, 1);
      labels = ctx.scratch.template take<std::int32_t>(1, x.cols);
      std::vector<double> share(static_cast<std::size_t>(classes), 0.0);
      for (const int name : names) share[static_cast<std::size_t>(name)] += 1.0 / static_cast<double>(x.cols);
      const std::vector<std::int32_t> host(names.begin(), names.end());
      ctx.be.upload(make_view<host_space, const double>(share.data(), classes, 1), frequency);
      ctx.be.upload(make_view<host_space, const std::int32_t>(host.data(), 1, x.cols), labels);
      ctx.be.wait();
      fill(ctx.be, gram, 0.0);
      fill(ctx.be, cross, 0.0);
    }

    /// f(features (d, m), targets (classes, m)) for these samples, a tile at a time.
    template <class F>
    void for_each_tile(const std::vector<std::int32_t>& ids, const F& f) {
      scratch_scope scope(ctx);
      const index count = static_cast<index>(ids.size()), tile = std::min<index>(2048, count);
      const auto chunk = ctx.take_accumulator(x.rows, tile),
                 target = ctx.take_accumulator(frequency.rows, tile);
      const auto names = ctx.scratch.template take<std::int32_t>(1, count);
      if (count > 0) ctx.be.upload(make_view<host_space, const std::int32_t>(ids.data(), 1, count), names);
      for (index first = 0; first < count; first += tile) {
        const index m = std::min(tile, count - first);
        const auto part = names.columns(first, m);
        const auto features = chunk.columns(0, m), targets = target.columns(0, m);
        map(ctx.be, features, detail::standard_column<double, typename Ctx::scalar, S>{x, part, scale});
        map(ctx.be, targets, detail::centred_target<S>{labels, part, frequency});
        f(features, targets);
      }
      ctx.be.wait();
    }

    /// gram += X X^T and cross += X Y^T over these samples.
    void accumulate(const std::vector<std::int32_t>& ids) {
      for_each_tile(ids, [this](auto features, auto targets) {
        syrk(ctx.be, trans::no, 1.0, features, 1.0, gram);
        gemm(ctx.be, trans::no, trans::yes, 1.0, features, targets, 1.0, cross);
      });
    }

    /// |Y - W X|^2 of the last solution over these samples.
    double squared_error(const std::vector<std::int32_t>& ids) {
      fill(ctx.be, number, 0.0);
      for_each_tile(ids, [this](auto features, auto targets) {
        gemm(ctx.be, trans::yes, trans::no, -1.0, solution, features, 1.0, targets);
        map_reduce(ctx.be, number, fn::plus{}, fn::square<double>{}, targets);
      });
      double sum = 0;
      ctx.be.download(as_const(number), make_view(&sum, 1, 1));
      ctx.be.wait();
      return sum;
    }

    /// Fits with this lambda; false if the matrix is not positive definite.
    bool solve(double relative, linear_classifier<B>& out) {
      fill(ctx.be, number, 0.0);
      map_reduce(ctx.be, number, fn::plus{}, fn::identity<double>{}, detail::diagonal(gram));
      double trace = 0, info = 1;
      ctx.be.download(as_const(number), make_view(&trace, 1, 1));
      ctx.be.wait();
      copy(ctx.be, gram, factor);
      copy(ctx.be, cross, solution);
      const auto diagonal = detail::diagonal(factor);
      const double least = trace > 0 ? 0.0 : 1.0;  // no feature varies: any positive number
      map(ctx.be, diagonal, detail::add_number{relative * trace / static_cast<double>(x.rows) + least},
          diagonal);
      cholesky(ctx.be, factor, number);
      ctx.be.download(as_const(number), make_view(&info, 1, 1));
      ctx.be.wait();
      if (info != 0 || !is_finite(trace)) return false;
      cholesky_solve(ctx.be, factor, solution);
      using T = typename Ctx::scalar;
      map(ctx.be, out.weights(), detail::unscaled_weight<T, S>{solution, scale});
      for_each_column(ctx.be, frequency.rows,
                      detail::unscaled_bias<T, S>{solution, frequency, scale, out.bias()});
      return true;
    }
  };

  template <class Problem, class Classifier>
  double choose(Problem& p, const std::vector<std::int32_t>& held, Classifier& classifier,
                double fallback) const {
    double best = fallback, least = std::numeric_limits<double>::max();
    for (const double candidate : candidates) {
      if (!p.solve(candidate, classifier)) continue;
      const double error = p.squared_error(held);
      if (error < least) {
        least = error;
        best = candidate;
      }
    }
    return best;
  }
};

}  // namespace ssl
