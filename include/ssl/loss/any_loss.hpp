#pragma once
// SPDX-License-Identifier: MIT

/// A loss whose kind is chosen while the program runs: `any_loss<B>` holds any loss expression and is one
/// type, so a program that offers twenty losses compiles one trainer.
///
///     ssl::any_loss<B> loss = ssl::vicreg_official();
///     if (name == "simclr") loss = ssl::simclr(0.2);
///     ssl::trainer train(be, encoder, projector, loss, ...);
///
/// Values, gradients, names, weights and state are those of the loss inside, to the bit; an evaluation costs
/// one virtual call more. It stands for a whole loss: it cannot be a term of a sum.

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/loss/collapse.hpp"
#include "ssl/loss/state.hpp"

namespace ssl {

/// Copies share the loss, which never changes. For a context of one process.
template <Backend B>
class any_loss {
 public:
  using kind = loss_kind;
  /// The most values that a loss may have.
  static constexpr index capacity = 12;

  template <LossTerm L>
  requires(!std::same_as<L, any_loss>) any_loss(L loss)
      : held_(std::make_shared<const model<L>>(std::move(loss))) {
    static_assert(term_count<L> <= capacity, "ssl: any_loss takes a loss of at most 12 values.");
  }

  /// What the loss inside says and does; see the functions of the same names for any loss.
  const auto& held() const { return *held_; }

 private:
  using ctx_type = context<B>;

  struct concept_type {
    virtual ~concept_type() = default;
    virtual index count() const = 0;
    virtual std::vector<std::string_view> names() const = 0;
    virtual std::vector<double> weights() const = 0;
    virtual std::vector<collapse_value> collapsed(batch_shape shape, double length) const = 0;
    virtual index state(batch_shape shape) const = 0;
    virtual void start(ctx_type& ctx, batch_shape shape, rng_key key, view<B> block) const = 0;
    virtual void update(ctx_type& ctx, view_batch<B> z, view<B> block) const = 0;
    virtual void evaluate(ctx_type& ctx, view_batch<B> z, accumulator_view<B> values, view<B> dz,
                          gram_side side) const = 0;
  };

  template <LossTerm L>
  struct model final : concept_type {
    explicit model(L l) : loss(std::move(l)) {}

    index count() const override { return term_count<L>; }
    std::vector<std::string_view> names() const override {
      const auto all = term_names(loss);
      return {all.begin(), all.end()};
    }
    std::vector<double> weights() const override {
      const auto all = term_weights(loss);
      return {all.begin(), all.end()};
    }
    std::vector<collapse_value> collapsed(batch_shape shape, double length) const override {
      const auto all = collapse_values(loss, shape, length);
      return {all.begin(), all.end()};
    }
    index state(batch_shape shape) const override { return state_size(loss, shape); }
    void start(ctx_type& ctx, batch_shape shape, rng_key key, view<B> block) const override {
      start_state(ctx, loss, shape, key, block);
    }
    void update(ctx_type& ctx, view_batch<B> z, view<B> block) const override {
      update_state(ctx, loss, z, block);
    }
    void evaluate(ctx_type& ctx, view_batch<B> z, accumulator_view<B> values, view<B> dz,
                  gram_side side) const override {
      value_and_gradient(ctx, loss, z, values, dz, side);
    }

    L loss;
  };

  std::shared_ptr<const concept_type> held_;
};

// Each function below is the one of the same name for any loss, and does what that does for the loss inside.

template <ErasedLoss L>
inline constexpr index term_count<L> = L::capacity;

/// Number of values that this loss has; the rest of its `term_count` columns stay zero.
template <ErasedLoss L>
index values_of(const L& loss) {
  return loss.held().count();
}

template <ErasedLoss L>
std::vector<std::string_view> term_names(const L& loss) {
  return loss.held().names();
}

template <ErasedLoss L>
std::vector<double> term_weights(const L& loss) {
  return loss.held().weights();
}

template <ErasedLoss L>
std::vector<collapse_value> collapse_values(const L& loss, batch_shape shape,
                                            double length = not_a_number<double>()) {
  return loss.held().collapsed(shape, length);
}

template <ErasedLoss L>
index state_size(const L& loss, batch_shape shape) {
  return loss.held().state(shape);
}

template <class Ctx, ErasedLoss L, class B = typename Ctx::backend>
void start_state(Ctx& ctx, const L& loss, batch_shape shape, rng_key key, view<B> block) {
  loss.held().start(ctx, shape, key, block);
}

template <class Ctx, ErasedLoss L, class B = typename Ctx::backend>
void update_state(Ctx& ctx, const L& loss, view_batch<B> z, view<B> block) {
  loss.held().update(ctx, z, block);
}

/// values (1, capacity), dz (d, V n); `=`.
template <class Ctx, ErasedLoss L, class B = typename Ctx::backend>
void value_and_gradient(Ctx& ctx, const L& loss, view_batch<B> z, accumulator_view<B> values, view<B> dz,
                        gram_side side = gram_side::automatic) {
  if (values.rows != 1 || values.cols != L::capacity)
    throw shape_error("ssl::value_and_gradient: values is " + detail::extent(values) + "; it must be " +
                      detail::extent(1, L::capacity) + " for any_loss");
  const index used = values_of(loss);
  if (used < L::capacity) fill(ctx.be, values.columns(used, L::capacity - used), 0.0);
  loss.held().evaluate(ctx, z, values.columns(0, used), dz, side);
}

}  // namespace ssl
