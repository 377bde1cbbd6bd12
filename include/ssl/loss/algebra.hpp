#pragma once
/// Losses compose like the formulas of their papers: `25 * invariance{} + 25 * variance{} + covariance{}`.
/// Structure is a type, weights are data: sweeping a weight compiles nothing anew. Sums stay flat and weights
/// fold, so `2 * (3 * l)` is one term.

#include <tuple>

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

/// Number of terms: the columns of `values`.
template <LossTerm L>
inline constexpr index term_count = static_cast<index>(std::tuple_size_v<decltype(terms(std::declval<L>()))>);

/// The terms' names, in order.
template <LossTerm L>
constexpr auto term_names(const L& loss) {
  return std::apply(
      [](auto... t) { return std::array<std::string_view, sizeof...(t)>{decltype(t.term)::name...}; },
      terms(loss));
}

/// The terms' weights, in order.
template <LossTerm L>
constexpr auto term_weights(const L& loss) {
  return std::apply([](auto... t) { return std::array<double, sizeof...(t)>{t.weight...}; }, terms(loss));
}

}  // namespace ssl
