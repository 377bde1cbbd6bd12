#include "ssl/nn/recipes.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/layers.hpp"

using ssl::test::layer_probe;

namespace {

bool has(const std::vector<ssl::segment>& table, const char* name) {
  return std::any_of(table.begin(), table.end(), [&](const ssl::segment& s) { return s.name == name; });
}

/// Scalars that are trained.
ssl::index trained(const std::vector<ssl::segment>& table) {
  ssl::index sum = 0;
  for (const ssl::segment& s : table) sum += s.kind == ssl::role::buffer ? 0 : s.size();
  return sum;
}

}  // namespace

TEST_CASE("nn/recipes: the patch encoder has the widths asked for, times the multiplier") {
  CHECK(ssl::patch_encoder().output({3, 16, 16}) == ssl::image_shape{128, 1, 1});
  CHECK(ssl::patch_encoder({.multiplier = 1.5}).output({3, 16, 16}) == ssl::image_shape{192, 1, 1});
  CHECK(ssl::patch_encoder({.widths = {8, 20}}).output({3, 13, 9}) == ssl::image_shape{20, 1, 1});
  CHECK(ssl::patch_encoder({.widths = {8, 20}, .features = 50}).output({3, 16, 16}) ==
        ssl::image_shape{50, 1, 1});
  CHECK(
      has(ssl::patch_encoder({.widths = {8}, .features = 50}).parameters({3, 4, 4}), "features.0.bn.weight"));
  const auto table = ssl::patch_encoder().parameters({3, 16, 16});
  CHECK(has(table, "blocks.3.bn.running_var"));
  // convolutions 27 * 32 + 288 * 64 + 576 * 128 + 1152 * 128, two numbers a channel for the norms
  CHECK(trained(table) == 240480 + 2 * (32 + 64 + 128 + 128));
}

TEST_CASE(
    "nn/recipes: the named patch encoders have the parameters and multiply-adds that their table says") {
  struct row {
    const char* name;
    ssl::index features, parameters, multiply_adds;
  };
  for (const row& r : {row{"tiny", 64, 60688, 211968}, row{"small", 128, 241184, 792576},
                       row{"base", 256, 961600, 3059712}, row{"large", 256, 961600, 12238848}}) {
    INFO(r.name);
    const ssl::patch_encoder_options o = ssl::patch_encoder_preset(r.name);
    const auto net = ssl::patch_encoder(o);
    CHECK(net.output({3, 16, 16}) == ssl::image_shape{r.features, 1, 1});
    CHECK(trained(net.parameters({3, 16, 16})) == r.parameters);
    ssl::index sum = 0;
    ssl::image_shape map{3, 16, 16};
    for (std::size_t k = 0; k < o.widths.size(); ++k) {
      const ssl::conv2d conv{.out = o.widths[k], .stride = k == 0 ? o.stem_stride : o.stride};
      sum += conv.geometry(map).out().size() * conv.geometry(map).patch();
      map = conv.output(map);
    }
    CHECK(sum == r.multiply_adds);
  }
  CHECK_THROWS_WITH_AS(ssl::patch_encoder_preset("huge"),
                       "ssl::patch_encoder_preset: the name is \"huge\", expected tiny, small, base or large",
                       ssl::option_error);
}

TEST_CASE("nn/recipes: the projector is VICReg's, biases in the hidden layers only") {
  const auto net = ssl::projector({16, 16, 8});
  CHECK(net.output({32, 1, 1}) == ssl::image_shape{8, 1, 1});
  const auto table = net.parameters({32, 1, 1});
  CHECK(has(table, "hidden.1.linear.bias"));
  CHECK(has(table, "last.weight"));
  CHECK(!has(table, "last.bias"));
  CHECK(has(ssl::projector({8}, {.last_bias = true}).parameters({32, 1, 1}), "last.bias"));
  CHECK_THROWS_AS(ssl::projector({}), ssl::option_error);
}

TEST_CASE(
    "nn/recipes: a plain projector has linear layers with biases and ReLU between them, no batch norm") {
  const auto net = ssl::plain_projector({16, 8});
  CHECK(net.output({32, 1, 1}) == ssl::image_shape{8, 1, 1});
  const auto table = net.parameters({32, 1, 1});
  CHECK(table.size() == 4);
  CHECK(has(table, "last.bias"));
  for (const ssl::segment& s : table) CHECK(s.kind != ssl::role::buffer);
  CHECK_THROWS_AS(ssl::plain_projector({}), ssl::option_error);
}

TEST_CASE_TEMPLATE("nn/recipes: the patch encoder and a projector agree with finite differences", B,
                   SSL_DOUBLE_BACKENDS) {
  CHECK(ssl::test::gradient_error<B>(ssl::patch_encoder({.widths = {3, 4}}), {2, 6, 6}, 4) < 1e-6);
  CHECK(ssl::test::gradient_error<B>(ssl::patch_encoder({.widths = {3, 4}, .stem_stride = 1, .features = 5}),
                                     {2, 4, 4}, 6) < 1e-6);
  CHECK(ssl::test::gradient_error<B>(ssl::projector({5, 4, 3}), {4, 1, 1}, 6) < 1e-6);
  CHECK(ssl::test::gradient_error<B>(ssl::plain_projector({5, 4, 3}), {4, 1, 1}, 6) < 1e-6);
}
