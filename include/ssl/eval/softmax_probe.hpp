#pragma once
// SPDX-License-Identifier: MIT

/// Linear probe by gradient descent: soft-max regression on frozen features with SGD,
///
///     loss = mean_j (log sum_c exp s_cj - s_{label_j j}),   s = W x + b
///     rate of epoch t = rate (1 + cos(pi t / epochs)) / 2, or constant, or falling at milestones
///
/// The recipe of EMP-SSL (arXiv 2304.03977) by default; others are in protocols.hpp. The classifier after the
/// last epoch is the result; an observer sees that of every epoch. W and b start at zero (the problem is
/// convex). Each epoch's order is a pure function of (seed, epoch). Cost: 6 classes d n flops an epoch.

#include <array>
#include <cmath>
#include <concepts>
#include <functional>
#include <type_traits>

#include "ssl/core/finite.hpp"
#include "ssl/core/fn.hpp"
#include "ssl/core/random.hpp"
#include "ssl/eval/linear_probe.hpp"
#include "ssl/eval/probe_slices.hpp"
#include "ssl/optim/schedule.hpp"
#include "ssl/optim/sgd.hpp"

namespace ssl {

/// A classifier and the mean training loss of the last epoch.
template <class B>
struct softmax_fit {
  linear_classifier<B> classifier;
  double loss = 0;
};

/// How a probe's rate moves over its epochs.
enum class probe_schedule { cosine, constant, milestones };

/// Sees the classifier after every epoch, from 0.
template <class B>
using epoch_observer = std::function<void(index epoch, const linear_classifier<B>& classifier)>;

namespace detail {

/// Column j of s (classes, n): scores without bias become (softmax(s + b) - [label]) / n; loss_j += cross
/// entropy / total.
template <class T, class Space>
struct softmax_gradient {
  matrix_view<T, Space> s;                        // (classes, n)
  matrix_view<const T, Space> bias;               // (classes, 1)
  matrix_view<const std::int32_t, Space> labels;  // (1, all)
  matrix_view<const std::int32_t, Space> ids;     // (1, n)
  matrix_view<double, Space> loss;                // (1, n)
  double total;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    T* const x = s.column(j);
    const T* const b = bias.data;
    const index classes = s.rows, label = labels.data[ids.data[j]];
    team.for_each(classes, [=](index c) { x[c] += b[c]; });
    const T top = team.reduce(classes, fn::least<T>, fn::maximum{}, [=](index c) { return x[c]; });
    const T mine = x[label];
    const double sum = team.reduce(classes, 0.0, fn::plus{}, [=](index c) {
      using std::exp;
      return static_cast<double>(exp(x[c] - top));
    });
    const T scale = static_cast<T>(1 / (sum * static_cast<double>(s.cols))),
            hit = static_cast<T>(1.0 / static_cast<double>(s.cols));
    double* const out = loss.data + j;
    const double share = total;
    team.for_each(classes, [=](index c) {
      using std::exp;
      x[c] = exp(x[c] - top) * scale - (c == label ? hit : T{0});
      if (c == 0) *out += (std::log(sum) + static_cast<double>(top - mine)) / share;
    });
  }
};

template <class T, class Space>
struct turned_entry {             // x_{j i}
  matrix_view<const T, Space> x;  // (cols, rows)
  SSL_FN T operator()(index i, index j) const { return x(j, i); }
};

template <class T, class Space>
struct unscaled_row {  // row c for raw features: W_{c i} factor_i, b_c - sum_i W_{c i} factor_i mean_i
  matrix_view<const T, Space> weights;  // (classes, d), of standardised features
  matrix_view<const T, Space> bias;     // (classes, 1)
  feature_scale<Space> scale;
  matrix_view<T, Space> out_weights, out_bias;

  template <class Team>
  SSL_FN void operator()(const Team& team, index c) const {
    const auto w = weights;
    const auto k = scale;
    const double shift = team.reduce(w.cols, 0.0, fn::plus{}, [=](index i) {
      return static_cast<double>(w(c, i)) * k.factor.data[i] * k.mean.data[i];
    });
    const auto to = out_weights;
    team.for_each(
        w.cols, [=](index i) { to(c, i) = static_cast<T>(static_cast<double>(w(c, i)) * k.factor.data[i]); });
    const double start = static_cast<double>(bias.data[c]);
    T* const place = out_bias.data + c;
    team.for_each(1, [=](index) { *place = static_cast<T>(start - shift); });
  }
};

}  // namespace detail

struct softmax_probe {
  double rate = 0.03;
  double momentum = 0.9;
  double weight_decay = 5e-5;
  bool nesterov = false;
  index epochs = 100;
  index batch = 100;
  bool standardize = false;  // features to mean zero and deviation one: makes one rate fit all scales
  std::uint64_t seed = 0;
  probe_schedule schedule = probe_schedule::cosine;
  bool per_step = false;                    // the cosine moves at every batch, not at every epoch
  std::array<index, 4> milestones{60, 80};  // epochs at which the rate falls, 0: none
  double fall = 0.1;                        // its factor there

  /// The rate of one batch of an epoch of `batches`.
  double rate_at(index epoch, index step, index batches) const {
    if (schedule == probe_schedule::constant) return rate;
    if (schedule == probe_schedule::milestones) return step_decay{rate, fall, milestones}(epoch);
    return per_step ? cosine{rate, 0, epochs * batches}(epoch * batches + step)
                    : cosine{rate, 0, epochs}(epoch);
  }

  /// x (d, n), labels in [0, classes). Allocates and waits. Throws numeric_error where training diverges.
  template <class Ctx, class B = typename Ctx::backend>
  softmax_fit<B> fit(Ctx& ctx, typename Ctx::const_matrix x, std::span<const int> labels, index classes,
                     const std::type_identity_t<epoch_observer<B> >& observe = {}) const {
    detail::require_labels("softmax_probe", "training", labels, x.cols, classes);
    if (epochs < 1 || batch < 1)
      throw option_error("ssl::softmax_probe: epochs is " + std::to_string(epochs) + " and batch " +
                         std::to_string(batch) + "; expected at least 1");
    scratch_scope scope(ctx);
    const auto scale = detail::make_feature_scale(ctx, x, false, standardize);
    const auto label_of = ctx.scratch.template take<std::int32_t>(1, x.cols);
    const std::vector<std::int32_t> host(labels.begin(), labels.end());
    ctx.be.upload(make_view<host_space, const std::int32_t>(host.data(), 1, x.cols), label_of);
    ctx.be.wait();
    if constexpr (std::same_as<typename Ctx::space, host_space>) {
      const detail::probe_shape shape{x.rows, classes};
      if (shape.fits_slices()) return fit_slices(ctx, x, as_const(label_of), scale, shape, observe);
    }
    return fit_products(ctx, x, as_const(label_of), scale, classes, observe);
  }

 private:
  template <class Ctx>
  using labels_of = matrix_view<const std::int32_t, typename Ctx::space>;

  /// By the verbs: two products and four kernels a step.
  template <class Ctx, class B = typename Ctx::backend>
  softmax_fit<B> fit_products(Ctx& ctx, typename Ctx::const_matrix x, labels_of<Ctx> label_of,
                              detail::feature_scale<typename Ctx::space> scale, index classes,
                              const epoch_observer<B>& observe) const {
    using T = typename Ctx::scalar;
    using S = typename Ctx::space;
    auto& be = ctx.be;
    scratch_scope scope(ctx);
    const index d = x.rows, n = x.cols, size = classes * d + classes, wide = std::min(batch, n),
                batches = (n + wide - 1) / wide;
    const std::vector<segment> table{{"weights", classes, d, role::matrix, {}, 0},
                                     {"bias", classes, 1, role::vector, {}, classes * d}};
    const sgd optimizer{.momentum = momentum, .weight_decay = weight_decay, .nesterov = nesterov};
    const auto params = ctx.take(size, 1), grads = ctx.take(size, 1),
               state = ctx.take(optimizer.state(size), 1);
    const auto features = ctx.take(d, wide), scores = ctx.take(classes, wide);
    const auto losses = ctx.take_accumulator(1, wide);
    const auto order = ctx.scratch.template take<std::int32_t>(1, n);
    const typename Ctx::matrix weights{params.data, classes, d, classes},
        dweights{grads.data, classes, d, classes};
    const typename Ctx::matrix bias{params.data + classes * d, classes, 1, classes},
        dbias{grads.data + classes * d, classes, 1, classes};
    fill(be, params, T{0});
    fill(be, state, T{0});

    std::vector<std::int32_t> host(static_cast<std::size_t>(n));
    for (index epoch = 0; epoch < epochs; ++epoch) {
      shuffle(host, static_cast<std::uint32_t>(epoch));
      be.upload(make_view<host_space, const std::int32_t>(host.data(), 1, n), order);
      fill(be, losses, 0.0);
      for (index first = 0; first < n; first += wide) {
        const index m = std::min(wide, n - first);
        const double now = rate_at(epoch, first / wide, batches);
        const auto ids = order.columns(first, m);
        const auto f = features.columns(0, m), s = scores.columns(0, m);
        map(be, f, detail::standard_column<T, T, S>{x, ids, scale});
        gemm(be, trans::no, trans::no, T{1}, weights, f, T{0}, s);
        for_each_column(
            be, m, detail::softmax_gradient<T, S>{s, bias, label_of, ids, losses, static_cast<double>(n)});
        gemm(be, trans::no, trans::yes, T{1}, s, f, T{0}, dweights);
        fill(be, dbias, T{0});
        map_reduce(be, dbias, fn::plus{}, fn::identity<T>{}, s);
        optimizer.step(ctx, table, params, grads, state, now);
      }
      be.wait();
      if (observe) observe(epoch, unscaled(ctx, as_const(weights), as_const(bias), scale));
    }
    return finished(ctx, as_const(losses), as_const(weights), as_const(bias), scale);
  }

  /// On a CPU with few classes: one kernel for a batch's gradient, one for the update (probe_slices.hpp).
  template <class Ctx, class B = typename Ctx::backend>
  softmax_fit<B> fit_slices(Ctx& ctx, typename Ctx::const_matrix x, labels_of<Ctx> label_of,
                            detail::feature_scale<host_space> scale, detail::probe_shape shape,
                            const epoch_observer<B>& observe) const {
    using T = typename Ctx::scalar;
    auto& be = ctx.be;
    scratch_scope scope(ctx);
    constexpr index slice = detail::probe_shape::slice;
    const index n = x.cols, size = shape.size(), wide = std::min(batch, n), batches = (n + wide - 1) / wide;
    const index most = (wide + slice - 1) / slice;
    const auto params = ctx.take(size, 1), state = ctx.take(size, 1), partial = ctx.take(size, most),
               work = ctx.take(shape.work(), most);
    const auto losses = ctx.take_accumulator(1, most);
    const auto order = ctx.scratch.template take<std::int32_t>(1, n);
    fill(be, params, T{0});
    fill(be, state, T{0});
    const typename Ctx::const_matrix columns{params.data, shape.deep(), shape.classes, shape.deep()};
    const typename Ctx::const_matrix bias{params.data + shape.deep() * shape.wide(), shape.classes, 1,
                                          shape.classes};
    const auto weights = ctx.take(shape.classes, shape.d);
    std::vector<std::int32_t> host(static_cast<std::size_t>(n));
    for (index epoch = 0; epoch < epochs; ++epoch) {
      shuffle(host, static_cast<std::uint32_t>(epoch));
      be.upload(make_view<host_space, const std::int32_t>(host.data(), 1, n), order);
      fill(be, losses, 0.0);
      for (index first = 0; first < n; first += wide) {
        const index m = std::min(wide, n - first), slices = (m + slice - 1) / slice;
        const double now = rate_at(epoch, first / wide, batches);
        for_each_column(be, slices,
                        detail::probe_slice<T>{shape, x, label_of, as_const(order), scale, standardize, first,
                                               m, params.data, partial, work, losses});
        for_each_column(
            be, (size + detail::probe_update<T>::run - 1) / detail::probe_update<T>::run,
            detail::probe_update<T>{params, state, as_const(partial.columns(0, slices)), static_cast<T>(now),
                                    static_cast<T>(momentum), static_cast<T>(weight_decay), nesterov});
      }
      if (observe) {
        map(be, weights, detail::turned_entry<T, host_space>{columns});
        observe(epoch, unscaled(ctx, as_const(weights), bias, scale));
      }
    }
    be.wait();
    map(be, weights, detail::turned_entry<T, host_space>{columns});
    return finished(ctx, as_const(losses), as_const(weights), bias, scale);
  }

  /// The classifier for raw features and the last epoch's loss.
  template <class Ctx, class B = typename Ctx::backend>
  softmax_fit<B> finished(Ctx& ctx, matrix_view<const double, typename Ctx::space> losses,
                          typename Ctx::const_matrix weights, typename Ctx::const_matrix bias,
                          detail::feature_scale<typename Ctx::space> scale) const {
    auto& be = ctx.be;
    const auto loss = ctx.take_accumulator(1, 1);
    double mean_loss = 0;
    fill(be, loss, 0.0);
    map_reduce(be, loss, fn::plus{}, fn::identity<double>{}, losses);
    be.download(as_const(loss), make_view(&mean_loss, 1, 1));
    be.wait();
    if (!is_finite(mean_loss))
      throw numeric_error("ssl::softmax_probe: the loss is not finite at rate " + std::to_string(rate) +
                          "; lower the rate, or standardize the features");
    return {unscaled(ctx, weights, bias, scale), mean_loss};
  }

  /// The classifier of raw features.
  template <class Ctx, class B = typename Ctx::backend>
  linear_classifier<B> unscaled(Ctx& ctx, typename Ctx::const_matrix weights, typename Ctx::const_matrix bias,
                                detail::feature_scale<typename Ctx::space> scale) const {
    linear_classifier<B> classifier(ctx.be, weights.rows, weights.cols);
    for_each_column(ctx.be, weights.rows,
                    detail::unscaled_row<typename Ctx::scalar, typename Ctx::space>{
                        weights, bias, scale, classifier.weights(), classifier.bias()});
    ctx.be.wait();
    return classifier;
  }

  /// The order of an epoch: Fisher and Yates from the identity.
  void shuffle(std::vector<std::int32_t>& order, std::uint32_t epoch) const {
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
    random_stream draw({seed, epoch}, 0, 0, purpose::probe, 1);
    for (std::size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[static_cast<std::size_t>(draw.below(static_cast<index>(i)))]);
  }
};

}  // namespace ssl
