#include "ssl/nn/layer_norm.hpp"

#include <doctest/doctest.h>

#include "ssl/nn/in_bf16.hpp"
#include "support/layers.hpp"

using ssl::layer_norm;
using ssl::test::gradient_error;
using ssl::test::layer_probe;
using ssl::test::normals;
using ssl::test::relative_error;
using ssl::test::tolerance;

TEST_CASE_TEMPLATE("nn/layer_norm: agrees with PyTorch's, both ways", B, SSL_BACKENDS) {
  layer_probe<layer_norm, B> probe({}, {3, 1, 2}, 1);  // a column is a pixel
  probe.set_params({1, -2, 0.5, 0.1, 0.2, 0.3});
  CHECK(relative_error(probe.forward({1, 2, 4, -0.5, 3, 0.25}),
                       {-0.96904153145, 0.734520765725, 0.968150957156, -0.841540839083, -2.56923776201,
                        0.0784609790394}) < std::max(tolerance<B>, 1e-11));
  CHECK(relative_error(probe.backward({1, -1, 2, 0.5, 2, -3}),
                       {-0.343620001369, 0.515430861099, -0.17181085973, 0.32517799656, 0.0886763233991,
                        -0.413854319959}) < tolerance<B>);
  CHECK(relative_error(probe.grads(), {-1.53981195099, 3.03649814487, 4.00183795439, 1.5, 1, -1}) <
        tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/layer_norm: agrees with finite differences with and without weights", B,
                   SSL_DOUBLE_BACKENDS) {
  CHECK(gradient_error<B>(layer_norm{}, {5, 2, 3}, 3) < 1e-7);
  CHECK(gradient_error<B>(layer_norm{.affine = false}, {17, 1, 2}, 2) < 1e-7);
  CHECK(gradient_error<B>(layer_norm{}, {2, 1, 1}, 1) < 1e-6);
}

TEST_CASE_TEMPLATE("nn/layer_norm: scale and shift of a pixel do not matter, nor do its neighbours", B,
                   SSL_BACKENDS) {
  const ssl::image_shape in{33, 2, 2};
  layer_probe<layer_norm, B> probe({.eps = 0}, in, 3);
  const auto x = normals(probe.inputs(), 1);
  const auto y = probe.forward(x);
  auto moved = x;
  for (std::size_t k = 0; k < moved.size(); ++k)
    moved[k] = moved[k] * (1.0 + 0.5 * static_cast<double>(k / 33)) + 3.0 * static_cast<double>(k / 33);
  CHECK(relative_error(probe.forward(moved), y) < 10 * tolerance<B>);
  auto other = x;
  for (std::size_t k = 33; k < other.size(); ++k) other[k] += 1.5;  // all but the first pixel
  other[40] = 99;
  const auto z = probe.forward(other);
  CHECK(std::vector<double>(z.begin(), z.begin() + 33) == std::vector<double>(y.begin(), y.begin() + 33));
}

TEST_CASE_TEMPLATE("nn/layer_norm: far from zero it keeps its digits", B, SSL_BACKENDS) {
  layer_probe<layer_norm, B> probe({}, {4, 1, 1}, 1);
  const double big = 4096;  // exact in float with its quarters
  CHECK(relative_error(probe.forward({big + 0.25, big - 0.25, big + 0.25, big - 0.25}),
                       {0.99992001, -0.99992001, 0.99992001, -0.99992001}) < 1e-6);
}

TEST_CASE_TEMPLATE("nn/layer_norm: equal channels become the bias, with a finite gradient", B, SSL_BACKENDS) {
  layer_probe<layer_norm, B> probe({}, {3, 1, 1}, 2);
  probe.set_params({1, 1, 1, 5, 6, 7});
  CHECK(probe.forward({2, 2, 2, 0, 0, 0}) == std::vector<double>{5, 6, 7, 5, 6, 7});
  for (const double d : probe.backward({1, 2, 3, -1, 0, 1})) CHECK(std::isfinite(d));
  layer_probe<layer_norm, B> one({}, {1, 1, 1}, 2);  // a single channel
  CHECK(one.forward({2, 3}) == std::vector<double>{0, 0});
  CHECK(one.backward({1, 2}) == std::vector<double>{0, 0});
}

TEST_CASE_TEMPLATE("nn/layer_norm: evaluation is training, and gradients of weights accumulate", B,
                   SSL_BACKENDS) {
  layer_probe<layer_norm, B> probe({}, {7, 3, 1}, 2);
  const auto x = normals(probe.inputs(), 1), dy = normals(probe.outputs(), 2);
  const auto y = probe.forward(x);
  CHECK(probe.forward(x, ssl::mode::eval) == y);
  probe.forward(x);
  probe.backward(dy);
  auto twice = probe.grads();
  for (double& g : twice) g *= 2;
  probe.forward(x);
  probe.backward(dy);
  CHECK(relative_error(probe.grads(), twice) < tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/layer_norm: what it remakes is what it made, to the bit, and it runs in place", B,
                   SSL_BACKENDS) {
  const ssl::image_shape in{9, 2, 3};
  layer_probe<layer_norm, B> probe({}, in, 4);
  const auto x = ssl::test::normals(probe.inputs(), 1);
  const auto y = probe.forward(x);
  B& be = probe.work().backend();
  const ssl::test::matrix<B> from(be, 9, 24, x), to(be, 9, 24);
  auto ctx = probe.work().ctx();
  const auto& layer = probe.net().arch();
  layer.remake(ctx, in, 4, ssl::pass<B>{.params = probe.net().params(), .x = from.read(), .y = to()});
  CHECK(to.get() == y);
  auto eval = probe.work().ctx(ssl::mode::eval);
  layer.forward(eval, in, 4, ssl::pass<B>{.params = probe.net().params(), .x = from.read(), .y = from()});
  CHECK(from.get() == y);
}

TEST_CASE_TEMPLATE("nn/layer_norm: runs on maps of bf16", B, ssl::test::backend<float>) {
  const ssl::image_shape in{32, 2, 2};
  layer_probe<layer_norm, B> full({}, in, 2);
  layer_probe<ssl::in_bf16_layer<layer_norm>, B> half(ssl::in_bf16(layer_norm{}), in, 2);
  const auto x = normals(full.inputs(), 1), dy = normals(full.outputs(), 2);
  CHECK(relative_error(half.forward(x), full.forward(x)) < 2e-2);
  CHECK(relative_error(half.backward(dy), full.backward(dy)) < 2e-2);
}
