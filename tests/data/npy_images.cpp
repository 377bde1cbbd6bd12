#include "ssl/data/npy_images.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

using bytes = std::vector<std::uint8_t>;

/// A .npy file of any element type.
template <class T>
void array(const temporary_folder& folder, const std::string& name, const std::string& descr,
           const std::vector<index>& shape, const std::vector<T>& values) {
  const std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + npy_shape_text(shape) + ", }\n";
  bytes file{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, static_cast<std::uint8_t>(header.size()), 0};
  file.insert(file.end(), header.begin(), header.end());
  const auto* raw = reinterpret_cast<const std::uint8_t*>(values.data());
  file.insert(file.end(), raw, raw + values.size() * sizeof(T));
  folder.file(name, file);
}

void labels(const temporary_folder& folder, const std::vector<std::int64_t>& train,
            const std::vector<std::int64_t>& test) {
  array(folder, "train_labels.npy", "<i8", {static_cast<index>(train.size())}, train);
  array(folder, "test_labels.npy", "<i8", {static_cast<index>(test.size())}, test);
}

/// Two images to train on and one to judge by, the same array of `shape` less its first extent.
template <class T>
void make_set(const temporary_folder& folder, const std::string& descr, std::vector<index> shape,
              const std::vector<T>& train, const std::vector<T>& test) {
  shape.insert(shape.begin(), 2);
  array(folder, "train_images.npy", descr, shape, train);
  shape[0] = 1;
  array(folder, "test_images.npy", descr, shape, test);
  labels(folder, {0, 2}, {1});
}

bytes image(const any_dataset& d, index i) {
  bytes out(static_cast<std::size_t>(d.shape().size()));
  d.read(i, out);
  return out;
}

}  // namespace

TEST_CASE("data/npy_images: bytes are taken as they are, in either order of axes and of any channel count") {
  const temporary_folder folder;
  for (const bool stream : {false, true}) {
    make_set<std::uint8_t>(folder, "|u1", {1, 2}, {1, 2, 3, 255}, {0, 9});
    const any_split grey = read_npy_images(folder.path(), {.stream = stream});
    CHECK(grey.train.shape() == image_shape{1, 1, 2});
    CHECK(image(grey.train, 1) == bytes{3, 255});
    CHECK(image(grey.test, 0) == bytes{0, 9});
    CHECK(grey.train.classes() == 3);
    CHECK(grey.train.label(1) == 2);
    CHECK(grey.train.all_pixels().empty() == stream);

    make_set<std::uint8_t>(folder, "|u1", {1, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
                           {1, 2, 3, 4, 5, 6});
    const any_split last = read_npy_images(folder.path(), {.stream = stream});
    CHECK(last.train.shape() == image_shape{2, 1, 3});
    CHECK(image(last.train, 0) == bytes{1, 2, 3, 4, 5, 6});
    const any_split first =
        read_npy_images(folder.path(), {.axes = npy_axes::channels_first, .stream = stream});
    CHECK(first.train.shape() == image_shape{1, 3, 2});
    CHECK(image(first.train, 0) == bytes{1, 2, 3, 4, 5, 6});

    make_set<std::uint8_t>(folder, "|u1", {2, 1, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
                           {1, 2, 3, 4, 5, 6});
    const any_split planes =
        read_npy_images(folder.path(), {.axes = npy_axes::channels_first, .stream = stream});
    CHECK(planes.train.shape() == image_shape{2, 1, 3});
    CHECK(image(planes.train, 1) == bytes{7, 10, 8, 11, 9, 12});
  }
}

TEST_CASE("data/npy_images: other types are mapped by the training images' own range, channel by channel") {
  const temporary_folder folder;
  make_set<std::uint16_t>(folder, "<u2", {1, 1, 2}, {1000, 7, 3000, 7}, {2000, 9});
  const any_split wide = read_npy_images(folder.path());
  CHECK(image(wide.train, 0) == bytes{0, 0});  // a channel of one value is black
  CHECK(image(wide.train, 1) == bytes{255, 0});
  CHECK(image(wide.test, 0) == bytes{128, 0});

  make_set<float>(folder, "<f4", {2, 1, 1}, {-1, 10, 1, 20}, {3, -5});
  const any_split planes = read_npy_images(folder.path(), {.axes = npy_axes::channels_first, .stream = true});
  CHECK(image(planes.train, 0) == bytes{0, 0});
  CHECK(image(planes.train, 1) == bytes{255, 255});
  CHECK(image(planes.test, 0) == bytes{255, 0});  // beyond the range is cut off

  constexpr double huge = std::numeric_limits<double>::max();
  make_set<double>(folder, "<f8", {1, 2}, {-huge, huge, 0, huge / 2}, {0, -huge});
  const any_split far = read_npy_images(folder.path());
  CHECK(image(far.train, 0) == bytes{0, 255});
  CHECK(image(far.train, 1) == bytes{128, 191});
}

TEST_CASE("data/npy_images: a stated range is the same for all channels, and moves a value by half a step") {
  const temporary_folder folder;
  std::vector<double> train(400), test(200);
  for (std::size_t i = 0; i < train.size(); ++i) train[i] = -2 + 4 * static_cast<double>(i) / 399;
  make_set<double>(folder, "<f8", {10, 10, 2}, train, test);
  const any_split s = read_npy_images(folder.path(), {.range = value_range{-2, 2}});
  for (index i = 0; i < 2; ++i) {
    const bytes found = image(s.train, i);
    for (std::size_t k = 0; k < 200; ++k) {
      const double back = -2 + 4 * found[k] / 255.0;
      CHECK(std::abs(back - train[static_cast<std::size_t>(i) * 200 + k]) <= 4.0 / 510 + 1e-12);
    }
  }
  CHECK(says(message<option_error>([&] {
               read_npy_images(folder.path(), {.range = value_range{2, 2}});
             }),
             "expected the lower number first"));
}

TEST_CASE("data/npy_images: NaN and infinity are errors, before the training or when they are met") {
  const temporary_folder folder;
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), far = std::numeric_limits<float>::infinity();
  make_set<float>(folder, "<f4", {1, 2}, {0, 1, nan, 1}, {0, 1});
  CHECK(says(message([&] { read_npy_images(folder.path()); }), "train_images.npy: holds NaN"));
  const any_split s = read_npy_images(folder.path(), {.range = value_range{}, .stream = true});
  CHECK(image(s.train, 0) == bytes{0, 255});
  CHECK(says(message([&] { image(s.train, 1); }), "train_images.npy: holds NaN"));
  make_set<float>(folder, "<f4", {1, 2}, {0, 1, 2, 1}, {-far, 1});
  CHECK(says(message([&] { read_npy_images(folder.path()); }), "test_images.npy: holds an infinite number"));
}

TEST_CASE("data/npy_images: files that are missing, malformed or disagree are refused in a sentence") {
  const temporary_folder folder;
  const auto refusal = [&] { return message([&] { read_npy_images(folder.path()); }); };
  const auto good = [&] { make_set<std::uint8_t>(folder, "|u1", {1, 2}, {1, 2, 3, 4}, {0, 9}); };
  CHECK(says(message([&] { read_npy_images(folder / "none"); }), "none: no such folder"));
  CHECK(says(refusal(), "train_images.npy: no such file"));
  good();
  folder.file("train_images.npy", {1, 2, 3});
  CHECK(says(refusal(), "train_images.npy: is no .npy file"));
  array<std::uint8_t>(folder, "train_images.npy", "|u1", {2, 1, 2}, {1, 2, 3});
  CHECK(says(refusal(), "train_images.npy: is truncated, expected 4 bytes"));
  array<std::uint8_t>(folder, "train_images.npy", "|u1", {2, 2}, {1, 2, 3, 4});
  CHECK(says(refusal(), "has shape (2, 2), expected (images, height, width)"));
  array<std::uint8_t>(folder, "train_images.npy", "|u1", {2, 0, 2}, {});
  CHECK(says(refusal(), "expected at least one image of at least one pixel"));
  array<std::uint8_t>(folder, "train_images.npy", "<c8", {1, 1, 1}, {0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(says(refusal(), "has the dtype <c8"));
  good();
  array<std::uint8_t>(folder, "test_images.npy", "|u1", {1, 2, 1}, {1, 2});
  CHECK(says(refusal(), "differ in the size or the type"));
  good();
  array<std::int8_t>(folder, "test_images.npy", "|i1", {1, 1, 2}, {1, 2});
  CHECK(says(refusal(), "differ in the size or the type"));
  good();
  labels(folder, {0, 1, 2}, {1});
  CHECK(says(refusal(), "train_labels.npy: has 3 labels, expected the 2 of its images"));
  labels(folder, {0, -1}, {1});
  CHECK(says(refusal(), "train_labels.npy: label 1 is -1, expected 0 to 999999"));
  labels(folder, {0, 1}, {std::int64_t{1} << 40});
  CHECK(says(refusal(), "test_labels.npy: label 0 is 1099511627776"));
  array<double>(folder, "test_labels.npy", "<f8", {1}, {1});
  CHECK(says(refusal(), "has the dtype f8, expected whole numbers"));
  array<std::int64_t>(folder, "test_labels.npy", "<i8", {1, 1}, {1});
  CHECK(says(refusal(), "expected 1 axis (images)"));
}
