#pragma once
// SPDX-License-Identifier: MIT

/// Learning from few labels: class-balanced subsets of the training samples, and a probe fitted to several of
/// them.
///
///     samples of class c in a subset = max(1, round(fraction n_c))
///
/// A half is rounded up; classes without samples stay so. A subset is a pure function of (labels, fraction,
/// seed, draw): sample j's place in its class's order is drawn for j alone, so the 1 % subset of a draw is
/// contained in its 10 % subset.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/finite.hpp"
#include "ssl/core/random.hpp"
#include "ssl/eval/interval.hpp"
#include "ssl/eval/linear_probe.hpp"

namespace ssl {

/// Samples in ascending order; labels in [0, classes), fraction in (0, 1].
inline std::vector<std::int32_t> balanced_subset(std::span<const int> labels, index classes, double fraction,
                                                 std::uint64_t seed, index draw = 0) {
  detail::require_labels("balanced_subset", "training", labels, static_cast<index>(labels.size()), classes);
  if (is_nan(fraction) || fraction <= 0 || fraction > 1)
    throw option_error("ssl::balanced_subset: fraction is " + std::to_string(fraction) +
                       ", expected in (0, 1]");
  std::vector<std::vector<std::pair<std::uint64_t, std::int32_t> > > members(
      static_cast<std::size_t>(classes));
  for (std::size_t j = 0; j < labels.size(); ++j) {
    random_stream random({seed, static_cast<std::uint32_t>(draw)}, static_cast<index>(j), 0, purpose::probe,
                         4);
    const std::uint64_t high = random.bits();
    members[static_cast<std::size_t>(labels[j])].push_back(
        {high << 32U | random.bits(), static_cast<std::int32_t>(j)});
  }
  std::vector<std::int32_t> subset;
  for (auto& m : members) {
    if (m.empty()) continue;
    std::sort(m.begin(), m.end());
    const double wanted = std::floor(fraction * static_cast<double>(m.size()) + 0.5);
    const std::size_t count = std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1, m.size());
    for (std::size_t k = 0; k < count; ++k) subset.push_back(m[k].second);
  }
  std::sort(subset.begin(), subset.end());
  return subset;
}

struct low_shot_options {
  double fraction = 0.01;
  index draws = 5;  // subsets
  double confidence = 0.95;
  std::uint64_t seed = 0;
};

struct low_shot_result {
  std::vector<accuracy> draws;
  std::vector<index> samples;  // of each draw; equal, since rounding does not depend on the draw
  interval top1;  // the mean over draws and Student's interval; of one draw, that draw without a width
};

namespace detail {

template <class T, class Space>
struct chosen_column {                         // x_{ids_j}
  matrix_view<const T, Space> x;               // (d, n)
  matrix_view<const std::int32_t, Space> ids;  // (1, m)
  SSL_FN T operator()(index i, index j) const { return x(i, ids.data[j]); }
};

}  // namespace detail

/// Fits `probe` (any with fit(ctx, x, labels, classes).classifier) to subsets of train (d, n) and judges it
/// on test (d, m). Allocates and waits.
template <class Ctx, class Probe>
low_shot_result low_shot(Ctx& ctx, const Probe& probe, typename Ctx::const_matrix train,
                         std::span<const int> train_labels, typename Ctx::const_matrix test,
                         std::span<const int> test_labels, index classes,
                         const low_shot_options& options = {}) {
  detail::require_labels("low_shot", "training", train_labels, train.cols, classes);
  detail::require_confidence("low_shot", options.confidence);
  if (options.draws < 1)
    throw option_error("ssl::low_shot: draws is " + std::to_string(options.draws) + ", expected at least 1");
  low_shot_result result;
  std::vector<double> top1;
  for (index draw = 0; draw < options.draws; ++draw) {
    const auto subset = balanced_subset(train_labels, classes, options.fraction, options.seed, draw);
    std::vector<int> labels;
    for (const auto j : subset) labels.push_back(train_labels[static_cast<std::size_t>(j)]);
    scratch_scope scope(ctx);
    const auto m = static_cast<index>(subset.size());
    const auto ids = ctx.scratch.template take<std::int32_t>(1, m);
    const auto x = ctx.take(train.rows, m);
    ctx.be.upload(make_view<host_space, const std::int32_t>(subset.data(), 1, m), ids);
    map(ctx.be, x, detail::chosen_column<typename Ctx::scalar, typename Ctx::space>{train, ids});
    ctx.be.wait();
    result.draws.push_back(
        probe.fit(ctx, x, labels, classes).classifier.evaluate(ctx, test, test_labels).score);
    result.samples.push_back(m);
    top1.push_back(result.draws.back().top1);
  }
  result.top1 =
      top1.size() > 1 ? mean_interval(top1, options.confidence) : interval{top1[0], top1[0], top1[0]};
  return result;
}

}  // namespace ssl
