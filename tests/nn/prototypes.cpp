#include "ssl/nn/prototypes.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/layers.hpp"

using ssl::test::gradient_error;
using ssl::test::layer_probe;

TEST_CASE_TEMPLATE("nn/prototypes: cosines of every column to every prototype", B, SSL_BACKENDS) {
  layer_probe<ssl::prototypes, B> probe({.count = 3}, {2, 1, 1}, 2);
  probe.set_params({1, 0, 0, 2, 3, 4});
  const auto y = probe.forward({5, 0, -3, 4});
  const std::vector<double> expected{1, 0, 0.6, -0.6, 0.8, 0.28};
  CHECK(ssl::test::relative_error(y, expected) < ssl::test::tolerance<B>);
  CHECK(ssl::test::relative_error(probe.forward({5, 0, -3, 4}, ssl::mode::eval), expected) <
        ssl::test::tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/prototypes: agrees with finite differences, flat and spatial", B,
                   SSL_DOUBLE_BACKENDS) {
  CHECK(gradient_error<B>(ssl::prototypes{.count = 3}, {5, 1, 1}, 4) < 1e-8);
  CHECK(gradient_error<B>(ssl::prototypes{.count = 7}, {2, 3, 2}, 2) < 1e-8);
  CHECK(gradient_error<B>(ssl::prototypes{.count = 1}, {3, 1, 1}, 5) < 1e-8);
}

TEST_CASE_TEMPLATE("nn/prototypes: lengths do not matter, and gradients are orthogonal to what they move", B,
                   SSL_BACKENDS) {
  layer_probe<ssl::prototypes, B> probe({.count = 4}, {6, 1, 1}, 5);
  const auto x = ssl::test::normals(30, 2), dy = ssl::test::normals(20, 3);
  auto c = ssl::test::normals(24, 4);
  probe.set_params(c);
  const auto y = probe.forward(x);
  const auto dx = probe.backward(dy), dc = probe.grads();
  const auto along = [](const std::vector<double>& g, const std::vector<double>& of, std::size_t column) {
    double sum = 0;
    for (std::size_t i = 6 * column; i < 6 * column + 6; ++i) sum += g[i] * of[i];
    return std::abs(sum);
  };
  for (std::size_t j = 0; j < 5; ++j) CHECK(along(dx, x, j) < ssl::test::tolerance<B>);
  for (std::size_t k = 0; k < 4; ++k) CHECK(along(dc, c, k) < ssl::test::tolerance<B>);
  auto longer = x;
  for (double& v : longer) v = std::ldexp(v, 8);
  for (double& v : c) v = std::ldexp(v, -3);
  probe.set_params(c);
  CHECK(ssl::test::relative_error(probe.forward(longer), y) < ssl::test::tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/prototypes: two backward calls double the gradients of the parameters", B,
                   SSL_BACKENDS) {
  layer_probe<ssl::prototypes, B> probe({.count = 3}, {4, 1, 1}, 5);
  const auto dy = ssl::test::normals(15, 3);
  const auto x = ssl::test::normals(20, 2);
  probe.forward(x);
  const auto dx = probe.backward(dy);
  auto once = probe.grads();
  probe.forward(x);
  CHECK(probe.backward(dy) == dx);
  for (double& g : once) g *= 2;
  CHECK(ssl::test::relative_error(probe.grads(), once) < ssl::test::tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/prototypes: a zero column gives zero scores and finite gradients", B, SSL_BACKENDS) {
  layer_probe<ssl::prototypes, B> probe({.count = 2}, {3, 1, 1}, 2);
  const auto y = probe.forward({0, 0, 0, 1, 2, 3});
  CHECK(y[0] == 0.0);
  CHECK(y[1] == 0.0);
  for (const double g : probe.backward({1, 1, 1, 1})) CHECK(std::isfinite(g));
  for (const double g : probe.grads()) CHECK(std::isfinite(g));
}

TEST_CASE("nn/prototypes: the table is one matrix, weights that decay, and none is refused") {
  const auto table = ssl::prototypes{.count = 5}.parameters({3, 2, 1});
  REQUIRE(table.size() == 1);
  CHECK(table[0].rows == 6);
  CHECK(table[0].cols == 5);
  CHECK(table[0].kind == ssl::role::matrix);
  CHECK_THROWS_WITH_AS((ssl::prototypes{.count = 0}.output({3, 1, 1})),
                       "ssl::prototypes: count is 0, expected at least 1", ssl::option_error);
}
