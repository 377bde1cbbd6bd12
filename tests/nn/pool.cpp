#include "ssl/nn/pool.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/layers.hpp"

using ssl::test::gradient_error;
using ssl::test::layer_probe;

TEST_CASE_TEMPLATE("nn/pool: the mean over pixels of each channel, its gradient spread evenly", B,
                   SSL_BACKENDS) {
  layer_probe<ssl::mean_pool, B> probe({}, {2, 1, 2}, 2);
  CHECK(probe.forward({1, 10, 3, 20, 5, 50, 7, 70}) == std::vector<double>{2, 15, 6, 60});
  CHECK(probe.backward({2, 4, 6, 8}) == std::vector<double>{1, 2, 1, 2, 3, 4, 3, 4});
}

TEST_CASE_TEMPLATE("nn/pool: of equal values the first, row by row, gets the gradient", B, SSL_BACKENDS) {
  layer_probe<ssl::max_pool, B> probe({}, {1, 2, 4}, 1);
  CHECK(probe.forward({5, 5, 1, 2, 5, 5, 2, 2}) == std::vector<double>{5, 2});
  CHECK(probe.backward({1, 3}) == std::vector<double>{1, 0, 0, 3, 0, 0, 0, 0});
}

TEST_CASE_TEMPLATE("nn/pool: padding never wins, even over negative values and minus infinity", B,
                   SSL_BACKENDS) {
  const double low = -std::numeric_limits<double>::infinity();
  layer_probe<ssl::max_pool, B> probe({.kernel = 3, .stride = 2, .padding = 1}, {1, 2, 2}, 1);
  CHECK(probe.forward({-4, -3, -2, -5}) == std::vector<double>{-2});
  CHECK(probe.forward({low, low, low, low}) == std::vector<double>{low});
  CHECK(probe.backward({1}) == std::vector<double>{1, 0, 0, 0});
}

TEST_CASE_TEMPLATE("nn/pool: a NaN wins", B, SSL_BACKENDS) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  layer_probe<ssl::max_pool, B> probe({}, {1, 2, 2}, 1);
  CHECK(std::isnan(probe.forward({1, nan, 9, 2})[0]));
  CHECK(std::isnan(probe.forward({1, nan, 9, 2}, ssl::mode::eval)[0]));
}

TEST_CASE_TEMPLATE("nn/pool: evaluation gives what training gives", B, SSL_BACKENDS) {
  layer_probe<ssl::max_pool, B> probe({.kernel = 3, .stride = 2, .padding = 1}, {20, 7, 5}, 3);
  const auto x = ssl::test::normals(20 * 35 * 3, 5);
  CHECK(probe.forward(x) == probe.forward(x, ssl::mode::eval));
}

TEST_CASE_TEMPLATE("nn/pool: agree with finite differences, overlapping windows too", B,
                   SSL_DOUBLE_BACKENDS) {
  CHECK(gradient_error<B>(ssl::mean_pool{}, {3, 4, 5}, 2) < 1e-8);
  CHECK(gradient_error<B>(ssl::max_pool{}, {3, 5, 4}, 2) < 1e-8);
  CHECK(gradient_error<B>(ssl::max_pool{.kernel = 3, .stride = 2, .padding = 1}, {2, 5, 6}, 2) < 1e-8);
  CHECK(gradient_error<B>(ssl::max_pool{.kernel = 3, .stride = 1, .padding = 0}, {2, 5, 4}, 2) < 1e-8);
}

TEST_CASE("nn/pool: windows that do not fit are refused in a sentence") {
  CHECK_THROWS_WITH_AS((ssl::max_pool{.kernel = 3}.output({8, 2, 4})),
                       "ssl::max_pool: the input is 8x2x4 with padding 0, smaller than the window of 3x3",
                       ssl::shape_error);
  CHECK_THROWS_AS((ssl::max_pool{.kernel = 2, .padding = 2}.output({8, 4, 4})), ssl::option_error);
}
