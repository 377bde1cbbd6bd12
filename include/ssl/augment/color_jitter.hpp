#pragma once
// SPDX-License-Identifier: MIT

/// Random brightness, contrast, saturation and hue.

#include "ssl/augment/augmentation.hpp"
#include "ssl/augment/color.hpp"

namespace ssl {

/// torchvision's ColorJitter, with a probability of its own: factors uniform in [max(0, 1 - s), 1 + s] for
/// brightness, contrast and saturation, a turn uniform in [-s, s] for hue (s <= 1/2), in random order,
/// clamped to [0, 1] after each. A strength of zero leaves that step out. Channels other than three:
/// brightness and contrast only (see color.hpp).
struct color_jitter {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 1;

  float brightness = 0, contrast = 0, saturation = 0, hue = 0;
  float probability = 1;

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key key, index item, index view,
                         std::uint32_t slot = 0) const {
    random_stream draw(key, item, view, purpose::jitter, slot);
    if (!draw.chance(probability)) return;
    const T by[4] = {factor(draw, brightness), factor(draw, contrast), factor(draw, saturation),
                     static_cast<T>(draw.uniform(-hue, hue))};
    int order[4] = {0, 1, 2, 3};
    for (int last = 3; last > 0; --last) {
      const index other = draw.below(last + 1);
      const int kept = order[last];
      order[last] = order[other];
      order[other] = kept;
    }
    for (const int step : order) {
      if (step == 0 && brightness > 0) adjust_brightness(team, image, by[0]);
      if (step == 1 && contrast > 0) adjust_contrast(team, image, by[1]);
      if (step == 2 && saturation > 0) adjust_saturation(team, image, by[2]);
      if (step == 3 && hue > 0) adjust_hue(team, image, by[3]);
    }
  }

 private:
  SSL_FN static float factor(random_stream& draw, float strength) {
    return draw.uniform(strength < 1 ? 1 - strength : 0.0f, 1 + strength);
  }
};

}  // namespace ssl
