#pragma once
// SPDX-License-Identifier: MIT

/// The law of this folder: what a loss term is.
///
/// A term computes a value and its gradient together. It adds its *unweighted* value to `value` (1, 1), in
/// double, so that every term is logged as itself, and `weight` times its gradient to `dz`. A joint term sees
/// all views at once. A view term sees one view and the shared quantities that its `needs` names; whatever
/// several terms of a sum ask for is computed once per view. A term with `unit_norm = true` sees columns
/// scaled to length one, and its gradient is carried back through that scaling once for all such terms.
///
/// Embeddings are (d, V n): a column is a sample, view v is columns [v n, (v + 1) n). A term has no
/// parameters, allocates nothing, and takes scratch from the context inside a `scratch_scope`. What a method
/// remembers from step to step (a queue, a centre, a running covariance) is one flat block that belongs to
/// the caller: evaluating a loss only reads it, `update_state` (state.hpp) moves it on after the step.

#include <array>
#include <concepts>
#include <string_view>

#include "ssl/core/finite.hpp"
#include "ssl/core/random.hpp"
#include "ssl/core/shape.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/loss/second_moment.hpp"

namespace ssl {

/// The tag by which a type opts in: `using kind = loss_kind;`.
struct loss_kind {};

/// The tag of a change of columns (unit_length, standardized, whitened): a loss on changed columns is
/// `on(change, loss)`, see on.hpp.
struct columns_kind {};

/// All views of a batch, and what some losses want beside them. Only `z` receives a gradient.
///
/// `targets` are the same views through a network that gets no gradient (a delayed one, or the same network
/// held constant); without them z stands in, held constant. `directions` replace the random directions of a
/// Brownian term; without them they are drawn from `key`, one per image of this batch. `bank` are columns of
/// earlier batches, no gradient, that SwAV assigns along with this one. `places` are
/// the columns' coordinates in the uncropped image, where columns are positions of a feature map. `state` is
/// the block of the loss, its length given by `state_size`.
template <class B>
struct view_batch {
  cview<B> z;  // (d, views * n)
  index views = 1;
  cview<B> targets{};     // (d, views * n), or empty
  cview<B> directions{};  // (d, n), of any length; or empty
  cview<B> bank{};        // (d, A m), m earlier columns for each view that assigns codes; or empty
  cview<B> places{};      // (2, views * n), or empty
  cview<B> state{};       // (count, 1), or empty
  rng_key key{};          // of this step
  gram_side side = gram_side::automatic;

  SSL_FN index features() const { return z.rows; }
  SSL_FN index samples() const { return z.cols / views; }
  SSL_FN cview<B> operator[](index v) const { return z.columns(v * samples(), samples()); }
  batch_shape shape() const { return {features(), samples(), views}; }
  /// The columns without gradient that z is compared with: the targets, or z itself.
  SSL_FN cview<B> references() const { return targets.data != nullptr ? targets : z; }
};

/// What a view term may ask to have computed for it.
enum class moment : unsigned {
  none = 0,
  centered = 1,            // the view minus its mean over the samples
  variance = 2 | 1,        // per feature, divided by n - 1
  covariance = 4 | 2 | 1,  // the second moment of the centred view
  second = 8,              // the second moment of the view as it is
};
constexpr moment operator|(moment a, moment b) {
  return static_cast<moment>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool contains(moment set, moment m) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(m)) == static_cast<unsigned>(m);
}

/// One view, and what `needs` asked for; the rest is empty.
template <class B>
struct one_view {
  cview<B> x{};                                             // (d, n)
  cview<B> centered{};                                      // (d, n)
  matrix_view<const double, typename B::space> variance{};  // (d, 1)
  const second_moment<B>* covariance = nullptr;             // of `centered`, not yet divided by n - 1
  const second_moment<B>* second = nullptr;                 // of `x`
  index views = 1;
  gram_side side = gram_side::automatic;
};

/// How the values of the views become one number: their mean, their sum, or twice their mean, which is the
/// mean over pairs of views of the pair's sum. Sources differ; every term has a default named after its
/// source.
enum class over_views { mean, sum, pair_sum };

constexpr double view_factor(over_views how, index views) {
  return how == over_views::sum ? 1.0 : (how == over_views::mean ? 1.0 : 2.0) / static_cast<double>(views);
}

template <class L>
concept LossTerm = std::same_as<typename L::kind, loss_kind>;

/// A loss whose kind is known at run time only: any_loss.hpp.
template <class L>
concept ErasedLoss = LossTerm<L> && requires(const L loss) {
  { L::capacity } -> std::convertible_to<index>;
  loss.held();
};

template <class L, class Ctx, class B = typename Ctx::backend>
concept JointLoss = LossTerm<L> &&
    requires(const L l, Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) {
  l.add(ctx, weight, z, value, dz);
};

template <class L, class Ctx, class B = typename Ctx::backend>
concept ViewLoss = LossTerm<L> &&
    requires(const L l, Ctx& ctx, double weight, one_view<B> z, accumulator_view<B> value, view<B> dz) {
  { L::needs } -> std::convertible_to<moment>;
  l.add(ctx, weight, z, value, dz);
};

template <class L, class Ctx>
concept Loss = LossTerm<L> && requires {
  { L::name } -> std::convertible_to<std::string_view>;
} &&(JointLoss<L, Ctx> || ViewLoss<L, Ctx>);

/// A change of columns: t = f(z) of the same shape, which keeps a tape in scratch until `backward` adds to dz
/// what dt means for z. `backward` may overwrite dt.
template <class F, class Ctx, class B = typename Ctx::backend>
concept ColumnChange = std::same_as<typename F::kind, columns_kind> &&
    requires(const F f, Ctx& ctx, view_batch<B> z, view<B> t, cview<B> ct) {
  f.backward(ctx, f.forward(ctx, z, t), z, ct, t, t);
};

/// A term that compares with columns without gradient says so: `static constexpr bool uses_targets = true`.
template <class L>
consteval bool uses_targets() {
  if constexpr (requires { L::uses_targets; }) {
    return L::uses_targets;
  } else {
    return false;
  }
}

/// Number of values of a term: one, unless it is a loss on changed columns (on.hpp), which has one per part.
template <class L>
consteval index parts_of() {
  if constexpr (requires { L::parts; }) {
    return L::parts;
  } else {
    return 1;
  }
}

/// The value of a term where all columns of a batch, targets included, are one and the same vector: the mark
/// of a collapse. A term states it with
///
///     collapse_value collapsed(batch_shape shape, double length) const
///
/// `length` is the columns' length, NaN where nobody knows it; terms on unit columns do without. The value is
/// unweighted, NaN where it is no constant. What a term remembers counts as having seen the collapse; terms
/// on scores mean equal scores.
struct collapse_value {
  double value = not_a_number<double>();
  std::string_view formula{};  // "ln(V n - 1)"; empty where the number says it
  bool best = false;           // also the least value: a collapse only where the embeddings are seen to agree
};

/// Says what a would-be term lacks.
template <class L, class Ctx>
consteval bool check_loss() {
  static_assert(LossTerm<L>, "ssl: a loss term opts in with `using kind = ssl::loss_kind;`.");
  static_assert(
      requires {
        { L::name } -> std::convertible_to<std::string_view>;
      },
      "ssl: a loss term has `static constexpr std::string_view name`.");
  static_assert(JointLoss<L, Ctx> || ViewLoss<L, Ctx>,
                "ssl: a loss term has `add(ctx, weight, z, value, dz) const`, with z a view_batch<B> (a "
                "joint term) or a "
                "one_view<B> together with `static constexpr moment needs` (a view term).");
  return Loss<L, Ctx>;
}

/// Whether the term is defined on columns of length one.
template <class L>
consteval bool wants_unit_norm() {
  if constexpr (requires { L::unit_norm; }) {
    return L::unit_norm;
  } else {
    return false;
  }
}

/// Whether the term remembers something from step to step.
template <class L>
consteval bool has_state() {
  return requires(const L l, batch_shape shape) { l.state_size(shape); };
}

}  // namespace ssl
