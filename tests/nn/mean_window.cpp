#include "ssl/nn/mean_window.hpp"

#include <doctest/doctest.h>

#include "ssl/nn/in_bf16.hpp"
#include "ssl/nn/pool.hpp"
#include "support/layers.hpp"

using ssl::mean_window;
using ssl::test::gradient_error;
using ssl::test::layer_probe;

TEST_CASE_TEMPLATE("nn/mean_window: the mean over each window, its gradient spread evenly", B, SSL_BACKENDS) {
  layer_probe<mean_window, B> probe({}, {1, 2, 3}, 1);
  CHECK(probe.forward({1, 2, 3, 5, 8, 13}) == std::vector<double>{4, 6.5});
  CHECK(probe.backward({4, 8}) == std::vector<double>{1, 3, 2, 1, 3, 2});
}

TEST_CASE_TEMPLATE("nn/mean_window: on a map of one window it is mean_pool, both ways", B, SSL_BACKENDS) {
  const ssl::image_shape in{19, 3, 3};
  layer_probe<mean_window, B> window({.kernel = 3}, in, 4);
  layer_probe<ssl::mean_pool, B> pool({}, in, 4);
  const auto x = ssl::test::normals(window.inputs(), 1), dy = ssl::test::normals(window.outputs(), 2);
  CHECK(ssl::test::relative_error(window.forward(x), pool.forward(x)) < ssl::test::tolerance<B>);
  CHECK(ssl::test::relative_error(window.backward(dy), pool.backward(dy)) < ssl::test::tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/mean_window: a window of one pixel is the identity", B, SSL_BACKENDS) {
  layer_probe<mean_window, B> probe({.kernel = 1}, {3, 2, 2}, 2);
  const auto x = layer_probe<mean_window, B>({.kernel = 1}, {3, 2, 2}, 2).forward(ssl::test::normals(24, 1));
  CHECK(probe.forward(x) == x);
  CHECK(probe.backward(x) == x);
}

TEST_CASE_TEMPLATE("nn/mean_window: agrees with finite differences, overlapping windows and gaps", B,
                   SSL_DOUBLE_BACKENDS) {
  CHECK(gradient_error<B>(mean_window{}, {3, 4, 5}, 2) < 1e-8);
  CHECK(gradient_error<B>(mean_window{.kernel = 3, .stride = 2}, {2, 5, 8}, 2) < 1e-8);
  CHECK(gradient_error<B>(mean_window{.kernel = 2, .stride = 3}, {2, 5, 7}, 2) < 1e-8);
}

TEST_CASE_TEMPLATE("nn/mean_window: maps of bf16 are summed before they are rounded", B,
                   ssl::test::backend<float>) {
  const auto inner = mean_window{.kernel = 4};
  layer_probe<ssl::in_bf16_layer<mean_window>, B> probe(ssl::in_bf16(inner), {1, 4, 4}, 1);
  std::vector<double> x(16, 1.0);
  x[0] = 256, x[1] = 2;  // in bf16 258 + 1 is 260 and 260 + 1 is 260
  CHECK(probe.forward(x) == std::vector<double>{17});
  CHECK(probe.backward({16}) == std::vector<double>(16, 1.0));
}

TEST_CASE("nn/mean_window: windows that do not fit are refused in a sentence") {
  CHECK_THROWS_WITH_AS((mean_window{.kernel = 3}.output({8, 2, 4})),
                       "ssl::mean_window: the input is 8x2x4, smaller than the window of 3x3",
                       ssl::shape_error);
  CHECK_THROWS_WITH_AS((mean_window{.kernel = 2, .stride = 0}.output({8, 4, 4})),
                       "ssl::mean_window: kernel 2, stride 0; both must be positive", ssl::option_error);
}
