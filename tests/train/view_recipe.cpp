#include "ssl/train/view_recipe.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "patch/boxes.hpp"
#include "ssl/backend/team.hpp"
#include "support/refusal.hpp"

namespace ssl::test {

namespace {

constexpr image_shape tiny{3, 4, 4};

/// Is `happened(before, after)` true of an image as often as `probability` says? Within five deviations of a
/// binomial.
template <class Happened>
void check_frequency(const photometric& colors, index view, double probability, Happened happened) {
  const int n = 2000;
  int count = 0;
  std::vector<float> before(48), after(48), scratch(48);
  for (int item = 0; item < n; ++item) {
    random_stream draw({11, 0}, item, 0, purpose::generate);
    for (float& x : before) x = 0.1f + 0.8f * draw.uniform();
    after = before;
    colors(serial_team{}, image_ref<float>{after.data(), scratch.data(), tiny}, rng_key{3, 1}, item, view);
    count += happened(before, after);
  }
  const double bound = 5 * std::sqrt(n * probability * (1 - probability)) + 1e-9;
  INFO("view " << view << ": " << count << " of " << n << ", probability " << probability);
  CHECK(std::abs(count - n * probability) <= bound);
}

bool changed(const std::vector<float>& a, const std::vector<float>& b) {
  for (std::size_t k = 0; k < a.size(); ++k)
    if (std::abs(a[k] - b[k]) > 1e-6f) return true;
  return false;
}
bool gray(const std::vector<float>&, const std::vector<float>& x) {
  for (std::size_t k = 0; k < x.size(); k += 3)
    if (std::abs(x[k] - x[k + 1]) + std::abs(x[k] - x[k + 2]) > 1e-5f) return false;
  return true;
}

/// What a row of the table of recipes says.
struct row {
  std::string_view name;
  double least, most;
  color_jitter jitter;
  double gray;
  double blur[3], solar[3];  // of views 0 and 1 and of the last
  index views = 2;
  double local_least = 0, local_most = 0;
  index local_views = 0;
};

const color_jitter byol{.4f, .4f, .2f, .1f, .8f}, moco{.4f, .4f, .4f, .1f, .8f},
    strong{.8f, .8f, .8f, .2f, .8f}, emp{.4f, .4f, .4f, .2f, .8f}, always{.4f, .4f, .4f, .4f, 1};

const row rows[] = {
    {"vicreg", .08, 1, byol, .2, {1, .1, .1}, {0, .2, .2}},
    {"barlow_twins", .08, 1, byol, .2, {1, .1, .1}, {0, .2, .2}},
    {"byol", .08, 1, byol, .2, {1, .1, .1}, {0, .2, .2}},
    {"vicreg_paper", .08, 1, byol, .2, {.5, .5, .5}, {.1, .1, .1}},
    {"vicreg_in100", .2, 1, byol, .2, {.5, .5, .5}, {.1, .1, .1}},
    {"vicreg_cifar", .2, 1, byol, .2, {0, 0, 0}, {.1, .1, .1}},
    {"asymmetric_cifar", .08, 1, byol, .2, {0, 0, 0}, {0, .2, .2}},
    {"symmetric_cifar", .08, 1, strong, .2, {.5, .5, .5}, {}},
    {"weak_cifar", .08, 1, moco, .2, {.5, .5, .5}, {}},
    {"simclr", .08, 1, strong, .2, {.5, .5, .5}, {}},
    {"simclr_cifar", .08, 1, moco, .2, {}, {}},
    {"moco_v2", .2, 1, moco, .2, {.5, .5, .5}, {}},
    {"simsiam", .2, 1, moco, .2, {.5, .5, .5}, {}},
    {"spectral", .2, 1, moco, .2, {.5, .5, .5}, {}},
    {"moco_v2_cifar", .2, 1, moco, .2, {}, {}},
    {"swav", .14, 1, strong, .2, {.5, .5, .5}, {}, 2, .05, .14, 6},
    {"dino", .4, 1, byol, .2, {1, .1, .5}, {0, .2, 0}, 2, .05, .4, 8},
    {"vicregl", .4, 1, byol, .2, {1, .1, .1}, {0, .2, .2}, 2, .08, .4, 6},
    {"emp_ssl", .25, .25, emp, .2, {.1, .1, .1}, {.1, .1, .1}, 20},
    {"bagssl", .2, .2, emp, .2, {.1, .1, .1}, {.1, .1, .1}, 2},
    {"w_mse", .2, 1, moco, .1, {}, {}},
    {"w_mse_in100", .08, 1, strong, .2, {}, {}},
    {"align_uniform", .08, 1, always, .2, {}, {}},
};

}  // namespace

TEST_CASE("train/view_recipe: every recipe has the numbers of its row") {
  REQUIRE(std::size(rows) == std::size(view_recipes));
  for (const row& want : rows) {
    INFO(want.name);
    const view_recipe r = named_views(want.name, {.image = 224});
    CHECK(r.name == want.name);
    CHECK(!r.source.empty());
    CHECK(r.views() == want.views + want.local_views);
    REQUIRE(r.groups.size() == (want.local_views > 0 ? 2u : 1u));
    const crop_group g = r.groups[0].crop;
    CHECK(g.scale_min == want.least);
    CHECK(g.scale_max == want.most);
    CHECK(g.fixed() == (want.least == want.most));
    if (!g.fixed()) CHECK(g.aspect_min == 0.75);
    CHECK(r.groups[0].side == 224);
    if (want.local_views > 0) {
      CHECK(r.groups[1].crop.scale_min == want.local_least);
      CHECK(r.groups[1].crop.scale_max == want.local_most);
      CHECK(r.groups[1].side == 96);
    }
    CHECK(r.colors.mirror.probability == 0.5f);
    CHECK(r.colors.jitter.brightness == want.jitter.brightness);
    CHECK(r.colors.jitter.contrast == want.jitter.contrast);
    CHECK(r.colors.jitter.saturation == want.jitter.saturation);
    CHECK(r.colors.jitter.hue == want.jitter.hue);
    CHECK(r.colors.jitter.probability == want.jitter.probability);
    for (const index view : {index{0}, index{1}, r.views() - 1})
      if (const view_finish f = r.colors.finish_of(view); f.blur.probability > 0) {
        CHECK(f.blur.sigma_min == 0.1f);
        CHECK(f.blur.sigma_max == 2);
      }
    CHECK(r.colors.flip_first == (want.name != "w_mse"));
    const bool cubic =
        want.name == "vicreg" || want.name == "barlow_twins" || want.name == "byol" || want.name == "dino";
    CHECK((r.filter == resampling::cubic) == cubic);
  }
}

TEST_CASE("train/view_recipe: gray, blur and solarising happen as often as the row says") {
  for (const row& want : rows) {
    INFO(want.name);
    view_recipe r = named_views(want.name, {.image = 32});
    r.colors.normal = {{0, 0, 0}, {1, 1, 1}};
    check_frequency(r.colors, 0, want.gray, gray);
    photometric blurs = r.colors;
    blurs.mirror = {0}, blurs.jitter.probability = 0, blurs.gray = {0};
    photometric solarises = blurs;
    for (view_finish photometric::*of : {&photometric::even, &photometric::odd, &photometric::local}) {
      (blurs.*of).solar.probability = 0;
      (solarises.*of).blur.probability = 0;
      (blurs.*of).blur.sigma_min = 0.5f;  // less is within rounding of nothing
    }
    const index at[3] = {0, 1, r.views() - 1};
    for (int k = 0; k < 3; ++k) {
      check_frequency(blurs, at[k], want.blur[k], changed);
      check_frequency(solarises, at[k], want.solar[k], changed);
    }
    photometric jitters = r.colors;
    jitters.mirror = {0}, jitters.gray = {0};
    jitters.finish_all({});
    check_frequency(jitters, 0, want.jitter.probability, changed);
  }
}

TEST_CASE("train/view_recipe: the crops of a group cover the shares of its range") {
  for (const row& want : rows) {
    INFO(want.name);
    const view_recipe r = named_views(want.name, {.image = 224});
    const multi_crop crops = r.sampler();
    for (index view : {index{0}, r.views() - 1}) {
      const bool local = view >= want.views;
      const double least = local ? want.local_least : want.least, most = local ? want.local_most : want.most;
      double lowest = 1, highest = 0;
      for (index item = 0; item < 1000; ++item) {
        const pixels p = in_pixels(crops({1, 0}, item, view), 224);
        REQUIRE(p.left >= 0);
        const double width = static_cast<double>(p.width), height = static_cast<double>(p.height);
        REQUIRE((width + 0.5) * (height + 0.5) >= least * 224 * 224);
        REQUIRE((width - 0.5) * (height - 0.5) <= most * 224 * 224);
        lowest = std::min(lowest, width * height / (224 * 224));
        highest = std::max(highest, width * height / (224 * 224));
      }
      CHECK(lowest <= least + 0.02 * (most - least) + 0.005);
      CHECK(highest >= (most == 1 ? 0.9 : most - 0.02 * (most - least) - 0.005));
    }
  }
}

TEST_CASE("train/view_recipe: images, views and sides are the user's") {
  const view_recipe dino = named_views("dino", {.image = 32, .local_views = 4, .local_side = 16});
  CHECK(dino.views() == 6);
  CHECK(dino.groups[1].side == 16);
  CHECK(dino.colors.local_from == 2);
  CHECK(named_views("dino", {.image = 32}).groups[1].side == 14);
  CHECK(named_views("dino", {.image = 32, .views = 3}).colors.local_from == 3);
  CHECK(named_views("swav", {.local_views = 0}).groups.size() == 1);
  CHECK(named_views("swav", {.local_views = 0}).target() == image_shape{3, 32, 32});

  const view_recipe patches = named_views("emp_ssl", {.image = 32, .views = 50, .side = 16});
  CHECK(patches.views() == 50);
  CHECK(patches.target() == image_shape{3, 16, 16});
  CHECK(patches.target(1) == image_shape{1, 16, 16});
  CHECK(in_pixels(patches.sampler()({1, 0}, 0, 49), 32).width == 16);
  CHECK(in_pixels(bagssl_views({.image = 32}).sampler()({1, 0}, 0, 1), 32).width == 14);
}

TEST_CASE("train/view_recipe: a wrong name or number is told in a sentence") {
  const std::string unknown = message<ssl::option_error>([] { named_views("dyno"); });
  CHECK(unknown.starts_with(
      "ssl::named_views: no recipe is called \"dyno\"; there are vicreg, barlow_twins, "));
  for (const auto& entry : view_recipes) CHECK(unknown.find(entry.name) != std::string::npos);
  CHECK(message<ssl::option_error>([] { named_views("simclr", {.local_views = 4}); }) ==
        "ssl::named_views: simclr has no local views; add a group to its recipe");
  CHECK(message<ssl::option_error>([] { named_views("dino", {.views = -2}); }) ==
        "ssl::view_recipe: dino for images of side 32, -2 views of side 0, -1 local ones of side 0; none may "
        "be "
        "negative");
  CHECK(message<ssl::option_error>([] { dino_views().target(); }) ==
        "ssl::view_recipe: dino has views of 32 and of 14 pixels, and one size was asked for");
}

}  // namespace ssl::test
