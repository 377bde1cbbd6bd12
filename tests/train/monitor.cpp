#include "ssl/train/monitor.hpp"

#include <algorithm>
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

/// Of n samples in so many views.
template <class B>
ssl::health health_of(const std::vector<double>& z, ssl::batch_shape shape,
                      ssl::health_options options = {}) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  const ssl::test::matrix<B> x(work.backend(), shape.features, shape.columns(), z);
  return ssl::check_health(ctx, x.read(), shape.views, options);
}

/// Columns at length one.
std::vector<double> unit(std::vector<double> z, ssl::index d) {
  for (std::size_t first = 0; first < z.size(); first += static_cast<std::size_t>(d)) {
    double square = 0;
    for (std::size_t i = first; i < first + static_cast<std::size_t>(d); ++i) square += z[i] * z[i];
    for (std::size_t i = first; i < first + static_cast<std::size_t>(d); ++i) z[i] /= std::sqrt(square);
  }
  return z;
}

double distance(const std::vector<double>& z, ssl::index d, ssl::index a, ssl::index b) {
  double sum = 0;
  for (ssl::index i = 0; i < d; ++i)
    sum += std::pow(z[static_cast<std::size_t>(a * d + i)] - z[static_cast<std::size_t>(b * d + i)], 2);
  return sum;
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
    CHECK(same.participation_ratio == 0);
    const auto same_direction =
        health_of<B>(scaled(z, d, [](ssl::index j) { return 0.3 + 1.7 * double(j); }), d);
    CHECK(same_direction.feature_spread < 1e-6);
    CHECK(same_direction.participation_ratio == 0);
  }
  const auto zero = health_of<B>(std::vector<double>(20, 0.0), 4);
  CHECK(zero.feature_spread == 0);
  CHECK(zero.participation_ratio == 0);
}

TEST_CASE_TEMPLATE("train/monitor: directions spread evenly have spread one and nearly every rank", B,
                   SSL_BACKENDS) {
  // (sum s)^2 / sum s^2 of n samples of d directions is d / (1 + (d + 1) / n) in the mean, up to O(1 / n).
  for (const ssl::index d : {4, 16, 64}) {
    const auto even = health_of<B>(normals(d * 1000, 2), d);
    CHECK(even.feature_spread == doctest::Approx(1).epsilon(0.02));
    CHECK(even.participation_ratio == doctest::Approx(double(d) / (1 + double(d + 1) / 1000)).epsilon(0.02));
  }
}

TEST_CASE_TEMPLATE("train/monitor: more features than samples give a rank below the samples", B,
                   SSL_BACKENDS) {
  const auto wide = health_of<B>(normals(200 * 6, 3), 200);
  CHECK(wide.participation_ratio > 4.5);
  CHECK(wide.participation_ratio <= 5 * (1 + 1e-5));
}

TEST_CASE_TEMPLATE("train/monitor: embeddings on a line have rank one", B, SSL_BACKENDS) {
  const ssl::index d = 9, n = 24;
  const auto direction = normals(d, 4), place = normals(n, 5);
  std::vector<double> z;
  for (const double t : place)
    for (const double x : direction) z.push_back(t * x);
  CHECK(health_of<B>(z, d).participation_ratio == doctest::Approx(1).epsilon(1e-5));
  // Two points are a line wherever they lie.
  CHECK(health_of<B>(normals(2 * d, 6), d).participation_ratio == doctest::Approx(1).epsilon(1e-5));
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
    CHECK(found.participation_ratio ==
          doctest::Approx(trace * trace / square).epsilon(ssl::test::tolerance<B>));
  }
}

TEST_CASE_TEMPLATE("train/monitor: alignment and uniformity agree with their definitions", B, SSL_BACKENDS) {
  for (const ssl::batch_shape shape : {ssl::batch_shape{5, 30, 2}, {30, 5, 3}, {4, 20, 5}})
    for (const ssl::index most : {256, 20, 4}) {
      const ssl::index d = shape.features, n = shape.samples, m = std::min(n, most);
      const auto z = normals(d * shape.columns(), 21, 2.5, 0.4);
      const auto u = unit(z, d);
      double aligned = 0, even = 0, length = 0;
      for (ssl::index j = 0; j < m; ++j) {
        double pairs = 0, sum = 0;
        for (ssl::index v = 0; v < shape.views; ++v)
          for (ssl::index w = 0; w < v; ++w, ++pairs) sum += distance(u, d, v * n + j, w * n + j);
        aligned += sum / pairs / static_cast<double>(m);
        for (ssl::index k = 0; k < j; ++k)
          even += std::exp(-2 * distance(u, d, j, k)) / (0.5 * double(m) * double(m - 1));
      }
      for (ssl::index j = 0; j < shape.columns(); ++j) {
        double square = 0;
        for (ssl::index i = 0; i < d; ++i) square += std::pow(z[static_cast<std::size_t>(j * d + i)], 2);
        length += std::sqrt(square) / double(shape.columns());
      }
      const auto found = health_of<B>(z, shape, {.samples = most});
      CHECK(found.alignment.value() == doctest::Approx(aligned).epsilon(ssl::test::tolerance<B>));
      CHECK(found.uniformity == doctest::Approx(std::log(even)).epsilon(ssl::test::tolerance<B>));
      CHECK(found.length == doctest::Approx(length).epsilon(ssl::test::tolerance<B>));
    }
}

TEST_CASE_TEMPLATE("train/monitor: alignment is 0 for equal views, 4 for opposite ones, unknown for one", B,
                   SSL_BACKENDS) {
  const ssl::index d = 7, n = 12;
  const auto one = normals(d * n, 22);
  auto both = one;
  both.insert(both.end(), one.begin(), one.end());
  CHECK(std::abs(health_of<B>(both, {d, n, 2}).alignment.value()) < 1e-14);
  for (std::size_t k = one.size(); k < both.size(); ++k) both[k] *= -3;
  CHECK(health_of<B>(both, {d, n, 2}).alignment.value() == doctest::Approx(4).epsilon(1e-6));
  CHECK_FALSE(health_of<B>(one, {d, n, 1}).alignment.has_value());
}

TEST_CASE_TEMPLATE("train/monitor: uniformity is 0 at a collapse and nears -4 for even directions", B,
                   SSL_BACKENDS) {
  const auto column = normals(6, 23);
  std::vector<double> z;
  for (int j = 0; j < 10; ++j) z.insert(z.end(), column.begin(), column.end());
  CHECK(std::abs(health_of<B>(z, 6).uniformity) < 1e-5);
  // log E exp(4 (c - 1)) = -4 + 8 / d for the cosine c of even directions, whose variance is 1 / d.
  CHECK(health_of<B>(normals(512 * 200, 24), 512).uniformity ==
        doctest::Approx(-4 + 8.0 / 512).epsilon(1e-3));
}

TEST_CASE_TEMPLATE("train/monitor: the effective rank is RankMe of the columns as they are", B,
                   SSL_BACKENDS) {
  for (const ssl::batch_shape shape : {ssl::batch_shape{12, 30, 1}, {30, 6, 2}}) {
    const auto z = normals(shape.features * shape.columns(), 25, 3.0, 1.0);
    ssl::workspace<B> work;
    auto ctx = work.ctx();
    const ssl::test::matrix<B> x(work.backend(), shape.features, shape.columns(), z);
    for (const ssl::index most : {256, 10})
      for (const double epsilon : {1e-7, 1e-4}) {
        const auto found =
            ssl::check_health(ctx, x.read(), shape.views, {.samples = most, .epsilon = epsilon});
        const auto s = ssl::singular_values(ctx, x.read().columns(0, std::min(most, shape.columns())));
        CHECK(found.effective_rank == ssl::effective_rank(s, epsilon));
      }
  }
  // Equal singular values: as many as there are orthogonal columns.
  std::vector<double> eye(16 * 9, 0.0);
  for (std::size_t j = 0; j < 9; ++j) eye[17 * j] = 0.25;
  CHECK(health_of<B>(eye, 16).effective_rank == doctest::Approx(9).epsilon(1e-5));
  // Repeated views add no direction, only zeros to which epsilon is added.
  auto twice = eye;
  twice.insert(twice.end(), eye.begin(), eye.end());
  std::vector<double> with_zeros(16, 0.0);
  std::fill(with_zeros.begin(), with_zeros.begin() + 9, 1.0);
  CHECK(health_of<B>(twice, {16, 9, 2}).effective_rank ==
        doctest::Approx(ssl::effective_rank(with_zeros)).epsilon(1e-6));
  CHECK(health_of<B>(std::vector<double>(20, 0.0), 4).effective_rank == 0);
}

TEST_CASE_TEMPLATE("train/monitor: scaling the embeddings changes nothing", B, SSL_BACKENDS) {
  const ssl::index d = 6;
  const auto z = normals(d * 40, 8);
  const auto plain = health_of<B>(z, d);
  for (const double factor : {1e-4, 3.0, 1e4}) {
    const auto other = health_of<B>(scaled(z, d, [&](ssl::index j) { return factor * (1 + double(j)); }), d);
    CHECK(other.feature_spread == doctest::Approx(plain.feature_spread).epsilon(ssl::test::tolerance<B>));
    CHECK(other.participation_ratio ==
          doctest::Approx(plain.participation_ratio).epsilon(ssl::test::tolerance<B>));
    CHECK(other.uniformity == doctest::Approx(plain.uniformity).epsilon(ssl::test::tolerance<B>));
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
  CHECK(longer.participation_ratio == plain.participation_ratio);
}

TEST_CASE_TEMPLATE("train/monitor: what is not a number stays so", B, SSL_BACKENDS) {
  auto z = normals(12, 11);
  z[5] = std::nan("");
  const auto bad = health_of<B>(z, 3);
  CHECK(std::isnan(bad.feature_spread));
  CHECK(std::isnan(bad.participation_ratio));
  CHECK(std::isnan(bad.effective_rank));
  CHECK(std::isnan(bad.uniformity));
  CHECK(std::isnan(bad.length));
  const auto views = health_of<B>(z, {3, 2, 2});
  CHECK(std::isnan(views.alignment.value()));
}

TEST_CASE_TEMPLATE("train/monitor: too few samples are told in a sentence", B, SSL_BACKENDS) {
  CHECK_THROWS_WITH_AS(health_of<B>(normals(4, 12), 4),
                       "ssl::check_health: z is 4x1; at least two samples are needed", ssl::shape_error);
  CHECK_THROWS_WITH_AS(health_of<B>(normals(20, 12), {4, 1, 5}),
                       "ssl::check_health: z is 4x5 for 5 views; it must be (d, views * n) with n at least 2",
                       ssl::shape_error);
  CHECK_THROWS_WITH_AS(health_of<B>(normals(20, 12), {4, 5, 1}, {.samples = 1}),
                       "ssl::check_health: columns is 1024, samples 1; at least 2 of each are needed",
                       ssl::option_error);
}
