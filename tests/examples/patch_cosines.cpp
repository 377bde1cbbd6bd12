#include "support/patch_cosines.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include "ssl/core/error.hpp"

using namespace ssl_example;

namespace {

/// Patches around a mean for each image, and whole images at that mean.
struct drawn_patches {
  drawn_patches(index size, index patches, index images, float spread, float offset) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (index i = 0; i < images; ++i) {
      std::vector<float> mean;
      for (index k = 0; k < size; ++k) mean.push_back(normal(random) + offset);
      whole.insert(whole.end(), mean.begin(), mean.end());
      for (index v = 0; v < patches; ++v)
        for (const float m : mean) values.push_back(m + spread * normal(random));
    }
    all = {size, patches, images, values};
  }
  drawn_patches(const drawn_patches&) = delete;

  std::vector<float> values, whole;
  patch_embeddings all;
};

}  // namespace

TEST_CASE("examples/patch_cosines: independent patches around a mean follow the law with a limit of one") {
  const drawn_patches p(200, 32, 60, 2, 0);  // sigma^2 / |mu|^2 = 4
  const std::vector<index> sizes{1, 2, 4, 8, 16, 32};
  for (const bool centred : {false, true}) {
    const bag_law law = law_of_bags(p.all, p.whole, sizes, centred);
    CHECK(law.limit == doctest::Approx(1).epsilon(0.01));
    CHECK(law.noise == doctest::Approx(4).epsilon(0.05));
    CHECK(law.residual < 0.01);
    REQUIRE(law.bags.size() == sizes.size());
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      const growing_bag& b = law.bags[k];
      CHECK(b.patches == sizes[k]);
      CHECK(b.own == doctest::Approx(1 / std::sqrt(1 + 4.0 / static_cast<double>(sizes[k]))).epsilon(0.02));
      CHECK(std::abs(b.other) < 0.05);
      // Centred, all others together are minus the own image: -sqrt(32 / 5) / 59 at 32 patches, and chance.
      CHECK(std::abs(b.many) < (centred ? 0.043 : 0) + 0.05);
    }
  }
}

TEST_CASE("examples/patch_cosines: what all images share makes any two alike until it is taken away") {
  const drawn_patches p(100, 8, 40, 1, 3);
  const std::vector<index> sizes{8};
  const bag_law raw = law_of_bags(p.all, p.whole, sizes, false),
                centred = law_of_bags(p.all, p.whole, sizes, true);
  CHECK(raw.bags[0].other > 0.8);
  CHECK(raw.bags[0].many > 0.8);
  CHECK(std::abs(centred.bags[0].other) < 0.1);
  CHECK(std::abs(centred.bags[0].many) < 0.1);
  CHECK(centred.bags[0].own > 0.85);
}

TEST_CASE("examples/patch_cosines: patches of an image, of two images and of altered ones") {
  const drawn_patches p(150, 16, 50, 1, 0);  // two patches of an image: 1 / (1 + 1)
  const patch_cosines c = cosines_of_patches(p.all, p.all, false);
  CHECK(c.patch_same == doctest::Approx(0.5).epsilon(0.05));
  CHECK(std::abs(c.patch_different) < 0.05);
  CHECK(c.patch_altered == doctest::Approx(1));
  CHECK(c.bag_same == doctest::Approx(1 / (1 + 1.0 / 8)).epsilon(0.02));
  CHECK(std::abs(c.bag_different) < 0.05);
  CHECK(c.bag_altered == doctest::Approx(1));

  std::vector<float> turned;
  for (const float x : p.values) turned.push_back(-x);
  const patch_cosines opposite =
      cosines_of_patches(p.all, {p.all.size, p.all.patches, p.all.images, turned}, false);
  CHECK(opposite.patch_altered == doctest::Approx(-1));
  CHECK(opposite.bag_altered == doctest::Approx(-1));
}

TEST_CASE("examples/patch_cosines: a single patch or image is refused") {
  const std::vector<float> x(12);
  const std::vector<index> sizes{1};
  CHECK_THROWS_AS(law_of_bags({3, 1, 4, x}, x, sizes, false), ssl::shape_error);
  CHECK_THROWS_AS(cosines_of_patches({3, 4, 1, x}, {3, 4, 1, x}, false), ssl::shape_error);
  CHECK_THROWS_AS(law_of_bags({3, 2, 3, x}, x, sizes, false), ssl::shape_error);
}
