#pragma once
// SPDX-License-Identifier: MIT

/// Bootstrap intervals (percentile method, Efron 1979): the items are drawn again with replacement many
/// times, and the interval is what the middle `confidence` of the means span, quantiles interpolated linearly
/// between order statistics.
///
///     accuracy            mean of [right_i]
///     paired difference   mean of [right_i of the first] - [right_i of the second] over the same items: what
///                         both find easy or hard cancels, so it is much narrower than two intervals
///                         side by side
///
/// Draw r is a pure function of (seed, r). The percentile interval covers a little less than it says for few
/// items; below about 50 take the exact binomial interval (interval.hpp). Host only; cost: resamples * items.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ssl/core/finite.hpp"
#include "ssl/core/random.hpp"
#include "ssl/eval/interval.hpp"

namespace ssl {

struct bootstrap_options {
  index resamples = 10000;
  double confidence = 0.95;
  std::uint64_t seed = 0;
};

namespace detail {

/// The share q of sorted values, between neighbours in proportion.
inline double sorted_quantile(std::span<const double> sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1), below = std::floor(place);
  const auto i = static_cast<std::size_t>(below);
  const std::size_t next = std::min(i + 1, sorted.size() - 1);
  return sorted[i] + (place - below) * (sorted[next] - sorted[i]);
}

inline void require_items(const char* who, std::size_t first, std::size_t second) {
  if (first != second || first < 1)
    throw shape_error(std::string("ssl::") + who + ": " + std::to_string(first) + " items against " +
                      std::to_string(second) + ", expected as many, and at least one");
}

}  // namespace detail

/// The mean of values, one an item.
inline interval bootstrap_mean(std::span<const double> values, const bootstrap_options& options = {}) {
  detail::require_confidence("bootstrap_mean", options.confidence);
  detail::require_items("bootstrap_mean", values.size(), values.size());
  if (options.resamples < 2)
    throw option_error("ssl::bootstrap_mean: resamples is " + std::to_string(options.resamples) +
                       ", expected at least 2");
  const auto n = static_cast<index>(values.size());
  const double mean = detail::mean_and_scatter(values).first;
  if (!is_finite(mean)) throw numeric_error("ssl::bootstrap_mean: the values' mean is not finite");
  std::vector<double> means(static_cast<std::size_t>(options.resamples));
  for (index r = 0; r < options.resamples; ++r) {
    random_stream draw({options.seed, 0}, r, 0, purpose::probe, 2);
    double sum = 0;
    for (index i = 0; i < n; ++i) sum += values[static_cast<std::size_t>(draw.below(n))];
    means[static_cast<std::size_t>(r)] = sum / static_cast<double>(n);
  }
  std::sort(means.begin(), means.end());
  const double tail = (1 - options.confidence) / 2;
  return {mean, detail::sorted_quantile(means, tail), detail::sorted_quantile(means, 1 - tail)};
}

/// 1 where predicted and label are equal, else 0.
inline std::vector<std::uint8_t> correctness(std::span<const int> predicted, std::span<const int> labels) {
  detail::require_items("correctness", predicted.size(), labels.size());
  std::vector<std::uint8_t> right(labels.size());
  for (std::size_t i = 0; i < right.size(); ++i) right[i] = predicted[i] == labels[i] ? 1 : 0;
  return right;
}

/// The accuracy of a classifier that is right where `right` is not 0.
inline interval bootstrap_accuracy(std::span<const std::uint8_t> right,
                                   const bootstrap_options& options = {}) {
  detail::require_items("bootstrap_accuracy", right.size(), right.size());
  std::vector<double> values(right.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = right[i] != 0 ? 1.0 : 0.0;
  return bootstrap_mean(values, options);
}

/// Accuracy of the first less that of the second, on the same items in the same order.
inline interval bootstrap_paired_difference(std::span<const std::uint8_t> first,
                                            std::span<const std::uint8_t> second,
                                            const bootstrap_options& options = {}) {
  detail::require_items("bootstrap_paired_difference", first.size(), second.size());
  std::vector<double> values(first.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = (first[i] != 0 ? 1.0 : 0.0) - (second[i] != 0 ? 1.0 : 0.0);
  return bootstrap_mean(values, options);
}

}  // namespace ssl
