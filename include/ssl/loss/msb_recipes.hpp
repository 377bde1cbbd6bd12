#pragma once
// SPDX-License-Identifier: MIT

/// MSBReg (arXiv 2207.03552): multiview centroid, singular value and Brownian terms. The paper's weights; its
/// formulas as far as its abstract and figures tell, see the terms.

#include "ssl/loss/algebra.hpp"
#include "ssl/loss/brownian.hpp"
#include "ssl/loss/centroid.hpp"
#include "ssl/loss/singular_value.hpp"

namespace ssl {

/// The two dispersive terms alone, global and local, to be added to any loss of embeddings, as in
/// `byol{} + msb_regulariser()`. Either alone does not leave a collapse: Brownian pushes set points apart,
/// the singular values spread what is apart.
constexpr auto msb_regulariser(double singular = 0.004, double brown = 0.5) {
  return singular * singular_value{} + brown * brownian{};
}

/// The whole: views of an image towards the centre of the other views' targets, all else apart. At two views
/// and weights 0 it is BYOL.
constexpr auto msbreg(double singular = 0.004, double brown = 0.5) {
  return centroid{} + msb_regulariser(singular, brown);
}

}  // namespace ssl
