#pragma once
// SPDX-License-Identifier: MIT

/// Every published change of flips and colours as values of one type, chosen while the program runs.

#include "ssl/augment/augmentation.hpp"
#include "ssl/augment/blur.hpp"
#include "ssl/augment/color_jitter.hpp"
#include "ssl/augment/flip.hpp"
#include "ssl/augment/grayscale.hpp"
#include "ssl/augment/normalize.hpp"
#include "ssl/augment/solarize.hpp"

namespace ssl {

/// What differs from view to view in asymmetric recipes. Nothing unless told.
struct view_finish {
  gaussian_blur blur{.probability = 0};
  solarize solar{.probability = 0};
};

/// flip | jitter | gray | blur | solarize | normalize, each with its probability, the blur and the solarising
/// of even, odd and local views apart. Without `flip_first` jitter | gray | flip | ..., which is W-MSE's
/// order.
///
/// A step that no view takes (probability 0) is not there: it costs a comparison, and the others draw the
/// numbers that they draw in a chain without it. So `photometric` gives the pixels of the chain of its
/// steps, those of recipes.hpp among them. Blur and solarize are there for all views if for one kind.
struct photometric {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 6;

  flip mirror{};
  color_jitter jitter{.probability = 0};
  grayscale gray{0};
  view_finish even{}, odd{}, local{};
  index local_from = 0;  // views from this one on are `local`, whatever their parity; 0: none is
  bool flip_first = true;
  normalize normal{};

  /// Every view alike.
  SSL_FN void finish_all(view_finish f) { even = odd = local = f; }

  /// What view `view` gets.
  SSL_FN const view_finish& finish_of(index view) const {
    if (local_from > 0 && view >= local_from) return local;
    return view % 2 == 0 ? even : odd;
  }

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key key, index item, index view,
                         std::uint32_t slot = 0) const {
    const auto run = [&](const auto& step, bool there) {
      if (!there) return;
      if (step.probability > 0) step(team, image, key, item, view, slot);
      ++slot;
    };
    const bool locals = local_from > 0;
    const view_finish& finish = finish_of(view);
    if (flip_first) run(mirror, mirror.probability > 0);
    run(jitter, jitter.probability > 0);
    run(gray, gray.probability > 0);
    if (!flip_first) run(mirror, mirror.probability > 0);
    run(finish.blur,
        even.blur.probability > 0 || odd.blur.probability > 0 || (locals && local.blur.probability > 0));
    run(finish.solar,
        even.solar.probability > 0 || odd.solar.probability > 0 || (locals && local.solar.probability > 0));
    normal(team, image, key, item, view, slot);
  }
};

static_assert(Augmentation<photometric>);

}  // namespace ssl
