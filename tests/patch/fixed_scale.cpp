#include "ssl/patch/fixed_scale.hpp"

#include <doctest/doctest.h>

#include <map>
#include <utility>

#include "patch/boxes.hpp"

namespace ssl::test {

static_assert(PatchSampler<fixed_scale>);

TEST_CASE("patch/fixed_scale: a quarter of 32 pixels is 16 x 16 at each of 17 x 17 places") {
  const fixed_scale sampler{.scale = 0.25, .views = 20};
  CHECK(sampler.views() == 20);
  std::map<std::pair<index, index>, index> seen;
  const index n = 1000;
  for (index item = 0; item < n; ++item)
    for (index view = 0; view < 20; ++view) {
      const pixels p = in_pixels(sampler({1, 0}, item, view), 32);
      REQUIRE(p.left >= 0);
      REQUIRE(p.width == 16);
      REQUIRE(p.height == 16);
      ++seen[{p.left, p.top}];
    }
  CHECK(seen.size() == 17 * 17);
  // 20000 / 289 = 69.2 each: five standard deviations of a count are 41.5.
  for (const auto& [place, count] : seen) {
    CHECK(count > 69 - 42);
    CHECK(count < 69 + 42);
  }
}

TEST_CASE("patch/fixed_scale: sides round to whole pixels") {
  CHECK(fixed_scale{.scale = 0.2}.side() == 14);
  CHECK(fixed_scale{.scale = 0.08}.side() == 9);
  CHECK(fixed_scale{.scale = 0.25, .image = 224}.side() == 112);
  CHECK(fixed_scale{.scale = 1e-9}.side() == 1);
  CHECK(fixed_scale{.scale = 1}({1, 0}, 5, 1) == box{});
}

TEST_CASE("patch/fixed_scale: a box depends on key, image and view, and on nothing else") {
  const fixed_scale sampler{.image = 224};
  const box first = sampler({1, 2}, 3, 4);
  CHECK(sampler({1, 2}, 3, 4) == first);
  CHECK(!(sampler({2, 2}, 3, 4) == first));
  CHECK(!(sampler({1, 3}, 3, 4) == first));
  CHECK(!(sampler({1, 2}, 4, 4) == first));
  CHECK(!(sampler({1, 2}, 3, 5) == first));
}

}  // namespace ssl::test
