#pragma once
// SPDX-License-Identifier: MIT

/// One image under work: what cropping writes and augmentations change in place.

#include "ssl/core/config.hpp"
#include "ssl/core/shape.hpp"

namespace ssl {

/// `shape.size()` scalars, channel-last: (channel, x, y) from the fastest to the slowest. Does not own.
template <class T>
struct image_ref {
  T* pixels = nullptr;
  T* scratch = nullptr;  // as many scalars again, free to use, undefined on entry
  image_shape shape{};

  SSL_FN T& operator()(index channel, index y, index x) const {
    return pixels[(y * shape.width + x) * shape.channels + channel];
  }
};

/// A whole run of `for_each_run`: a constant, so that loops over it become vector instructions.
struct full_run {
  static constexpr index length = 16;
  SSL_FN constexpr operator std::ptrdiff_t() const { return length; }
};

/// body(e) for e in [0, count): the loop over one run, in vector instructions where `count` is a `full_run`.
template <class Count, class Body>
SSL_FN void for_each_lane(Count count, const Body& body) {
  const index last = count;
  // Else g++ unrolls sixteen steps into scalar code before it looks for vectors.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#pragma GCC unroll 1
#endif
  for (index e = 0; e < last; ++e) body(e);
}

/// Cuts `rows` rows of `length` elements into runs of at most 16 and shares them among the team:
/// body(row, first, count) for elements [first, first + count) of a row. `count` is a `full_run` for all
/// but a row's last run, else an `index`: take it as `auto`. Done on return, for the whole team.
template <class Team, class Body>
SSL_FN void for_each_run(const Team& team, index rows, index length, const Body& body) {
  const index runs = (length + full_run::length - 1) / full_run::length;
  team.for_each(rows * runs, [=, &body](index k) {
    const index row = k / runs, first = (k - row * runs) * full_run::length;
    if (length - first >= full_run::length) {
      body(row, first, full_run{});
    } else {
      body(row, first, length - first);
    }
  });
}

}  // namespace ssl
