#pragma once
// SPDX-License-Identifier: MIT

/// Less memory for time: a layer that keeps nothing but its input and runs again in the backward pass
/// (gradient checkpointing; Chen et al., arXiv 1604.06174).

#include <utility>

#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

/// `layer`, whose backward first repeats its forward. Same values and gradients to the bit, running
/// statistics move once; parameters are the layer's own, name by name.
/// Tape: none. Backward's scratch: the layer's tape and y, for as long as its backward runs. Time: one more
/// forward of the layer, a third of its step. Around each of k equal blocks in a row a step keeps k inputs
/// and the inside of one block.
template <LayerKind L>
class recompute_layer : public detail::same_name<L> {
 public:
  using kind = layer_kind;

  constexpr explicit recompute_layer(L inner) : inner_(std::move(inner)) {
    if constexpr (requires { inner_.name; }) this->name = inner_.name;
  }

  constexpr const L& inner() const { return inner_; }
  constexpr image_shape output(image_shape in) const { return inner_.output(in); }
  std::vector<segment> parameters(image_shape in) const { return inner_.parameters(in); }
  constexpr index parameter_count(image_shape in) const { return inner_.parameter_count(in); }
  constexpr index tape(image_shape, index) const { return 0; }
  constexpr backward_reads reads() const { return {.x = true, .y = false}; }
  constexpr bool takes_gate() const { return detail::takes_gate(inner_); }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    detail::check_storage<L, Ctx, S>();
    p.tape = {};
    inner_.forward(ctx, in, n, p);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    using T = typename B::scalar;
    scratch_scope scope(ctx);
    const image_shape out = inner_.output(in);
    const index taped = detail::tape_of(inner_, in, n, entries_per_scalar<S>);
    p.tape = detail::take_from<T>(p.spare, ctx, taped, 1);
    p.y = detail::take_from<S>(p.spare, ctx, out.channels, out.pixels() * n);
    Ctx again = ctx;
    again.phase = mode::train;
    inner_.forward(again, in, n,
                   pass<B, S>{.params = p.params, .x = p.x, .y = p.y, .tape = p.tape, .replay = true});
    inner_.backward(ctx, in, n, p);
  }

 private:
  L inner_;
};

/// See `recompute_layer`.
///
///     named("layer1", repeat(8, recompute(block)))
template <LayerKind L>
constexpr recompute_layer<L> recompute(L layer) {
  return recompute_layer<L>(std::move(layer));
}

}  // namespace ssl
