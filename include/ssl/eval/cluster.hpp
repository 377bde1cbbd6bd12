#pragma once
// SPDX-License-Identifier: MIT

/// How well clusters agree with classes, whatever their names:
///
///     accuracy  share of the samples that are right when clusters get different classes in the best way
///               (Hungarian; with more clusters than classes, the clusters left over are wrong)
///     NMI       mutual information / arithmetic mean of both entropies       scikit-learn's default
///     ARI       (both - expected) / ((a + b) / 2 - expected),                Hubert and Arabie 1985
///               both: pairs of samples together in a cluster and in a class, a: in a cluster, b: in a class,
///               expected = a b / all pairs
///
/// One cluster against one class: NMI and ARI are 1. Host only. Cost: n + clusters classes max(clusters,
/// classes).

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "ssl/eval/accuracy.hpp"
#include "ssl/eval/assignment.hpp"

namespace ssl {

struct cluster_agreement {
  double accuracy = 0, nmi = 0, ari = 0;
  std::vector<int> class_of;  // of each cluster; -1 for those left over
};

/// clusters of samples in [0, cluster_count), labels in [0, classes).
inline cluster_agreement compare_clusters(std::span<const int> clusters, index cluster_count,
                                          std::span<const int> labels, index classes) {
  const auto n = static_cast<index>(labels.size());
  detail::require_labels("compare_clusters", "labelled", labels, static_cast<index>(clusters.size()),
                         classes);
  detail::require_labels("compare_clusters", "clustered", clusters, n, cluster_count);
  const index side = std::max(cluster_count, classes);
  const auto at = [](index i) { return static_cast<std::size_t>(i); };
  std::vector<double> both(at(side * side), 0.0), in_cluster(at(side), 0.0), in_class(at(side), 0.0);
  for (index i = 0; i < n; ++i) {
    const index k = clusters[at(i)], c = labels[at(i)];
    both[at(k * side + c)] += 1;
    in_cluster[at(k)] += 1;
    in_class[at(c)] += 1;
  }

  cluster_agreement result;
  const auto matched = best_assignment(both, side, side);
  const double count = static_cast<double>(n);
  for (index k = 0; k < cluster_count; ++k) {
    const index c = matched[at(k)];
    result.accuracy += both[at(k * side + c)] / count;
    result.class_of.push_back(c < classes ? static_cast<int>(c) : -1);
  }

  const auto entropy = [&](const std::vector<double>& of) {
    double sum = 0;
    for (const double m : of)
      if (m > 0) sum -= m / count * std::log(m / count);
    return sum;
  };
  const auto pairs = [](const std::vector<double>& of) {
    double sum = 0;
    for (const double m : of) sum += m * (m - 1) / 2;
    return sum;
  };
  const auto names = [](const std::vector<double>& of) {
    return std::count_if(of.begin(), of.end(), [](double m) { return m > 0; });
  };
  double information = 0;
  for (index k = 0; k < side; ++k)
    for (index c = 0; c < side; ++c)
      if (const double m = both[at(k * side + c)]; m > 0)
        information += m / count * std::log(m * count / (in_cluster[at(k)] * in_class[at(c)]));
  const bool one_each = names(in_cluster) == 1 && names(in_class) == 1;
  const double entropies = entropy(in_cluster) + entropy(in_class);
  result.nmi = one_each ? 1 : std::max(2 * information / entropies, 0.0);

  const double together = pairs(both), left = pairs(in_cluster), right = pairs(in_class),
               all = count * (count - 1) / 2, expected = all > 0 ? left * right / all : 0,
               range = (left + right) / 2 - expected;
  result.ari = range == 0 ? 1 : (together - expected) / range;  // both trivial in the same way
  return result;
}

}  // namespace ssl
