#include "ssl/data/loader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

/// n images of two bytes, both saying which image it is.
memory_dataset numbered(int n) {
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < n; ++i) pixels.insert(pixels.end(), 2, static_cast<std::uint8_t>(i));
  return {{1, 1, 2}, pixels, std::vector<int>(static_cast<std::size_t>(n), 0), 1};
}

std::vector<index> epoch_of(loader<memory_dataset>& batches) {
  std::vector<index> seen;
  for (index s = 0; s < batches.steps_per_epoch(); ++s) {
    const auto images = batches.next();
    seen.insert(seen.end(), images.begin(), images.end());
  }
  return seen;
}

bool permutation(std::vector<index> order, index n) {
  std::sort(order.begin(), order.end());
  std::vector<index> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), index{0});
  return order == all;
}

}  // namespace

TEST_CASE("data/loader: every epoch is another permutation of all images") {
  const memory_dataset data = numbered(60);
  loader batches(data, 20, {7, 0});
  CHECK(batches.steps_per_epoch() == 3);
  const auto first = epoch_of(batches), second = epoch_of(batches), third = epoch_of(batches);
  CHECK(permutation(first, 60));
  CHECK(permutation(second, 60));
  CHECK(permutation(third, 60));
  CHECK(first != second);
  CHECK(second != third);
  CHECK_FALSE(std::is_sorted(first.begin(), first.end()));
}

TEST_CASE("data/loader: equal keys give equal orders and other seeds give others") {
  const memory_dataset data = numbered(50);
  loader a(data, 10, {7, 0}), b(data, 10, {7, 0}), c(data, 10, {8, 0}), later(data, 10, {7, 1});
  const auto order = epoch_of(a);
  CHECK(epoch_of(b) == order);
  CHECK(epoch_of(c) != order);
  CHECK(epoch_of(later) == epoch_of(a));
}

TEST_CASE("data/loader: the order does not depend on the size of the batch") {
  const memory_dataset data = numbered(48);
  loader small(data, 4, {3, 0}), large(data, 24, {3, 0});
  CHECK(epoch_of(small) == epoch_of(large));
}

TEST_CASE("data/loader: each image comes first about equally often") {
  std::vector<int> count(6);
  std::vector<index> order(6);
  for (std::uint32_t epoch = 0; epoch < 6000; ++epoch) {
    shuffle({1, epoch}, order);
    ++count[static_cast<std::size_t>(order[0])];
  }
  for (const int c : count) {  // 1000 expected, standard deviation 29
    CHECK(c > 870);
    CHECK(c < 1130);
  }
}

TEST_CASE("data/loader: the last batch is dropped or shorter") {
  const memory_dataset data = numbered(10);
  loader dropped(data, 4, {1, 0});
  CHECK(dropped.steps_per_epoch() == 2);
  CHECK(epoch_of(dropped).size() == 8);
  loader kept(data, 4, {1, 0}, false);
  CHECK(kept.steps_per_epoch() == 3);
  CHECK(permutation(epoch_of(kept), 10));
  kept.next();
  kept.next();
  CHECK(kept.next().size() == 2);
}

TEST_CASE("data/loader: gather copies the images of the batch in its order") {
  const memory_dataset data = numbered(10);
  loader batches(data, 4, {1, 0});
  std::vector<std::uint8_t> out(8);
  for (int step = 0; step < 5; ++step) {
    const auto images = batches.next();
    batches.gather(out);
    for (std::size_t k = 0; k < 4; ++k) {
      CHECK(out[2 * k] == images[k]);
      CHECK(out[2 * k + 1] == images[k]);
    }
  }
  CHECK(says(message<shape_error>([&] { batches.gather(std::span(out).first(7)); }),
             "out has 7 bytes, expected 4"));
}

TEST_CASE("data/loader: after a seek the batches are those of an uninterrupted run") {
  const memory_dataset data = numbered(30);
  loader whole(data, 10, {5, 2});
  std::vector<std::vector<index>> batches;
  std::vector<std::uint32_t> epochs;
  for (int step = 0; step < 9; ++step) {
    const auto images = whole.next();
    batches.emplace_back(images.begin(), images.end());
    epochs.push_back(whole.key().epoch);
  }
  CHECK(epochs == std::vector<std::uint32_t>{2, 2, 2, 3, 3, 3, 4, 4, 4});
  for (const index from : {7, 0, 4, 3}) {
    loader resumed(data, 10, {5, 2});
    resumed.next();
    resumed.seek(from);
    CHECK(resumed.step() == from);
    for (auto step = static_cast<std::size_t>(from); step < 9; ++step) {
      const auto images = resumed.next();
      CHECK(std::vector<index>(images.begin(), images.end()) == batches[step]);
      CHECK(resumed.key().epoch == epochs[step]);
    }
  }
}

TEST_CASE("data/loader: batches that cannot be are refused") {
  const memory_dataset data = numbered(3), none;
  CHECK(says(message<option_error>([&] { loader(data, 0, {}); }), "batch is 0"));
  CHECK(says(message<option_error>([&] { loader(data, 4, {}); }), "at most the 3 images"));
  CHECK_NOTHROW(loader(data, 4, {}, false));
  CHECK(says(message<data_error>([&] { loader(none, 1, {}); }), "no image"));
  CHECK(says(message<option_error>([&] { loader(data, 1, {}).seek(-1); }), "step is -1"));
}
