#include "ssl/data/channel_statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

/// Bytes of no pattern, n images.
memory_dataset images(image_shape shape, index n) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(shape.size() * n));
  std::uint32_t state = 1;
  for (auto& p : pixels) {
    state = state * 1664525u + 1013904223u;
    p = static_cast<std::uint8_t>(state >> 24);
  }
  return {shape, std::move(pixels), std::vector<int>(static_cast<std::size_t>(n)), 1};
}

}  // namespace

TEST_CASE("data/channel_statistics: mean and deviation of each channel, however many there are") {
  for (const index channels : {1, 2, 3, 4, 7, 40}) {
    const memory_dataset d = images({channels, 5, 3}, 11);
    const channel_moments found = channel_statistics(d);
    REQUIRE(found.mean.size() == static_cast<std::size_t>(channels));
    REQUIRE(found.deviation.size() == static_cast<std::size_t>(channels));
    for (index c = 0; c < channels; ++c) {
      double mean = 0, square = 0;
      std::vector<double> values;
      for (index k = c; k < static_cast<index>(d.all_pixels().size()); k += channels)
        values.push_back(d.all_pixels()[static_cast<std::size_t>(k)] / 255.0);
      for (const double x : values) mean += x / static_cast<double>(values.size());
      for (const double x : values) square += (x - mean) * (x - mean) / static_cast<double>(values.size());
      CHECK(found.mean[static_cast<std::size_t>(c)] == doctest::Approx(mean).epsilon(1e-13));
      CHECK(found.deviation[static_cast<std::size_t>(c)] ==
            doctest::Approx(std::sqrt(square)).epsilon(1e-13));
    }
  }
}

TEST_CASE("data/channel_statistics: a channel of one value has no deviation, and no image is an error") {
  const memory_dataset d({2, 1, 2}, {255, 7, 255, 7}, {0}, 1);
  const channel_moments found = channel_statistics(d);
  CHECK(found.mean[0] == 1);
  CHECK(found.deviation[0] == 0);
  CHECK(found.mean[1] == doctest::Approx(7 / 255.0));
  CHECK(found.deviation[1] == 0);
  CHECK(says(message([] { channel_statistics(memory_dataset{}); }), "there is no image"));
}
