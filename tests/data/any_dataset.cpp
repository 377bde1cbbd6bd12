#include "ssl/data/any_dataset.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "ssl/data/prefetch.hpp"
#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

/// Images of 1 x 2 x 2 that are made when they are read; byte k of image i is 10 i + k.
struct made_images {
  index count = 6;
  std::shared_ptr<std::atomic<int>> reads = std::make_shared<std::atomic<int>>(0);
  int wrong_label = 0;  // added to the last image's

  index size() const { return count; }
  image_shape shape() const { return {2, 1, 2}; }
  int classes() const { return 3; }
  int label(index i) const { return static_cast<int>(i % 3) + (i + 1 == count ? wrong_label : 0); }
  void read(index i, std::span<std::uint8_t> out) const {
    ++*reads;
    for (std::size_t k = 0; k < out.size(); ++k)
      out[k] = static_cast<std::uint8_t>(10 * i + static_cast<index>(k));
  }
};

struct bare_images {
  index size() const { return 2; }
  image_shape shape() const { return {1, 1, 1}; }
  void read(index i, std::span<std::uint8_t> out) const { out[0] = static_cast<std::uint8_t>(i); }
};

memory_dataset stored() { return {{2, 1, 2}, {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23}, {1, 0, 2}, 3}; }

std::vector<std::uint8_t> image(const any_dataset& d, index i) {
  std::vector<std::uint8_t> out(static_cast<std::size_t>(d.shape().size()));
  d.read(i, out);
  return out;
}

}  // namespace

static_assert(LabelledDataset<any_dataset> && ContiguousDataset<any_dataset> && !StoredImages<any_dataset>);

TEST_CASE("data/any_dataset: images in memory stay in one block that copies and parts share") {
  const any_dataset d = stored();
  const any_dataset copy = d, part = d.subset(1, 2);
  CHECK(d.size() == 3);
  CHECK(d.classes() == 3);
  CHECK(d.shape() == image_shape{2, 1, 2});
  CHECK(d.labelled());
  REQUIRE(d.all_pixels().size() == 12);
  CHECK(copy.all_pixels().data() == d.all_pixels().data());
  CHECK(part.all_pixels().data() == d.all_pixels().data() + 4);
  CHECK(part.all_pixels().size() == 8);
  CHECK(part.labels().size() == 2);
  CHECK(part.label(1) == 2);
  CHECK(image(part, 0) == std::vector<std::uint8_t>{10, 11, 12, 13});
  CHECK(image(part.subset(1, 1), 0) == std::vector<std::uint8_t>{20, 21, 22, 23});
}

TEST_CASE("data/any_dataset: images that are read stay where they are until they are asked for") {
  const made_images source;
  const any_dataset d = source, part = d.subset(2, 3);
  CHECK(d.all_pixels().empty());
  CHECK(part.all_pixels().empty());
  CHECK(part.label(0) == 2);
  CHECK(part.labels()[1] == 0);
  CHECK(*source.reads == 0);
  CHECK(image(part, 1) == std::vector<std::uint8_t>{30, 31, 32, 33});
  CHECK(*source.reads == 1);
}

TEST_CASE("data/any_dataset: threads that read ahead bring the same batches as the collection itself") {
  const made_images source;
  const any_dataset d = source;
  prefetcher<made_images> expected(source, 2, {.seed = 3}, 9, 1);
  prefetcher<any_dataset> found(d, 2, {.seed = 3}, 9, 3);
  for (int s = 0; s < 9; ++s) {
    const auto& batch = found.next();
    CHECK(batch.pixels == expected.next().pixels);
  }
}

TEST_CASE("data/any_dataset: a collection without labels has no classes") {
  const any_dataset d = bare_images{};
  CHECK(d.size() == 2);
  CHECK(!d.labelled());
  CHECK(d.classes() == 0);
  CHECK(d.label(1) == -1);
  CHECK(d.labels().empty());
  CHECK(image(d, 1)[0] == 1);
  const any_dataset hidden = any_dataset(stored()).without_labels();
  CHECK(!hidden.labelled());
  CHECK(hidden.label(0) == -1);
  CHECK(hidden.size() == 3);
}

TEST_CASE(
    "data/any_dataset: classifiers learn from the labelled images, or else from those of the training") {
  const any_split plain{stored(), stored()};
  CHECK(plain.bank().size() == 3);
  const any_split apart{bare_images{}, stored(), made_images{}};
  CHECK(apart.bank().size() == 6);
}

TEST_CASE("data/any_dataset: what does not fit is refused in a sentence") {
  const any_dataset d = stored(), none;
  std::vector<std::uint8_t> out(4);
  CHECK(none.size() == 0);
  CHECK(says(message<shape_error>([&] { none.read(0, out); }), "image 0 was asked for, but there are 0"));
  CHECK(says(message<shape_error>([&] { d.subset(1, 2).read(2, out); }), "image 2"));
  CHECK(
      says(message<shape_error>([&] { d.read(0, std::span(out).first(3)); }), "an image has 4 bytes, but 3"));
  CHECK(says(message<shape_error>([&] { d.subset(2, 2); }), "2 images from 2 on, but there are 3"));
  CHECK(says(message([] { any_dataset(made_images{.wrong_label = 1}); }),
             "label 3 of image 5 is outside [0, 3)"));
}
