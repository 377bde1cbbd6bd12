// What makes the coding rate, VICReg's covariance and the spectral contrastive loss one repulsion (arXiv
// 2206.02574, 2206.08954): ||z z^T||_F = ||z^T z||_F, whose diagonals are constants where norms are.
#include <cmath>
#include <vector>

#include "ssl/loss/alignment.hpp"
#include "ssl/loss/coding_rate.hpp"
#include "ssl/loss/covariance.hpp"
#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/invariance.hpp"
#include "ssl/loss/on.hpp"
#include "ssl/loss/spectral.hpp"
#include "ssl/loss/unit_length.hpp"
#include "support/losses.hpp"

namespace ssl::test {
namespace {

using doctest::Approx;

struct norms {
  double features = 0, samples = 0;  // sums of fourth powers of rows' and columns' norms
};

norms norms_of(const std::vector<double>& z, index d, index n) {
  norms out;
  for (index i = 0; i < d; ++i) {
    double square = 0;
    for (index j = 0; j < n; ++j) square += std::pow(z[static_cast<std::size_t>(j * d + i)], 2);
    out.features += square * square;
  }
  for (index j = 0; j < n; ++j) {
    double square = 0;
    for (index i = 0; i < d; ++i) square += std::pow(z[static_cast<std::size_t>(j * d + i)], 2);
    out.samples += square * square;
  }
  return out;
}

std::vector<double> twice(std::vector<double> z) {
  const auto copy = z;
  z.insert(z.end(), copy.begin(), copy.end());
  return z;
}

std::vector<double> unit_columns(std::vector<double> z, index d) {
  for (std::size_t first = 0; first < z.size(); first += static_cast<std::size_t>(d)) {
    double square = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(d); ++i) square += z[first + i] * z[first + i];
    for (std::size_t i = 0; i < static_cast<std::size_t>(d); ++i) z[first + i] /= std::sqrt(square);
  }
  return z;
}

/// Rows of mean 0.
std::vector<double> centred_rows(std::vector<double> z, index d) {
  const auto n = static_cast<double>(z.size()) / static_cast<double>(d);
  std::vector<double> mean(static_cast<std::size_t>(d));
  for (std::size_t k = 0; k < z.size(); ++k) mean[k % mean.size()] += z[k] / n;
  for (std::size_t k = 0; k < z.size(); ++k) z[k] -= mean[k % mean.size()];
  return z;
}

constexpr batch_shape shapes[] = {{5, 12, 2}, {12, 5, 2}, {9, 9, 2}, {3, 2, 2}};

}  // namespace

TEST_CASE_TEMPLATE(
    "loss/duality: covariance over features and inner products over samples differ by norms alone", B,
    SSL_DOUBLE_BACKENDS) {
  for (const batch_shape shape : shapes)
    for (const gram_side side : both_sides) {
      const index d = shape.features, n = shape.samples;
      INFO(to_string(shape, side));
      const auto z = centred_rows(test_embeddings({d, n, 1}), d);
      const double dn = static_cast<double>(d), m = static_cast<double>(n);
      // Both views alike: pairs of different columns of one view, and off-diagonal covariances.
      const auto spread = evaluate_loss<B>(spectral{0, 1}, twice(z), {d, n, 2}, side);
      const auto decorrelated = evaluate_loss<B>(covariance{over_views::mean}, twice(z), {d, n, 2}, side);
      const norms of = norms_of(z, d, n);
      CHECK(m * (m - 1) * spread.terms[1] + of.samples ==
            Approx((m - 1) * (m - 1) * dn * decorrelated.terms[0] + of.features).epsilon(1e-12));
      // Their common value is the Frobenius loss.
      const auto whole = evaluate_loss<B>(frobenius{}, z, {d, n, 1}, side);
      CHECK(m * m * whole.terms[0] == Approx(m * (m - 1) * spread.terms[1] + of.samples).epsilon(1e-12));
    }
}

TEST_CASE_TEMPLATE(
    "loss/duality: the spectral loss of one view is an affine function of the Frobenius loss on "
    "columns of length one",
    B, SSL_DOUBLE_BACKENDS) {
  for (const batch_shape shape : shapes) {
    const index d = shape.features, n = shape.samples;
    const auto z = unit_columns(test_embeddings({d, n, 1}), d);
    const double m = static_cast<double>(n);
    CHECK(evaluate_loss<B>(spectral{}, twice(z), {d, n, 2}).total ==
          Approx(-2 + (m * evaluate_loss<B>(frobenius{}, z, {d, n, 1}).total - 1) / (m - 1)).epsilon(1e-12));
  }
}

TEST_CASE_TEMPLATE(
    "loss/duality: the coding rate is the Frobenius loss up to constants where epsilon is large", B,
    SSL_DOUBLE_BACKENDS) {
  // -1/2 logdet(1 + a M) = -a/2 tr M + a^2/4 ||M||^2 - a^3/6 tr M^3 + ..., with a = d / (n epsilon^2) and
  // tr M = n on columns of length one.
  for (const batch_shape shape : shapes) {
    const index d = shape.features, n = shape.samples;
    CAPTURE(d);
    const auto z = unit_columns(test_embeddings({d, n, 1}), d);
    const double m = static_cast<double>(n), dn = static_cast<double>(d);
    const auto fro = evaluate_loss<B>(on(unit_length{}, frobenius{}), z, {d, n, 1});
    double before = 0;
    for (const double epsilon_squared : {1e3, 1e4}) {
      const double a = dn / (m * epsilon_squared);
      const auto rate = evaluate_loss<B>(coding_rate{epsilon_squared}, z, {d, n, 1});
      const double from_constant = rate.total + a / 2 * m;
      const double distance = std::abs(from_constant / (a * a / 4 * m * m) - fro.total) / fro.total;
      CHECK(distance < 1.5 * dn / epsilon_squared);
      std::vector<double> scaled = rate.gradient;
      for (double& g : scaled) g /= a * a / 4 * m * m;
      const double turned = relative_error(scaled, fro.gradient);
      CHECK(turned < 5 * dn / epsilon_squared);
      if (before > 0) CHECK(turned < 0.2 * before);  // first order in 1 / epsilon^2
      before = turned;
    }
  }
}

TEST_CASE_TEMPLATE(
    "loss/duality: attractions of the three are the same inner product on columns of length one", B,
    SSL_DOUBLE_BACKENDS) {
  for (const batch_shape shape : shapes) {
    const auto z = unit_columns(test_embeddings(shape), shape.features);
    const double apart = evaluate_loss<B>(alignment{}, z, shape).total;
    const auto pulled = evaluate_loss<B>(spectral{1, 0}, z, shape);
    const auto summed = evaluate_loss<B>(invariance{.per_feature = false}, z, shape);
    CHECK(pulled.terms[0] == Approx(apart - 2).epsilon(1e-12));
    CHECK(summed.total == Approx(apart).epsilon(1e-12));
  }
}

}  // namespace ssl::test
