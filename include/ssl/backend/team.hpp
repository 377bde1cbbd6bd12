#pragma once
// SPDX-License-Identifier: MIT

/// One column's work on one thread: the team that CPU backends pass to the functor of `for_each_column`.

#include "ssl/core/config.hpp"

namespace ssl {

struct serial_team {
  /// body(i) for i in [0, count), in any order; everything written is visible to the team afterwards.
  template <class Body>
  SSL_FN void for_each(index count, const Body& body) const {
#if defined(__CUDACC__)
#elif defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
    for (index i = 0; i < count; ++i) body(i);
  }

  /// fold(init, body(0), ..., body(count - 1)) for every member of the team, in sixteen interleaved lanes.
  /// The fold must be associative and commutative; the order depends on count alone.
  template <class V, class Fold, class Body>
  SSL_FN V reduce(index count, V init, const Fold& fold, const Body& body) const {
    constexpr index lanes = 16;
    V lane[lanes];
    for (auto& l : lane) l = Fold::template identity<V>();
    index i = 0;
    for (; i + lanes <= count; i += lanes)
      for (index l = 0; l < lanes; ++l) lane[l] = fold(lane[l], static_cast<V>(body(i + l)));
    for (; i < count; ++i) init = fold(init, static_cast<V>(body(i)));
    // In halves: sixteen folds in a row would wait for each other.
    for (index half = lanes / 2; half > 0; half /= 2)
      for (index l = 0; l < half; ++l) lane[l] = fold(lane[l], lane[l + half]);
    return fold(init, lane[0]);
  }
};

}  // namespace ssl
