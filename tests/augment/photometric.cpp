#include "ssl/augment/photometric.hpp"

#include "augment/on_image.hpp"
#include "ssl/augment/recipes.hpp"

namespace ssl::test {

namespace {

using B = backend<float>;

/// Both on noise, in the views 0 to 5 and on colour and one channel.
template <class Chain>
void check_same(const photometric& one, const Chain& chain) {
  for (const image_shape shape : {image_shape{3, 9, 7}, image_shape{1, 8, 8}}) {
    const auto from = noise_images(shape, 60);
    for (index view = 0; view < 6; ++view) {
      INFO("view " << view);
      CHECK(distance(augment<B>(shape, from, one, {7, 1}, view),
                     augment<B>(shape, from, chain, {7, 1}, view)) < 1e-5);
    }
  }
}

constexpr view_finish finish(float blur, float solar) {
  return {{.1f, 2, blur}, solarize{.probability = solar}};
}

constexpr photometric recipe(color_jitter jitter, view_finish even, view_finish odd, normalize normal) {
  photometric p{};
  p.jitter = jitter;
  p.gray = {.2f};
  p.even = even;
  p.odd = odd;
  p.normal = normal;
  return p;
}

}  // namespace

TEST_CASE("augment/photometric: with a recipe's numbers it gives the recipe's pixels") {
  const color_jitter byol{.4f, .4f, .2f, .1f, .8f}, moco{.4f, .4f, .4f, .1f, .8f};
  const auto imagenet = imagenet_normalize(), cifar = cifar_normalize();
  SUBCASE("emp_ssl") {
    check_same(recipe({.4f, .4f, .4f, .2f, .8f}, finish(.1f, .1f), finish(.1f, .1f), {}),
               emp_ssl_augmentation());
  }
  SUBCASE("vicreg") {
    check_same(recipe(byol, finish(1, 0), finish(.1f, .2f), imagenet), vicreg_official_augmentation());
  }
  SUBCASE("vicreg_paper") {
    check_same(recipe(byol, finish(.5f, .1f), finish(.5f, .1f), imagenet), vicreg_paper_augmentation());
  }
  SUBCASE("simclr") {
    check_same(recipe({.8f, .8f, .8f, .2f, .8f}, finish(.5f, 0), finish(.5f, 0), imagenet),
               simclr_augmentation());
  }
  SUBCASE("simclr_cifar") { check_same(recipe(moco, {}, {}, cifar), simclr_cifar_augmentation()); }
  SUBCASE("moco_v2") {
    check_same(recipe(moco, finish(.5f, 0), finish(.5f, 0), imagenet), moco_v2_augmentation());
  }
  SUBCASE("asymmetric_cifar") {
    check_same(recipe(byol, {}, finish(0, .2f), cifar), asymmetric_cifar_augmentation());
  }
  SUBCASE("vicreg_cifar") {
    check_same(recipe(byol, finish(0, .1f), finish(0, .1f), cifar), vicreg_cifar_augmentation());
  }
}

TEST_CASE("augment/photometric: local views have a finish of their own, from their number on") {
  photometric p = recipe({.4f, .4f, .2f, .1f, .8f}, finish(1, 0), finish(.1f, .2f), imagenet_normalize());
  p.local = finish(.5f, 0);
  p.local_from = 2;
  const auto colors = flip{} | color_jitter{.4f, .4f, .2f, .1f, .8f} | grayscale{.2f};
  const auto with = [&](view_finish f) { return colors | f.blur | f.solar | imagenet_normalize(); };
  const image_shape shape{3, 8, 8};
  const auto from = noise_images(shape, 60);
  for (index view = 0; view < 6; ++view) {
    const auto chain = with(view == 0 ? p.even : view == 1 ? p.odd : p.local);
    CHECK(distance(augment<B>(shape, from, p, {7, 1}, view), augment<B>(shape, from, chain, {7, 1}, view)) <
          1e-5);
  }
}

TEST_CASE(
    "augment/photometric: steps that nothing takes are not there, and the flip may come after the colours") {
  photometric p{};
  p.mirror = {0};
  check_same(p, normalize{});
  p.mirror = {.5f};
  check_same(p, flip{} | normalize{});
  p.even = p.odd = finish(.5f, 0);
  check_same(p, flip{} | gaussian_blur{.1f, 2, .5f} | normalize{});
  p = recipe({.4f, .4f, .4f, .1f, .8f}, {}, {}, cifar_normalize());
  p.flip_first = false;
  check_same(p, color_jitter{.4f, .4f, .4f, .1f, .8f} | grayscale{.2f} | flip{} | cifar_normalize());
  p.mirror = {0};
  p.finish_all(finish(0, .3f));
  check_same(p, color_jitter{.4f, .4f, .4f, .1f, .8f} | grayscale{.2f} | solarize{.probability = .3f} |
                    cifar_normalize());
}

TEST_CASE("augment/photometric: a second one in a chain draws other numbers") {
  photometric p{};
  p.normal = {{0, 0, 0}, {1, 1, 1}};
  const image_shape shape{3, 4, 4};
  const auto from = noise_images(shape, 100);
  CHECK(augment<B>(shape, from, p | p) != from);  // two equal mirrors would undo each other
}

}  // namespace ssl::test
