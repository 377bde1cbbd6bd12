#pragma once
// SPDX-License-Identifier: MIT

/// Double precision where it costs no time worth naming: a batch of d n min(d, n) <= 2^22 a view is evaluated
/// on a copy in double whatever the scalar, and its gradient is rounded once.

#include <algorithm>
#include <concepts>

#include "ssl/loss/loss.hpp"

namespace ssl {

/// Whether the products of one view (d, n) are that small.
constexpr bool is_small(index d, index n) { return d * n * std::min(d, n) <= index{1} << 22; }

namespace detail {

template <class T>
struct add_rounded {  // y + x, rounded once
  SSL_FN T operator()(T y, double x) const { return static_cast<T>(static_cast<double>(y) + x); }
};

}  // namespace detail

/// body(z, dz) with columns z (d, V n) and a gradient dz to add to, both in double where the batch is small,
/// else as they are. Scratch: two such copies.
template <class Ctx, class Body, class B = typename Ctx::backend>
void in_double_where_small(Ctx& ctx, cview<B> z, index views, view<B> dz, const Body& body) {
  if constexpr (!std::same_as<typename B::scalar, double>) {
    if (is_small(z.rows, z.cols / views)) {
      scratch_scope scope(ctx);
      const auto x = ctx.take_accumulator(z.rows, z.cols), dx = ctx.take_accumulator(z.rows, z.cols);
      map(ctx.be, x, fn::cast<double>{}, z);
      fill(ctx.be, dx, 0.0);
      body(as_const(x), dx);
      map(ctx.be, dz, detail::add_rounded<typename B::scalar>{}, dz, dx);
      return;
    }
  }
  body(z, dz);
}

}  // namespace ssl
