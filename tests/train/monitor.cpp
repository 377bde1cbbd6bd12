#include "ssl/train/monitor.hpp"

#include <cmath>

#include "ssl/core/shape.hpp"
#include "support/backends.hpp"

namespace {

using ssl::test::normals;

template <class B>
ssl::health health_of(const std::vector<double>& z, ssl::index d) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  const ssl::test::matrix<B> x(work.backend(), d, static_cast<ssl::index>(z.size()) / d, z);
  return ssl::check_health(ctx, x.read());
}

/// Column j times factor(j).
template <class F>
std::vector<double> scaled(std::vector<double> z, ssl::index d, const F& factor) {
  for (std::size_t k = 0; k < z.size(); ++k) z[k] *= factor(static_cast<ssl::index>(k) / d);
  return z;
}

}  // namespace

TEST_CASE_TEMPLATE("train/monitor: embeddings that are all the same have neither spread nor rank", B,
                   SSL_BACKENDS) {
  for (const ssl::index d : {3, 7, 40}) {
    const auto one = normals(d, 1);
    std::vector<double> z;
    for (int j = 0; j < 13; ++j) z.insert(z.end(), one.begin(), one.end());
    const auto same = health_of<B>(z, d);
    CHECK(same.feature_spread < 1e-6);
    CHECK(same.effective_rank == 0);
    const auto same_direction =
        health_of<B>(scaled(z, d, [](ssl::index j) { return 0.3 + 1.7 * double(j); }), d);
    CHECK(same_direction.feature_spread < 1e-6);
    CHECK(same_direction.effective_rank == 0);
  }
  const auto zero = health_of<B>(std::vector<double>(20, 0.0), 4);
  CHECK(zero.feature_spread == 0);
  CHECK(zero.effective_rank == 0);
}

TEST_CASE_TEMPLATE("train/monitor: directions spread evenly have spread one and nearly every rank", B,
                   SSL_BACKENDS) {
  // (sum s)^2 / sum s^2 of n samples of d directions is d / (1 + (d + 1) / n) in the mean, up to O(1 / n).
  for (const ssl::index d : {4, 16, 64}) {
    const auto even = health_of<B>(normals(d * 1000, 2), d);
    CHECK(even.feature_spread == doctest::Approx(1).epsilon(0.02));
    CHECK(even.effective_rank == doctest::Approx(double(d) / (1 + double(d + 1) / 1000)).epsilon(0.02));
  }
}

TEST_CASE_TEMPLATE("train/monitor: more features than samples give a rank below the samples", B,
                   SSL_BACKENDS) {
  const auto wide = health_of<B>(normals(200 * 6, 3), 200);
  CHECK(wide.effective_rank > 4.5);
  CHECK(wide.effective_rank <= 5 * (1 + 1e-5));
}

TEST_CASE_TEMPLATE("train/monitor: embeddings on a line have rank one", B, SSL_BACKENDS) {
  const ssl::index d = 9, n = 24;
  const auto direction = normals(d, 4), place = normals(n, 5);
  std::vector<double> z;
  for (const double t : place)
    for (const double x : direction) z.push_back(t * x);
  CHECK(health_of<B>(z, d).effective_rank == doctest::Approx(1).epsilon(1e-5));
  // Two points are a line wherever they lie.
  CHECK(health_of<B>(normals(2 * d, 6), d).effective_rank == doctest::Approx(1).epsilon(1e-5));
}

TEST_CASE_TEMPLATE("train/monitor: both numbers agree with their definitions", B, SSL_BACKENDS) {
  for (const ssl::batch_shape shape : {ssl::batch_shape{5, 30}, {30, 5}}) {
    const ssl::index d = shape.features, n = shape.samples;
    auto z = normals(d * n, 7);
    for (std::size_t k = 0; k < z.size(); ++k) z[k] = z[k] * (1 + double(k % std::size_t(d))) + 0.7;
    const auto found = health_of<B>(z, d);
    const auto at = [&](ssl::index i, ssl::index j) -> double& {
      return z[static_cast<std::size_t>(i + d * j)];
    };
    for (ssl::index j = 0; j < n; ++j) {
      double square = 0;
      for (ssl::index i = 0; i < d; ++i) square += at(i, j) * at(i, j);
      for (ssl::index i = 0; i < d; ++i) at(i, j) /= std::sqrt(square);
    }
    for (ssl::index i = 0; i < d; ++i) {
      double mean = 0;
      for (ssl::index j = 0; j < n; ++j) mean += at(i, j) / double(n);
      for (ssl::index j = 0; j < n; ++j) at(i, j) -= mean;
    }
    double spread = 0, trace = 0, square = 0;
    for (ssl::index i = 0; i < d; ++i)
      for (ssl::index k = 0; k < d; ++k) {
        double c = 0;
        for (ssl::index j = 0; j < n; ++j) c += at(i, j) * at(k, j) / double(n);
        square += c * c;
        if (i == k) trace += c, spread += std::sqrt(c) * std::sqrt(double(d)) / double(d);
      }
    CHECK(found.feature_spread == doctest::Approx(spread).epsilon(ssl::test::tolerance<B>));
    CHECK(found.effective_rank == doctest::Approx(trace * trace / square).epsilon(ssl::test::tolerance<B>));
  }
}

TEST_CASE_TEMPLATE("train/monitor: scaling the embeddings changes nothing", B, SSL_BACKENDS) {
  const ssl::index d = 6;
  const auto z = normals(d * 40, 8);
  const auto plain = health_of<B>(z, d);
  for (const double factor : {1e-4, 3.0, 1e4}) {
    const auto other = health_of<B>(scaled(z, d, [&](ssl::index j) { return factor * (1 + double(j)); }), d);
    CHECK(other.feature_spread == doctest::Approx(plain.feature_spread).epsilon(ssl::test::tolerance<B>));
    CHECK(other.effective_rank == doctest::Approx(plain.effective_rank).epsilon(ssl::test::tolerance<B>));
  }
}

TEST_CASE_TEMPLATE("train/monitor: only the first 1024 columns count", B, SSL_BACKENDS) {
  const ssl::index d = 3;
  auto z = normals(d * 1024, 9);
  const auto plain = health_of<B>(z, d);
  const auto more = normals(d * 50, 10, 1, 30);
  z.insert(z.end(), more.begin(), more.end());
  const auto longer = health_of<B>(z, d);
  CHECK(longer.feature_spread == plain.feature_spread);
  CHECK(longer.effective_rank == plain.effective_rank);
}

TEST_CASE_TEMPLATE("train/monitor: what is not a number stays so", B, SSL_BACKENDS) {
  auto z = normals(12, 11);
  z[5] = std::nan("");
  const auto bad = health_of<B>(z, 3);
  CHECK(std::isnan(bad.feature_spread));
  CHECK(std::isnan(bad.effective_rank));
}

TEST_CASE_TEMPLATE("train/monitor: one sample is told in a sentence", B, SSL_BACKENDS) {
  CHECK_THROWS_WITH_AS(health_of<B>(normals(4, 12), 4),
                       "ssl::check_health: z is 4x1; at least two samples are needed", ssl::shape_error);
}
