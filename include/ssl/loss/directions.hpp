#pragma once
// SPDX-License-Identifier: MIT

/// Random directions: columns of standard normal numbers, the same on every backend.

#include "ssl/loss/pull.hpp"

namespace ssl {

namespace detail {

/// Column k of r = normal numbers of random_stream(key, k mod n, k / n, use), at length one where asked.
template <class B>
struct draw_directions {
  view<B> r;  // (d, count)
  rng_key key;
  index n;
  purpose use;
  bool unit = false;

  template <class Team>
  SSL_FN void operator()(const Team& team, index k) const {
    using T = typename B::scalar;
    const auto self = *this;
    // The two numbers of a block of the generator at a time.
    team.for_each((r.rows + 1) / 2, [=](index pair) {
      random_stream stream(self.key, k % self.n, k / self.n, self.use);
      stream.seek(4 * pair);
      self.r(2 * pair, k) = static_cast<T>(stream.normal());
      if (2 * pair + 1 < self.r.rows) self.r(2 * pair + 1, k) = static_cast<T>(stream.normal());
    });
    if (!unit) return;
    const double inverse = 1.0 / std::sqrt(clamped_square(team, as_const(r).column(k), r.rows));
    team.for_each(
        r.rows, [=](index i) { self.r(i, k) = static_cast<T>(static_cast<double>(self.r(i, k)) * inverse); });
  }
};

}  // namespace detail

}  // namespace ssl
