#include "ssl/nn/residual.hpp"

#include <doctest/doctest.h>

#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/conv.hpp"
#include "support/layers.hpp"

using ssl::linear;
using ssl::relu;
using ssl::residual;
using ssl::test::gradient_error;
using ssl::test::layer_probe;

TEST_CASE_TEMPLATE("nn/residual: y = block(x) + x, both ways", B, SSL_BACKENDS) {
  const auto net = residual(linear{.out = 1, .bias = false});
  layer_probe<std::remove_const_t<decltype(net)>, B> probe(net, {1, 1, 1}, 3);
  probe.set_params({-3});
  CHECK(probe.forward({1, -2, 3}, ssl::mode::eval) == std::vector<double>{-2, 4, -6});
  CHECK(probe.forward({1, -2, 3}) == std::vector<double>{-2, 4, -6});
  CHECK(probe.backward({1, 1, 0}) == std::vector<double>{-2, -2, 0});
  CHECK(probe.grads() == std::vector<double>{-1});
}

TEST_CASE_TEMPLATE("nn/residual: the relu option rectifies the sum, not the block", B, SSL_BACKENDS) {
  const auto net = residual(linear{.out = 1, .bias = false}, linear{.out = 1, .bias = false}, {.relu = true});
  layer_probe<std::remove_const_t<decltype(net)>, B> probe(net, {1, 1, 1}, 2);
  probe.set_params({-3, 4});
  CHECK(probe.forward({2, -2}, ssl::mode::eval) == std::vector<double>{2, 0});
  CHECK(probe.forward({2, -2}) == std::vector<double>{2, 0});
  CHECK(probe.backward({1, 1}) == std::vector<double>{1, 0});
  CHECK(probe.grads() == std::vector<double>{2, 2});
}

TEST_CASE_TEMPLATE("nn/residual: agrees with finite differences with every shortcut, relu and nesting", B,
                   SSL_DOUBLE_BACKENDS) {
  const auto block = linear{.out = 4} | relu{} | linear{.out = 4};
  CHECK(gradient_error<B>(residual(block), {4, 1, 1}, 3) < 1e-7);
  CHECK(gradient_error<B>(residual(block, {.relu = true}), {4, 1, 1}, 3) < 1e-7);
  CHECK(gradient_error<B>(residual(block, linear{.out = 4}, {.relu = true}), {3, 1, 1}, 3) < 1e-7);
  CHECK(gradient_error<B>(ssl::repeat(2, residual(residual(block), {.relu = true})) | relu{}, {4, 1, 1}, 3) <
        1e-7);
  const auto basic = ssl::conv2d{.out = 3, .stride = 2} | ssl::batch_norm{.relu = true} |
                     ssl::conv2d{.out = 3} | ssl::batch_norm{};
  const auto down = ssl::conv2d{.out = 3, .kernel = 1, .stride = 2, .padding = 0} | ssl::batch_norm{};
  CHECK(gradient_error<B>(residual(basic, down, {.relu = true}) | linear{.out = 2}, {2, 4, 3}, 3) < 1e-6);
}

TEST_CASE("nn/residual: the shortcut's parameters follow the block's as downsample") {
  const auto table = residual(linear{.out = 3}, linear{.out = 3, .bias = false}).parameters({3, 1, 1});
  REQUIRE(table.size() == 3);
  CHECK(table[0].name == "weight");
  CHECK(table[2].name == "downsample.weight");
}

TEST_CASE("nn/residual: sides of different shape are refused in a sentence") {
  CHECK_THROWS_WITH_AS(
      residual(linear{.out = 3}).output({4, 1, 1}),
      "ssl::residual: the block makes 3x1x1, the shortcut 4x1x1 of 4x1x1; they must be equal "
      "to be added",
      ssl::shape_error);
}
