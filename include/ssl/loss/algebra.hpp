#pragma once
// SPDX-License-Identifier: MIT

/// Losses compose like the formulas of their papers: `25 * invariance{} + 25 * variance{} + covariance{}`.
/// Structure is a type, weights are data: sweeping a weight compiles nothing anew. Sums stay flat and weights
/// fold, so `2 * (3 * l)` is one term.

#include <tuple>
#include <type_traits>

#include "ssl/loss/loss.hpp"

namespace ssl {

template <LossTerm L>
struct weighted {
  using kind = loss_kind;
  double weight = 1;
  L term{};
};

template <LossTerm... Ls>
struct sum {
  using kind = loss_kind;
  std::tuple<Ls...> terms;
};

namespace detail {

template <LossTerm L>
constexpr std::tuple<weighted<L>> terms_of(L l) {
  return {weighted<L>{1.0, l}};
}
template <LossTerm L>
constexpr std::tuple<weighted<L>> terms_of(weighted<L> l) {
  return {l};
}
template <LossTerm... Ls>
constexpr std::tuple<Ls...> terms_of(sum<Ls...> s) {
  return s.terms;
}

}  // namespace detail

template <LossTerm L>
constexpr weighted<L> operator*(double w, L l) {
  return {w, l};
}
template <LossTerm L>
constexpr weighted<L> operator*(double w, weighted<L> l) {
  return {w * l.weight, l.term};
}
template <LossTerm... Ls>
constexpr sum<Ls...> operator*(double w, sum<Ls...> s) {
  std::apply([w](auto&... l) { ((l.weight *= w), ...); }, s.terms);
  return s;
}
template <LossTerm A, LossTerm B>
constexpr auto operator+(A a, B b) {
  return std::apply([](auto... l) { return sum<decltype(l)...>{{l...}}; },
                    std::tuple_cat(detail::terms_of(a), detail::terms_of(b)));
}

/// The weighted terms of any loss, as a tuple: a single term is a sum of one.
template <LossTerm L>
constexpr auto terms(const L& loss) {
  return detail::terms_of(loss);
}

namespace detail {

template <class... W>
constexpr index count_parts(std::type_identity<std::tuple<W...>>) {
  return (parts_of<decltype(W::term)>() + ... + 0);
}

/// Calls body(weighted term, place of its first value) for each term in turn.
template <class Tuple, class Body>
constexpr void for_each_term(const Tuple& all, const Body& body) {
  index place = 0;
  std::apply([&](const auto&... w) { ((body(w, place), place += parts_of<decltype(w.term)>()), ...); }, all);
}

}  // namespace detail

/// Number of values: the columns of `values`.
template <LossTerm L>
inline constexpr index term_count =
    detail::count_parts(std::type_identity<decltype(terms(std::declval<L>()))>{});

/// The terms' names, in order.
template <LossTerm L>
constexpr auto term_names(const L& loss) {
  std::array<std::string_view, static_cast<std::size_t>(term_count<L>)> names;
  detail::for_each_term(terms(loss), [&]<class W>(const W& w, index place) {
    using Term = decltype(w.term);
    if constexpr (requires { w.term.part_names(); }) {
      for (const std::string_view name : w.term.part_names()) names[static_cast<std::size_t>(place++)] = name;
    } else {
      names[static_cast<std::size_t>(place)] = Term::name;
    }
  });
  return names;
}

/// The terms' weights, in order.
template <LossTerm L>
constexpr auto term_weights(const L& loss) {
  std::array<double, static_cast<std::size_t>(term_count<L>)> weights{};
  detail::for_each_term(terms(loss), [&](const auto& w, index place) {
    if constexpr (requires { w.term.part_weights(); }) {
      for (const double part : w.term.part_weights())
        weights[static_cast<std::size_t>(place++)] = w.weight * part;
    } else {
      weights[static_cast<std::size_t>(place)] = w.weight;
    }
  });
  return weights;
}

/// Scalars that the loss remembers from step to step, for batches of that shape; see state.hpp.
template <LossTerm L>
constexpr index state_size(const L& loss, batch_shape shape) {
  index count = 0;
  detail::for_each_term(terms(loss), [&](const auto& w, index) {
    if constexpr (has_state<decltype(w.term)>()) count += w.term.state_size(shape);
  });
  return count;
}

}  // namespace ssl
