#include "ssl/nn/vision_transformer.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "ssl/nn/in_bf16.hpp"
#include "support/layers.hpp"
#include "support/temporary_folder.hpp"

using ssl::image_shape;
using ssl::vision_transformer;
using ssl::test::layer_probe;
using ssl::test::normals;
using ssl::test::relative_error;
using ssl::test::tolerance;

namespace {

using transformer = decltype(vision_transformer());

const ssl::vision_transformer_options tiny{.patch = 2, .width = 4, .depth = 2, .heads = 2, .hidden = 2};

bool has(const std::vector<ssl::segment>& table, const char* name) {
  return std::any_of(table.begin(), table.end(), [&](const ssl::segment& s) { return s.name == name; });
}

/// The tokens of one image of `side` tokens a side, moved: tokens of 2 x 2 pixels with `channels` channels,
/// token k where token from[k] was.
std::vector<double> moved_tokens(const std::vector<double>& x, ssl::index channels, ssl::index side,
                                 ssl::index step) {
  std::vector<double> to(x.size());
  const ssl::index tokens = side * side, row = 2 * side;
  for (ssl::index k = 0; k < tokens; ++k) {
    const ssl::index from = step * k % tokens;
    for (ssl::index y = 0; y < 2; ++y)
      for (ssl::index i = 0; i < 2 * channels; ++i)
        to[static_cast<std::size_t>(((2 * (k / side) + y) * row + 2 * (k % side)) * channels + i)] =
            x[static_cast<std::size_t>(((2 * (from / side) + y) * row + 2 * (from % side)) * channels + i)];
  }
  return to;
}

}  // namespace

TEST_CASE("nn/vision_transformer: has timm's names and 2.7 million parameters") {
  const auto net = vision_transformer();
  CHECK(net.output({3, 32, 32}) == image_shape{192, 1, 1});
  CHECK(vision_transformer({.patch = 8}).output({3, 32, 16}) == image_shape{192, 1, 1});
  const auto table = net.parameters({3, 32, 32});
  const ssl::index block = 12 * 192 * 192 + (3 + 1 + 4 + 1) * 192 + 4 * 192;
  CHECK(ssl::total_size(table) == 48 * 192 + 192 + 64 * 192 + 6 * block + 2 * 192);
  CHECK(ssl::total_size(table) == net.parameter_count({3, 32, 32}));
  for (const char* name : {"patch_embed.proj.weight", "pos_embed", "blocks.0.norm1.weight",
                           "blocks.0.attn.qkv.weight", "blocks.3.attn.proj.bias", "blocks.5.norm2.bias",
                           "blocks.5.mlp.fc1.weight", "blocks.5.mlp.fc2.bias", "norm.weight"})
    CHECK_MESSAGE(has(table, name), name);
  for (const ssl::segment& s : table) CHECK(s.kind != ssl::role::buffer);
}

TEST_CASE_TEMPLATE("nn/vision_transformer: agrees with finite differences", B, SSL_DOUBLE_BACKENDS) {
  CHECK(ssl::test::gradient_error<B>(vision_transformer(tiny), {2, 4, 6}, 2) < 1e-6);
  auto other = tiny;
  other.activation = ssl::gelu_form::tanh;
  other.depth = 1;
  CHECK(ssl::test::gradient_error<B>(vision_transformer(other), {1, 2, 2}, 3) < 1e-6);  // one token
  other.depth = 0;
  CHECK(ssl::test::gradient_error<B>(vision_transformer(other), {1, 4, 4}, 2) < 1e-6);
}

TEST_CASE_TEMPLATE("nn/vision_transformer: without positions the order of the tokens does not matter", B,
                   SSL_BACKENDS) {
  layer_probe<transformer, B> probe(vision_transformer(tiny), {3, 6, 6}, 1);
  const auto x = normals(probe.inputs(), 1), moved = moved_tokens(x, 3, 3, 2);
  CHECK(relative_error(probe.forward(moved), probe.forward(x)) > 1e-4);
  auto params = probe.params();
  for (const ssl::segment& s : probe.net().table())
    if (s.name == "pos_embed") std::fill_n(params.begin() + s.offset, s.size(), 0.0);
  probe.set_params(params);
  CHECK(relative_error(probe.forward(moved), probe.forward(x)) < 10 * tolerance<B>);
}

TEST_CASE_TEMPLATE("nn/vision_transformer: an image's embedding is the same in any batch and phase", B,
                   SSL_BACKENDS) {
  const image_shape in{3, 4, 4};
  layer_probe<transformer, B> three(vision_transformer(tiny), in, 3), one(vision_transformer(tiny), in, 1);
  const auto x = normals(three.inputs(), 1);
  const auto y = three.forward(x);
  CHECK(relative_error(three.forward(x, ssl::mode::eval), y) < tolerance<B>);
  CHECK(relative_error(one.forward({x.begin() + 96, x.end()}), {y.begin() + 8, y.end()}) < tolerance<B>);
}

TEST_CASE("nn/vision_transformer: keeps neither what a layer norm nor what a GELU makes") {
  const ssl::index n = 16, map = 192 * 64 * n;  // one map of the width
  const ssl::index of_block = vision_transformer({.depth = 3}).tape({3, 32, 32}, n) -
                              vision_transformer({.depth = 2}).tape({3, 32, 32}, n);
  // x of both layer norms, queries, keys and values, the attention's result, and what the GELU reads; two
  // numbers a token for each norm and each head
  CHECK(of_block == (2 + 3 + 1 + 4) * map + (2 + 2 + 6) * 64 * n);
}

TEST_CASE_TEMPLATE("nn/vision_transformer: runs on maps of bf16", B, ssl::test::backend<float>) {
  const image_shape in{3, 8, 8};
  const auto net = vision_transformer({.patch = 2, .width = 16, .depth = 2, .heads = 2});
  layer_probe<transformer, B> full(net, in, 4);
  layer_probe<ssl::in_bf16_layer<transformer>, B> half(ssl::in_bf16(net), in, 4);
  const auto x = normals(full.inputs(), 1);
  CHECK(relative_error(half.forward(x), full.forward(x)) < 5e-2);
}

TEST_CASE("nn/vision_transformer: options that do not fit are refused in a sentence") {
  using ssl::test::message;
  CHECK(message<ssl::option_error>([] { vision_transformer({.width = 100, .heads = 3}); }) ==
        "ssl::vision_transformer: patch 4, width 100, depth 6, heads 3, hidden 4; all must be positive, the "
        "depth zero or more, the width a multiple of the heads");
  CHECK_THROWS_AS(vision_transformer({.patch = 0}), ssl::option_error);
  CHECK_THROWS_AS(vision_transformer({.heads = 0}), ssl::option_error);
}
