#pragma once
// SPDX-License-Identifier: MIT

/// Evaluates a loss: every term's value and the gradient of their weighted sum, with shared quantities
/// computed once.

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "ssl/loss/algebra.hpp"
#include "ssl/loss/unit_length.hpp"

namespace ssl {

namespace detail {

template <class T, class Space>
struct subtract_rows {                    // x - m_i
  matrix_view<const double, Space> mean;  // (d, 1)
  SSL_FN T operator()(index i, index, T x) const {
    return static_cast<T>(static_cast<double>(x) - mean.data[i]);
  }
};

template <bool Unit, class Tuple>
consteval moment needs_of() {
  return []<class... W>(std::tuple<W...>*) {
    moment set = moment::none;
    auto take = [&]<class L>(L*) {
      if constexpr (requires { L::needs; })
        if (wants_unit_norm<L>() == Unit) set = set | L::needs;
    };
    (take(static_cast<decltype(W::term)*>(nullptr)), ...);
    return set;
  }(static_cast<Tuple*>(nullptr));
}

template <bool Unit, class Ctx, class Tuple>
consteval bool any_term(bool joint) {
  return [joint]<class... W>(std::tuple<W...>*) {
    return ((wants_unit_norm<decltype(W::term)>() == Unit && JointLoss<decltype(W::term), Ctx> == joint) ||
            ...);
  }(static_cast<Tuple*>(nullptr));
}

template <class Tuple>
consteval bool any_targets() {
  return []<class... W>(std::tuple<W...>*) {
    return (uses_targets<decltype(W::term)>() || ...);
  }(static_cast<Tuple*>(nullptr));
}

/// All terms that live on one kind of column (as they are, or of unit length).
template <bool Unit, class Ctx, class Tuple, class B = typename Ctx::backend>
void add_terms(Ctx& ctx, double weight, const Tuple& terms, view_batch<B> batch, accumulator_view<B> values,
               view<B> dz) {
  const auto each = [&](auto&& body) {
    for_each_term(terms, [&](const auto& w, index place) {
      body(w, values.columns(place, parts_of<decltype(w.term)>()));
    });
  };

  if constexpr (any_term<Unit, Ctx, Tuple>(true)) {
    index first = 0;  // of the term's state
    each([&]<class W>(const W& w, accumulator_view<B> value) {
      using L = decltype(w.term);
      view_batch<B> seen = batch;
      if constexpr (has_state<L>()) {
        const index count = w.term.state_size(batch.shape());
        seen.state = batch.state.data == nullptr ? cview<B>{} : slice(batch.state, first, count);
        first += count;
      }
      if constexpr (JointLoss<L, Ctx> && wants_unit_norm<L>() == Unit)
        w.term.add(ctx, weight * w.weight, seen, value, dz);
    });
  }
  if constexpr (any_term<Unit, Ctx, Tuple>(false)) {
    using T = typename B::scalar;
    constexpr moment needs = needs_of<Unit, Tuple>();
    const index d = batch.features(), n = batch.samples();
    for (index v = 0; v < batch.views; ++v) {
      scratch_scope scope(ctx);
      one_view<B> one{.x = batch[v], .views = batch.views, .side = batch.side};
      second_moment<B> covariance, second;
      [[maybe_unused]] view<B> centered{};
      if constexpr (contains(needs, moment::centered)) {
        const auto mean = ctx.take_accumulator(d, 1);
        fill(ctx.be, mean, 0.0);
        map_reduce(ctx.be, mean, fn::plus{}, fn::cast<double>{}, one.x);
        map(ctx.be, mean, fn::scale<double>{1.0 / static_cast<double>(n)}, mean);
        centered = ctx.take(d, n);
        map(ctx.be, centered, subtract_rows<T, typename B::space>{mean}, one.x);
        one.centered = centered;
      }
      if constexpr (contains(needs, moment::covariance)) {
        covariance = second_moment<B>(ctx, centered, batch.side);
        one.covariance = &covariance;
      }
      if constexpr (contains(needs, moment::variance)) {
        const auto variance = ctx.take_accumulator(d, 1);
        const fn::scale<double> unbias{1.0 / static_cast<double>(n - 1)};
        if constexpr (contains(needs, moment::covariance)) {
          map(ctx.be, variance, unbias, covariance.diagonal());
        } else {
          fill(ctx.be, variance, 0.0);
          map_reduce(ctx.be, variance, fn::plus{}, fn::square<T>{}, one.centered);
          map(ctx.be, variance, unbias, variance);
        }
        one.variance = variance;
      }
      if constexpr (contains(needs, moment::second)) {
        second = second_moment<B>(ctx, one.x, batch.side);
        one.second = &second;
      }
      each([&]<class W>(const W& w, accumulator_view<B> value) {
        using L = decltype(w.term);
        if constexpr (!JointLoss<L, Ctx> && wants_unit_norm<L>() == Unit)
          w.term.add(ctx, weight * w.weight, one, value, dz.columns(v * n, n));
      });
    }
  }
}

/// values += every term's value, dz = weight times the gradient of the weighted sum; dz comes full of zeros.
template <class Ctx, class Tuple, class B = typename Ctx::backend>
void add_loss(Ctx& ctx, double weight, const Tuple& terms, view_batch<B> z, accumulator_view<B> values,
              view<B> dz) {
  constexpr bool plain = any_term<false, Ctx, Tuple>(true) || any_term<false, Ctx, Tuple>(false);
  if constexpr (plain) add_terms<false>(ctx, weight, terms, z, values, dz);
  if constexpr (any_term<true, Ctx, Tuple>(true) || any_term<true, Ctx, Tuple>(false)) {
    scratch_scope scope(ctx);
    const index d = z.features(), columns = z.z.cols;
    const auto u = ctx.take(d, columns);
    constexpr unit_length change;
    const auto tape = change.forward(ctx, z, u);
    view_batch<B> unit = z;
    unit.z = u;
    if constexpr (any_targets<Tuple>()) {
      if (z.targets.data != nullptr) {
        const auto targets = ctx.take(d, columns);
        view_batch<B> other = z;
        other.z = z.targets;
        change.forward(ctx, other, targets);
        unit.targets = targets;
      }
    }
    if constexpr (plain) {
      const auto du = ctx.take(d, columns);
      fill(ctx.be, du, typename B::scalar{0});
      add_terms<true>(ctx, weight, terms, unit, values, du);
      change.backward(ctx, tape, z, as_const(u), du, dz);
    } else {
      add_terms<true>(ctx, weight, terms, unit, values, dz);
      change.backward_in_place(ctx, tape, as_const(u), dz);
    }
  }
}

}  // namespace detail

/// values (1, K) = every term's unweighted value, dz (d, V n) = gradient of the weighted sum. Both are
/// overwritten. z must not overlap dz. `side`, or the batch's own, forces one evaluation of the second
/// moments; both give the same result. Throws `shape_error` where the shapes do not fit, a view has fewer
/// than two samples, or a loss that remembers something (state.hpp) got no block for it.
template <class Ctx, LossTerm L, class B = typename Ctx::backend>
void value_and_gradient(Ctx& ctx, const L& loss, view_batch<B> z, accumulator_view<B> values, view<B> dz,
                        gram_side side = gram_side::automatic) {
  const auto all = terms(loss);
  [&]<class... W>(const std::tuple<W...>&) {
    static_assert((check_loss<decltype(W::term), Ctx>() && ...));
  }(all);
  const index d = z.z.rows, columns = z.z.cols;
  if (z.views < 1 || columns % z.views != 0 || z.samples() < 2 || d < 1)
    throw shape_error("ssl::value_and_gradient: z is " + detail::extent(z.z) + " for " +
                      std::to_string(z.views) + " views; it must be (d, views * n) with d >= 1 and n >= 2");
  if (z.targets.data != nullptr && (z.targets.rows != d || z.targets.cols != columns))
    throw shape_error("ssl::value_and_gradient: the targets are " + detail::extent(z.targets) +
                      "; they must be " + detail::extent(z.z) + " like z");
  if (const index count = state_size(loss, z.shape()); count > 0 && z.state.rows * z.state.cols != count)
    throw shape_error("ssl::value_and_gradient: the state is " + detail::extent(z.state) +
                      "; this loss needs " + detail::extent(count, 1) +
                      ", see ssl::state_size and ssl::start_state");
  if (dz.rows != d || dz.cols != columns || values.rows != 1 || values.cols != term_count<L>)
    throw shape_error("ssl::value_and_gradient: dz is " + detail::extent(dz) + ", values is " +
                      detail::extent(values) + "; they must be " + detail::extent(z.z) + " and " +
                      detail::extent(1, term_count<L>));

  fill(ctx.be, values, 0.0);
  fill(ctx.be, dz, typename B::scalar{0});
  if (side != gram_side::automatic) z.side = side;
  detail::add_loss(ctx, 1.0, all, z, values, dz);
}

/// One evaluated term.
struct term_value {
  std::string name;
  double value = 0;  // unweighted
  double weight = 1;
};

/// A loss as numbers on the host.
struct loss_report {
  double total = 0;  // sum of weight * value
  std::vector<term_value> terms;
};

/// Brings `values` (1, K) to the host; waits for the backend.
template <class Ctx, LossTerm L>
loss_report report(Ctx& ctx, const L& loss, accumulator_view<typename Ctx::backend> values) {
  std::array<double, static_cast<std::size_t>(term_count<L>)> host{};
  ctx.be.download(as_const(values), make_view(host.data(), 1, term_count<L>));
  ctx.be.wait();
  loss_report out;
  const auto names = term_names(loss);
  const auto weights = term_weights(loss);
  for (std::size_t k = 0; k < names.size(); ++k) {
    out.terms.push_back({std::string(names[k]), host[k], weights[k]});
    out.total += weights[k] * host[k];
  }
  return out;
}

/// The loss and, into dz, its gradient, as numbers on the host. For programs that do not run a loop.
template <class Ctx, LossTerm L, class B = typename Ctx::backend>
loss_report evaluate(Ctx& ctx, const L& loss, view_batch<B> z, view<B> dz,
                     gram_side side = gram_side::automatic) {
  scratch_scope scope(ctx);
  const auto values = ctx.take_accumulator(1, term_count<L>);
  value_and_gradient(ctx, loss, z, values, dz, side);
  return report(ctx, loss, values);
}

}  // namespace ssl
