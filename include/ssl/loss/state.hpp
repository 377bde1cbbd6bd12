#pragma once
// SPDX-License-Identifier: MIT

/// What a loss remembers from step to step: a queue, a centre, a running covariance. One flat block (S, 1) of
/// the backend's scalar, each term's slice in the order of the sum; it belongs to the caller, who saves it
/// with the networks. Evaluating a loss only reads it.
///
///     start_state(ctx, loss, shape, key, block);        // once
///     value_and_gradient(ctx, loss, batch, ...);        // batch.state = block
///     update_state(ctx, loss, batch, block);            // after the step
///
/// A term has state if it has `state_size(batch_shape)` and `update(ctx, batch, state)`, whose batch holds
/// the columns as its `add` saw them; and, unless it starts from zero, `start(ctx, shape, key, state)`.

#include "ssl/loss/evaluate.hpp"

namespace ssl {

/// block (state_size, 1) = what the loss remembers before the first step. `=`.
template <class Ctx, LossTerm L, class B = typename Ctx::backend>
requires(!ErasedLoss<L>) void start_state(Ctx& ctx, const L& loss, batch_shape shape, rng_key key,
                                          view<B> block) {
  if (block.size() == 0) return;
  fill(ctx.be, block, typename B::scalar{0});
  index first = 0;
  detail::for_each_term(terms(loss), [&](const auto& w, index) {
    using Term = decltype(w.term);
    if constexpr (has_state<Term>()) {
      const index count = w.term.state_size(shape);
      if constexpr (requires { w.term.start(ctx, shape, key, block); })
        w.term.start(ctx, shape, key, slice(block, first, count));
      first += count;
    }
  });
}

/// Moves the block on by the batch that the loss was evaluated on. Reads and writes `block`.
template <class Ctx, LossTerm L, class B = typename Ctx::backend>
requires(!ErasedLoss<L>) void update_state(Ctx& ctx, const L& loss, view_batch<B> z, view<B> block) {
  if (block.size() == 0) return;
  scratch_scope scope(ctx);
  index first = 0;
  detail::for_each_term(terms(loss), [&](const auto& w, index) {
    using Term = decltype(w.term);
    if constexpr (has_state<Term>()) {
      const index count = w.term.state_size(z.shape());
      scratch_scope inner(ctx);
      view_batch<B> seen = z;
      if constexpr (wants_unit_norm<Term>()) {
        const auto change = [&](cview<B> x) {
          const auto u = ctx.take(x.rows, x.cols);
          view_batch<B> other = z;
          other.z = x;
          unit_length{}.forward(ctx, other, u);
          return as_const(u);
        };
        seen.z = change(z.z);
        if (uses_targets<Term>() && z.targets.data != nullptr) seen.targets = change(z.targets);
      }
      w.term.update(ctx, seen, slice(block, first, count));
      first += count;
    }
  });
}

}  // namespace ssl
