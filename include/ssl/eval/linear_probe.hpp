#pragma once
// SPDX-License-Identifier: MIT

/// A linear classifier on frozen features, argmax_c (W x + b)_c: what the linear probes fit and how it is
/// judged.

#include <cmath>
#include <cstdint>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/core/fn.hpp"
#include "ssl/eval/accuracy.hpp"
#include "ssl/exec/context.hpp"

namespace ssl {

namespace detail {

template <class T, class Space>
struct row_constant {             // b_i
  matrix_view<const T, Space> b;  // (rows, 1)
  SSL_FN T operator()(index i, index) const { return b.data[i]; }
};

/// Column j of out (2, m): the class of the largest score, and how many classes stand before the label's.
/// Equal scores stand in the order of their classes; a label whose score is not a number comes last.
template <class T, class Space>
struct rank_label {
  matrix_view<const T, Space> scores;             // (classes, m)
  matrix_view<const std::int32_t, Space> labels;  // (1, m)
  matrix_view<std::int32_t, Space> out;           // (2, m)

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const T* const s = scores.column(j);
    const index classes = scores.rows, label = labels(0, j);
    const T mine = s[label];
    const bool lost = is_nan(mine);
    const T top = team.reduce(classes, fn::least<T>, fn::maximum{}, [=](index c) { return s[c]; });
    // Classes before the first best one = the number that a fold by maximum of (classes - c) leaves.
    const index from_end = team.reduce(classes, index{1}, fn::maximum{},
                                       [=](index c) { return s[c] == top ? classes - c : index{1}; });
    const index before = team.reduce(classes, index{0}, fn::plus{}, [=](index c) {
      return static_cast<index>(c == label  ? false
                                : lost      ? true
                                : c < label ? !(mine > s[c])
                                            : !(mine >= s[c]));
    });
    const auto result = out;
    team.for_each(1, [=](index) {
      result(0, j) = static_cast<std::int32_t>(classes - from_end);
      result(1, j) = static_cast<std::int32_t>(before);
    });
  }
};

}  // namespace detail

/// Owns W (classes, d) and b (classes, 1) in the backend's memory.
template <Backend B>
class linear_classifier {
 public:
  using T = typename B::scalar;

  linear_classifier(B& be, index classes, index features)
      : classes_(classes),
        features_(features),
        weights_(be.template allocate<T>(classes * features)),
        bias_(be.template allocate<T>(classes)) {}

  index classes() const { return classes_; }
  index features() const { return features_; }
  view<B> weights() const { return {weights_.all().data, classes_, features_, classes_}; }
  view<B> bias() const { return {bias_.all().data, classes_, 1, classes_}; }

  /// scores (classes, m) = W x + b, x (d, m).
  template <class Ctx>
  void scores(Ctx& ctx, typename Ctx::const_matrix x, typename Ctx::matrix out) const {
    map(ctx.be, out, detail::row_constant<T, typename B::space>{bias()});
    gemm(ctx.be, trans::no, trans::no, T{1}, weights(), x, T{1}, out);
  }

  /// Classes and accuracies for x (d, m), a tile at a time. Waits for the backend.
  template <class Ctx>
  classification evaluate(Ctx& ctx, typename Ctx::const_matrix x, std::span<const int> labels) const {
    detail::require_labels("linear_classifier", "test", labels, x.cols, classes_);
    if (x.rows != features_)
      detail::demand(
          false, "linear_classifier",
          "x is " + detail::extent(x) + ", the classifier has " + std::to_string(features_) + " features");
    scratch_scope scope(ctx);
    constexpr index tile = 4096;
    const index wide = std::min(tile, x.cols);
    const auto scores_tile = ctx.take(classes_, wide);
    const auto label_tile = ctx.scratch.template take<std::int32_t>(1, wide);
    const auto ranked = ctx.scratch.template take<std::int32_t>(2, wide);
    const std::vector<std::int32_t> names(labels.begin(), labels.end());
    std::vector<std::int32_t> host(static_cast<std::size_t>(2 * wide));
    std::vector<int> ranks(labels.size());
    classification result{{}, std::vector<int>(labels.size())};
    for (index j0 = 0; j0 < x.cols; j0 += wide) {
      const index m = std::min(wide, x.cols - j0);
      const auto s = scores_tile.columns(0, m);
      ctx.be.upload(make_view<host_space, const std::int32_t>(names.data() + j0, 1, m),
                    label_tile.columns(0, m));
      scores(ctx, x.columns(j0, m), s);
      for_each_column(
          ctx.be, m,
          detail::rank_label<T, typename B::space>{s, label_tile.columns(0, m), ranked.columns(0, m)});
      ctx.be.download(as_const(ranked.columns(0, m)), make_view(host.data(), 2, m));
      ctx.be.wait();
      for (index j = 0; j < m; ++j) {
        result.predicted[static_cast<std::size_t>(j0 + j)] = host[static_cast<std::size_t>(2 * j)];
        ranks[static_cast<std::size_t>(j0 + j)] = host[static_cast<std::size_t>(2 * j + 1)];
      }
    }
    result.score = detail::score_of_ranks(ranks);
    return result;
  }

 private:
  using buffer = decltype(std::declval<B&>().template allocate<T>(index{}));
  index classes_, features_;
  buffer weights_, bias_;
};

namespace detail {

/// Moments that standardise features: x -> factor (x - mean). factor is 1 / deviation (divided by n), 0 for a
/// constant feature, or 1 everywhere if `standardize` is false.
template <class Space>
struct feature_scale {
  matrix_view<const double, Space> mean, factor;  // (d, 1)
};

template <class T, class Space>
struct square_deviation {                 // (x - mean)^2
  matrix_view<const double, Space> mean;  // (d, 1)
  SSL_FN double operator()(index i, index, T x) const {
    const double y = static_cast<double>(x) - mean.data[i];
    return y * y;
  }
};

struct feature_inverse_deviation {  // (x / n)^(-1/2), 0 where the deviation is rounding next to the mean
  double n;
  SSL_FN double operator()(double square, double mean) const {
    const double variance = square / n;
    return variance > 1e-14 * mean * mean && variance > 0 ? 1 / std::sqrt(variance) : 0.0;
  }
};

/// out = factor (x_{ids_j} - mean), a batch in any precision.
template <class Out, class T, class Space>
struct standard_column {
  matrix_view<const T, Space> x;               // (d, n)
  matrix_view<const std::int32_t, Space> ids;  // (1, m)
  feature_scale<Space> scale;
  SSL_FN Out operator()(index i, index j) const {
    return static_cast<Out>((static_cast<double>(x(i, ids.data[j])) - scale.mean.data[i]) *
                            scale.factor.data[i]);
  }
};

/// Fills mean and factor (d, 1), which live in the caller's scratch scope.
template <class Ctx, class Space = typename Ctx::space>
feature_scale<Space> make_feature_scale(Ctx& ctx, typename Ctx::const_matrix x, bool center,
                                        bool standardize) {
  const auto mean = ctx.take_accumulator(x.rows, 1), factor = ctx.take_accumulator(x.rows, 1);
  const double n = static_cast<double>(x.cols);
  fill(ctx.be, mean, 0.0);
  fill(ctx.be, factor, standardize ? 0.0 : 1.0);
  if (center || standardize) {
    map_reduce(ctx.be, mean, fn::plus{}, fn::cast<double>{}, x);
    map(ctx.be, mean, fn::scale<double>{1 / n}, mean);
  }
  if (standardize) {
    map_reduce(ctx.be, factor, fn::plus{}, square_deviation<typename Ctx::scalar, Space>{mean}, x);
    map(ctx.be, factor, feature_inverse_deviation{n}, factor, mean);
  }
  return {mean, factor};
}

}  // namespace detail
}  // namespace ssl
