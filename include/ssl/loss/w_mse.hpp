#pragma once
// SPDX-License-Identifier: MIT

/// W-MSE: the views of a sample agree, on columns that are decorrelated over the batch.
///
///     value = mean over pairs of views and samples of 2 - 2 cos(t_v, t_w),  t = whitened{...}(z)
///
/// arXiv 2007.06346 (htdt/self-supervised): no repulsion, the whitening keeps the embeddings apart.
/// `sub_batch` samples are whitened together, in `iterations` permutations whose mean is taken; the code has
/// 128 for d = 64 and 256 for d = 128, at least twice the width. The form without unit length is
///
///     on(whitened{...}, invariance{.per_feature = false})
///
/// solo-learn's default passes no gradient to the second view; both get one here. A column of length 0 has
/// cosine 0.

#include "ssl/loss/invariance.hpp"
#include "ssl/loss/on.hpp"
#include "ssl/loss/whitened.hpp"

namespace ssl {

/// 2 - 2 cos over the pairs of views, mean over the samples: the squared distance of unit columns, which
/// unlike 2 - 2 cos does not cancel, and 1 for each column that has no length.
struct cosine_distance {
  using kind = loss_kind;
  static constexpr std::string_view name = "cos";
  static constexpr bool unit_norm = true;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    if (z.views < 2) return;
    invariance{.per_feature = false}.add(ctx, weight, z, value, dz);
    scratch_scope scope(ctx);
    const auto squared = ctx.take_accumulator(1, z.z.cols);
    fill(ctx.be, squared, 0.0);
    map_reduce(ctx.be, squared, fn::plus{}, fn::square<typename B::scalar>{}, z.z);
    map_reduce(ctx.be, value, fn::plus{}, missing_length{2 / static_cast<double>(z.z.cols)}, squared);
  }

  constexpr collapse_value collapsed(batch_shape, double length) const {
    return length == 0 ? collapse_value{2} : collapse_value{.value = 0, .best = true};
  }

  // The functors below are public because nvcc gives a kernel no private type.

  struct missing_length {
    double factor;
    SSL_FN double operator()(double squared) const { return squared < 0.5 ? factor * (1 - squared) : 0.0; }
  };
};

struct w_mse {
  using kind = loss_kind;
  static constexpr std::string_view name = "wmse";

  double epsilon = 0;
  index sub_batch = 0;
  index iterations = 1;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    scratch_scope scope(ctx);
    const double share = 1 / static_cast<double>(iterations);
    const auto sum = ctx.take_accumulator(1, 1);
    fill(ctx.be, sum, 0.0);
    for (index k = 0; k < iterations; ++k)
      on(whitened{epsilon, sub_batch, k}, cosine_distance{}).add(ctx, weight * share, z, sum, dz);
    map_reduce(ctx.be, value, fn::plus{}, fn::scale<double>{share}, sum);
  }

  /// Of whitened columns that are 0.
  collapse_value collapsed(batch_shape, double) const {
    return epsilon > 0 ? collapse_value{2} : collapse_value{};
  }
};

/// W-MSE as released (htdt/self-supervised) for embeddings of that width: sub-batches of twice the width, no
/// epsilon.
constexpr w_mse w_mse_official(index width, index iterations = 1) {
  return {.epsilon = 0, .sub_batch = 2 * width, .iterations = iterations};
}

}  // namespace ssl
