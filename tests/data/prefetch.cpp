#include "ssl/data/prefetch.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace ssl::test {
namespace {

/// Images of 2 x 3 pixels that are written on demand: each byte tells the image, a few images take their
/// time.
struct slow_images {
  index count = 23;
  index broken = -1;                    // reading this image throws
  std::atomic<index>* reads = nullptr;  // images read so far
  std::chrono::microseconds pause{50};

  index size() const { return count; }
  image_shape shape() const { return {1, 2, 3}; }
  void read(index i, std::span<std::uint8_t> out) const {
    if (i % 5 == 0) std::this_thread::sleep_for(pause);
    if (i == broken) throw data_error("image " + std::to_string(i) + " is torn");
    for (std::size_t k = 0; k < out.size(); ++k)
      out[k] = static_cast<std::uint8_t>(7 * i + static_cast<index>(k));
    if (reads) ++*reads;
  }
};

static_assert(Dataset<slow_images> && ReadableImages<slow_images> && !StoredImages<slow_images>);
static_assert(Dataset<memory_dataset> && StoredImages<memory_dataset>);

}  // namespace

TEST_CASE("data/prefetch: any number of workers hands out the loader's batches, over epochs") {
  const slow_images data;
  for (const int workers : {1, 2, 5}) {
    CAPTURE(workers);
    loader expected(data, 4, {.seed = 3});
    std::vector<std::uint8_t> pixels(4 * 6);
    const index steps = 4 * expected.steps_per_epoch();
    prefetcher batches(data, 4, {.seed = 3}, steps, workers);
    for (index s = 0; s < steps; ++s) {
      const auto ids = expected.next();
      expected.gather(pixels);
      const auto& batch = batches.next();
      CHECK(std::equal(ids.begin(), ids.end(), batch.ids.begin(), batch.ids.end()));
      CHECK(batch.pixels == pixels);
      CHECK(batch.key.seed == 3);
      CHECK(batch.key.epoch == expected.key().epoch);
    }
    CHECK_THROWS_AS(batches.next(), option_error);
  }
}

TEST_CASE("data/prefetch: what reading throws arrives at its batch, as it was thrown") {
  slow_images data;
  loader order(data, 4, {.seed = 5});
  index due = -1;  // the batch that has image 9
  for (index s = 0; s < order.steps_per_epoch(); ++s)
    for (const index i : order.next())
      if (i == 9) due = s;
  REQUIRE(due >= 0);
  data.broken = 9;
  for (const int workers : {1, 3}) {
    prefetcher batches(data, 4, {.seed = 5}, 100, workers);
    for (index s = 0; s < due; ++s) CHECK_NOTHROW(batches.next());
    CHECK_THROWS_WITH_AS(batches.next(), "image 9 is torn", data_error);
    CHECK_THROWS_WITH_AS(batches.next(), "image 9 is torn", data_error);
  }
}

TEST_CASE("data/prefetch: reads at most 2 workers + 1 batches ahead, counting the one in use") {
  std::atomic<index> reads{0};
  const slow_images data{.reads = &reads};
  for (const int workers : {1, 3}) {
    reads = 0;
    prefetcher batches(data, 4, {}, 50, workers);
    for (index s = 0; s < 20; ++s) {
      batches.next();
      if (s % 7 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      CHECK(reads >= 4 * (s + 1));
      CHECK(reads <= 4 * (s + 2 * workers + 1));
    }
  }
}

TEST_CASE("data/prefetch: may be given up at any time") {
  std::atomic<index> reads{0};
  const slow_images data{.count = 3000, .reads = &reads, .pause = std::chrono::milliseconds(10)};
  for (const index taken : {0, 1, 3}) {
    const auto start = std::chrono::steady_clock::now();
    {
      prefetcher batches(data, 20, {}, 1000, 3);
      for (index s = 0; s < taken; ++s) batches.next();
    }
    const index settled = reads;
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(15));
    CHECK(reads == settled);
  }
  prefetcher none(data, 20, {}, 0, 2);
  CHECK_THROWS_AS(none.next(), option_error);
}

TEST_CASE("data/prefetch: options without sense are refused") {
  const slow_images data;
  using ahead = prefetcher<slow_images>;
  CHECK_THROWS_WITH_AS(ahead(data, 4, {}, 10, 0),
                       "ssl::prefetcher: workers is 0, steps 10; expected at least 1 and 0", option_error);
  CHECK_THROWS_AS(ahead(data, 24, {}, 10, 1), option_error);
}

TEST_CASE("data/dataset: an image of another size than its collection's is refused") {
  struct odd_images {
    std::vector<std::uint8_t> one = std::vector<std::uint8_t>(5);
    index size() const { return 1; }
    image_shape shape() const { return {1, 2, 3}; }
    std::span<const std::uint8_t> bytes(index) const { return one; }
  };
  std::vector<std::uint8_t> out(6);
  CHECK_THROWS_WITH_AS(read_image(odd_images{}, 0, out), "ssl::read_image: image 0 has 5 bytes, expected 6",
                       shape_error);
}

}  // namespace ssl::test
