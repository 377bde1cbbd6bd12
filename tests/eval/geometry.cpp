#include "ssl/eval/geometry.hpp"

#include <cmath>

#include "support/backends.hpp"

namespace {

using doctest::Approx;

std::vector<double> golden(double cosine) {
  std::vector<double> out;
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 6; ++j)
      out.push_back(std::sin(0.7 * i + 1.3 * j + 0.1 * i * j) +
                    cosine * std::cos(0.5 * i - 0.9 * j + 0.2 * i * j));
  return out;
}

template <class B>
constexpr double near_enough = ssl::test::by_scalar<B>(2e-6, 1e-9);

}  // namespace

TEST_CASE_TEMPLATE("eval/geometry: golden values of alignment and uniformity", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> a(work.backend(), 6, 8, golden(0)), b(work.backend(), 6, 8, golden(0.3));
  CHECK(ssl::pair_alignment(ctx, a.read(), b.read()) == Approx(0.0712582246).epsilon(near_enough<B>));
  CHECK(ssl::pair_uniformity(ctx, a.read()) == Approx(-2.7371602690).epsilon(near_enough<B>));
  CHECK(ssl::pair_uniformity(ctx, b.read()) == Approx(-2.7948742148).epsilon(near_enough<B>));
  CHECK(ssl::pair_alignment(ctx, a.read(), a.read()) <
        1e-13);  // a fused multiply-add leaves the square of one rounding
}

TEST_CASE_TEMPLATE("eval/geometry: uniformity does not depend on the tile or on the lengths", B,
                   SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  auto x = ssl::test::normals(5 * 50, 3);
  ssl::test::matrix<B> features(work.backend(), 5, 50, x);
  const double whole = ssl::pair_uniformity(ctx, features.read(), 2);
  for (const ssl::index tile : {1, 7, 16, 49})
    CHECK(ssl::pair_uniformity(ctx, features.read(), 2, tile) == Approx(whole).epsilon(near_enough<B>));
  for (std::size_t j = 0; j < 50; ++j)
    for (std::size_t i = 0; i < 5; ++i) x[i + 5 * j] *= 0.1 * static_cast<double>(j + 1);
  features.set(x);
  CHECK(ssl::pair_uniformity(ctx, features.read(), 2) == Approx(whole).epsilon(near_enough<B>));
}

TEST_CASE_TEMPLATE("eval/geometry: class alignment is the mean over pairs of one class", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  const ssl::index d = 5, n = 40;
  const auto x = ssl::test::normals(d * n, 4, 1.0, 0.3);
  std::vector<int> labels;
  for (int j = 0; j < n; ++j) labels.push_back(j % 7 == 0 ? 2 : j % 2);
  double sum = 0, pairs = 0;
  const auto length = [&](ssl::index j) {
    double square = 0;
    for (ssl::index i = 0; i < d; ++i) square += std::pow(x[static_cast<std::size_t>(i + j * d)], 2);
    return std::sqrt(square);
  };
  for (ssl::index j = 0; j < n; ++j)
    for (ssl::index k = 0; k < j; ++k) {
      if (labels[static_cast<std::size_t>(j)] != labels[static_cast<std::size_t>(k)]) continue;
      pairs += 1;
      for (ssl::index i = 0; i < d; ++i)
        sum += std::pow(x[static_cast<std::size_t>(i + j * d)] / length(j) -
                            x[static_cast<std::size_t>(i + k * d)] / length(k),
                        2);
    }
  ssl::test::matrix<B> features(work.backend(), d, n, x);
  CHECK(ssl::class_alignment(ctx, features.read(), labels, 4) ==
        Approx(sum / pairs).epsilon(10 * near_enough<B>));
}

TEST_CASE_TEMPLATE("eval/geometry: class alignment needs a pair", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> two(work.backend(), 2, 2, {1, 0, 0, 1});
  const std::vector<int> apart{0, 1}, same{1, 1};
  CHECK_THROWS_WITH_AS(ssl::class_alignment(ctx, two.read(), apart, 2),
                       "ssl::class_alignment: no class has two samples, expected at least one that has",
                       ssl::option_error);
  CHECK(ssl::class_alignment(ctx, two.read(), same, 2) == Approx(2));
}

TEST_CASE_TEMPLATE(
    "eval/geometry: the unit spread is near one for even directions and zero for one direction", B,
    SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  const ssl::index d = 32, n = 2000;
  ssl::test::matrix<B> x(work.backend(), d, n, ssl::test::normals(d * n, 6, 7.0));
  CHECK(ssl::unit_feature_spread(ctx, x.read()) == Approx(1).epsilon(0.01));
  std::vector<double> line;
  for (ssl::index j = 0; j < n; ++j)
    for (ssl::index i = 0; i < d; ++i) line.push_back(static_cast<double>((i + 1) * (j + 1)));
  x.set(line);
  CHECK(ssl::unit_feature_spread(ctx, x.read()) < 1e-5);
}
