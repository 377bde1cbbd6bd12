#pragma once
// SPDX-License-Identifier: MIT

/// A loss on changed columns: `on(standardized{}, diagonal{} + 0.0051 * off_diagonal{})`.
///
///     value    = loss(t),  t = change(z)
///     gradient = what dloss/dt means for z
///
/// Each part of the inner loss keeps its own value, name and weight. Targets are changed like z; their
/// gradient is dropped. Scratch: t, dt and the change's tape. A change that knows the length of what it makes
/// of equal columns says so with `double collapsed_length(double length) const`; it is NaN otherwise.

#include "ssl/loss/collapse.hpp"
#include "ssl/loss/evaluate.hpp"

namespace ssl {

/// A change and a loss that have a shorter way together specialise this with `static bool applies(change)`
/// and `static void add(ctx, change, loss, weight, z, values, dz)`, which does what on_columns::add does.
template <class Change, LossTerm L>
struct fused {};

template <class Change, LossTerm L>
struct on_columns {
  using kind = loss_kind;
  static constexpr std::string_view name = "on";
  static constexpr index parts = term_count<L>;
  static constexpr bool uses_targets = detail::any_targets<decltype(terms(std::declval<L>()))>();

  Change change{};
  L loss{};

  constexpr auto part_names() const { return term_names(loss); }
  constexpr auto part_weights() const { return term_weights(loss); }
  auto part_collapsed(batch_shape shape, double length) const {
    if constexpr (requires { change.collapsed_length(length); }) {
      return collapse_values(loss, shape, change.collapsed_length(length));
    } else {
      return collapse_values(loss, shape);
    }
  }

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> values, view<B> dz) const {
    static_assert(ColumnChange<Change, Ctx>,
                  "ssl: a change of columns has `forward(ctx, z, t) const`, which returns a tape, and "
                  "`backward(ctx, tape, z, t, dt, dz) const`.");
    detail::for_each_term(terms(loss), []<class W>(const W&, index) {
      static_assert(
          !has_state<decltype(W::term)>(),
          "ssl: a loss that remembers something cannot stand on changed columns: nobody would keep its "
          "state.");
    });
    scratch_scope scope(ctx);
    if constexpr (requires { fused<Change, L>::applies(change); })
      if (fused<Change, L>::applies(change))
        return fused<Change, L>::add(ctx, change, loss, weight, z, values, dz);
    const index d = z.features(), columns = z.z.cols;
    const auto t = ctx.take(d, columns), dt = ctx.take(d, columns);
    const auto tape = change.forward(ctx, z, t);
    fill(ctx.be, dt, typename B::scalar{0});
    view_batch<B> seen = z;
    seen.z = t;
    if constexpr (uses_targets) {
      if (z.targets.data != nullptr) {
        const auto targets = ctx.take(d, columns);
        view_batch<B> other = z;
        other.z = z.targets;
        change.forward(ctx, other, targets);
        seen.targets = targets;
      }
    }
    detail::add_loss(ctx, weight, terms(loss), seen, values, dt);
    change.backward(ctx, tape, z, as_const(t), dt, dz);
  }
};

/// The loss on changed columns.
template <class Change, LossTerm L>
requires std::same_as<typename Change::kind, columns_kind>
constexpr on_columns<Change, L> on(Change change, L loss) { return {change, loss}; }

}  // namespace ssl
