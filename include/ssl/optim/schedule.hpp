#pragma once
// SPDX-License-Identifier: MIT

/// Learning rates as pure functions of the step, and what published code understands by warm-up and cosine.

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>

#include "ssl/core/config.hpp"

namespace ssl {

/// step, from 0, to the rate of that step.
template <class S>
concept Schedule = requires(const S schedule, index step) {
  { schedule(step) } -> std::same_as<double>;
};

/// The linear scaling rule: base batch / 256, batch over all ranks and before patches are cut.
constexpr double scaled_rate(double base, index batch) { return base * static_cast<double>(batch) / 256.0; }

/// The same rate at every step.
struct constant {
  double rate = 0.1;

  double operator()(index) const { return rate; }
};

/// from + (to - from) (1 - cos(pi step / steps)) / 2, then `to`. A momentum encoder's coefficient (0.99 to
/// 1), a growing weight decay.
struct cosine {
  double from = 0, to = 1;
  index steps = 1;

  double operator()(index step) const {
    const double x =
        std::clamp(static_cast<double>(step) / static_cast<double>(std::max<index>(steps, 1)), 0.0, 1.0);
    return to + (from - to) * 0.5 * (1 + std::cos(3.14159265358979323846 * x));
  }
};

/// base factor^(number of milestones that are not after this step): MoCo's probe falls tenfold at epochs 60
/// and 80.
struct step_decay {
  double base = 0.1;
  double factor = 0.1;
  std::array<index, 4> milestones{60, 80};  // 0: none

  double operator()(index step) const {
    double rate = base;
    for (const index at : milestones)
      if (at > 0 && step >= at) rate *= factor;
    return rate;
  }
};

/// Where a linear warm-up of W steps stands at step t < W.
enum class ramp {
  below_peak,  // t / W: the first step has the starting rate, step W is the first at the peak
  to_peak,     // t / (W - 1): the last warm-up step is at the peak
  ahead,       // (t + 1) / W: no step has the starting rate, the last warm-up step is at the peak
};

/// Linear warm-up, then half a cosine from `base` to final_fraction base:
///
///     t < W:  start + (base - start) ramp(t)
///     else    base (q + final_fraction (1 - q)),  q = (1 + cos(pi x)) / 2,  x = (t - W) / (T - W)
///
/// With `reach_end`, x = (t - W) / (T - W - 1): the last step has the final rate. Beyond T the rate stays
/// final.
struct warmup_cosine {
  double base = 0.2;
  index warmup_steps = 0;
  index total_steps = 1;
  double final_fraction = 0.001;
  double start = 0;
  ramp warmup = ramp::below_peak;
  bool reach_end = false;

  double operator()(index step) const {
    const double t = static_cast<double>(step), w = static_cast<double>(warmup_steps);
    if (step < warmup_steps) {
      const double x = warmup == ramp::below_peak ? t / w
                       : warmup == ramp::to_peak  ? t / std::max(w - 1, 1.0)
                                                  : (t + 1) / w;
      return start + (base - start) * x;
    }
    const index steps = std::max<index>(total_steps - warmup_steps - (reach_end ? 1 : 0), 1);
    return cosine{base, base * final_fraction, steps}(step - warmup_steps);
  }
};

/// facebookresearch/vicreg and barlowtwins: step 0 has rate 0, the end is a thousandth of the peak.
constexpr warmup_cosine fair_schedule(double base, index warmup_steps, index total_steps) {
  return {.base = base, .warmup_steps = warmup_steps, .total_steps = total_steps};
}

/// BYOL: the same to zero.
constexpr warmup_cosine byol_schedule(double base, index warmup_steps, index total_steps) {
  return {.base = base, .warmup_steps = warmup_steps, .total_steps = total_steps, .final_fraction = 0};
}

/// SwAV, DINO: the warm-up includes the peak.
constexpr warmup_cosine swav_schedule(double base, index warmup_steps, index total_steps,
                                      double final_fraction = 0) {
  return {.base = base,
          .warmup_steps = warmup_steps,
          .total_steps = total_steps,
          .final_fraction = final_fraction,
          .warmup = ramp::to_peak};
}

/// solo-learn: warm-up from 3e-5, end at 0.
constexpr warmup_cosine solo_learn_schedule(double base, index warmup_steps, index total_steps) {
  return {.base = base,
          .warmup_steps = warmup_steps,
          .total_steps = total_steps,
          .final_fraction = 0,
          .start = 3e-5,
          .warmup = ramp::to_peak};
}

/// lightly: the warm-up runs one step ahead, the last step has the final rate.
constexpr warmup_cosine lightly_schedule(double base, index warmup_steps, index total_steps) {
  return {.base = base,
          .warmup_steps = warmup_steps,
          .total_steps = total_steps,
          .warmup = ramp::ahead,
          .reach_end = true};
}

/// EMP-SSL: no warm-up, to 0.
constexpr warmup_cosine emp_ssl_schedule(double base, index total_steps) {
  return {.base = base, .total_steps = total_steps, .final_fraction = 0};
}

/// A schedule that counts epochs: schedule(step / steps_per_epoch).
template <Schedule S>
struct per_epoch {
  S schedule;
  index steps_per_epoch = 1;

  double operator()(index step) const { return schedule(step / steps_per_epoch); }
};

}  // namespace ssl
