#include "ssl/nn/bag_encoder.hpp"

#include <doctest/doctest.h>

#include "support/layers.hpp"
#include "support/temporary_folder.hpp"

using ssl::bag_encoder;
using ssl::bag_encoder_options;
using ssl::receptive_field;
using ssl::receptive_field_of;

namespace {

/// Scalars that are trained.
ssl::index trained(const std::vector<ssl::segment>& table) {
  ssl::index sum = 0;
  for (const ssl::segment& s : table) sum += s.kind == ssl::role::buffer ? 0 : s.size();
  return sum;
}

}  // namespace

TEST_CASE("nn/bag_encoder: a patch becomes one embedding, an image a grid of them") {
  const auto net = bag_encoder();
  CHECK(net.output({3, 16, 16}) == ssl::image_shape{128, 1, 1});
  CHECK(net.output({3, 32, 32}) == ssl::image_shape{128, 9, 9});
  CHECK(net.output({3, 17, 96}) == ssl::image_shape{128, 1, 41});
  CHECK(bag_encoder({.multiplier = 0.5}).output({1, 16, 16}) == ssl::image_shape{64, 1, 1});
  // kernels 4, 3, 3, 3 over 3, 32, 64, 128 channels, two numbers a channel for the norms
  CHECK(trained(net.parameters({3, 16, 16})) ==
        48 * 32 + 288 * 64 + 576 * 128 + 1152 * 128 + 2 * (32 + 64 + 128 + 128));
  CHECK(net.parameters({3, 16, 16}).front().name == "blocks.0.conv.weight");
  CHECK(net.parameter_count({3, 16, 16}) == net.parameter_count({3, 96, 96}));
}

TEST_CASE("nn/bag_encoder: the field of the options is that of the network") {
  for (const bag_encoder_options& options : {
           bag_encoder_options{},
           bag_encoder_options{.patch = 22},
           bag_encoder_options{.patch = 8, .blocks = {{4, 4, 2}, {4, 1}, {4, 3, 2}}},
           bag_encoder_options{.patch = 9, .blocks = {{4}, {4, 3, 2}, {4, 1, 3}, {4, 1}}},
           bag_encoder_options{.patch = 3, .blocks = {{4, 3, 5}}},
           bag_encoder_options{.patch = 1, .blocks = {{4, 1}}},
       }) {
    if (options.patch == 9) {  // 5 pixels, 6 apart, or 11: refused
      CHECK_THROWS_AS(receptive_field_of(options), ssl::option_error);
      continue;
    }
    const receptive_field field = receptive_field_of(options);
    CHECK(field.side == options.patch);
    CHECK(receptive_field_of(bag_encoder(options)) == field);
    const ssl::image_shape one = bag_encoder(options).output({2, field.side, field.side});
    CHECK(one.pixels() == 1);
    const ssl::image_shape map =
        bag_encoder(options).output({2, field.side + field.stride, field.side + 2 * field.stride});
    CHECK(map == ssl::image_shape{one.channels, 2, 3});
  }
}

TEST_CASE("nn/bag_encoder: the last stride moves the grid and leaves the network as it is") {
  const bag_encoder_options near{.patch = 8, .blocks = {{3, 4, 2}, {4, 3, 1}}};
  const bag_encoder_options far{.patch = 8, .blocks = {{3, 4, 2}, {4, 3, 4}}};
  CHECK(receptive_field_of(near) == receptive_field{8, 2});
  CHECK(receptive_field_of(far) == receptive_field{8, 8});
  CHECK(bag_encoder(near).parameter_count({3, 8, 8}) == bag_encoder(far).parameter_count({3, 8, 8}));
}

TEST_CASE_TEMPLATE("nn/bag_encoder: agrees with finite differences on patches and on images", B,
                   SSL_DOUBLE_BACKENDS) {
  const auto net = bag_encoder({.patch = 5, .blocks = {{3, 2}, {4, 3}}, .multiplier = 1});
  CHECK(ssl::test::gradient_error<B>(net, {2, 5, 5}, 6) < 1e-6);
  CHECK(ssl::test::gradient_error<B>(net, {2, 6, 7}, 3) < 1e-6);
}

TEST_CASE("nn/bag_encoder: options that do not fit are refused in a sentence") {
  using ssl::test::message;
  CHECK(message<ssl::option_error>([] { bag_encoder({.patch = 8}); }) ==
        "ssl::bag_encoder: 4 blocks see 16 pixels, 2 apart, and the patch has a side of 8; expected at least "
        "one block and a patch of 16, 18, 20, ... pixels");
  CHECK_THROWS_AS(bag_encoder({.patch = 17}), ssl::option_error);
  CHECK_THROWS_AS(bag_encoder({.patch = 1, .blocks = {}}), ssl::option_error);
  CHECK(message<ssl::option_error>([] {
          bag_encoder({.blocks = {{8, 3, 1}, {8, 0, 1}}});
        }) == "ssl::bag_encoder: a block has width 8, kernel 0, stride 1; all must be positive");
  CHECK(
      message<ssl::option_error>([] {
        bag_encoder({.blocks = {{8, 2, 3}, {8}}});
      }) ==
      "ssl::bag_encoder: a block has stride 3 and kernel 2, so that it leaves pixels out; the stride must be "
      "at most the kernel in all blocks but the last");
}
