#include "ssl/data/idx.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

/// An IDX file of unsigned bytes 0, 1, 2, ...
std::vector<std::uint8_t> idx(const std::vector<std::uint32_t>& extents, std::size_t data,
                              std::uint8_t type = 8) {
  std::vector<std::uint8_t> bytes{0, 0, type, static_cast<std::uint8_t>(extents.size())};
  for (const std::uint32_t e : extents)
    for (int b = 24; b >= 0; b -= 8) bytes.push_back(static_cast<std::uint8_t>(e >> b));
  for (std::size_t i = 0; i < data; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  return bytes;
}

std::string image_refusal(const std::vector<std::uint8_t>& bytes) {
  return message([&] { parse_idx_images(bytes, "x"); });
}

void make_set(const temporary_folder& folder, const std::string& ending, const std::string& dot = "-") {
  folder.file("train-images" + dot + "idx3-ubyte" + ending, idx({3, 4, 5}, 60));
  folder.file("train-labels" + dot + "idx1-ubyte" + ending, idx({3}, 3));
  folder.file("t10k-images" + dot + "idx3-ubyte" + ending, idx({2, 4, 5}, 40));
  folder.file("t10k-labels" + dot + "idx1-ubyte" + ending, idx({2}, 2));
}

/// A decompressor that only notes that it was asked.
struct pretend {
  int* calls;
  std::vector<std::uint8_t> operator()(std::span<const std::uint8_t> bytes, const std::string&) const {
    ++*calls;
    return {bytes.begin(), bytes.end()};
  }
};

}  // namespace

TEST_CASE("data/idx: images and labels are parsed") {
  const idx_images images = parse_idx_images(idx({2, 3, 4}, 24), "x");
  CHECK(images.shape == image_shape{1, 3, 4});
  CHECK(images.pixels.size() == 24);
  CHECK(images.pixels[23] == 23);
  CHECK(parse_idx_labels(idx({3}, 3), "x") == std::vector<int>{0, 1, 2});
}

TEST_CASE("data/idx: the four files make a training and a test set") {
  for (const std::string dot : {"-", "."}) {
    const temporary_folder folder;
    make_set(folder, "", dot);
    const dataset_split both = read_idx(folder.path());
    CHECK(both.train.size() == 3);
    CHECK(both.train.shape() == image_shape{1, 4, 5});
    CHECK(both.train.classes() == 3);
    CHECK(both.test.classes() == 3);
    CHECK(both.test.label(1) == 1);
    CHECK(both.train.bytes(2)[0] == 40);
  }
}

TEST_CASE("data/idx: compressed files go through the decompressor, or say that one is missing") {
  const temporary_folder folder;
  make_set(folder, ".gz");
  int calls = 0;
  CHECK(read_idx(folder.path(), pretend{&calls}).train.size() == 3);
  CHECK(calls == 4);
  CHECK(says(message([&] { read_idx(folder.path()); }), "train-images-idx3-ubyte.gz: is compressed"));
  make_set(folder, "");  // the plain files are preferred
  CHECK(read_idx(folder.path()).test.size() == 2);
}

TEST_CASE("data/idx: malformed files are refused with what was found and expected") {
  CHECK(says(image_refusal({0, 0, 8}), "x: has 3 bytes, expected an IDX header of 16"));
  CHECK(says(image_refusal(std::vector<std::uint8_t>(16, 1)), "is no IDX file"));
  CHECK(says(image_refusal(idx({2, 3, 4}, 24, 13)), "element type 13, expected 8"));
  CHECK(says(image_refusal(idx({16}, 16)), "has 1 dimensions, expected 3"));
  CHECK(says(message([] { parse_idx_labels(idx({2, 3, 4}, 24), "x"); }), "has 3 dimensions, expected 1"));
  CHECK(says(image_refusal(idx({2, 3, 4}, 23)), "has 23 bytes after its header, expected 24 (truncated)"));
  CHECK(
      says(image_refusal(idx({2, 3, 4}, 25)), "has 25 bytes after its header, expected 24 (trailing bytes)"));
  CHECK(says(image_refusal(idx({0, 3, 4}, 0)), "holds no element"));
  CHECK(
      says(image_refusal(idx({0xffffffff, 0xffffffff, 0xffffffff}, 5)), "more than 4294967296 (truncated)"));
  CHECK(says(image_refusal(idx({0x80000000, 2, 0x10000000}, 0)), "more than 4294967296"));
}

TEST_CASE("data/idx: folders that lack a file or disagree are refused") {
  const temporary_folder folder;
  CHECK(says(message([&] { read_idx(folder / "none"); }), "no such folder"));
  CHECK(says(message([&] { read_idx(folder.path()); }),
             "holds no train-images-idx3-ubyte and no train-labels"));
  make_set(folder, "");
  std::filesystem::remove(folder / "t10k-labels-idx1-ubyte");
  CHECK(says(message([&] { read_idx(folder.path()); }), "t10k-labels-idx1-ubyte: no such file"));
  folder.file("t10k-labels-idx1-ubyte", idx({3}, 3));
  CHECK(says(message([&] { read_idx(folder.path()); }),
             "has 3 labels, expected the 2 of t10k-images-idx3-ubyte"));
  make_set(folder, "");
  folder.file("t10k-images-idx3-ubyte", idx({2, 5, 4}, 40));
  CHECK(says(message([&] { read_idx(folder.path()); }), "differ in size"));
}

TEST_CASE("data/idx: images that stay in their files are the same, with the same labels") {
  const temporary_folder folder;
  make_set(folder, "");
  const any_split streamed = stream_idx(folder.path());
  CHECK(streamed.train.all_pixels().empty());
  REQUIRE(streamed.train.size() == 3);
  CHECK(streamed.train.shape() == image_shape{1, 4, 5});
  CHECK(streamed.train.classes() == 3);
  CHECK(streamed.test.label(1) == 1);
  std::vector<std::uint8_t> image(20);
  streamed.train.read(2, image);
  CHECK(image[0] == 40);
  CHECK(image[19] == 59);
  folder.file("t10k-images-idx3-ubyte", idx({2, 4, 5}, 39));
  CHECK(says(message([&] { stream_idx(folder.path()); }), "expected 40 (truncated)"));
  folder.file("t10k-images-idx3-ubyte", {0, 0, 8});
  CHECK(says(message([&] { stream_idx(folder.path()); }), "has 3 bytes, expected an IDX header of 16"));
  const temporary_folder packed;
  make_set(packed, ".gz");
  CHECK(says(message([&] { stream_idx(packed.path()); }),
             "train-images-idx3-ubyte.gz: is compressed, so its images cannot be read one by one"));
}
