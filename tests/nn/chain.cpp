#include "ssl/nn/chain.hpp"

#include <doctest/doctest.h>

#include "ssl/nn/activation.hpp"
#include "ssl/nn/linear.hpp"
#include "support/layers.hpp"

using ssl::linear;
using ssl::relu;
using ssl::test::gradient_error;
using ssl::test::layer_probe;

namespace {

std::vector<std::string> names(const std::vector<ssl::segment>& table) {
  std::vector<std::string> out;
  for (const ssl::segment& s : table) out.push_back(s.name);
  return out;
}

}  // namespace

TEST_CASE("nn/chain: a | b is flat, its parameters are named by position") {
  const auto net = linear{.out = 4} | relu{} | (linear{.out = 3, .bias = false} | relu{});
  static_assert(std::is_same_v<decltype(net), const ssl::chain<linear, relu, linear, relu>>);
  CHECK(net.output({5, 1, 1}) == ssl::image_shape{3, 1, 1});
  CHECK(names(net.parameters({5, 1, 1})) == std::vector<std::string>{"0.weight", "0.bias", "2.weight"});
  CHECK(net.parameter_count({5, 1, 1}) == 4 * 5 + 4 + 3 * 4);
  CHECK(ssl::total_size(net.parameters({5, 1, 1})) == net.parameter_count({5, 1, 1}));
}

TEST_CASE("nn/chain: names replace positions, an empty one leaves no trace") {
  const auto inner = ssl::named("a", linear{.out = 2, .bias = false}) | linear{.out = 2, .bias = false};
  const auto net =
      ssl::named("stem", inner) | ssl::named("", ssl::repeat(2, linear{.out = 2, .bias = false}));
  CHECK(names(net.parameters({2, 1, 1})) ==
        std::vector<std::string>{"stem.a.weight", "stem.1.weight", "0.weight", "1.weight"});
}

TEST_CASE_TEMPLATE("nn/chain: computes one layer after the other, in training and in evaluation", B,
                   SSL_BACKENDS) {
  const auto net = linear{.out = 1, .bias = false} | relu{} | linear{.out = 2, .bias = false};
  layer_probe<std::remove_const_t<decltype(net)>, B> probe(net, {2, 1, 1}, 2);
  probe.set_params({1, -1, 2, 3});
  const std::vector<double> x{5, 1, 1, 5}, y{8, 12, 0, 0};
  CHECK(probe.forward(x, ssl::mode::eval) == y);
  CHECK(probe.forward(x) == y);
  CHECK(probe.backward({1, 0, 0, 1}) == std::vector<double>{2, -2, 0, 0});
  CHECK(probe.grads() == std::vector<double>{10, 2, 4, 0});
}

TEST_CASE_TEMPLATE("nn/chain: evaluation gives what training gives at every length", B, SSL_BACKENDS) {
  for (ssl::index length = 0; length < 6; ++length) {
    CAPTURE(length);
    const auto net = ssl::repeat(length, linear{.out = 3} | relu{});
    layer_probe<std::remove_const_t<decltype(net)>, B> probe(net, {3, 1, 1}, 4);
    const auto x = ssl::test::normals(12, 1);
    const auto y = probe.forward(x);
    CHECK(probe.forward(x, ssl::mode::eval) == y);
    if (length == 0) CHECK(ssl::test::relative_error(y, x) < ssl::test::tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("nn/chain: agrees with finite differences, nested and stacked", B, SSL_DOUBLE_BACKENDS) {
  CHECK(gradient_error<B>(linear{.out = 4} | relu{}, {3, 1, 1}, 5) < 1e-7);
  CHECK(gradient_error<B>(linear{.out = 6} | relu{} | linear{.out = 4} | relu{} | linear{.out = 2}, {3, 1, 1},
                          5, 2) < 1e-7);
  CHECK(gradient_error<B>(linear{.out = 4} | ssl::repeat(3, linear{.out = 4} | relu{}) | linear{.out = 2},
                          {3, 1, 1}, 5, 5) < 1e-7);
  CHECK(gradient_error<B>(ssl::repeat(0, relu{}), {3, 1, 1}, 5) < 1e-7);
  const std::vector<linear> widths{{.out = 5}, {.out = 2}, {.out = 4}};
  CHECK(gradient_error<B>(ssl::stack<linear>(widths), {3, 1, 1}, 3) < 1e-7);
}

TEST_CASE("nn/chain: a negative count is refused") {
  CHECK_THROWS_WITH_AS(ssl::repeat(-1, relu{}), "ssl::repeat: the count is -1, expected zero or more",
                       ssl::option_error);
}
