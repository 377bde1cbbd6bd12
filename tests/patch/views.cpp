#include "ssl/patch/views.hpp"

#include "patch/patches.hpp"
#include "ssl/augment/flip.hpp"
#include "ssl/augment/normalize.hpp"
#include "ssl/patch/fixed_scale.hpp"

TEST_CASE_TEMPLATE("patch/views: make is a crop with the augmentation", B, SSL_BACKENDS) {
  const ssl::image_shape source{3, 8, 8}, target{3, 4, 4};
  const ssl::fixed_scale sampler{.scale = 0.25, .views = {5}, .image = 8};
  const auto colours = ssl::flip{} | ssl::normalize{};
  const ssl::patch_views views(sampler, colours, target);
  CHECK(views.count() == 5);

  const auto bytes = ssl::test::formula_bytes(source, 3);
  const std::vector<ssl::index> ids{11, 4, 7};
  const ssl::rng_key key{9, 2};
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  const auto images = ssl::test::to_backend(work.backend(), bytes);
  const auto names = ssl::test::to_backend(work.backend(), ids);
  ssl::test::matrix<B> out(work.backend(), 3, target.pixels() * 3 * 2);
  views.make(ctx, key, {images.all().data, source.size(), 3, source.size()}, source, names.all().data, 1, 2,
             out());

  const auto expected = ssl::test::patches<B>(
      bytes, source, sampler, target, {.key = key, .ids = ids, .first_view = 1, .view_count = 2}, colours);
  CHECK(out.get() == expected);
  const auto plain = ssl::test::patches<B>(bytes, source, sampler, target,
                                           {.key = key, .ids = ids, .first_view = 1, .view_count = 2});
  CHECK(out.get() != plain);
}
