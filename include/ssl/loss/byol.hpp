#pragma once
// SPDX-License-Identifier: MIT

/// BYOL: every view predicts the targets of the other views.
///
///     value    = mean over samples and ordered pairs v != w of 2 - 2 cos(z_v, t_w),  t = z.references()
///     gradient = -2 / (V (V - 1) n) (S_v - (u_v . S_v) u_v) / |z_v|,  S_v = sum_{w != v} t_w / |t_w|
///
/// BYOL (arXiv 2006.07733); targets are a delayed network's output, or z itself held constant: they get no
/// gradient. Zero for one view. The published objective is the sum over the two directions, see
/// `byol_official`. A collapsed batch reaches the optimum, 0: watch the features' spread instead. Linear in
/// V. Cost: one pass over z, the targets and dz; for more than two views also a (d, n) sum. Columns need not
/// have length one.

#include "ssl/loss/algebra.hpp"
#include "ssl/loss/pull.hpp"

namespace ssl {

struct byol {
  using kind = loss_kind;
  static constexpr std::string_view name = "byol";
  static constexpr bool uses_targets = true;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    detail::add_mean_cosine(ctx, weight, 2.0, -2.0, z, value, dz);
  }

  constexpr collapse_value collapsed(batch_shape, double) const { return {.value = 0, .best = true}; }
};

/// BYOL as released (google-deepmind/deepmind-research) and as solo-learn has it: both directions of the two
/// views added up, 0 to 8.
constexpr auto byol_official() { return 2 * byol{}; }

}  // namespace ssl
