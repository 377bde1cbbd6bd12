#include "ssl/train/torch_weights.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "ssl/nn/prototypes.hpp"
#include "ssl/nn/resnet.hpp"
#include "support/layers.hpp"
#include "support/temporary_folder.hpp"

using ssl::test::layer_probe;
using ssl::test::message;
using ssl::test::says;

namespace {

auto small() { return ssl::resnet50_cifar({.widths = {2, 3}, .blocks = 1}); }
using small_net = decltype(small());

/// 0, 1, 2, ...
std::vector<double> count_up(ssl::index n) {
  std::vector<double> out;
  for (ssl::index i = 0; i < n; ++i) out.push_back(static_cast<double>(i));
  return out;
}

template <class L>
std::vector<double> imported(L layer, ssl::image_shape in, const std::filesystem::path& folder) {
  layer_probe<L, ssl::test::backend<double>> probe(layer, in, 1);
  ssl::import_torch_weights(folder, probe.net());
  return probe.params();
}

}  // namespace

TEST_CASE("train/torch_weights: a convolution's weight is turned from (out, in, k, k)") {
  const ssl::test::temporary_folder folder;
  ssl::write_npy(folder / "weight.npy", {2, 3, 2, 2}, count_up(24));
  // here (2, 12), column (ky * 2 + kx) * 3 + c; there ((o * 3 + c) * 2 + ky) * 2 + kx
  CHECK(imported(ssl::conv2d{.out = 2, .kernel = 2}, {3, 4, 4}, folder.path()) ==
        std::vector<double>{0, 12, 4, 16, 8,  20, 1, 13, 5, 17, 9,  21,
                            2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23});
}

TEST_CASE("train/torch_weights: a linear weight is (out, in), of a map (out, channels height width)") {
  const ssl::test::temporary_folder folder;
  ssl::write_npy(folder / "weight.npy", {2, 4}, count_up(8));
  ssl::write_npy(folder / "bias.npy", {2}, std::vector<double>{50, 60});
  CHECK(imported(ssl::linear{.out = 2}, {4, 1, 1}, folder.path()) ==
        std::vector<double>{0, 4, 1, 5, 2, 6, 3, 7, 50, 60});
  // two channels of two pixels: there c * 2 + pixel, here pixel * 2 + c
  CHECK(imported(ssl::linear{.out = 2}, {2, 1, 2}, folder.path()) ==
        std::vector<double>{0, 4, 2, 6, 1, 5, 3, 7, 50, 60});
}

TEST_CASE("train/torch_weights: prototypes are (count, features) there") {
  const ssl::test::temporary_folder folder;
  ssl::write_npy(folder / "weight.npy", {3, 2}, count_up(6));
  CHECK(imported(ssl::prototypes{.count = 3}, {2, 1, 1}, folder.path()) == count_up(6));
}

TEST_CASE_TEMPLATE("train/torch_weights: what is exported is imported, from either scalar", B, SSL_BACKENDS) {
  const ssl::test::temporary_folder folder;
  layer_probe<small_net, B> a(small(), {3, 8, 8}, 2, 1), b(small(), {3, 8, 8}, 2, 2);
  layer_probe<small_net, ssl::test::backend<double>> d(small(), {3, 8, 8}, 2, 3);
  a.forward(ssl::test::normals(a.inputs(), 1));  // moves the running statistics
  REQUIRE(a.params() != b.params());
  ssl::export_torch_weights(folder / "made", a.net());
  ssl::export_torch_weights(folder / "made", a.net());  // over the old ones
  ssl::import_torch_weights(folder / "made", b.net());
  ssl::import_torch_weights(folder / "made", d.net());
  CHECK(a.params() == b.params());
  CHECK(a.params() == d.params());
  const ssl::npy_array conv = ssl::read_npy(folder / "made" / "layer2.0.conv2.weight.npy");
  CHECK(conv.shape == std::vector<ssl::index>{3, 3, 3, 3});
  CHECK(conv.dtype.bytes == static_cast<int>(sizeof(typename B::scalar)));
}

TEST_CASE("train/torch_weights: torchvision's classifier and counters are left unread, other names are not") {
  const ssl::test::temporary_folder folder;
  layer_probe<small_net, ssl::test::backend<float>> a(small(), {3, 8, 8}, 2, 1), b(small(), {3, 8, 8}, 2, 2);
  ssl::export_torch_weights(folder.path(), a.net());
  ssl::write_npy(folder / "fc.weight.npy", {1, 2}, count_up(2));
  ssl::write_npy(folder / "fc.bias.npy", {2}, count_up(2));
  ssl::write_npy(folder / "bn1.num_batches_tracked.npy", {}, std::vector<std::int64_t>{7});
  ssl::write_file(folder / "notes.txt", "of no concern");
  ssl::import_torch_weights(folder.path(), b.net());
  CHECK(a.params() == b.params());

  const auto only = message([&] { ssl::import_torch_weights(folder.path(), b.net(), {}); });
  CHECK(only == (folder / "fc.bias.npy").string() + ": the network has no parameter of that name");
  ssl::write_npy(folder / "layer3.0.conv1.weight.npy", {1}, count_up(1));
  const auto more = message([&] { ssl::import_torch_weights(folder.path(), b.net()); });
  CHECK(more ==
        (folder / "layer3.0.conv1.weight.npy").string() + ": the network has no parameter of that name");
}

TEST_CASE("train/torch_weights: a folder that does not fit changes nothing and is described in a sentence") {
  const ssl::test::temporary_folder folder;
  layer_probe<small_net, ssl::test::backend<float>> a(small(), {3, 8, 8}, 2, 1), b(small(), {3, 8, 8}, 2, 2);
  const auto before = b.params();
  const auto refused = [&](const std::string& what) {
    const std::string text = message([&] { ssl::import_torch_weights(folder.path(), b.net()); });
    INFO(text);
    CHECK(says(text, what));
    CHECK(b.params() == before);
  };
  // the last parameter of the table is what does not fit, so that all others have been read
  const std::string last = "layer2.0.downsample.1.running_var.npy";
  ssl::export_torch_weights(folder.path(), a.net());
  std::filesystem::remove(folder / last);
  refused(last + ": no such file");
  ssl::write_npy(folder / last, {4, 3}, std::vector<double>(12, 1));
  refused(last + ": has shape (4, 3), the network's parameter has (12,)");
  ssl::write_npy(folder / last, {12}, std::vector<double>(12, std::numeric_limits<double>::quiet_NaN()));
  refused(last + ": element 0 is NaN, expected finite numbers");
  ssl::write_file(folder / last, "no array");
  refused(last + ": is no .npy file");
  const std::string absent = message([&] { ssl::import_torch_weights(folder / "absent", b.net()); });
  CHECK(says(absent, "absent: cannot be read as a folder"));
}

TEST_CASE("train/torch_weights: two parameters of one name are refused before anything is written") {
  const ssl::test::temporary_folder folder;
  const auto twins = ssl::named("", ssl::linear{.out = 2}) | ssl::named("", ssl::linear{.out = 2});
  layer_probe<std::remove_const_t<decltype(twins)>, ssl::test::backend<float>> probe(twins, {2, 1, 1}, 1);
  const auto text = [&](const auto& action) { return message<ssl::shape_error>(action); };
  CHECK(says(text([&] { ssl::export_torch_weights(folder / "x", probe.net()); }),
             "two parameters called bias"));
  CHECK(says(text([&] { ssl::import_torch_weights(folder.path(), probe.net()); }),
             "two parameters called bias"));
  CHECK(folder.entries() == 0);
}

TEST_CASE("train/torch_weights: an export into a place that is no folder is an error") {
  const ssl::test::temporary_folder folder;
  layer_probe<ssl::linear, ssl::test::backend<float>> probe(ssl::linear{.out = 2}, {2, 1, 1}, 1);
  ssl::write_file(folder / "file", "text");
  CHECK(says(message([&] { ssl::export_torch_weights(folder / "file", probe.net()); }), "cannot be"));
}
