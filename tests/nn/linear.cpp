#include "ssl/nn/linear.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "support/layers.hpp"

using ssl::test::gradient_error;
using ssl::test::layer_probe;

TEST_CASE_TEMPLATE("nn/linear: y = W x + b on numbers worked out by hand", B, SSL_BACKENDS) {
  layer_probe<ssl::linear, B> probe({.out = 2}, {3, 1, 1}, 2);
  probe.set_params({1, 2, 3, 4, 5, 6, /* bias */ 10, 20});  // W = [1 3 5; 2 4 6]
  CHECK(probe.forward({1, 0, 0, 1, 1, 1}) == std::vector<double>{11, 22, 19, 32});
  CHECK(probe.backward({1, 0, 0, 1}) == std::vector<double>{1, 3, 5, 2, 4, 6});
  CHECK(probe.grads() == std::vector<double>{1, 1, 0, 1, 0, 1, /* bias */ 1, 1});
}

TEST_CASE_TEMPLATE("nn/linear: two backward calls double the gradients of the parameters", B, SSL_BACKENDS) {
  layer_probe<ssl::linear, B> probe({.out = 3}, {4, 1, 1}, 5);
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

TEST_CASE_TEMPLATE("nn/linear: agrees with finite differences, with and without bias, flat and spatial", B,
                   SSL_DOUBLE_BACKENDS) {
  CHECK(gradient_error<B>(ssl::linear{.out = 3}, {5, 1, 1}, 4) < 1e-8);
  CHECK(gradient_error<B>(ssl::linear{.out = 3, .bias = false}, {5, 1, 1}, 4) < 1e-8);
  CHECK(gradient_error<B>(ssl::linear{.out = 3}, {2, 3, 2}, 2) < 1e-8);
}

TEST_CASE_TEMPLATE("nn/linear: weights and bias start uniform on one over the root of the inputs", B,
                   SSL_BACKENDS) {
  layer_probe<ssl::linear, B> probe({.out = 200}, {100, 1, 1}, 1, 7);
  const auto values = probe.params();
  double sum = 0, square = 0;
  for (const double v : values) sum += v, square += v * v;
  const double count = static_cast<double>(values.size());
  CHECK(values.size() == 20200);
  CHECK(*std::max_element(values.begin(), values.end()) <= 0.1);
  CHECK(*std::max_element(values.begin(), values.end()) > 0.0995);
  CHECK(*std::min_element(values.begin(), values.end()) >= -0.1);
  CHECK(*std::min_element(values.begin(), values.end()) < -0.0995);
  CHECK(std::abs(sum / count) < 4 * 0.1 / std::sqrt(3 * count));
  CHECK(square / count == doctest::Approx(0.01 / 3).epsilon(0.03));
}

TEST_CASE("nn/linear: no outputs are refused") {
  CHECK_THROWS_WITH_AS((ssl::linear{.out = 0}.output({3, 1, 1})),
                       "ssl::linear: out is 0, expected at least 1", ssl::option_error);
}
