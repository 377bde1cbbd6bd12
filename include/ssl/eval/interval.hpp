#pragma once
// SPDX-License-Identifier: MIT

/// Confidence intervals in closed form, and the verdict that follows from one.
///
///     Wilson           of a share p of n items:
///                      (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)
///     exact binomial   of the same, Clopper and Pearson: covers at least as often as it says, so it is wider
///     mean             of values, a training seed each:
///                      mean +- t sqrt(variance / n), Student's t of n - 1 degrees of freedom
///     mean difference  of two independent groups of seeds: Welch's t. Runs that share their seeds are
///                      compared by `mean_interval` of their differences instead
///
/// Accuracies of one test set have the error of that set, means over seeds that of training: neither contains
/// the other. Host only.

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"

namespace ssl {

/// An estimate and the range around it.
struct interval {
  double estimate = 0, low = 0, high = 0;
};

/// What an interval of a difference first - second, larger being better, allows to say.
enum class verdict { undecided, first_better, second_better };

/// A difference is called one only where 0 is outside the interval; an interval of NaNs decides nothing.
inline verdict verdict_of(const interval& difference) {
  if (difference.low > 0) return verdict::first_better;
  if (difference.high < 0) return verdict::second_better;
  return verdict::undecided;
}

inline const char* to_text(verdict v) {
  return v == verdict::first_better    ? "first better"
         : v == verdict::second_better ? "second better"
                                       : "undecided";
}

namespace detail {

inline void require_confidence(const char* who, double confidence) {
  if (is_nan(confidence) || confidence <= 0 || confidence >= 1)
    throw option_error(std::string("ssl::") + who + ": confidence is " + std::to_string(confidence) +
                       ", expected in (0, 1)");
}

inline void require_share(const char* who, index hits, index n) {
  if (n < 1 || hits < 0 || hits > n)
    throw shape_error(std::string("ssl::") + who + ": " + std::to_string(hits) + " hits of " +
                      std::to_string(n) + " items, expected at least one item and hits in [0, items]");
}

/// The increasing function's argument where it has the value p, in [low, high]: bisection to the last digits.
template <class F>
double where_equal(const F& f, double p, double low, double high) {
  for (int turn = 0; turn < 200 && low < high; ++turn) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (f(middle) < p ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

/// Regularised incomplete beta function I_x(a, b) by its continued fraction (Lentz's method); a, b > 0.
inline double incomplete_beta(double a, double b, double x) {
  if (!(x > 0)) return 0;
  if (!(x < 1)) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x)) /
      a;
  const auto away_from_zero = [](double v) { return std::abs(v) < 1e-300 ? 1e-300 : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
  for (int m = 1; m < 10000; ++m) {
    const double k = m;
    const double even = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k));
    const double odd = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    value *= d * c;
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    value *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return front * value;
}

/// z with P(|Z| < z) = confidence, Z standard normal.
inline double normal_bound(double confidence) {
  return where_equal([](double z) { return std::erf(z / std::sqrt(2.0)); }, confidence, 0, 40);
}

/// t with P(|T| < t) = confidence, T of Student's distribution with `freedom` > 0 degrees.
inline double student_bound(double confidence, double freedom) {
  // P(|T| > t) = I_x(freedom / 2, 1/2), x = freedom / (freedom + t^2); found in x, which is bounded.
  const double x =
      where_equal([=](double y) { return incomplete_beta(freedom / 2, 0.5, y); }, 1 - confidence, 0, 1);
  return std::sqrt(freedom * (1 / x - 1));
}

/// Mean, and sum of squared deviations from it.
inline std::pair<double, double> mean_and_scatter(std::span<const double> values) {
  double sum = 0, scatter = 0;
  for (const double v : values) sum += v;
  const double mean = sum / static_cast<double>(values.size());
  for (const double v : values) scatter += (v - mean) * (v - mean);
  return {mean, scatter};
}

}  // namespace detail

/// Wilson's score interval of `hits` of `n` items.
inline interval wilson_interval(index hits, index n, double confidence = 0.95) {
  detail::require_share("wilson_interval", hits, n);
  detail::require_confidence("wilson_interval", confidence);
  const double count = static_cast<double>(n), p = static_cast<double>(hits) / count;
  const double z = detail::normal_bound(confidence), zz = z * z / count;
  const double middle = (p + zz / 2) / (1 + zz);
  const double half = std::sqrt(p * (1 - p) * zz + zz * zz / 4) / (1 + zz);
  return {p, hits == 0 ? 0.0 : middle - half, hits == n ? 1.0 : middle + half};
}

/// Clopper and Pearson's interval of `hits` of `n` items.
inline interval exact_binomial_interval(index hits, index n, double confidence = 0.95) {
  detail::require_share("exact_binomial_interval", hits, n);
  detail::require_confidence("exact_binomial_interval", confidence);
  const double k = static_cast<double>(hits), count = static_cast<double>(n), tail = (1 - confidence) / 2;
  const auto beta = [](double a, double b, double p) {
    return detail::where_equal([=](double x) { return detail::incomplete_beta(a, b, x); }, p, 0, 1);
  };
  return {k / count, hits == 0 ? 0.0 : beta(k, count - k + 1, tail),
          hits == n ? 1.0 : beta(k + 1, count - k, 1 - tail)};
}

/// Student's interval of the mean of at least two values.
inline interval mean_interval(std::span<const double> values, double confidence = 0.95) {
  detail::require_confidence("mean_interval", confidence);
  if (values.size() < 2)
    throw shape_error("ssl::mean_interval: there are " + std::to_string(values.size()) +
                      " values, expected at least two");
  const double n = static_cast<double>(values.size());
  const auto [mean, scatter] = detail::mean_and_scatter(values);
  const double half = detail::student_bound(confidence, n - 1) * std::sqrt(scatter / (n - 1) / n);
  return {mean, mean - half, mean + half};
}

/// Welch's interval of mean(first) - mean(second), two independent groups of at least two values.
inline interval mean_difference_interval(std::span<const double> first, std::span<const double> second,
                                         double confidence = 0.95) {
  detail::require_confidence("mean_difference_interval", confidence);
  if (first.size() < 2 || second.size() < 2)
    throw shape_error("ssl::mean_difference_interval: there are " + std::to_string(first.size()) + " and " +
                      std::to_string(second.size()) + " values, expected at least two of each");
  const double n = static_cast<double>(first.size()), m = static_cast<double>(second.size());
  const auto [mean_a, scatter_a] = detail::mean_and_scatter(first);
  const auto [mean_b, scatter_b] = detail::mean_and_scatter(second);
  const double a = scatter_a / (n - 1) / n, b = scatter_b / (m - 1) / m, difference = mean_a - mean_b;
  if (a + b == 0) return {difference, difference, difference};
  const double freedom = (a + b) * (a + b) / (a * a / (n - 1) + b * b / (m - 1));
  const double half = detail::student_bound(confidence, freedom) * std::sqrt(a + b);
  return {difference, difference - half, difference + half};
}

}  // namespace ssl
