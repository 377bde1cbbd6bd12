#include "ssl/nn/gelu.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "ssl/nn/in_bf16.hpp"
#include "support/layers.hpp"

using ssl::gelu;
using ssl::gelu_form;
using ssl::test::gradient_error;
using ssl::test::layer_probe;
using ssl::test::relative_error;
using ssl::test::tolerance;

TEST_CASE_TEMPLATE("nn/gelu: agrees with PyTorch's, both forms and both ways", B, SSL_BACKENDS) {
  const std::vector<double> x{-3, -1, -0.25, 0, 0.5, 2, 4}, ones(7, 1.0);
  layer_probe<gelu, B> exact({}, {7, 1, 1}, 1), approximate({.form = gelu_form::tanh}, {7, 1, 1}, 1);
  CHECK(relative_error(exact.forward(x), {-0.00404969409489, -0.158655253931, -0.100323418579, 0,
                                          0.345731230637, 1.9544997361, 3.99987331503}) < tolerance<B>);
  CHECK(relative_error(exact.backward(ones), {-0.0119456472042, -0.0833154705877, 0.304626645116, 0.5,
                                              0.867495124656, 1.08523180108, 1.00050364966}) < tolerance<B>);
  CHECK(relative_error(approximate.forward(x), {-0.00363739208177, -0.158808009392, -0.100324649298, 0,
                                                0.345714009825, 1.95459769409, 3.99992975405}) <
        tolerance<B>);
  CHECK(relative_error(approximate.backward(ones), {-0.011584166631, -0.0829640838458, 0.304645904849, 0.5,
                                                    0.867369903535, 1.08609925662, 1.0003351232}) <
        tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/gelu: agrees with finite differences", B, SSL_DOUBLE_BACKENDS) {
  CHECK(gradient_error<B>(gelu{}, {5, 2, 3}, 2) < 1e-8);
  CHECK(gradient_error<B>(gelu{.form = gelu_form::tanh}, {5, 2, 3}, 2) < 1e-8);
}

TEST_CASE_TEMPLATE("nn/gelu: is x far above zero and zero far below, and a NaN stays one", B, SSL_BACKENDS) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const gelu_form form : {gelu_form::erf, gelu_form::tanh}) {
    layer_probe<gelu, B> probe({.form = form}, {1, 1, 5}, 1);
    const auto y = probe.forward({-1e4, -30, 30, 1e4, nan});
    CHECK(y[0] == 0);
    CHECK(std::abs(y[1]) < 1e-30);
    CHECK(y[2] == 30);
    CHECK(y[3] == 1e4);
    CHECK(std::isnan(y[4]));
    const auto dx = probe.backward({1, 1, 1, 1, 1});
    CHECK(dx[0] == 0);
    CHECK(dx[3] == 1);
  }
}

TEST_CASE("nn/gelu: the error function without branches is erf to 5e-7") {
  double worst = 0;
  for (int k = -60000; k <= 60000; ++k) {
    const float x = static_cast<float>(k) * 1e-4F;
    worst = std::max(worst, std::abs(static_cast<double>(ssl::detail::branchless_erf(x)) -
                                     std::erf(static_cast<double>(x))));
  }
  CAPTURE(worst);
  CHECK(worst < 5e-7);
  CHECK(ssl::detail::branchless_erf(0.0F) == 0.0F);
  CHECK(ssl::detail::branchless_erf(0.7) == std::erf(0.7));
}

TEST_CASE_TEMPLATE("nn/gelu: what it remakes is what it made, to the bit, and it runs in place", B,
                   SSL_BACKENDS) {
  const ssl::image_shape in{9, 2, 3};
  layer_probe<gelu, B> probe({}, in, 4);
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

TEST_CASE_TEMPLATE("nn/gelu: runs on maps of bf16", B, ssl::test::backend<float>) {
  layer_probe<gelu, B> full({}, {9, 2, 2}, 2);
  layer_probe<ssl::in_bf16_layer<gelu>, B> half(ssl::in_bf16(gelu{}), {9, 2, 2}, 2);
  const auto x = ssl::test::normals(full.inputs(), 1);
  CHECK(relative_error(half.forward(x), full.forward(x)) < 2e-2);
  CHECK(relative_error(half.backward(x), full.backward(x)) < 2e-2);
}
