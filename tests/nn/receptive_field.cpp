#include "ssl/nn/receptive_field.hpp"

#include <doctest/doctest.h>

#include "ssl/nn/chain.hpp"
#include "ssl/nn/conv.hpp"
#include "ssl/nn/in_bf16.hpp"
#include "ssl/nn/mean_window.hpp"
#include "ssl/nn/pool.hpp"
#include "ssl/nn/recipes.hpp"
#include "support/layers.hpp"
#include "support/temporary_folder.hpp"

using ssl::batch_norm;
using ssl::conv2d;
using ssl::named;
using ssl::receptive_field;
using ssl::receptive_field_of;
using ssl::relu;
using ssl::test::layer_probe;

namespace {

conv2d conv(ssl::index out, ssl::index kernel, ssl::index stride = 1) {
  return {.out = out, .kernel = kernel, .stride = stride, .padding = 0};
}

/// The pixels, in an image of one channel, whose change changes output pixel 0 or the first of the next
/// column, read off a network of positive weights by moving one pixel at a time.
template <class B, class L>
receptive_field measured(L layer, ssl::index side) {
  layer_probe<L, B> probe(layer, {1, side, side}, 1);
  auto params = probe.params();
  for (double& p : params) p = 0.5;
  probe.set_params(params);
  const auto channels = static_cast<std::size_t>(probe.net().output_shape().channels);
  const std::vector<double> x(static_cast<std::size_t>(side * side), 1.0);
  const auto y = probe.forward(x, ssl::mode::eval);
  receptive_field found{0, 0};
  for (ssl::index k = 0; k < side; ++k) {
    auto moved = x;
    moved[static_cast<std::size_t>(k)] += 100;
    const auto z = probe.forward(moved, ssl::mode::eval);
    if (z[0] != y[0]) found.side = k + 1;
    if (found.stride == 0 && z[channels] != y[channels]) found.stride = k;
  }
  return found;
}

struct shift_by_two {  // a program's own layer
  using kind = ssl::layer_kind;
  receptive_field field() const { return {3, 2}; }
};
struct says_nothing {
  using kind = ssl::layer_kind;
};

}  // namespace

TEST_CASE("nn/receptive_field: fields of layers in a row follow from the layers'") {
  CHECK(receptive_field_of(conv(8, 3, 2)) == receptive_field{3, 2});
  CHECK(receptive_field_of(conv(8, 3, 2) | relu{} | conv(8, 3, 2)) == receptive_field{7, 4});
  CHECK(receptive_field_of(named("a", conv(8, 4, 2)) | batch_norm{} | named("b", ssl::mean_window{3, 1})) ==
        receptive_field{8, 2});
  CHECK(receptive_field_of(conv(8, 3) | ssl::layer_norm{} | ssl::gelu{}) == receptive_field{3, 1});
  CHECK(receptive_field_of(ssl::repeat(3, conv(8, 3) | relu{})) == receptive_field{7, 1});
  CHECK(receptive_field_of(ssl::repeat(0, conv(8, 3))) == receptive_field{});
  CHECK(receptive_field_of(ssl::max_pool{} | conv(8, 3)) == receptive_field{6, 2});
  CHECK(receptive_field_of(ssl::in_bf16(conv(8, 5))) == receptive_field{5, 1});
  CHECK(receptive_field_of(conv(8, 3) | ssl::residual(conv(8, 1) | relu{})) == receptive_field{3, 1});
  CHECK(receptive_field_of(ssl::residual(conv(8, 3, 2) | conv(8, 1), conv(8, 2, 2))) ==
        receptive_field{3, 2});
  CHECK(receptive_field_of(shift_by_two{}) == receptive_field{3, 2});
  CHECK(receptive_field{4, 2}.positions(9) == 3);
}

TEST_CASE_TEMPLATE("nn/receptive_field: is what a network is seen to depend on", B, SSL_DOUBLE_BACKENDS) {
  const auto check = [](auto layer) {
    const receptive_field expected = receptive_field_of(layer);
    CHECK(measured<B>(layer, expected.side + expected.stride) == expected);
  };
  check(conv(2, 4, 2) | conv(1, 3, 2) | conv(2, 1));
  check(conv(2, 3) | ssl::mean_window{.kernel = 3, .stride = 2} | conv(1, 2));
  check(conv(2, 2) | ssl::residual(conv(3, 3, 2), conv(3, 2, 2)) | relu{});
}

TEST_CASE("nn/receptive_field: what is no window of the input is refused in a sentence") {
  using ssl::test::message;
  CHECK(message<ssl::option_error>([] { receptive_field_of(conv(8, 3) | conv2d{.out = 8}); }) ==
        "ssl::receptive_field_of: a layer with kernel 3 has padding 1, so that what it makes of a patch "
        "depends "
        "on the patch's place in the image; expected layers without padding, as those of bag_encoder");
  CHECK_THROWS_AS(receptive_field_of(ssl::patch_encoder()), ssl::option_error);
  CHECK_THROWS_AS(receptive_field_of(ssl::resnet18_cifar()), ssl::option_error);
  CHECK_THROWS_AS(receptive_field_of(conv(8, 3) | ssl::mean_pool{}), ssl::option_error);
  CHECK_THROWS_AS(receptive_field_of(ssl::linear{}), ssl::option_error);
  CHECK(message<ssl::option_error>([] { receptive_field_of(says_nothing{}); }) ==
        "ssl::receptive_field_of: a layer reads the whole map or does not say what it reads; expected "
        "convolutions, pools over windows (mean_window in place of mean_pool), layers that work pixel by "
        "pixel, or layers with a member `receptive_field field() const`");
  CHECK(message<ssl::option_error>([] { receptive_field_of(ssl::residual(conv(8, 3, 2))); }) ==
        "ssl::receptive_field_of: a residual block has stride 2, its shortcut 1; both must see the same "
        "places");
}
