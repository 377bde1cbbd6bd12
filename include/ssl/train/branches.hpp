#pragma once
// SPDX-License-Identifier: MIT

/// The networks of a joint-embedding method, and how its views go through them.
///
///     h = encoder(x)              the representation that is kept
///     p = projector(h)            the embedding
///     z = predictor(p), or p      what the loss sees
///     t = p held constant, or the projector and encoder of a delayed copy on the same x, or nothing
///
/// The delayed copy starts equal to the online networks and follows them after every step,
///
///     theta' = tau theta' + (1 - tau) theta,
///
/// over the trained parameters: running statistics are its own. BYOL (arXiv 2006.07733), MoCo (1911.05722),
/// SimSiam (2011.10566). Batch normalisation takes its statistics over all views of a step together.

#include <concepts>
#include <functional>
#include <utility>

#include "ssl/core/config.hpp"
#include "ssl/optim/schedule.hpp"

namespace ssl {

/// Where the columns without gradient come from.
enum class targets_of {
  nothing,  // the loss compares the views with each other
  itself,   // the projector's output, held constant (SimSiam)
  delayed,  // a delayed copy of encoder and projector (BYOL, MoCo, DINO, MSBReg)
};

/// A method without predictor.
struct no_predictor {};

/// The networks as a description; a trainer binds it to a backend.
template <class Encoder, class Projector, class Predictor = no_predictor>
struct branches {
  Encoder encoder;
  Projector projector;
  Predictor predictor{};
  targets_of targets = targets_of::nothing;
  std::function<double(index step)> momentum{};  // tau of the step; only for targets_of::delayed
  /// Rate of the predictor's parameters from the step and the others' rate; none: the same. A rate of 0
  /// leaves them as they are.
  std::function<double(index step, double rate)> predictor_rate{};
  /// The delayed network sees the first so many groups of views only (SwAV's and DINO's large crops: 1); the
  /// targets of the others are zero, for losses that do not read them. 0: all.
  index target_groups = 0;

  using encoder_type = Encoder;
  using projector_type = Projector;
  using predictor_type = Predictor;

  static constexpr bool has_predictor = !std::same_as<Predictor, no_predictor>;
};

/// Views compared with each other: VICReg, Barlow Twins, SimCLR.
template <class Encoder, class Projector>
branches<Encoder, Projector> joint_embedding(Encoder encoder, Projector projector) {
  return {std::move(encoder), std::move(projector)};
}

/// Predictions compared with the same networks' embeddings held constant: SimSiam.
template <class Encoder, class Projector, class Predictor>
branches<Encoder, Projector, Predictor> stop_gradient(Encoder encoder, Projector projector,
                                                      Predictor predictor) {
  return {std::move(encoder), std::move(projector), std::move(predictor), targets_of::itself};
}

/// Predictions compared with a delayed network: BYOL, MSBReg.
template <class Encoder, class Projector, class Predictor>
branches<Encoder, Projector, Predictor> delayed_targets(Encoder encoder, Projector projector,
                                                        Predictor predictor,
                                                        std::function<double(index)> momentum) {
  return {std::move(encoder), std::move(projector), std::move(predictor), targets_of::delayed,
          std::move(momentum)};
}

/// Embeddings compared with a delayed network's: MoCo, DINO, TiCo.
template <class Encoder, class Projector>
branches<Encoder, Projector> delayed_targets(Encoder encoder, Projector projector,
                                             std::function<double(index)> momentum) {
  return {std::move(encoder), std::move(projector), {}, targets_of::delayed, std::move(momentum)};
}

/// Learning of the predictor (or of prototypes) begins after `steps` steps: SwAV freezes its prototypes.
inline std::function<double(index, double)> frozen_for(index steps) {
  return [steps](index step, double rate) { return step < steps ? 0.0 : rate; };
}

/// tau_s = 1 - (1 - tau_0) (1 + cos(pi s / S)) / 2: from tau_0 to 1. BYOL, DINO.
inline cosine cosine_momentum(double tau, index steps) { return {tau, 1.0, steps}; }

}  // namespace ssl
