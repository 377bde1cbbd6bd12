#pragma once
// SPDX-License-Identifier: MIT

/// k-nearest-neighbour classification of frozen features, the weighted vote of InstDisc (arXiv 1805.01978):
///
///     score(c) = sum over the k nearest of weight * [label = c],   weight = exp((s - s_best) / T)
///
/// s is the cosine (or the inner product, or minus the squared distance). Subtracting the best s changes no
/// order and keeps exp finite. A class that no neighbour votes for is never among the best five. Equal
/// similarities go to the earlier training sample, equal scores to the class of the nearer neighbour.
///
/// The bank is streamed: a tile of similarities by `gemm`, then one pass that keeps the k best of every test
/// column: on a CPU by a bound that most similarities do not reach, on a device by a sorted list. Memory (k,
/// test_tile) and one tile; cost 2 d n m flops.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "ssl/core/finite.hpp"
#include "ssl/eval/accuracy.hpp"
#include "ssl/eval/nearest_search.hpp"

namespace ssl {

enum class vote { exponential, majority, inverse_distance };

struct knn_options {
  index k = 20;  // at most the bank is used
  double temperature = 0.07;
  similarity metric = similarity::cosine;
  vote weight = vote::exponential;  // inverse_distance: 1 / (distance + 1e-5), for the Euclidean metric
  index train_tile = 2048, test_tile = 1024;
};

namespace detail {

/// One test column's vote. `score` (classes) is zero before and after. Returns the best class and the rank of
/// `label`.
struct vote_result {
  int best = 0, rank = 0;
};
template <class T>
vote_result count_votes(const knn_options& o, std::span<const T> s, std::span<const std::int32_t> who,
                        std::span<const int> labels, int label, std::vector<double>& score) {
  const auto known = [&](std::size_t r) { return who[r] >= 0; };
  const auto class_of = [&](std::size_t r) { return labels[static_cast<std::size_t>(who[r])]; };
  const auto at = [&](int c) -> double& { return score[static_cast<std::size_t>(c)]; };
  for (std::size_t r = 0; r < s.size() && known(r); ++r) {
    const double x = static_cast<double>(s[r]);
    double weight = 1;
    if (o.weight == vote::exponential)
      weight = std::exp((x - static_cast<double>(s[0])) / o.temperature);
    else if (o.weight == vote::inverse_distance)
      weight = 1 / (std::sqrt(std::max(o.metric == similarity::cosine ? 2 - 2 * x : -x, 0.0)) + 1e-5);
    at(class_of(r)) += weight;
  }
  vote_result result{-1, std::numeric_limits<int>::max()};
  double most = 0;
  for (std::size_t r = 0; r < s.size() && known(r); ++r)
    if (at(class_of(r)) > most) {
      most = at(class_of(r));
      result.best = class_of(r);
    }
  const double mine = at(label);
  if (mine > 0) {
    result.rank = 0;
    bool seen = false;  // classes of equal score that were met before the label's own
    for (std::size_t r = 0; r < s.size() && known(r); ++r) {
      const int c = class_of(r);
      seen = seen || c == label;
      if (at(c) > mine || (at(c) == mine && !seen)) {
        ++result.rank;
        at(c) = 0;  // counted
      }
    }
  }
  for (std::size_t r = 0; r < s.size() && known(r); ++r) at(class_of(r)) = 0;
  return result;
}

}  // namespace detail

/// Classifies test (d, m) by the bank train (d, n); labels in [0, classes). Columns need not have length one.
/// Not for a step: allocates on the host and waits. Throws shape_error or option_error where the inputs do
/// not fit together.
template <class Ctx>
classification knn(Ctx& ctx, typename Ctx::const_matrix train, std::span<const int> train_labels,
                   typename Ctx::const_matrix test, std::span<const int> test_labels, index classes,
                   const knn_options& options = {}) {
  using T = typename Ctx::scalar;
  detail::require_labels("knn", "training", train_labels, train.cols, classes);
  detail::require_labels("knn", "test", test_labels, test.cols, classes);
  if (train.rows != test.rows)
    detail::demand(false, "knn",
                   "training features are " + detail::extent(train) + ", test features " +
                       detail::extent(test) + "; their rows must be equal");
  if (options.k < 1 || options.train_tile < 1 || options.test_tile < 1)
    throw option_error("ssl::knn: k is " + std::to_string(options.k) + ", the tiles are " +
                       std::to_string(options.train_tile) + " and " + std::to_string(options.test_tile) +
                       "; expected at least 1");
  if (is_nan(options.temperature) || options.temperature <= 0)
    throw option_error("ssl::knn: temperature is " + std::to_string(options.temperature) +
                       ", expected above 0");

  if (options.metric == similarity::dot && options.weight == vote::inverse_distance)
    throw option_error("ssl::knn: the weight is the inverse distance, expected a metric that has one");

  const index k = std::min(options.k, train.cols);
  const auto count = static_cast<std::size_t>(k);
  std::vector<double> score(static_cast<std::size_t>(classes), 0.0);
  std::vector<int> ranks(test_labels.size());
  classification result{{}, std::vector<int>(test_labels.size())};
  detail::search_nearest(
      ctx, train, test, {k, options.metric, options.train_tile, options.test_tile},
      [](typename Ctx::matrix, index, index) {},
      [&](const detail::nearest_of_queries<T>& found) {
        for (index j = 0; j < found.count; ++j) {
          const auto first = static_cast<std::size_t>(j * k),
                     column = static_cast<std::size_t>(found.first + j);
          const auto voted = detail::count_votes<T>(options, found.best.subspan(first, count),
                                                    found.who.subspan(first, count), train_labels,
                                                    test_labels[column], score);
          result.predicted[column] = voted.best;
          ranks[column] = voted.rank;
        }
      });
  result.score = detail::score_of_ranks(ranks);
  return result;
}

}  // namespace ssl
