#pragma once
// SPDX-License-Identifier: MIT

/// The values of a whole loss at a collapse, term by term, in the order of its `term_names`: what a monitor
/// compares a report with. Terms that state nothing (see collapse_value) have NaN.

#include "ssl/core/finite.hpp"
#include "ssl/loss/algebra.hpp"

namespace ssl {

/// Every term's value, unweighted, where all columns are one and the same vector of that length (NaN:
/// unknown).
template <LossTerm L>
auto collapse_values(const L& loss, batch_shape shape, double length = not_a_number<double>()) {
  std::array<collapse_value, static_cast<std::size_t>(term_count<L>)> values{};
  detail::for_each_term(terms(loss), [&]<class W>(const W& w, index place) {
    using Term = decltype(w.term);
    if constexpr (requires { w.term.part_collapsed(shape, length); }) {
      for (const collapse_value& part : w.term.part_collapsed(shape, length))
        values[static_cast<std::size_t>(place++)] = part;
    } else if constexpr (requires { &Term::collapsed; }) {
      static_assert(
          requires {
            { w.term.collapsed(shape, length) } -> std::same_as<collapse_value>;
          },
          "ssl: a loss term states its value at a collapse with `collapse_value collapsed(batch_shape, "
          "double "
          "length) const`.");
      values[static_cast<std::size_t>(place)] = w.term.collapsed(shape, length);
    }
  });
  return values;
}

}  // namespace ssl
