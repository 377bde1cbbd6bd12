#pragma once
// SPDX-License-Identifier: MIT

/// Published contrastive objectives, one expression each. Where sources differ, the preset says whose it is.

#include "ssl/loss/algebra.hpp"
#include "ssl/loss/alignment.hpp"
#include "ssl/loss/decoupled.hpp"
#include "ssl/loss/nt_xent.hpp"
#include "ssl/loss/uniformity.hpp"

namespace ssl {

/// SimCLR (arXiv 2002.05709): the mean over all 2 n anchors, as in lightly and in the paper. Temperatures:
/// 0.5 on CIFAR-10, 0.1 on ImageNet.
constexpr auto simclr(double temperature = 0.5) { return nt_xent{.temperature = temperature}; }

/// SimCLR as released (google-research/simclr, TensorFlow): the two views' means are added.
constexpr auto simclr_tensorflow(double temperature = 0.1) { return 2 * nt_xent{.temperature = temperature}; }

/// SimCLR as solo-learn has it: with more than two views, the sum over the positives inside the logarithm.
constexpr auto simclr_solo_learn(double temperature = 0.2) {
  return nt_xent{.temperature = temperature, .place = positives::inside};
}

/// DCL as lightly has it (since its pull request 1827): the mean of the two directions.
constexpr auto dcl(double temperature = 0.1) { return decoupled_contrastive{.temperature = temperature}; }

/// DCLW as lightly has it: the weights are constants.
constexpr auto dclw(double temperature = 0.1, double sigma = 0.5) {
  return weighted_decoupled_contrastive{.temperature = temperature, .sigma = sigma};
}

/// DCL of raminnakhli/Decoupled-Contrastive-Learning: its script adds the two directions.
constexpr auto dcl_raminnakhli(double temperature = 0.1) {
  return 2 * decoupled_contrastive{.temperature = temperature};
}

/// DCLW of raminnakhli/Decoupled-Contrastive-Learning: both directions added, the weights with their
/// gradient.
constexpr auto dclw_raminnakhli(double temperature = 0.1, double sigma = 0.5) {
  return 2 * weighted_decoupled_contrastive{.temperature = temperature, .sigma = sigma, .attached = true};
}

/// Alignment and uniformity (arXiv 2005.10242; SsnL/align_uniform): weights 1 and 1 on STL-10.
constexpr auto align_uniform(double alpha = 2, double t = 2) {
  return alignment{.alpha = alpha} + uniformity{.t = t};
}

/// The in-batch part of its MoCo variant (SsnL/moco): weights 3 and 1, t = 3.
constexpr auto align_uniform_moco() { return 3 * alignment{} + uniformity{.t = 3}; }

}  // namespace ssl
