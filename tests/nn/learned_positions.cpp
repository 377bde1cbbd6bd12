#include "ssl/nn/learned_positions.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "ssl/nn/in_bf16.hpp"
#include "support/layers.hpp"

using ssl::learned_positions;
using ssl::test::layer_probe;

TEST_CASE_TEMPLATE("nn/learned_positions: every image gets the same numbers added, both ways", B,
                   SSL_BACKENDS) {
  layer_probe<learned_positions, B> probe({}, {2, 1, 2}, 2);
  probe.set_params({10, 20, 30, 40});
  CHECK(probe.forward({1, 2, 3, 4, -1, -2, -3, -4}) == std::vector<double>{11, 22, 33, 44, 9, 18, 27, 36});
  CHECK(probe.backward({1, 2, 3, 4, 5, 6, 7, 9}) == std::vector<double>{1, 2, 3, 4, 5, 6, 7, 9});
  CHECK(probe.grads() == std::vector<double>{6, 8, 10, 13});
}

TEST_CASE_TEMPLATE("nn/learned_positions: agrees with finite differences", B, SSL_DOUBLE_BACKENDS) {
  CHECK(ssl::test::gradient_error<B>(learned_positions{}, {3, 2, 4}, 3) < 1e-8);
}

TEST_CASE_TEMPLATE("nn/learned_positions: starts as small normal numbers, one for each channel and pixel", B,
                   SSL_BACKENDS) {
  layer_probe<learned_positions, B> probe({.start = 0.5}, {40, 8, 8}, 1);
  double square = 0;
  for (const double p : probe.params()) square += p * p;
  CHECK(probe.params().size() == 40 * 64);
  CHECK(std::abs(std::sqrt(square / (40 * 64)) - 0.5) < 0.03);
}

TEST_CASE_TEMPLATE("nn/learned_positions: runs on maps of bf16", B, ssl::test::backend<float>) {
  layer_probe<ssl::in_bf16_layer<learned_positions>, B> probe(ssl::in_bf16(learned_positions{}), {1, 1, 2},
                                                              2);
  probe.set_params({0.5, -0.25});
  CHECK(probe.forward({1, 2, 3, 4}) == std::vector<double>{1.5, 1.75, 3.5, 3.75});
  CHECK(probe.backward({1, 2, 3, 4}) == std::vector<double>{1, 2, 3, 4});
  CHECK(probe.grads() == std::vector<double>{4, 6});
}
