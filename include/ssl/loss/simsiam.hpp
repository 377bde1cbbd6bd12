#pragma once
// SPDX-License-Identifier: MIT

/// SimSiam: minus the cosine between every view and the other views' targets.
///
///     value    = -mean over samples and ordered pairs v != w of cos(z_v, t_w),  t = z.references()
///     gradient = half of BYOL's for the same columns (a quarter of `byol_official`'s)
///
/// SimSiam (arXiv 2011.10566, facebookresearch/simsiam); z is the predictor's output, the targets are the
/// projector's, held constant. -1 at the optimum and at a collapse. Zero for one view. Cost as byol.

#include "ssl/loss/pull.hpp"

namespace ssl {

struct simsiam {
  using kind = loss_kind;
  static constexpr std::string_view name = "simsiam";
  static constexpr bool uses_targets = true;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    detail::add_mean_cosine(ctx, weight, 0.0, -1.0, z, value, dz);
  }

  constexpr collapse_value collapsed(batch_shape, double) const { return {.value = -1, .best = true}; }
};

}  // namespace ssl
