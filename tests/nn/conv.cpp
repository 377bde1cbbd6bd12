#include "ssl/nn/conv.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "support/layers.hpp"

using ssl::test::gradient_error;
using ssl::test::layer_probe;

namespace {

/// The definition, by six loops.
std::vector<double> naive(const ssl::conv_geometry& g, ssl::index n, const std::vector<double>& x,
                          const std::vector<double>& w) {
  const auto at = [](const std::vector<double>& v, ssl::index i) { return v[static_cast<std::size_t>(i)]; };
  std::vector<double> y;
  for (ssl::index image = 0; image < n; ++image)
    for (ssl::index oy = 0; oy < g.out_height(); ++oy)
      for (ssl::index ox = 0; ox < g.out_width(); ++ox)
        for (ssl::index o = 0; o < g.out_channels; ++o) {
          double sum = 0;
          for (ssl::index ky = 0; ky < g.kernel; ++ky)
            for (ssl::index kx = 0; kx < g.kernel; ++kx)
              for (ssl::index c = 0; c < g.in.channels; ++c) {
                const ssl::index row = oy * g.stride - g.padding + ky, col = ox * g.stride - g.padding + kx;
                if (row < 0 || row >= g.in.height || col < 0 || col >= g.in.width) continue;
                sum += at(w, o + ((ky * g.kernel + kx) * g.in.channels + c) * g.out_channels) *
                       at(x, c + ((image * g.in.height + row) * g.in.width + col) * g.in.channels);
              }
          y.push_back(sum);
        }
  return y;
}

template <class B>
void against_naive() {
  for (const ssl::index kernel : {1, 3, 5})
    for (const ssl::index stride : {1, 2})
      for (const ssl::index padding : {0, 1, 2}) {
        CAPTURE(kernel);
        CAPTURE(stride);
        CAPTURE(padding);
        const ssl::conv2d layer{.out = 4, .kernel = kernel, .stride = stride, .padding = padding};
        const ssl::image_shape in{3, 7, 5};
        layer_probe<ssl::conv2d, B> probe(layer, in, 3);
        const auto x = ssl::test::normals(probe.inputs(), 1);
        const auto y = naive(layer.geometry(in), 3, x, probe.params());
        CHECK(ssl::test::relative_error(probe.forward(x), y) < ssl::test::tolerance<B>);
        CHECK(ssl::test::relative_error(probe.forward(x, ssl::mode::eval), y) < ssl::test::tolerance<B>);
      }
}

}  // namespace

TEST_CASE_TEMPLATE("nn/conv: is the six loops for every kernel, stride and padding, on odd sizes", B,
                   SSL_BACKENDS) {
  against_naive<B>();
}

TEST_CASE_TEMPLATE("nn/conv: a backend without a convolution of its own gets the same", B, SSL_BACKENDS) {
  against_naive<ssl::test::plain<B>>();
}

TEST_CASE_TEMPLATE("nn/conv: the wide verb and the composition have the same gradients", B, SSL_BACKENDS) {
  static_assert(!ssl::ConvolvingForward<ssl::test::plain<B>>);
  static_assert(!ssl::ConvolvingBackward<ssl::test::plain<B>>);
  for (const ssl::conv2d layer :
       {ssl::conv2d{.out = 8, .stride = 2}, ssl::conv2d{.out = 8, .kernel = 1, .padding = 0},
        ssl::conv2d{.out = 8, .kernel = 5, .padding = 2, .bias = true}}) {
    CAPTURE(layer.kernel);
    const ssl::image_shape in{6, 9, 8};
    layer_probe<ssl::conv2d, B> wide(layer, in, 4);
    layer_probe<ssl::conv2d, ssl::test::plain<B>> composed(layer, in, 4);
    const auto x = ssl::test::normals(wide.inputs(), 1), dy = ssl::test::normals(wide.outputs(), 2);
    CHECK(ssl::test::relative_error(wide.forward(x), composed.forward(x)) < ssl::test::tolerance<B>);
    CHECK(ssl::test::relative_error(wide.backward(dy), composed.backward(dy)) < ssl::test::tolerance<B>);
    CHECK(ssl::test::relative_error(wide.grads(), composed.grads()) < ssl::test::tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("nn/conv: agrees with finite differences", B, SSL_DOUBLE_BACKENDS) {
  CHECK(gradient_error<B>(ssl::conv2d{.out = 3, .bias = true}, {2, 4, 5}, 2) < 1e-8);
  CHECK(gradient_error<B>(ssl::conv2d{.out = 3, .stride = 2}, {2, 5, 6}, 2) < 1e-8);
  CHECK(gradient_error<B>(ssl::conv2d{.out = 3, .kernel = 1, .padding = 0}, {2, 3, 3}, 2) < 1e-8);
  CHECK(gradient_error<B>(ssl::conv2d{.out = 2, .kernel = 1, .stride = 2, .padding = 0}, {2, 5, 4}, 2) <
        1e-8);
  CHECK(gradient_error<ssl::test::plain<B>>(ssl::conv2d{.out = 2, .kernel = 5, .stride = 2, .padding = 2},
                                            {2, 5, 4}, 2) < 1e-8);
}

TEST_CASE_TEMPLATE("nn/conv: backward adds to the gradients of the weights", B, SSL_BACKENDS) {
  layer_probe<ssl::conv2d, B> probe({.out = 4, .bias = true}, {3, 6, 6}, 3);
  const auto dy = ssl::test::normals(probe.outputs(), 3);
  const auto x = ssl::test::normals(probe.inputs(), 2);
  probe.forward(x);
  probe.backward(dy);
  auto once = probe.grads();
  probe.forward(x);
  probe.backward(dy);
  for (double& g : once) g *= 2;
  CHECK(ssl::test::relative_error(probe.grads(), once) < ssl::test::tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/conv: starts as PyTorch's convolution, or as its residual networks'", B,
                   SSL_BACKENDS) {
  const auto moments = [](const std::vector<double>& v) {
    double sum = 0, square = 0;
    for (const double x : v) sum += x, square += x * x;
    const double n = static_cast<double>(v.size());
    return std::pair(sum / n, std::sqrt(square / n));
  };
  layer_probe<ssl::conv2d, B> torch({.out = 64}, {16, 4, 4}, 1);
  const auto uniform = torch.params();  // bound 1 / sqrt(9 * 16) = 1 / 12
  CHECK(*std::max_element(uniform.begin(), uniform.end()) <= 1.0 / 12);
  CHECK(*std::max_element(uniform.begin(), uniform.end()) > 0.995 / 12);
  CHECK(moments(uniform).second == doctest::Approx(1 / 12.0 / std::sqrt(3.0)).epsilon(0.03));
  layer_probe<ssl::conv2d, B> he({.out = 32, .start = ssl::conv_start::he_fan_out}, {32, 4, 4}, 1);
  const auto normal = he.params();  // deviation sqrt(2 / (9 * 32)) = 1 / 12
  CHECK(std::abs(moments(normal).first) < 4.0 / 12 / std::sqrt(9216.0));
  CHECK(moments(normal).second == doctest::Approx(1.0 / 12).epsilon(0.03));
  CHECK(*std::max_element(normal.begin(), normal.end()) > 2.5 / 12);
}

TEST_CASE("nn/conv: an input smaller than the kernel and options without sense are refused") {
  CHECK_THROWS_WITH_AS((ssl::conv2d{.out = 4, .kernel = 5, .padding = 1}.output({3, 2, 8})),
                       "ssl::conv2d: the input is 3x2x8 with padding 1, smaller than the kernel of 5x5",
                       ssl::shape_error);
  CHECK_THROWS_AS((ssl::conv2d{.out = 4, .stride = 0}.output({3, 8, 8})), ssl::option_error);
}

TEST_CASE_TEMPLATE("nn/convolve: matrices that do not belong together are refused", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  const auto x = ctx.take(3, 16), w = ctx.take(4, 27), y = ctx.take(4, 9);
  const ssl::conv_geometry g{{3, 4, 4}, 4, 3, 1, 1};
  CHECK_THROWS_AS(ssl::convolve(ctx, g, ssl::as_const(x), ssl::as_const(w), y), ssl::shape_error);
}
