#pragma once
// SPDX-License-Identifier: MIT

/// Half the memory for activations: a layer whose inner maps are stored in bf16.

#include <utility>

#include "ssl/backend/verbs.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

/// `inner` between maps of the scalar, with every map inside it stored in bf16: x is rounded on the way in
/// and y is widened on the way out, dy and dx likewise. Products have operands of bf16 (weights are rounded
/// for them) and sum in the scalar, or in float where the backend multiplies bf16; parameters, their
/// gradients, running statistics, a batch norm's moments, and with them losses and optimizers stay in the
/// scalar. The parameters are the inner layer's, name by name, so that their files fit with and without.
/// Tape: half of what the inner layer keeps in floats. Scratch: x and y in bf16, in backward dy and dx too;
/// they are rounded again there rather than kept.
template <LayerKind L>
class in_bf16_layer : public detail::same_name<L> {
 public:
  using kind = layer_kind;

  constexpr explicit in_bf16_layer(L inner) : inner_(std::move(inner)) {
    if constexpr (requires { inner_.name; }) this->name = inner_.name;
  }

  constexpr const L& inner() const { return inner_; }
  constexpr image_shape output(image_shape in) const { return inner_.output(in); }
  std::vector<segment> parameters(image_shape in) const { return inner_.parameters(in); }
  constexpr index parameter_count(image_shape in) const { return inner_.parameter_count(in); }
  constexpr index tape(image_shape in, index n) const {
    return detail::tape_of(inner_, in, n, entries_per_scalar<bf16>);
  }
  constexpr backward_reads reads() const { return detail::reads_of(inner_); }

  template <class Ctx, class B = typename Ctx::backend>
  void forward(Ctx& ctx, image_shape in, index n, pass<B> p) const {
    detail::check_storage<L, Ctx, bf16>();
    scratch_scope scope(ctx);
    const auto y = detail::take_stored<bf16>(ctx, p.y.rows, p.y.cols);
    inner_.forward(
        ctx, in, n,
        pass<B, bf16>{
            .params = p.params, .x = rounded(ctx, p.x), .y = y, .tape = p.tape, .replay = p.replay});
    map(ctx.be, p.y, fn::cast<float>{}, y);
  }

  template <class Ctx, class B = typename Ctx::backend>
  void backward(Ctx& ctx, image_shape in, index n, pass<B> p) const {
    scratch_scope scope(ctx);
    const auto dx = p.dx.data ? detail::take_stored<bf16>(ctx, p.dx.rows, p.dx.cols) : map_view<B, bf16>{};
    const backward_reads reads = this->reads();
    inner_.backward(ctx, in, n,
                    pass<B, bf16>{.params = p.params,
                                  .x = reads.x ? rounded(ctx, p.x) : map_view<B, bf16>{},
                                  .y = reads.y ? rounded(ctx, as_const(p.y)) : map_view<B, bf16>{},
                                  .tape = p.tape,
                                  .dy = rounded(ctx, p.dy),
                                  .dx = dx,
                                  .dparams = p.dparams,
                                  .spare = p.spare});
    if (p.dx.data) map(ctx.be, p.dx, fn::cast<float>{}, dx);
  }

 private:
  /// A map in bf16, in scratch.
  template <class Ctx, class B = typename Ctx::backend>
  static map_view<B, bf16> rounded(Ctx& ctx, cview<B> from) {
    const auto to = detail::take_stored<bf16>(ctx, from.rows, from.cols);
    map(ctx.be, to, fn::cast<bf16>{}, from);
    return to;
  }

  L inner_;
};

/// The layer with its activations stored in bf16:
///
///     joint_embedding(in_bf16(resnet18_cifar()), projector({8192, 8192, 8192}))
///
/// The layer's passes must take a pass<backend, S> of any S, as all of this library do.
template <LayerKind L>
constexpr in_bf16_layer<L> in_bf16(L layer) {
  return in_bf16_layer<L>(std::move(layer));
}

}  // namespace ssl
