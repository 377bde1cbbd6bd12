#include "ssl/eval/spectrum.hpp"

#include <cmath>

#include "support/backends.hpp"

using doctest::Approx;

TEST_CASE_TEMPLATE("eval/spectrum: feature spread is the mean standard deviation, far from the origin too", B,
                   SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  const ssl::index d = 7, n = 400;
  const auto x = ssl::test::normals(d * n, 5, 2.0, 100.0);
  double expected = 0;
  for (ssl::index i = 0; i < d; ++i) {
    double sum = 0, square = 0;
    for (ssl::index j = 0; j < n; ++j) sum += x[static_cast<std::size_t>(i + j * d)] / static_cast<double>(n);
    for (ssl::index j = 0; j < n; ++j) square += std::pow(x[static_cast<std::size_t>(i + j * d)] - sum, 2);
    expected += std::sqrt(square / static_cast<double>(n - 1)) / static_cast<double>(d);
  }
  ssl::test::matrix<B> features(work.backend(), d, n, x);
  const double tolerance = ssl::test::by_scalar<B>(1e-5, 1e-11);
  CHECK(ssl::feature_spread(ctx, features.read()) == Approx(expected).epsilon(tolerance));
  features.set(std::vector<double>(static_cast<std::size_t>(d * n), 3.0));
  CHECK(ssl::feature_spread(ctx, features.read()) == 0);
}

TEST_CASE_TEMPLATE("eval/spectrum: one column is told in a sentence", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> one(work.backend(), 3, 1, {1, 2, 3});
  CHECK_THROWS_WITH_AS(ssl::feature_spread(ctx, one.read()),
                       "ssl::feature_spread: x is 3x1, expected at least two columns", ssl::shape_error);
}
