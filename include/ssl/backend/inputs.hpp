#pragma once
// SPDX-License-Identifier: MIT

/// What every backend needs to call an elementwise functor: the two call forms, and the inputs of one verb as
/// one value that a kernel can carry.

#include <type_traits>

#include "ssl/core/config.hpp"
#include "ssl/core/view.hpp"

namespace ssl::detail {

/// f takes the inputs' elements only; otherwise it is called as f(i, j, x...).
template <class F, class... Ts>
concept Elementwise = requires(const F& f, Ts... x) {
  f(x...);
};

template <class F, class... Ts>
SSL_FN auto call(const F& f, [[maybe_unused]] index i, [[maybe_unused]] index j, Ts... x) {
  if constexpr (Elementwise<F, Ts...>) {
    return f(x...);
  } else {
    return f(i, j, x...);
  }
}

/// What f returns for inputs of these types.
template <class F, class... Ts>
using result_of = decltype(call(std::declval<const F&>(), index{}, index{}, std::declval<Ts>()...));

/// The type that partial folds run in: the wider of the accumulator and the values, so that a double
/// accumulator means double sums. Types other than numbers fold as they are.
template <class Acc, class V, bool = std::is_arithmetic_v<Acc>&& std::is_arithmetic_v<V>>
struct fold_type_of {
  using type = V;
};
template <class Acc, class V>
struct fold_type_of<Acc, V, true> {
  using type = std::common_type_t<Acc, V>;
};
template <class Acc, class V>
using fold_type = typename fold_type_of<Acc, V>::type;

/// Read-only views of equal shape, side by side: `x.call(f, i, j)` is f of their elements at (i, j).
template <class Space, class... Ts>
struct inputs;

template <class Space>
struct inputs<Space> {
  template <class F, class... Xs>
  SSL_FN auto call(const F& f, index i, index j, Xs... x) const {
    return detail::call(f, i, j, x...);
  }
};

template <class Space, class T, class... Ts>
struct inputs<Space, T, Ts...> {
  matrix_view<const T, Space> first;
  inputs<Space, Ts...> rest;

  template <class F, class... Xs>
  SSL_FN auto call(const F& f, index i, index j, Xs... x) const {
    return rest.call(f, i, j, x..., first(i, j));
  }
};

template <class Space>
inputs<Space> make_inputs() {
  return {};
}
template <class Space, class T, class... Ts>
inputs<Space, T, Ts...> make_inputs(matrix_view<const T, Space> first, matrix_view<const Ts, Space>... rest) {
  return {first, make_inputs<Space>(rest...)};
}

}  // namespace ssl::detail
