#include "ssl/data/dataset.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

struct unlabelled {
  index size() const { return 1; }
  image_shape shape() const { return {1, 1, 1}; }
  std::span<const std::uint8_t> bytes(index) const { return {}; }
};

memory_dataset three() { return {{2, 1, 2}, {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23}, {1, 0, 2}, 3}; }

}  // namespace

static_assert(LabelledDataset<memory_dataset>);
static_assert(Dataset<unlabelled> && !LabelledDataset<unlabelled>);
static_assert(!Dataset<int>);

TEST_CASE("data/dataset: image i begins at i times the size of one") {
  const memory_dataset d = three();
  CHECK(d.size() == 3);
  CHECK(d.classes() == 3);
  CHECK(d.shape() == image_shape{2, 1, 2});
  CHECK(d.bytes(1).size() == 4);
  CHECK(d.bytes(1)[0] == 10);
  CHECK(d.bytes(2)[3] == 23);
  CHECK(d.label(0) == 1);
  CHECK(d.label(2) == 2);
  CHECK(d.all_pixels().size() == 12);
  CHECK(d.bytes(1).data() == d.all_pixels().data() + 4);
}

TEST_CASE("data/dataset: a subset keeps pixels, labels and the number of classes") {
  const memory_dataset d = three().subset(1, 2);
  CHECK(d.size() == 2);
  CHECK(d.classes() == 3);
  CHECK(d.label(0) == 0);
  CHECK(d.bytes(1)[0] == 20);
  CHECK(three().subset(3, 0).size() == 0);
  CHECK(says(message<shape_error>([] { three().subset(2, 2); }), "2 images from 2 on, but there are 3"));
  CHECK(says(message<shape_error>([] { three().subset(-1, 1); }), "from -1"));
  CHECK(says(message<shape_error>([] { three().subset(1, PTRDIFF_MAX); }), "but there are 3"));
}

TEST_CASE("data/dataset: sizes that disagree and labels out of range are refused") {
  CHECK(says(message<shape_error>([] { memory_dataset({2, 1, 2}, {1, 2, 3}, {0}, 1); }), "3 bytes"));
  CHECK(says(message<shape_error>([] {
               memory_dataset({1, 1, 1}, {1, 2, 3}, {0}, 1);
             }),
             "3 images but 1 labels"));
  CHECK(says(message<shape_error>([] { memory_dataset({0, 1, 1}, {}, {}, 1); }), "at least 1x1x1"));
  CHECK(says(message([] { memory_dataset({1, 1, 1}, {1, 2}, {0, 2}, 2); }), "label 2 of image 1"));
  CHECK(says(message([] { memory_dataset({1, 1, 1}, {1}, {-1}, 2); }), "label -1"));
}
