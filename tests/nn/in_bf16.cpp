#include "ssl/nn/in_bf16.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "ssl/nn/prototypes.hpp"
#include "ssl/nn/recipes.hpp"
#include "support/bf16.hpp"
#include "support/layers.hpp"

using ssl::in_bf16;
using ssl::test::layer_probe;
using ssl::test::rounded;

namespace {

template <class L>
using bf16_of = ssl::in_bf16_layer<L>;

/// Sizes of a wrong answer, relative to the right one: root of the sum of squares.
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) difference += (a[i] - b[i]) * (a[i] - b[i]), size += b[i] * b[i];
  return a.size() == b.size() ? std::sqrt(difference / size) : 1e300;
}

/// A single layer in bf16 is the layer itself on rounded inputs (and, for products, rounded weights), whose
/// y and dx are rounded at the end and whose parameters' gradients are not.
template <class B, class L>
void is_the_layer_between_roundings(L layer, ssl::image_shape in, ssl::index n, bool product) {
  const double tolerance = ssl::MultipliesBf16<B> ? 2e-5 : ssl::test::tolerance<B>;
  layer_probe<bf16_of<L>, B> half(in_bf16(layer), in, n);
  layer_probe<L, B> whole(layer, in, n);
  auto params = half.params();
  const auto noise = ssl::test::normals(static_cast<ssl::index>(params.size()), 4, 0.1);
  for (std::size_t i = 0; i < params.size(); ++i) params[i] += noise[i];
  half.set_params(params);
  whole.set_params(product ? rounded(params) : params);
  const auto x = ssl::test::normals(half.inputs(), 1, 1, 0.3), dy = ssl::test::normals(half.outputs(), 2);

  const auto y = half.forward(x);
  CHECK(ssl::test::is_rounding_of(y, whole.forward(rounded(x)), tolerance));
  const auto dx = half.backward(dy);
  CHECK(ssl::test::is_rounding_of(dx, whole.backward(rounded(dy)), tolerance));
  if (!params.empty()) CHECK(ssl::test::relative_error(half.grads(), whole.grads()) < tolerance);

  half.set_params(params);  // running statistics as they were
  whole.set_params(product ? rounded(params) : params);
  const auto of_eval = half.forward(x, ssl::mode::eval);
  CHECK(ssl::test::is_rounding_of(of_eval, whole.forward(rounded(x), ssl::mode::eval), tolerance));
}

template <class B>
void every_layer() {
  const ssl::image_shape image{5, 7, 6};
  is_the_layer_between_roundings<B>(ssl::linear{.out = 9}, {6, 2, 3}, 11, true);
  is_the_layer_between_roundings<B>(ssl::linear{.out = 40, .bias = false}, {50, 1, 1}, 30, true);
  is_the_layer_between_roundings<B>(ssl::conv2d{.out = 8}, image, 4, true);
  is_the_layer_between_roundings<B>(ssl::conv2d{.out = 8, .kernel = 5, .stride = 2, .padding = 2}, image, 4,
                                    true);
  is_the_layer_between_roundings<B>(ssl::conv2d{.out = 8, .kernel = 1, .padding = 0}, image, 4, true);
  is_the_layer_between_roundings<B>(ssl::conv2d{.out = 8, .kernel = 1, .stride = 2, .padding = 0}, image, 4,
                                    true);
  is_the_layer_between_roundings<B>(ssl::batch_norm{}, image, 6, false);
  is_the_layer_between_roundings<B>(ssl::batch_norm{.relu = true}, image, 6, false);
  is_the_layer_between_roundings<B>(ssl::batch_norm{.affine = false}, {5, 1, 1}, 40, false);
  is_the_layer_between_roundings<B>(ssl::batch_norm{.affine = false, .relu = true}, {5, 1, 1}, 40, false);
  is_the_layer_between_roundings<B>(ssl::relu{}, image, 3, false);
  is_the_layer_between_roundings<B>(ssl::identity_layer{}, image, 3, false);
  is_the_layer_between_roundings<B>(ssl::mean_pool{}, image, 3, false);
  is_the_layer_between_roundings<B>(ssl::max_pool{}, image, 3, false);
  is_the_layer_between_roundings<B>(ssl::max_pool{.kernel = 3, .stride = 1, .padding = 1}, image, 3, false);
}

/// Small integers: exact in bf16 as long as nothing exceeds 256.
std::vector<double> integers(std::size_t count, unsigned seed, int most) {
  auto out = ssl::test::normals(static_cast<ssl::index>(count), seed, most);
  for (double& v : out) v = std::clamp(std::round(v), -static_cast<double>(most), static_cast<double>(most));
  return out;
}

/// On small integers nothing is rounded, so a composition in bf16 is the composition, bit for bit.
template <class B, class L>
void is_exact_on_integers(L layer, ssl::image_shape in, ssl::index n, ssl::index max_batch) {
  layer_probe<bf16_of<L>, B> half(in_bf16(layer), in, n);
  layer_probe<L, B> whole(layer, in, n);
  auto params = integers(half.params().size(), 1, 1);
  half.set_params(params);
  whole.set_params(params);
  const auto x = integers(static_cast<std::size_t>(half.inputs()), 2, 2),
             dy = integers(static_cast<std::size_t>(half.outputs()), 3, 1);
  const auto y = whole.forward(x), dx = (whole.backward(dy)), grads = whole.grads();
  for (const auto& v : {y, dx})  // else this test says nothing
    for (const double e : v) REQUIRE(std::abs(e) <= 256);
  CHECK(half.forward(x) == y);
  CHECK(half.backward(dy) == dx);
  CHECK(half.grads() == grads);
  CHECK(half.forward(x, ssl::mode::eval) == y);

  // A tape made for more images than there are.
  ssl::workspace<B> work;
  ssl::network roomy(work.backend(), in_bf16(layer), in, max_batch);
  const std::vector<typename B::scalar> values(params.begin(), params.end());
  work.backend().upload(ssl::make_view<ssl::host_space>(values.data(), roomy.params().rows, 1),
                        roomy.params());
  const ssl::image_shape out = roomy.output_shape();
  ssl::test::matrix<B> xs(work.backend(), in.channels, in.pixels() * n, x),
      ys(work.backend(), out.channels, out.pixels() * n),
      dys(work.backend(), out.channels, out.pixels() * n, dy);
  auto ctx = work.ctx();
  for (int k = 0; k < 3; ++k) {
    const ssl::index before = work.backend().allocations();
    roomy.forward(ctx, xs.read(), ys());
    roomy.backward(ctx, dys.read());  // no dx
    CHECK(ys.get() == y);
    if (k == 2) CHECK(work.backend().allocations() == before);
  }
}

template <class B>
void every_composition() {
  using ssl::conv2d, ssl::linear, ssl::relu, ssl::residual;
  const auto pair = linear{.out = 3} | relu{};
  is_exact_on_integers<B>(
      linear{.out = 3} | relu{} | linear{.out = 2} | relu{} | linear{.out = 3, .bias = false}, {3, 1, 1}, 5,
      9);
  is_exact_on_integers<B>(ssl::repeat(3, linear{.out = 2, .bias = false} | relu{}), {2, 1, 1}, 4, 4);
  is_exact_on_integers<B>(ssl::repeat(0, relu{}), {3, 1, 1}, 5, 7);
  is_exact_on_integers<B>(
      ssl::named("a", residual(pair, linear{.out = 3}, {.relu = true})) | ssl::named("b", residual(pair)),
      {3, 1, 1}, 5, 6);
  const auto block = conv2d{.out = 3, .bias = true} | relu{} | conv2d{.out = 3, .kernel = 1, .padding = 0};
  is_exact_on_integers<B>(block, {2, 5, 3}, 3, 5);
  is_exact_on_integers<B>(residual(conv2d{.out = 3, .stride = 2, .bias = true},
                                   conv2d{.out = 3, .kernel = 1, .stride = 2, .padding = 0}, {.relu = true}) |
                              ssl::max_pool{.kernel = 2, .stride = 1},
                          {2, 5, 4}, 3, 4);
}

/// One training pass of a network and of the same network in bf16.
struct comparison {
  double y, dx, grads;
};
template <class B, class L>
comparison against_scalar(L layer, ssl::image_shape in, ssl::index n) {
  layer_probe<bf16_of<L>, B> half(in_bf16(layer), in, n, 3);
  layer_probe<L, B> whole(layer, in, n, 3);
  const auto x = ssl::test::normals(half.inputs(), 1), dy = ssl::test::normals(half.outputs(), 2);
  comparison c{};
  c.y = distance(half.forward(x), whole.forward(x));
  c.dx = distance(half.backward(dy), whole.backward(dy));
  c.grads = distance(half.grads(), whole.grads());
  return c;
}

std::vector<std::string> names(const std::vector<ssl::segment>& table) {
  std::vector<std::string> out;
  for (const ssl::segment& s : table) out.push_back(s.name);
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("nn/in_bf16: every layer is itself between roundings", B, SSL_BACKENDS) {
  every_layer<B>();
}

TEST_CASE_TEMPLATE("nn/in_bf16: compositions are exact where nothing has to be rounded", B,
                   ssl::test::backend<float>) {
  every_composition<B>();
}

TEST_CASE_TEMPLATE("nn/in_bf16: a backend that multiplies bf16 gives the same", B,
                   ssl::test::backend<float>) {
  using native = ssl::test::with_products<B>;
  static_assert(ssl::MultipliesBf16<native>);
  every_layer<ssl::test::plain<native>>();
  every_composition<native>();
}

TEST_CASE_TEMPLATE("nn/in_bf16: scores of prototypes are within a few roundings", B, SSL_BACKENDS) {
  const auto c = against_scalar<B>(ssl::prototypes{.count = 12}, {7, 3, 1}, 9);
  const double unit = std::ldexp(1.0, -8);  // one rounding, at most
  CHECK(c.y < 2 * unit);                    // both factors, and the result
  CHECK(c.dx < 2 * unit);
  CHECK(c.grads < 2 * unit);
}

// A rounding moves a number by at most 2^-8 of itself, in the mean square by about 2^-8 / 4 (the mantissa
// lies anywhere between 1 and 2). A block of convolution and batch norm rounds its weights and two maps on
// the way forward and two on the way back, and a gradient sees all of that: some 6 L independent errors for L
// blocks, sqrt(6 L) / 4 2^-8 together, well below 2^-8 sqrt(L).
TEST_CASE_TEMPLATE("nn/in_bf16: gradients of a smooth network differ by the roundings of its depth", B,
                   ssl::test::backend<float>) {
  using ssl::batch_norm, ssl::conv2d, ssl::linear, ssl::residual;
  const auto within = [](const comparison& c, double blocks) {
    const double unit = std::ldexp(std::sqrt(blocks), -8);
    CHECK(c.y < unit);
    CHECK(c.dx < unit);
    CHECK(c.grads < unit);
  };
  const auto block = conv2d{.out = 12, .stride = 2} | batch_norm{};
  within(against_scalar<B>(ssl::repeat(3, block) | ssl::mean_pool{}, {3, 16, 16}, 32), 3);
  within(against_scalar<B>(conv2d{.out = 12} | ssl::repeat(3, residual(conv2d{.out = 12} | batch_norm{})),
                           {3, 8, 8}, 16),
         4);
  within(
      against_scalar<B>(ssl::repeat(2, linear{.out = 24} | batch_norm{}) | linear{.out = 12}, {16, 1, 1}, 64),
      3);
}

// Where an input of a rectifier is nearer to zero than its error, the rectifier may take the other side, and
// a whole entry of the gradient comes or goes. With errors of 2^-8 that befalls about one entry in 2^8, and
// so the gradient moves by the root of that, sqrt(2^-8) a layer: the price of a kink, not of a rounding.
TEST_CASE_TEMPLATE("nn/in_bf16: gradients of a rectified network differ by the rectifiers that change sides",
                   B, ssl::test::backend<float>) {
  const auto within = [](const comparison& c, double blocks) {
    const double unit = std::ldexp(std::sqrt(blocks), -8), kinks = std::sqrt(std::ldexp(blocks, -8));
    CHECK(c.y < unit);
    CHECK(c.dx < 2 * kinks);
    CHECK(c.grads < 2 * kinks);
  };
  within(against_scalar<B>(ssl::patch_encoder({.widths = {8, 16, 16}}), {3, 16, 16}, 32), 3);
  within(against_scalar<B>(ssl::resnet18_cifar({.widths = {8, 12, 16}, .blocks = 1}), {3, 12, 12}, 16), 7);
  within(against_scalar<B>(ssl::projector({24, 24, 12}), {16, 1, 1}, 64), 3);
}

TEST_CASE("nn/in_bf16: the tape is half as large but for the statistics") {
  const auto share = [](const auto& net, ssl::image_shape in) {
    return static_cast<double>(in_bf16(net).tape(in, 512)) / static_cast<double>(net.tape(in, 512));
  };
  const double patches = share(ssl::patch_encoder(), {3, 16, 16});
  const double images = share(ssl::resnet18_cifar(), {3, 32, 32});
  CHECK(patches >= 0.5);
  CHECK(patches < 0.501);
  CHECK(images >= 0.5);
  CHECK(images < 0.501);
}

TEST_CASE("nn/in_bf16: parameters keep their names, their order and their starts") {
  const ssl::image_shape in{3, 16, 16};
  const auto net = ssl::patch_encoder();
  CHECK(names(in_bf16(net).parameters(in)) == names(net.parameters(in)));
  CHECK(in_bf16(net).parameter_count(in) == net.parameter_count(in));
  CHECK(in_bf16(net).output(in) == net.output(in));
  const auto stem = ssl::named("stem", ssl::conv2d{.out = 2});
  CHECK(names((in_bf16(stem) | in_bf16(ssl::relu{}) | in_bf16(ssl::conv2d{.out = 3})).parameters(in)) ==
        std::vector<std::string>{"stem.weight", "2.weight"});
}

TEST_CASE_TEMPLATE("nn/in_bf16: initialisation is the inner layer's", B, SSL_BACKENDS) {
  layer_probe<bf16_of<ssl::conv2d>, B> half(in_bf16(ssl::conv2d{.out = 4}), {3, 4, 4}, 2, 5);
  layer_probe<ssl::conv2d, B> whole({.out = 4}, {3, 4, 4}, 2, 5);
  CHECK(half.params() == whole.params());
}

TEST_CASE_TEMPLATE("nn/in_bf16: stands among layers of the scalar", B, SSL_BACKENDS) {
  using Ctx = ssl::context<B>;
  const auto net = in_bf16(ssl::linear{.out = 4} | ssl::relu{}) | ssl::linear{.out = 2};
  static_assert(ssl::check_layer<std::remove_const_t<decltype(net)>, Ctx>());
  static_assert(ssl::LayerPasses<ssl::linear, Ctx, ssl::bf16>);
  static_assert(!ssl::LayerPasses<bf16_of<ssl::linear>, Ctx, ssl::bf16>);
  layer_probe<std::remove_const_t<decltype(net)>, B> probe(net, {3, 1, 1}, 5);
  const auto x = ssl::test::normals(15, 1);
  const auto y = probe.forward(x);
  CHECK(probe.forward(x, ssl::mode::eval) == y);
}
