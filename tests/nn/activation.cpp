#include "ssl/nn/activation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/layers.hpp"

using ssl::test::layer_probe;

TEST_CASE_TEMPLATE("nn/activation: relu clips below zero, its gradient passes where the output is positive",
                   B, SSL_BACKENDS) {
  layer_probe<ssl::relu, B> probe({}, {2, 1, 2}, 1);
  CHECK(probe.forward({-1, 2, 0, 3}) == std::vector<double>{0, 2, 0, 3});
  CHECK(probe.backward({5, 6, 7, 8}) == std::vector<double>{0, 6, 0, 8});
}

TEST_CASE_TEMPLATE("nn/activation: relu does not hide a NaN", B, SSL_BACKENDS) {
  layer_probe<ssl::relu, B> probe({}, {1, 1, 1}, 1);
  CHECK(std::isnan(probe.forward({std::numeric_limits<double>::quiet_NaN()})[0]));
}

TEST_CASE_TEMPLATE("nn/activation: the identity passes both ways", B, SSL_BACKENDS) {
  layer_probe<ssl::identity_layer, B> probe({}, {1, 1, 3}, 1);
  CHECK(probe.forward({-1, 2, 3}) == std::vector<double>{-1, 2, 3});
  CHECK(probe.backward({4, 5, 6}) == std::vector<double>{4, 5, 6});
}

TEST_CASE_TEMPLATE("nn/activation: relu agrees with finite differences", B, SSL_DOUBLE_BACKENDS) {
  CHECK(ssl::test::gradient_error<B>(ssl::relu{}, {3, 4, 5}, 2) < 1e-8);
}
