#include "ssl/nn/resnet.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

#include "support/layers.hpp"

using ssl::resnet_stem;
using ssl::test::layer_probe;

namespace {

const ssl::segment* find(const std::vector<ssl::segment>& table, const std::string& name) {
  const auto at = std::find_if(table.begin(), table.end(), [&](const auto& s) { return s.name == name; });
  return at == table.end() ? nullptr : &*at;
}

/// Scalars that are trained.
ssl::index trained(const std::vector<ssl::segment>& table) {
  ssl::index sum = 0;
  for (const ssl::segment& s : table) sum += s.kind == ssl::role::buffer ? 0 : s.size();
  return sum;
}

}  // namespace

TEST_CASE("nn/resnet: the networks have the features and parameters of torchvision's") {
  const auto check = [](const auto& net, ssl::index features, ssl::index parameters) {
    CHECK(net.output({3, 64, 64}) == ssl::image_shape{features, 1, 1});
    const auto table = net.parameters({3, 64, 64});
    CHECK(trained(table) == parameters);
    CHECK(ssl::total_size(table) == net.parameter_count({3, 64, 64}));
  };
  check(ssl::resnet18(), 512, 11176512);
  check(ssl::resnet34(), 512, 21284672);
  check(ssl::resnet50(), 2048, 23508032);
  check(ssl::resnet101(), 2048, 42500160);
  check(ssl::wide_resnet50_2(), 2048, 66834240);
  check(ssl::resnet18_cifar(), 512, 11168832);
  check(ssl::resnet34_cifar(), 512, 21276992);
  check(ssl::resnet50_cifar(), 2048, 23500352);
  check(ssl::wide_resnet50_2<resnet_stem::cifar>(), 2048, 66826560);
}

TEST_CASE("nn/resnet: all networks of one stem are one type") {
  CHECK(std::is_same_v<decltype(ssl::resnet18()), decltype(ssl::wide_resnet50_2())>);
  CHECK(std::is_same_v<decltype(ssl::resnet18_cifar()), decltype(ssl::resnet50<resnet_stem::cifar>())>);
}

TEST_CASE("nn/resnet: parameters have torchvision's names, in its order") {
  std::vector<std::string> names;
  for (const auto& s : ssl::resnet50({.widths = {4, 8}, .blocks = 1}).parameters({3, 32, 32}))
    names.push_back(s.name);
  std::vector<std::string> expected;
  const auto unit = [&](const std::string& conv, const std::string& norm) {
    expected.push_back(conv + ".weight");
    for (const char* what : {".weight", ".bias", ".running_mean", ".running_var"})
      expected.push_back(norm + what);
  };
  unit("conv1", "bn1");
  for (const std::string block : {"layer1.0.", "layer2.0."}) {
    for (const std::string k : {"1", "2", "3"}) unit(block + "conv" + k, block + "bn" + k);
    unit(block + "downsample.0", block + "downsample.1");
  }
  CHECK(names == expected);
}

TEST_CASE("nn/resnet: a shortcut has weights where the shape changes, and only there") {
  const auto basic = ssl::resnet18().parameters({3, 64, 64});
  CHECK(find(basic, "layer4.0.downsample.1.running_var"));
  CHECK(!find(basic, "layer1.0.downsample.0.weight"));
  CHECK(!find(basic, "layer2.1.downsample.0.weight"));
  const auto deep = ssl::resnet50().parameters({3, 64, 64});
  REQUIRE(find(deep, "layer1.0.downsample.0.weight"));
  CHECK(find(deep, "layer1.0.downsample.0.weight")->rows == 256);
  CHECK(!find(deep, "layer1.1.downsample.0.weight"));
}

TEST_CASE("nn/resnet: wide networks widen the inner layers of a bottleneck, not its ends") {
  const auto narrow = ssl::resnet50().parameters({3, 64, 64}),
             wide = ssl::wide_resnet50_2().parameters({3, 64, 64});
  const auto grows = [&](const char* name, ssl::index factor) {
    INFO(name);
    REQUIRE(find(narrow, name));
    REQUIRE(find(wide, name));
    CHECK(find(wide, name)->size() == factor * find(narrow, name)->size());
  };
  grows("layer1.0.conv1.weight", 2);
  grows("layer3.5.conv2.weight", 4);
  grows("layer4.2.conv3.weight", 2);
}

TEST_CASE("nn/resnet: stages and blocks are what the options say") {
  const auto count = [](const auto& net, const char* stage) {
    const auto table = net.parameters({3, 32, 32});
    return std::count_if(table.begin(), table.end(), [&](const ssl::segment& s) {
      return s.name.starts_with(stage) && s.name.ends_with(".conv1.weight");
    });
  };
  const auto two = ssl::resnet50({.widths = {8, 12}});
  CHECK(two.output({3, 32, 32}) == ssl::image_shape{48, 1, 1});
  CHECK(count(two, "layer1.") == 3);
  CHECK(count(two, "layer2.") == 4);
  CHECK(count(two, "layer3.") == 0);
  const auto each = ssl::resnet18({.widths = {8, 8, 8}, .blocks = {1, 3, 2}});
  CHECK(count(each, "layer1.") == 1);
  CHECK(count(each, "layer2.") == 3);
  CHECK(count(each, "layer3.") == 2);
  CHECK(count(ssl::resnet34({.blocks = 5}), "layer4.") == 5);
}

TEST_CASE("nn/resnet: options out of range are refused in a sentence") {
  CHECK_THROWS_WITH_AS(ssl::resnet18({.widths = {}}),
                       "ssl::resnet: there are 0 widths of stages, expected 1 to 8", ssl::option_error);
  CHECK_THROWS_WITH_AS(ssl::resnet18({.widths = {8, 0}}),
                       "ssl::resnet: stage 2 has 2 blocks of width 0, both must be positive",
                       ssl::option_error);
  CHECK_THROWS_WITH_AS(ssl::resnet18_cifar({.blocks = 0}),
                       "ssl::resnet: stage 1 has 0 blocks of width 64, both must be positive",
                       ssl::option_error);
  CHECK_THROWS_WITH_AS(
      ssl::resnet18({.blocks = {1, 2}}),
      "ssl::resnet: there are 4 stages, expected the number of blocks of each, or one number "
      "for all",
      ssl::option_error);
  CHECK_THROWS_WITH_AS(ssl::resnet34({.width_per_group = 128}),
                       "ssl::resnet: width_per_group is 128, expected 64: only bottleneck blocks have an "
                       "inner width",
                       ssl::option_error);
  CHECK_THROWS_AS(ssl::resnet50({.widths = {8}, .width_per_group = 4}), ssl::option_error);
}

TEST_CASE_TEMPLATE("nn/resnet: small networks agree with finite differences", B, SSL_DOUBLE_BACKENDS) {
  CHECK(ssl::test::gradient_error<B>(ssl::resnet18_cifar({.widths = {2, 3}, .blocks = 1}), {2, 4, 4}, 4) <
        1e-6);
  CHECK(ssl::test::gradient_error<B>(ssl::resnet50({.widths = {2}, .blocks = 1}), {2, 12, 12}, 3) < 1e-6);
}

TEST_CASE_TEMPLATE("nn/resnet: zero residual blocks start as the identity behind a relu", B, SSL_BACKENDS) {
  const auto same = [](const auto& shallow, const auto& deep) {
    using net = std::remove_cvref_t<decltype(shallow)>;
    layer_probe<net, B> one(shallow, {3, 5, 5}, 4), three(deep, {3, 5, 5}, 4);
    const auto x = ssl::test::normals(one.inputs(), 1);
    CHECK(ssl::test::relative_error(three.forward(x), one.forward(x)) < ssl::test::tolerance<B>);
  };
  same(ssl::resnet18_cifar({.widths = {4}, .blocks = 1, .zero_residual = true}),
       ssl::resnet18_cifar({.widths = {4}, .blocks = 3, .zero_residual = true}));
  same(ssl::resnet50_cifar({.widths = {4}, .blocks = 1, .zero_residual = true}),
       ssl::resnet50_cifar({.widths = {4}, .blocks = 3, .zero_residual = true}));
}
