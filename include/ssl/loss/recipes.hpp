#pragma once
// SPDX-License-Identifier: MIT

/// Published objectives, one expression each. Where sources differ, the preset says whose it is.

#include "ssl/loss/algebra.hpp"
#include "ssl/loss/coding_rate.hpp"
#include "ssl/loss/covariance.hpp"
#include "ssl/loss/invariance.hpp"
#include "ssl/loss/patch_similarity.hpp"
#include "ssl/loss/variance.hpp"

namespace ssl {

/// VICReg as released (facebookresearch/vicreg): the variance averaged over the views, the covariance summed.
constexpr auto vicreg_official() { return 25 * invariance{} + 25 * variance{} + covariance{}; }

/// VICReg as the paper's formulas read (arXiv 2105.04906): invariance summed over features, variance over
/// views.
constexpr auto vicreg_paper() {
  return 25 * invariance{.per_feature = false} + 25 * variance{.reduction = over_views::sum} + covariance{};
}

/// VICReg as solo-learn has it: the variance summed over the views.
constexpr auto vicreg_solo_learn() {
  return 25 * invariance{} + 25 * variance{.reduction = over_views::sum} + covariance{};
}

/// VICReg's global criterion as VICRegL has it: both averaged over the views.
constexpr auto vicreg_vicregl() {
  return 25 * invariance{} + 25 * variance{} + covariance{.reduction = over_views::mean};
}

/// EMP-SSL (arXiv 2304.03977, tsb0601/EMP-SSL): expand every view's batch, pull an image's patches together.
constexpr auto emp_ssl(double lambda = 200, double epsilon_squared = 0.2) {
  return coding_rate{.epsilon_squared = epsilon_squared} + lambda * patch_similarity{};
}

}  // namespace ssl
