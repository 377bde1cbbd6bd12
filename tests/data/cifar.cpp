#include "ssl/data/cifar.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

/// Records whose byte at (plane c, pixel p) of record i is (7 i + 3 p + 50 c) mod 256, after the given label
/// bytes.
std::vector<std::uint8_t> records(const std::vector<std::vector<std::uint8_t>>& labels) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    bytes.insert(bytes.end(), labels[i].begin(), labels[i].end());
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t p = 0; p < 1024; ++p)
        bytes.push_back(static_cast<std::uint8_t>(7 * i + 3 * p + 50 * c));
  }
  return bytes;
}

/// The same byte in channel-last order.
int expected(index i, index k) { return static_cast<int>((7 * i + 3 * (k / 3) + 50 * (k % 3)) % 256); }

bool intact(const memory_dataset& d) {
  for (index i = 0; i < d.size(); ++i)
    for (index k = 0; k < 3072; ++k)
      if (d.bytes(i)[static_cast<std::size_t>(k)] != expected(i, k)) return false;
  return true;
}

}  // namespace

TEST_CASE("data/cifar: planar records become channel-last images") {
  const temporary_folder folder;
  const memory_dataset d = read_cifar10_file(folder.file("a.bin", records({{3}, {9}, {0}})));
  CHECK(d.size() == 3);
  CHECK(d.classes() == 10);
  CHECK(d.shape() == image_shape{3, 32, 32});
  CHECK(d.label(0) == 3);
  CHECK(d.label(1) == 9);
  CHECK(d.label(2) == 0);
  CHECK(intact(d));
}

TEST_CASE("data/cifar: the official names are read in order, also from the folder of the archive") {
  const temporary_folder folder;
  for (int k = 1; k <= 5; ++k)
    folder.file("data_batch_" + std::to_string(k) + ".bin", records({{static_cast<std::uint8_t>(k)}}));
  folder.file("test_batch.bin", records({{7}, {8}}));
  const auto check = [](const dataset_split& both) {
    REQUIRE(both.train.size() == 5);
    for (int k = 1; k <= 5; ++k) CHECK(both.train.label(k - 1) == k);
    REQUIRE(both.test.size() == 2);
    CHECK(both.test.label(1) == 8);
  };
  check(read_cifar10(folder.path()));

  const temporary_folder outer;
  std::filesystem::copy(folder.path(), outer / "cifar-10-batches-bin");
  check(read_cifar10(outer.path()));
}

TEST_CASE("data/cifar: train.bin and test.bin serve as well") {
  const temporary_folder folder;
  folder.file("train.bin", records({{1}, {2}}));
  folder.file("test.bin", records({{3}}));
  const dataset_split both = read_cifar10(folder.path());
  CHECK(both.train.size() == 2);
  CHECK(both.test.label(0) == 3);
}

TEST_CASE("data/cifar: a hundred classes or their twenty groups") {
  const temporary_folder folder;
  folder.file("train.bin", records({{19, 99}, {4, 50}}));
  folder.file("test.bin", records({{0, 1}}));
  const dataset_split fine = read_cifar100(folder.path());
  CHECK(fine.train.classes() == 100);
  CHECK(fine.train.label(0) == 99);
  CHECK(fine.test.label(0) == 1);
  CHECK(intact(fine.train));
  const dataset_split coarse = read_cifar100(folder.path(), cifar100_labels::coarse);
  CHECK(coarse.train.classes() == 20);
  CHECK(coarse.train.label(0) == 19);
  CHECK(coarse.test.label(0) == 0);
  CHECK(intact(coarse.train));
}

TEST_CASE("data/cifar: an empty or missing folder is told what was looked for") {
  const temporary_folder folder;
  const std::string empty = message([&] { read_cifar10(folder.path()); });
  CHECK(empty.starts_with(folder.path().string()));
  CHECK(says(empty, "data_batch_1.bin"));
  CHECK(says(empty, "train.bin"));
  CHECK(says(message([&] { read_cifar100(folder.path()); }), "expected train.bin and test.bin"));
  CHECK(says(message([&] { read_cifar10(folder / "none"); }), "none: no such folder"));
  CHECK(says(message([&] { read_cifar10(folder.file("x", {1})); }), "is a file, expected a folder"));
}

TEST_CASE("data/cifar: a set with a missing file names the file") {
  const temporary_folder folder;
  for (const int k : {1, 2, 4, 5}) folder.file("data_batch_" + std::to_string(k) + ".bin", records({{0}}));
  folder.file("test_batch.bin", records({{0}}));
  CHECK(says(message([&] { read_cifar10(folder.path()); }), "data_batch_3.bin: no such file"));
  folder.file("data_batch_3.bin", records({{0}}));
  std::filesystem::remove(folder / "test_batch.bin");
  CHECK(says(message([&] { read_cifar10(folder.path()); }), "test_batch.bin: no such file"));
}

TEST_CASE("data/cifar: a truncated or empty file states its size and the record's") {
  const temporary_folder folder;
  auto bytes = records({{1}, {2}});
  bytes.pop_back();
  const std::string cut = message([&] { read_cifar10_file(folder.file("a.bin", bytes)); });
  CHECK(says(cut, "a.bin: has 6145 bytes, expected a multiple of the 3073"));
  CHECK(says(message([&] { read_cifar10_file(folder.file("b.bin", {})); }), "has 0 bytes"));
  CHECK(says(message([&] { read_cifar100_file(folder.file("c.bin", records({{1}}))); }), "3073 bytes"));
}

TEST_CASE("data/cifar: a label beyond the classes is refused") {
  const temporary_folder folder;
  CHECK(says(message([&] {
               read_cifar10_file(folder.file("a.bin", records({{1}, {10}})));
             }),
             "record 1 has the label 10, expected 0 to 9"));
  CHECK(says(message([&] { read_cifar100_file(folder.file("b.bin", records({{0, 100}}))); }), "label 100"));
}

TEST_CASE("data/cifar: images that stay in their files are the same, with the same labels") {
  const temporary_folder folder;
  folder.file("train.bin", records({{1}, {9}, {2}}));
  folder.file("test.bin", records({{3}}));
  const dataset_split held = read_cifar10(folder.path());
  const any_split streamed = stream_cifar10(folder.path());
  CHECK(streamed.train.all_pixels().empty());
  CHECK(in_memory(streamed.test).label(0) == 3);
  REQUIRE(streamed.train.size() == 3);
  CHECK(streamed.train.classes() == 10);
  std::vector<std::uint8_t> image(3072);
  for (index i = 0; i < 3; ++i) {
    streamed.train.read(i, image);
    CHECK(std::equal(image.begin(), image.end(), held.train.bytes(i).begin()));
    CHECK(streamed.train.label(i) == held.train.label(i));
  }
  folder.file("train.bin", records({{19, 99}, {4, 50}}));
  folder.file("test.bin", records({{0, 1}}));
  CHECK(stream_cifar100(folder.path()).train.label(1) == 50);
  CHECK(stream_cifar100(folder.path(), cifar100_labels::coarse).train.label(1) == 4);
  CHECK(stream_cifar100(folder.path(), cifar100_labels::coarse).test.classes() == 20);
  folder.file("test.bin", records({{20, 1}}));
  CHECK(says(message([&] { stream_cifar100(folder.path(), cifar100_labels::coarse); }), "label 20"));
  CHECK(says(message([&] { stream_cifar10(folder.path()); }), "expected a multiple of the 3073"));
}
