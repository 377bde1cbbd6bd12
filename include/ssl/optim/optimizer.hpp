#pragma once
// SPDX-License-Identifier: MIT

/// The law of this folder: what an optimizer is.
///
/// A small value of hyper-parameters. `state(count)` says how many scalars it keeps for a block of `count`
/// parameters; they start at zero and belong to the checkpoint. `step` reads the gradients, moves parameters
/// and state along, and never touches segments of role::buffer. It allocates nothing after the first step and
/// never waits for the device: norms and trust ratios stay in device memory, summed in double. `rate` is the
/// learning rate of this one step.

#include <algorithm>
#include <concepts>
#include <span>
#include <string>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/segment.hpp"
#include "ssl/exec/context.hpp"

namespace ssl {

template <class O, class Ctx>
concept Optimizer = requires(const O optimizer, Ctx& ctx, std::span<const segment> table, index count,
                             double rate, typename Ctx::matrix params, typename Ctx::const_matrix grads,
                             typename Ctx::matrix state) {
  { optimizer.state(count) } -> std::same_as<index>;
  optimizer.step(ctx, table, params, grads, state, rate);
};

namespace detail {

/// Scalars that one team updates: few enough to stay in a cache between reading for a norm and reading again.
inline constexpr index update_chunk = 4096;

SSL_FN index update_chunks(index count) { return (count + update_chunk - 1) / update_chunk; }
SSL_FN index chunk_size(index count, index chunk) {
  const index rest = count - chunk * update_chunk;
  return rest < update_chunk ? rest : update_chunk;
}

/// Says which of the three columns of an update has a wrong length.
inline void require_columns(const char* who, std::span<const segment> table, index params, index grads,
                            index state, index expected_state) {
  index end = 0;
  for (const segment& s : table) end = std::max(end, s.offset + s.size());
  demand(end <= params, who,
         "the table ends at scalar " + std::to_string(end) + ", but there are " + std::to_string(params) +
             " parameters");
  demand(grads == params, who,
         "there are " + std::to_string(params) + " parameters and " + std::to_string(grads) + " gradients");
  demand(state == expected_state, who,
         "the state has " + std::to_string(state) + " scalars, but this optimizer keeps " +
             std::to_string(expected_state));
}

/// f(first, count, kind) for the longest runs of neighbouring segments that `same(a, b)` puts together;
/// buffers are left out. Fewer runs are fewer kernels.
template <class Same, class F>
void for_each_stretch(std::span<const segment> table, const Same& same, const F& f) {
  for (std::size_t i = 0; i < table.size();) {
    const segment& first = table[i];
    index count = first.size();
    for (++i; i < table.size() && table[i].offset == first.offset + count && same(first.kind, table[i].kind);
         ++i)
      count += table[i].size();
    if (first.kind != role::buffer && count > 0) f(first.offset, count, first.kind);
  }
}

}  // namespace detail
}  // namespace ssl
