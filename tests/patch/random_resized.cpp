#include "ssl/patch/random_resized.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

#include "patch/boxes.hpp"

namespace ssl::test {

static_assert(PatchSampler<random_resized>);

TEST_CASE("patch/random_resized: boxes are whole pixels inside the image, of the area and aspect asked for") {
  for (const index image : {32, 224}) {
    const random_resized sampler{.scale_min = 0.2, .scale_max = 0.6, .image = image};
    const double side = static_cast<double>(image);
    double least = 1, most = 0, flattest = 1, tallest = 1;
    for (index item = 0; item < 5000; ++item) {
      const pixels p = in_pixels(sampler({1, 0}, item, 0), image);
      REQUIRE(p.left >= 0);
      const double width = static_cast<double>(p.width), height = static_cast<double>(p.height);
      // Rounding moves a side by half a pixel at most.
      CHECK((width + 0.5) * (height + 0.5) >= 0.2 * side * side);
      CHECK((width - 0.5) * (height - 0.5) <= 0.6 * side * side);
      CHECK((width + 0.5) / (height - 0.5) >= 0.75);
      CHECK((width - 0.5) / (height + 0.5) <= 4.0 / 3.0);
      const double share = width * height / (side * side);
      least = share < least ? share : least;
      most = share > most ? share : most;
      flattest = width / height > flattest ? width / height : flattest;
      tallest = width / height < tallest ? width / height : tallest;
    }
    CHECK(least < 0.22);
    CHECK(most > 0.58);
    CHECK(flattest > 1.25);
    CHECK(tallest < 0.8);
  }
}

TEST_CASE("patch/random_resized: corners reach every edge of the image") {
  const random_resized sampler{.scale_min = 0.1, .scale_max = 0.3};
  bool left = false, top = false, right = false, bottom = false;
  for (index item = 0; item < 2000; ++item) {
    const pixels p = in_pixels(sampler({1, 0}, item, 1), 32);
    left = left || p.left == 0;
    top = top || p.top == 0;
    right = right || p.left + p.width == 32;
    bottom = bottom || p.top + p.height == 32;
  }
  CHECK((left && top && right && bottom));
}

TEST_CASE("patch/random_resized: what never fits falls back to the largest centred box") {
  const random_resized wide{.scale_min = 1, .scale_max = 1, .aspect_min = 2, .aspect_max = 2};
  const pixels w = in_pixels(wide({1, 0}, 0, 0), 32);
  CHECK((w.left == 0 && w.top == 8 && w.width == 32 && w.height == 16));
  const random_resized tall{.scale_min = 1, .scale_max = 1, .aspect_min = 0.5, .aspect_max = 0.5};
  const pixels t = in_pixels(tall({1, 0}, 0, 0), 32);
  CHECK((t.left == 8 && t.top == 0 && t.width == 16 && t.height == 32));
  const random_resized large{.scale_min = 2, .scale_max = 2};
  CHECK(large({1, 0}, 0, 0) == box{});
}

TEST_CASE("patch/random_resized: a box depends on key, image and view, and on nothing else") {
  const random_resized sampler{.image = 224};
  const box first = sampler({1, 2}, 3, 4);
  CHECK(sampler({1, 2}, 3, 4) == first);
  CHECK(!(sampler({2, 2}, 3, 4) == first));
  CHECK(!(sampler({1, 3}, 3, 4) == first));
  CHECK(!(sampler({1, 2}, 4, 4) == first));
  CHECK(!(sampler({1, 2}, 3, 5) == first));
}

}  // namespace ssl::test
