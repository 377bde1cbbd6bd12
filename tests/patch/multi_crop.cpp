#include "ssl/patch/multi_crop.hpp"

#include <doctest/doctest.h>

#include <string>

#include "patch/boxes.hpp"
#include "support/refusal.hpp"

namespace ssl::test {

static_assert(PatchSampler<multi_crop>);

TEST_CASE("patch/multi_crop: one scale and aspect one are the boxes of fixed_scale") {
  for (const index image : {32, 33, 224})
    for (const double scale : {0.08, 0.2, 0.25, 1.0}) {
      const multi_crop crops(image, {crop_group::square(scale, 3)});
      const fixed_scale squares{.scale = scale, .views = 3, .image = image};
      for (index item = 0; item < 200; ++item)
        for (index view = 0; view < 3; ++view)
          REQUIRE(crops({5, 2}, item, view) == squares({5, 2}, item, view));
    }
  CHECK(multi_crop(32, {crop_group::square(1, 1)})({5, 2}, 0, 0) == box{});
}

TEST_CASE("patch/multi_crop: any other group has the boxes of random_resized") {
  for (const index image : {32, 224})
    for (const auto& scale : {std::pair{0.08, 1.0}, std::pair{0.2, 0.2}, std::pair{0.05, 0.14}}) {
      const multi_crop crops(image, {{.scale_min = scale.first, .scale_max = scale.second, .views = 2}});
      const random_resized like{
          .scale_min = scale.first, .scale_max = scale.second, .views = 2, .image = image};
      for (index item = 0; item < 200; ++item)
        for (index view = 0; view < 2; ++view) REQUIRE(crops({5, 2}, item, view) == like({5, 2}, item, view));
    }
}

TEST_CASE("patch/multi_crop: views of the first group come first, each with its number among all") {
  const crop_group large{.scale_min = 0.4, .views = 2},
      small{.scale_min = 0.05, .scale_max = 0.4, .aspect_min = 0.9, .aspect_max = 1.1, .views = 3};
  const multi_crop crops(64, {large, {.views = 0}, small, crop_group::square(0.25, 1)});
  CHECK(crops.groups() == 4);
  CHECK(crops.views() == 6);
  CHECK(crops.image() == 64);
  CHECK(crops.group(2) == small);
  for (index item = 0; item < 300; ++item)
    for (index view = 0; view < 6; ++view) {
      const box expected =
          view < 2   ? random_resized{.scale_min = 0.4, .views = 6, .image = 64}({1, 0}, item, view)
          : view < 5 ? random_resized{0.05, 0.4, 0.9, 1.1, 6, 64}({1, 0}, item, view)
                     : fixed_scale{.scale = 0.25, .views = 6, .image = 64}({1, 0}, item, view);
      REQUIRE(crops({1, 0}, item, view) == expected);
    }
}

TEST_CASE("patch/multi_crop: every box is whole pixels within the image and its group's share of it") {
  const multi_crop crops(224,
                         {{.scale_min = 0.4, .views = 2}, {.scale_min = 0.05, .scale_max = 0.4, .views = 8}});
  for (index item = 0; item < 500; ++item)
    for (index view = 0; view < 10; ++view) {
      const pixels p = in_pixels(crops({1, 0}, item, view), 224);
      REQUIRE(p.left >= 0);
      const double width = static_cast<double>(p.width), height = static_cast<double>(p.height);
      const double least = view < 2 ? 0.4 : 0.05, most = view < 2 ? 1 : 0.4;
      CHECK((width + 0.5) * (height + 0.5) >= least * 224 * 224);
      CHECK((width - 0.5) * (height - 0.5) <= most * 224 * 224);
    }
}

TEST_CASE("patch/multi_crop: what has no boxes is told in a sentence") {
  CHECK(message<ssl::option_error>([] {
          multi_crop(32, {{}, {}, {}, {}, {}});
        }) == "ssl::multi_crop: more than 4 groups");
  CHECK(message<ssl::option_error>([] { multi_crop(0); }) ==
        "ssl::multi_crop: images of side 0, expected at least 1");
  const std::string law = "; scales must rise within (0, 1], aspects must be positive and rise";
  CHECK(message<ssl::option_error>([] { multi_crop(32, {{.scale_min = 0}}); }) ==
        "ssl::multi_crop: a group of 2 views of scale 0.000000 to 1.000000 and aspect 0.750000 to 1.333333" +
            law);
  for (const crop_group& bad :
       {crop_group{.scale_min = 0.5, .scale_max = 0.4}, crop_group{.scale_max = 1.5},
        crop_group{.aspect_min = 0}, crop_group{.aspect_min = 2}, crop_group{.views = -1}})
    CHECK(message<ssl::option_error>([&] { multi_crop(32).add(bad); }).ends_with(law));
}

}  // namespace ssl::test
