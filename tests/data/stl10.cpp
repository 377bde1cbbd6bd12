#include "ssl/data/stl10.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

/// The byte of image i at channel c, column x, row y.
std::uint8_t value(index i, index c, index x, index y) {
  return static_cast<std::uint8_t>(11 * i + 80 * c + x + 3 * y);
}

/// Images first ... first + count - 1 as the format has them: planes, each column after column.
std::vector<std::uint8_t> images(index count, index first = 0) {
  std::vector<std::uint8_t> bytes;
  for (index i = first; i < first + count; ++i)
    for (index c = 0; c < 3; ++c)
      for (index x = 0; x < 96; ++x)
        for (index y = 0; y < 96; ++y) bytes.push_back(value(i, c, x, y));
  return bytes;
}

bool intact(const any_dataset& d, index i, index name) {
  std::vector<std::uint8_t> out(27648);
  d.read(i, out);
  for (index y = 0; y < 96; ++y)
    for (index x = 0; x < 96; ++x)
      for (index c = 0; c < 3; ++c)
        if (out[static_cast<std::size_t>((y * 96 + x) * 3 + c)] != value(name, c, x, y)) return false;
  return true;
}

void make_set(const temporary_folder& folder) {
  folder.file("train_X.bin", images(2));
  folder.file("train_y.bin", {1, 10});
  folder.file("test_X.bin", images(3, 20));
  folder.file("test_y.bin", {2, 3, 4});
  folder.file("unlabeled_X.bin", images(4, 40));
}

void text(const temporary_folder& folder, const std::string& name, const std::string& content) {
  folder.file(name, {content.begin(), content.end()});
}

}  // namespace

TEST_CASE("data/stl10: the images to train on are those without labels, classifiers learn from others") {
  const temporary_folder folder;
  make_set(folder);
  for (const bool stream : {false, true}) {
    const any_split s = read_stl10(folder.path(), {.stream = stream});
    CHECK(s.train.size() == 4);
    CHECK(!s.train.labelled());
    CHECK(s.train.shape() == image_shape{3, 96, 96});
    CHECK(s.train.all_pixels().empty());
    CHECK(intact(s.train, 3, 43));
    REQUIRE(s.bank().size() == 2);
    CHECK(s.bank().classes() == 10);
    CHECK(s.bank().label(0) == 0);
    CHECK(s.bank().label(1) == 9);
    CHECK(s.bank().all_pixels().empty() == stream);
    CHECK(intact(s.bank(), 1, 1));
    CHECK(s.test.label(2) == 3);
    CHECK(intact(s.test, 2, 22));
    CHECK(s.class_names.size() == 10);
  }
}

TEST_CASE("data/stl10: the labelled images alone, or all of them") {
  const temporary_folder outer;
  const std::filesystem::path inner = outer / "stl10_binary";
  {
    const temporary_folder folder;
    make_set(folder);
    std::filesystem::copy(folder.path(), inner);
  }
  const any_split all = read_stl10(outer.path(), {.train = stl10_training::both});
  CHECK(all.train.size() == 6);
  CHECK(!all.train.labelled());
  CHECK(intact(all.train, 1, 1));
  CHECK(intact(all.train, 2, 40));
  CHECK(all.bank().size() == 2);
  std::filesystem::remove(inner / "unlabeled_X.bin");
  const any_split few = read_stl10(outer.path(), {.train = stl10_training::labelled});
  CHECK(few.train.size() == 2);
  CHECK(few.train.label(1) == 9);
  CHECK(few.bank().size() == 2);
  CHECK(says(message([&] { read_stl10(outer.path()); }), "unlabeled_X.bin: no such file"));
}

TEST_CASE("data/stl10: the official folds are read") {
  const temporary_folder folder;
  make_set(folder);
  text(folder, "fold_indices.txt", "0 1 \n1 \n");
  const auto folds = read_stl10_folds(folder.path(), 2);
  REQUIRE(folds.size() == 2);
  CHECK(folds[0] == std::vector<index>{0, 1});
  CHECK(folds[1] == std::vector<index>{1});
  CHECK(choose(read_stl10(folder.path()).bank(), folds[1]).label(0) == 9);
  CHECK(says(message([&] { read_stl10_folds(folder.path(), 1); }), "fold 0 names image 1, expected 0 to 0"));
  text(folder, "fold_indices.txt", "0 1\nx\n");
  CHECK(says(message([&] { read_stl10_folds(folder.path(), 2); }), "line 2 holds something else"));
  text(folder, "fold_indices.txt", "\n");
  CHECK(says(message([&] { read_stl10_folds(folder.path(), 2); }), "holds no fold"));
  std::filesystem::remove(folder / "fold_indices.txt");
  CHECK(says(message([&] { read_stl10_folds(folder.path(), 2); }), "fold_indices.txt: no such file"));
}

TEST_CASE("data/stl10: what is missing, cut off or no label is refused in a sentence") {
  const temporary_folder folder;
  const auto refusal = [&] { return message([&] { read_stl10(folder.path()); }); };
  CHECK(says(message([&] { read_stl10(folder / "none"); }), "none: no such folder"));
  CHECK(says(refusal(), "holds no STL-10, expected train_X.bin, train_y.bin"));
  make_set(folder);
  auto cut = images(2);
  cut.pop_back();
  folder.file("train_X.bin", cut);
  CHECK(says(refusal(), "train_X.bin: has 55295 bytes, expected a multiple of the 27648 bytes of an image"));
  folder.file("train_X.bin", {});
  CHECK(says(refusal(), "train_X.bin: has 0 bytes"));
  make_set(folder);
  folder.file("unlabeled_X.bin", cut);
  CHECK(says(refusal(), "unlabeled_X.bin: has 55295 bytes"));
  make_set(folder);
  folder.file("train_y.bin", {1, 2, 3});
  CHECK(says(refusal(), "train_y.bin: has 3 labels, expected the 2 of its images"));
  folder.file("train_y.bin", {1, 0});
  CHECK(says(refusal(), "train_y.bin: label 1 is 0, expected 1 to 10"));
  folder.file("train_y.bin", {11, 1});
  CHECK(says(refusal(), "label 0 is 11"));
  make_set(folder);
  std::filesystem::remove(folder / "test_y.bin");
  CHECK(says(refusal(), "test_y.bin: no such file"));
}
