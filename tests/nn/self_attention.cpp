#include "ssl/nn/self_attention.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "ssl/nn/in_bf16.hpp"
#include "support/layers.hpp"
#include "support/temporary_folder.hpp"

using ssl::image_shape;
using ssl::self_attention;
using ssl::test::gradient_error;
using ssl::test::layer_probe;
using ssl::test::normals;
using ssl::test::relative_error;
using ssl::test::tolerance;

namespace {

/// By the definition, of n images of `tokens` tokens.
std::vector<double> naive(const std::vector<double>& x, ssl::index channels, ssl::index heads,
                          ssl::index tokens, ssl::index n) {
  const auto at = [&](ssl::index row, ssl::index column) {
    return x[static_cast<std::size_t>(row + 3 * channels * column)];
  };
  std::vector<double> y(static_cast<std::size_t>(channels * tokens * n));
  const ssl::index width = channels / heads;
  for (ssl::index image = 0; image < n; ++image)
    for (ssl::index h = 0; h < heads; ++h)
      for (ssl::index q = 0; q < tokens; ++q) {
        std::vector<double> weight;
        double sum = 0;
        for (ssl::index k = 0; k < tokens; ++k) {
          double score = 0;
          for (ssl::index i = h * width; i < (h + 1) * width; ++i)
            score += at(i, image * tokens + q) * at(channels + i, image * tokens + k);
          weight.push_back(std::exp(score / std::sqrt(static_cast<double>(width))));
          sum += weight.back();
        }
        for (ssl::index i = h * width; i < (h + 1) * width; ++i)
          for (ssl::index k = 0; k < tokens; ++k)
            y[static_cast<std::size_t>(i + channels * (image * tokens + q))] +=
                weight[static_cast<std::size_t>(k)] / sum * at(2 * channels + i, image * tokens + k);
      }
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("nn/self_attention: agrees with PyTorch's scaled_dot_product_attention, both ways", B,
                   SSL_BACKENDS) {
  layer_probe<self_attention, B> probe({.heads = 2}, {12, 1, 3}, 1);
  CHECK(relative_error(probe.forward({0.1,  -0.2, 0.3,  0.4,  0.5,  0.1,  -0.4, 0.2,  1,   2,    3,    4,
                                      1,    0.5,  -0.5, 0.2,  -0.6, 0.7,  0.3,  0.9,  -1,  0.5,  0.25, -2,
                                      -0.3, 0.8,  0.6,  -0.9, 0.2,  -0.8, 0.5,  -0.1, 0.3, -0.7, 1.1,  0.9}),
                       {0.163301827818, 0.5559544311, 1.29796715311, 0.616151224949, 0.282210046332,
                        0.868166381639, 1.55610849305, 1.13451466912, -0.17019601701, 0.714249927446,
                        1.42111274331, 1.06510468429}) < tolerance<B>);
  CHECK(relative_error(probe.backward({1, -1, 0.5, 2, 0.3, 0.7, -1.1, 0.2, -0.6, 0.4, 0.9, -0.8}),
                       {0.136251518284,   -0.467533552629, -1.04860719051,  -1.1740247133,   0.327583860834,
                        0.16308253534,    0.490424571076,  0.717323474825,  0.300990723717,  0.104161095749,
                        -0.0404269910424, 0.425293029115,  0.194835875632,  0.117910963372,  0.21386650981,
                        0.108725316568,   -0.187526218502, 0.10623009336,   -0.445496527518, -0.825363238573,
                        0.0543161959067,  0.105189207087,  0.0434388398163, 0.679754053092,  -0.132783685306,
                        0.192071537042,   0.115387672653,  0.180334860131,  -0.140057642332, -0.269312628699,
                        -0.0449280435577, 0.108039763747,  0.344693080376,  -0.109350302836, 0.296988151226,
                        0.294952917793}) < tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/self_attention: is its definition for tokens and widths that fill no tile", B,
                   SSL_BACKENDS) {
  struct {
    ssl::index channels, heads, height, width, n;
  } const cases[] = {{1, 1, 1, 1, 3}, {6, 3, 4, 4, 2}, {7, 1, 5, 3, 2}, {20, 4, 3, 11, 3}, {64, 2, 8, 8, 2}};
  for (const auto& c : cases) {
    CAPTURE(c.channels);
    layer_probe<self_attention, B> probe({.heads = c.heads}, {3 * c.channels, c.height, c.width}, c.n);
    const auto x = normals(probe.inputs(), 1);
    const auto expected = naive(x, c.channels, c.heads, c.height * c.width, c.n);
    CHECK(relative_error(probe.forward(x), expected) < tolerance<B>);
    CHECK(relative_error(probe.forward(x, ssl::mode::eval), expected) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("nn/self_attention: agrees with finite differences", B, SSL_DOUBLE_BACKENDS) {
  CHECK(gradient_error<B>(self_attention{}, {6, 2, 2}, 2) < 1e-7);
  CHECK(gradient_error<B>(self_attention{.heads = 3}, {9, 3, 2}, 2) < 1e-7);
  CHECK(gradient_error<B>(self_attention{.heads = 2}, {18, 3, 6}, 1) < 1e-7);  // two tiles
}

TEST_CASE_TEMPLATE("nn/self_attention: the order of the tokens does not matter to what each becomes", B,
                   SSL_BACKENDS) {
  const ssl::index channels = 8, tokens = 21;
  layer_probe<self_attention, B> probe({.heads = 2}, {3 * channels, 1, tokens}, 1);
  const auto moved = [&](const std::vector<double>& from, ssl::index rows) {
    std::vector<double> to(from.size());
    for (ssl::index k = 0; k < tokens; ++k)
      std::copy_n(from.begin() + rows * (5 * k % tokens), rows, to.begin() + rows * k);
    return to;
  };
  const auto x = normals(probe.inputs(), 1), dy = normals(probe.outputs(), 2);
  const auto y = probe.forward(x);
  const auto dx = probe.backward(dy);
  CHECK(relative_error(probe.forward(moved(x, 3 * channels)), moved(y, channels)) < tolerance<B>);
  CHECK(relative_error(probe.backward(moved(dy, channels)), moved(dx, 3 * channels)) < tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/self_attention: an image does not see another, in any number of them", B,
                   SSL_BACKENDS) {
  const image_shape in{12, 3, 3};
  layer_probe<self_attention, B> three({.heads = 2}, in, 3), one({.heads = 2}, in, 1);
  const auto x = normals(three.inputs(), 1), dy = normals(three.outputs(), 2);
  const auto y = three.forward(x), dx = three.backward(dy);
  for (std::ptrdiff_t i = 0; i < 3; ++i) {
    const auto part = [&](const std::vector<double>& all, std::ptrdiff_t size) {
      return std::vector<double>(all.begin() + i * size, all.begin() + (i + 1) * size);
    };
    CHECK(one.forward(part(x, 108)) == part(y, 36));
    CHECK(one.backward(part(dy, 36)) == part(dx, 108));
  }
}

TEST_CASE_TEMPLATE("nn/self_attention: equal keys give the mean of the values, one token its own", B,
                   SSL_BACKENDS) {
  layer_probe<self_attention, B> one({}, {6, 1, 1}, 2);
  CHECK(one.forward({1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}) == std::vector<double>{5, 6, -5, -6});
  CHECK(one.backward({1, 2, 3, 4}) == std::vector<double>{0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 4});
  layer_probe<self_attention, B> equal({}, {3, 1, 4}, 1);
  CHECK(equal.forward({1, 7, 1, 2, 7, 2, 3, 7, 3, 4, 7, 6}) == std::vector<double>{3, 3, 3, 3});
}

TEST_CASE_TEMPLATE("nn/self_attention: scores of any size stay finite", B, SSL_BACKENDS) {
  layer_probe<self_attention, B> probe({}, {3, 1, 20}, 1);
  for (const double scale : {1e6, 1e-6}) {
    auto x = normals(probe.inputs(), 1);
    for (std::size_t k = 0; k < x.size(); ++k) x[k] *= k % 3 == 2 ? 1 : scale;
    for (const double v : probe.forward(x)) CHECK(std::isfinite(v));
    for (const double v : probe.backward(normals(20, 2))) CHECK(std::isfinite(v));
  }
  std::vector<double> low;  // every score is -10^4
  for (int k = 0; k < 20; ++k) low.insert(low.end(), {-100, 100, static_cast<double>(k)});
  CHECK(relative_error(probe.forward(low), std::vector<double>(20, 9.5)) < tolerance<B>);
  for (const double v : probe.backward(std::vector<double>(20, 1.0))) CHECK(std::isfinite(v));
}

TEST_CASE_TEMPLATE("nn/self_attention: what all keys have in common does not matter, both ways", B,
                   SSL_BACKENDS) {
  const ssl::index channels = 8, tokens = 19;
  layer_probe<self_attention, B> probe({.heads = 2}, {3 * channels, 1, tokens}, 1);
  const auto x = normals(probe.inputs(), 1), dy = normals(probe.outputs(), 2);
  auto moved = x;
  for (ssl::index k = 0; k < tokens; ++k)
    for (ssl::index i = 0; i < channels; ++i)
      moved[static_cast<std::size_t>(3 * channels * k + channels + i)] += 50;
  const auto y = probe.forward(x), dx = probe.backward(dy);
  // A score of some hundreds has four digits after the point in float.
  const double enough = ssl::test::by_scalar<B>(2e-4, 1e-11);
  CHECK(relative_error(probe.forward(moved), y) < enough);
  CHECK(relative_error(probe.backward(dy), dx) < enough);
}

TEST_CASE_TEMPLATE("nn/self_attention: more columns of work than scratch holds at a time", B,
                   ssl::test::backend<float>) {
  const image_shape in{48, 1, 33};
  layer_probe<self_attention, B> many({.heads = 4}, in, 200), one({.heads = 4}, in, 1);
  const auto x = normals(many.inputs(), 1), dy = normals(many.outputs(), 2);
  const auto y = many.forward(x), dx = many.backward(dy);
  const std::ptrdiff_t inputs = 48 * 33, outputs = 16 * 33;
  CHECK(one.forward({x.end() - inputs, x.end()}) == std::vector<double>(y.end() - outputs, y.end()));
  CHECK(one.backward({dy.end() - outputs, dy.end()}) == std::vector<double>(dx.end() - inputs, dx.end()));
}

TEST_CASE_TEMPLATE("nn/self_attention: runs on maps of bf16", B, ssl::test::backend<float>) {
  const image_shape in{24, 4, 5};
  layer_probe<self_attention, B> full({.heads = 2}, in, 2);
  layer_probe<ssl::in_bf16_layer<self_attention>, B> half(ssl::in_bf16(self_attention{.heads = 2}), in, 2);
  const auto x = normals(full.inputs(), 1), dy = normals(full.outputs(), 2);
  CHECK(relative_error(half.forward(x), full.forward(x)) < 2e-2);
  CHECK(relative_error(half.backward(dy), full.backward(dy)) < 3e-2);
}

TEST_CASE("nn/self_attention: channels that are no heads are refused in a sentence") {
  using ssl::test::message;
  CHECK(message<ssl::shape_error>([] {
          (void)self_attention{.heads = 2}.output({9, 2, 2});
        }) ==
        "ssl::self_attention: the input has 9 channels; they must be queries, keys and values of 2 heads, a "
        "multiple of 6");
  CHECK(message<ssl::option_error>([] {
          (void)self_attention{.heads = 0}.output({9, 2, 2});
        }) == "ssl::self_attention: heads is 0, expected at least 1");
  CHECK(self_attention{.heads = 2}.output({12, 2, 5}) == image_shape{4, 2, 5});
}
