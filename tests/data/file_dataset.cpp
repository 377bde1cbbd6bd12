#include "ssl/data/file_dataset.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <vector>

#include "ssl/data/any_dataset.hpp"
#include "ssl/data/joined_threads.hpp"
#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

std::vector<std::uint8_t> counted(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return bytes;
}

std::shared_ptr<const file_reader> open(const std::filesystem::path& path) {
  return std::make_shared<const file_reader>(path);
}

template <class D>
std::vector<std::uint8_t> image(const D& d, index i) {
  std::vector<std::uint8_t> out(static_cast<std::size_t>(d.shape().size()));
  d.read(i, out);
  return out;
}

}  // namespace

static_assert(Dataset<file_dataset> && !LabelledDataset<file_dataset> && !StoredImages<file_dataset>);

TEST_CASE("data/file_reader: reads anywhere, from several threads at once") {
  const temporary_folder folder;
  const file_reader file(folder.file("a", counted(4096)));
  CHECK(file.size() == 4096);
  std::atomic<int> wrong{0};
  {
    joined_threads threads;
    for (std::size_t t = 0; t < 4; ++t)
      threads.start([&, t] {
        std::vector<std::uint8_t> out(8);
        for (std::size_t k = 0; k < 500; ++k) {
          const std::size_t at = (k * 37 + t * 1000) % 4000;
          file.read(at, out);
          for (std::size_t b = 0; b < 8; ++b) wrong += out[b] != static_cast<std::uint8_t>(at + b);
        }
      });
  }
  CHECK(wrong == 0);
}

TEST_CASE("data/file_reader: what cannot be read is named") {
  const temporary_folder folder;
  CHECK(says(message([&] { file_reader(folder / "none"); }), "none: no such file"));
  CHECK(says(message([&] { file_reader{folder.path()}; }), "is a folder, expected a file"));
  const file_reader file(folder.file("a", counted(10)));
  std::vector<std::uint8_t> out(6);
  CHECK(says(message([&] { file.read(5, out); }), "a: ends after 10 bytes, expected 11"));
}

TEST_CASE("data/file_dataset: images come from records of several files, with a head, a gap and a decoder") {
  const temporary_folder folder;
  const auto first = open(folder.file("a", counted(2 + 3 * 5))), second = open(folder.file("b", counted(8)));
  file_dataset plain({1, 2, 2}, 4);
  plain.append(first, 2, 5, 3);
  plain.append(second, 0, 4, 2);
  CHECK(plain.size() == 5);
  CHECK(image(plain, 0) == std::vector<std::uint8_t>{2, 3, 4, 5});
  CHECK(image(plain, 2) == std::vector<std::uint8_t>{12, 13, 14, 15});
  CHECK(image(plain, 3) == std::vector<std::uint8_t>{0, 1, 2, 3});
  CHECK(image(plain, 4) == std::vector<std::uint8_t>{4, 5, 6, 7});

  file_dataset sums({1, 1, 1}, 4, [](std::span<const std::uint8_t> raw, std::span<std::uint8_t> out) {
    out[0] = static_cast<std::uint8_t>(raw[0] + raw[1] + raw[2] + raw[3]);
  });
  sums.append(second, 0, 4, 2);
  CHECK(image(sums, 1)[0] == 22);
}

TEST_CASE("data/file_dataset: files that are too short and images that are not there are refused") {
  const temporary_folder folder;
  const auto file = open(folder.file("a", counted(11)));
  file_dataset d({1, 2, 2}, 4);
  CHECK(
      says(message([&] { d.append(file, 0, 4, 3); }), "a: has 11 bytes, expected at least 12 for 3 images"));
  d.append(file, 3, 4, 2);
  std::vector<std::uint8_t> out(4);
  CHECK(says(message<shape_error>([&] { d.read(2, out); }), "image 2 of 2"));
  CHECK(says(message<shape_error>([&] { d.read(0, std::span(out).first(3)); }), "3 bytes, expected 4"));
  CHECK(says(message<shape_error>([&] { file_dataset({1, 2, 2}, 5); }), "or a decoder"));
}

TEST_CASE("data/any_dataset: images of a file move into memory, and some are chosen, with their labels") {
  const temporary_folder folder;
  file_dataset images({1, 1, 2}, 2);
  images.append(open(folder.file("a", counted(8))), 0, 2, 4);
  const any_dataset streamed(images, {0, 1, 2, 1}, 3), bare(images);
  const any_dataset held = in_memory(streamed.subset(1, 3));
  CHECK(streamed.all_pixels().empty());
  REQUIRE(held.all_pixels().size() == 6);
  CHECK(held.all_pixels()[0] == 2);
  CHECK(held.label(1) == 2);
  CHECK(in_memory(held).all_pixels().data() == held.all_pixels().data());
  CHECK(!in_memory(bare).labelled());
  const any_dataset some = choose(streamed, {3, 0});
  CHECK(some.size() == 2);
  CHECK(some.classes() == 3);
  CHECK(some.label(0) == 1);
  CHECK(image(some, 0) == std::vector<std::uint8_t>{6, 7});
  CHECK(image(some, 1) == std::vector<std::uint8_t>{0, 1});
  CHECK(says(message<shape_error>([&] { choose(streamed, {4}); }), "image 4"));
  CHECK(says(message<shape_error>([&] { any_dataset(images, {0, 1}, 2); }), "4 images but 2 labels"));
}
