#pragma once
// SPDX-License-Identifier: MIT

/// What VICReg and the coding rate learn of the co-occurrence of patches: the same functions f_k as the
/// spectral loss (see cooccurrence.hpp), each by another gain of its eigenvalue s_k.
///
///     z_i . z_j = sum_k v(s_k) f_k(i) f_k(j)
///     spectral      v = s / w
///     VICReg        v = a / (2 c) max(s - threshold, 0), of the centred law; a, b, c its three weights
///     coding rate   v = max(1 / (2 (level - lambda s)) - epsilon^2 / d, 0), sum v = 1
///
/// These are the minima of the losses' limits for large batches over embeddings that are free functions of
/// the patch. VICReg: for given v the invariance is least along the f_k, variance and covariance depend on
/// the diagonal of the features' covariance, whose best is its mean m = sum v / d for variances below 1 where
/// b >= 16 c (any diagonal that v majorises is had by a rotation):
///
///     loss = 2 a / d sum (1 - s) v + b (1 - sqrt(m)) + 2 c / d (sum v^2 - d m^2)
///
/// Coding rate with attraction, -R + lambda (1 - z_i . z_j), R = 1/2 logdet(1 + d / epsilon^2 E[z z^T]): a
/// lower bound, since of |z_i| = 1 only the mean is kept. It is attained where the functions used have sum
/// v f_k(i)^2 alike for all i, as on a ring. Derived here; each is tested against descent.

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"

namespace ssl {

/// VICReg's gain and its least loss; `weights` as vicreg_official() has them.
struct vicreg_gain {
  double slope = 12.5, threshold = 0, loss = 0;

  double operator()(double s) const { return slope * std::max(s - threshold, 0.0); }
};

struct vicreg_weights {
  double invariance = 25, variance = 25, covariance = 1;
};

/// For the eigenvalues of a centred law, largest first, and embeddings of `width` features. The threshold is
/// found to about 1e-6 of its range.
inline vicreg_gain vicreg_gain_of(std::span<const double> values, index width, vicreg_weights weights = {}) {
  const double a = weights.invariance, b = weights.variance, c = weights.covariance;
  if (values.empty() || width < 1 || is_nan(a + b + c) || a <= 0 || c <= 0 || b < 16 * c)
    throw option_error(
        "ssl::vicreg_gain_of: expected eigenvalues, a width of at least 1, positive weights and a variance "
        "of at least 16 times the covariance's");
  const auto used = values.first(std::min(values.size(), static_cast<std::size_t>(width)));
  const double d = static_cast<double>(width);
  const auto at = [&](double threshold) {
    vicreg_gain gain{a / (2 * c), threshold, 0};
    double sum = 0;
    for (const double s : used) {
      const double v = gain(s);
      sum += v;
      gain.loss += 2 * a / d * (1 - s) * v + 2 * c / d * v * v;
    }
    const double m = sum / d;
    gain.loss += b * std::max(1 - std::sqrt(m), 0.0) - 2 * c * m * m;
    return std::pair(gain, m);
  };
  // The lowest threshold: mean variance 1.
  double low = used.back() - 2 * d / static_cast<double>(used.size()) / (a / (2 * c)) - 1,
         high = used.front();
  for (int k = 0; k < 100; ++k) {
    const double middle = 0.5 * (low + high);
    (at(middle).second > 1 ? low : high) = middle;
  }
  const double lowest = high;
  vicreg_gain best = at(used.front()).first;
  double best_at = used.front(), step = (used.front() - lowest) / 1000;
  for (int k = 0; k <= 1000; ++k)
    if (const auto found = at(lowest + k * step).first; found.loss < best.loss)
      best = found, best_at = found.threshold;
  for (int k = 0; k < 30; ++k, step *= 0.6)  // between the neighbours on the grid
    for (const double side : {-0.5, 0.5})
      if (const auto found = at(std::clamp(best_at + side * step, lowest, used.front())).first;
          found.loss < best.loss)
        best = found, best_at = found.threshold;
  return best;
}

/// The coding rate's gain and a lower bound of -R + lambda (1 - E[z . z']).
struct coding_rate_gain {
  double lambda = 0, level = 1, floor = 0, loss = 0;

  double operator()(double s) const { return std::max(0.5 / (level - lambda * s) - floor, 0.0); }
};

/// For the eigenvalues of a law that is not centred, largest first, and embeddings of `width` features.
inline coding_rate_gain coding_rate_gain_of(std::span<const double> values, index width, double lambda,
                                            double epsilon_squared = 0.2) {
  if (values.empty() || width < 1 || is_nan(lambda + epsilon_squared) || lambda < 0 || epsilon_squared <= 0)
    throw option_error(
        "ssl::coding_rate_gain_of: expected eigenvalues, a width of at least 1, a lambda of at least 0 and a "
        "positive epsilon^2");
  const auto used = values.first(std::min(values.size(), static_cast<std::size_t>(width)));
  const double d = static_cast<double>(width);
  coding_rate_gain gain{lambda, 0, epsilon_squared / d, 0};
  // Above lambda s_1 the sum of the gains falls from infinity to 0; the distance from there is bisected by
  // ratios.
  double low = 1e-12, high = 1e12;
  for (int k = 0; k < 200; ++k) {
    const double middle = std::sqrt(low * high);
    gain.level = lambda * used.front() + middle;
    double sum = 0;
    for (const double s : used) sum += gain(s);
    (sum > 1 ? low : high) = middle;
  }
  gain.loss = lambda;
  for (const double s : used) gain.loss -= 0.5 * std::log1p(gain(s) / gain.floor) + lambda * s * gain(s);
  return gain;
}

}  // namespace ssl
