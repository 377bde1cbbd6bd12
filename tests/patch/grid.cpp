#include "ssl/patch/grid.hpp"

#include <doctest/doctest.h>

#include "patch/boxes.hpp"

namespace ssl::test {

static_assert(PatchSampler<grid> && PatchSampler<whole>);

TEST_CASE("patch/grid: every position once, row after row") {
  const grid sampler{.image = 32, .size = 16, .stride = 4};
  CHECK(sampler.views() == 25);
  for (index view = 0; view < sampler.views(); ++view) {
    const pixels p = in_pixels(sampler({9, 9}, view, view), 32);
    CHECK(p.left == view % 5 * 4);
    CHECK(p.top == view / 5 * 4);
    CHECK((p.width == 16 && p.height == 16));
  }
}

TEST_CASE("patch/grid: positions that would leave the image are left out") {
  CHECK(grid{.image = 224, .size = 32, .stride = 32}.views() == 49);
  CHECK(grid{.image = 224, .size = 32, .stride = 8}.views() == 625);
  CHECK(grid{.image = 32, .size = 16, .stride = 1}.views() == 289);
  const grid uneven{.image = 10, .size = 4, .stride = 4};
  CHECK(uneven.views() == 4);
  CHECK(in_pixels(uneven({}, 0, 3), 10).left == 4);
  CHECK(grid{.image = 16, .size = 16, .stride = 5}.views() == 1);
}

TEST_CASE("patch/grid: whole is the image itself, as often as asked") {
  const whole sampler{.views = 3};
  CHECK(sampler.views() == 3);
  CHECK(sampler({1, 0}, 2, 2) == box{0, 0, 1, 1});
}

}  // namespace ssl::test
