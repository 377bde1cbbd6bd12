#include "ssl/eval/dense_bag.hpp"

#include "ssl/augment/normalize.hpp"
#include "ssl/data/synthetic.hpp"
#include "ssl/eval/concatenation.hpp"
#include "ssl/eval/patch_mean.hpp"
#include "ssl/eval/spatial_pool.hpp"
#include "ssl/nn/bag_encoder.hpp"
#include "ssl/nn/recipes.hpp"
#include "ssl/patch/grid.hpp"
#include "support/backends.hpp"
#include "support/temporary_folder.hpp"

namespace {

using ssl::test::matrix;
using ssl::test::relative_error;
using ssl::test::tolerance;

constexpr ssl::rng_key key{5, 1};
constexpr ssl::index e = 6, d = 4, side = 8, size = 17;

const ssl::memory_dataset& images() {
  static const auto data = ssl::make_synthetic({.size = size}, 1, 7);
  return data;
}

auto encoder_layers() { return ssl::bag_encoder({.patch = side, .blocks = {{5, 4, 2}, {e, 3}}}); }
auto whole_images() { return ssl::patch_views(ssl::whole{}, ssl::cifar_normalize(), {3, size, size}); }
auto grid_patches(ssl::index stride) {
  return ssl::patch_views(ssl::grid{.image = size, .size = side, .stride = stride}, ssl::cifar_normalize(),
                          {3, side, side});
}

template <class B>
struct bench {
  ssl::workspace<B> work;
  ssl::network<decltype(encoder_layers()), B> encoder{work.backend(), encoder_layers(), {3, side, side}, 0};
  ssl::network<decltype(ssl::projector({d})), B> projector{work.backend(), ssl::projector({d}),
                                                           encoder.output_shape(), 0};

  bench() {
    encoder.initialise({1, 0});
    projector.initialise({2, 0});
  }

  struct bags {
    std::vector<double> embeddings, projections;
  };

  template <class Aggregation>
  bags dense(ssl::index stride, ssl::bag_range range, const Aggregation& aggregator,
             ssl::index columns = 2048) {
    auto ctx = work.ctx();
    const ssl::dense_patches grid(encoder, {3, size, size}, stride);
    const ssl::index places = grid.grid().pixels() * range.views;
    const matrix<B> h(work.backend(), aggregator.output(e, places), range.images),
        z(work.backend(), aggregator.output(d, places), range.images);
    ssl::dense_bag_features(ctx, grid, projector,
                            ssl::patch_views(ssl::whole{{4}}, ssl::cifar_normalize(), {3, size, size}), key,
                            images(), range, aggregator, h(), z(), columns);
    return {h.get(), z.get()};
  }

  template <class Aggregation>
  bags one_by_one(ssl::index stride, ssl::index first, ssl::index count, const Aggregation& aggregator) {
    auto ctx = work.ctx();
    const auto patches = grid_patches(stride);
    const matrix<B> h(work.backend(), aggregator.output(e, patches.count()), count),
        z(work.backend(), aggregator.output(d, patches.count()), count);
    ssl::bag_features(ctx, encoder, projector, patches, key, images(),
                      {.first_image = first, .images = count, .views = patches.count()}, aggregator, h(),
                      z());
    return {h.get(), z.get()};
  }

  template <class Aggregation>
  void check(ssl::index stride, const Aggregation& aggregator) {
    CAPTURE(stride);
    const bags expected = one_by_one(stride, 1, 5, aggregator);
    for (const ssl::index columns : {1, 40, 2048}) {
      CAPTURE(columns);
      const bags found = dense(stride, {.first_image = 1, .images = 5}, aggregator, columns);
      CHECK(relative_error(found.embeddings, expected.embeddings) < tolerance<B>);
      CHECK(relative_error(found.projections, expected.projections) < tolerance<B>);
    }
  }
};

}  // namespace

TEST_CASE_TEMPLATE("eval/dense_bag: equal to the bag of the grid's patches, however images are cut", B,
                   SSL_BACKENDS) {
  bench<B> b;
  for (const ssl::index stride : {1, 2, 3, 4}) b.check(stride, ssl::patch_mean{});
  b.check(2, ssl::patch_mean{.normalize_patches = true, .normalize_mean = true});
  b.check(3, ssl::concatenation{});  // which keeps the order of the patches
  b.check(4, ssl::spatial_pool{.grid = 3, .cells = 2});
}

TEST_CASE_TEMPLATE("eval/dense_bag: several views of an image put their places one after another", B,
                   SSL_BACKENDS) {
  bench<B> b;
  const auto one = b.dense(4, {.images = 3}, ssl::concatenation{});
  const auto two = b.dense(4, {.images = 3, .first_view = 1, .views = 2}, ssl::concatenation{});
  std::vector<double> twice;
  const auto length = static_cast<std::ptrdiff_t>(one.embeddings.size()) / 3;
  for (std::ptrdiff_t i = 0; i < 3; ++i)
    for (int v = 0; v < 2; ++v)
      twice.insert(twice.end(), one.embeddings.begin() + i * length,
                   one.embeddings.begin() + (i + 1) * length);
  CHECK(two.embeddings == twice);
}

TEST_CASE_TEMPLATE("eval/dense_bag: scratch grows with the columns in work and not with the images", B,
                   SSL_BACKENDS) {
  const auto scratch = [](ssl::index count, ssl::index columns) {
    bench<B> b;
    b.dense(2, {.images = count}, ssl::patch_mean{}, columns);
    return b.work.scratch().high_water();
  };
  const ssl::index one = scratch(1, 25);  // 5 x 5 places
  CHECK(one > 0);
  CHECK(scratch(7, 25) == one);
  CHECK(scratch(7, 100) > one);
}

TEST_CASE("eval/dense_bag: projections are left out where there is no place for them") {
  using B = ssl::test::backend<float>;
  bench<B> b;
  auto ctx = b.work.ctx();
  const ssl::dense_patches grid(b.encoder, {3, size, size});
  const matrix<B> h(b.work.backend(), e, 7);
  ssl::dense_bag_features(ctx, grid, b.projector, whole_images(), key, images(), {.images = 7},
                          ssl::patch_mean{}, h());
  CHECK(h.get() == b.dense(2, {.images = 7}, ssl::patch_mean{}).embeddings);
}

TEST_CASE("eval/dense_bag: what does not fit is told in a sentence") {
  using B = ssl::test::backend<float>;
  using ssl::test::message;
  bench<B> b;
  auto ctx = b.work.ctx();
  const ssl::patch_mean mean{};
  CHECK(message<ssl::option_error>([&] { b.dense(2, {.images = 7, .first_view = 3, .views = 2}, mean); }) ==
        "ssl::dense_bag_features: views [3, 5) were asked for; the sampler has 4");
  CHECK(message<ssl::shape_error>([&] { b.dense(2, {.first_image = 5, .images = 3}, mean); }) ==
        "ssl::dense_bag_features: images [5, 8) were asked for; there are 7");
  CHECK(message<ssl::option_error>([&] { b.dense(2, {.images = 7}, mean, 0); }) ==
        "ssl::dense_bag_features: columns is 0, expected at least 1");
  const ssl::dense_patches grid(b.encoder, {3, size, size});
  const matrix<B> h(b.work.backend(), e, 7), wrong(b.work.backend(), d, 6);
  const auto call = [&](auto& projector, const auto& views, ssl::view<B> embeddings,
                        ssl::view<B> projections) {
    return message<ssl::shape_error>([&] {
      ssl::dense_bag_features(ctx, grid, projector, views, key, images(), {.images = 7}, mean, embeddings,
                              projections);
    });
  };
  CHECK(call(b.projector, whole_images(), wrong(), {}) ==
        "ssl::dense_bag_features: embeddings is 4x6; it must be 6x7");
  CHECK(call(b.projector, whole_images(), h(), wrong()) ==
        "ssl::dense_bag_features: projections is 4x6; it must be 4x7");
  CHECK(call(b.projector, grid_patches(2), h(), {}) ==
        "ssl::dense_bag_features: the views are 3x8x8, the grid is over images of 3x17x17; a view must be a "
        "whole image");
  ssl::network other(b.work.backend(), ssl::projector({d}), {5, 1, 1}, 0);
  CHECK(call(other, whole_images(), h(), {}) ==
        "ssl::dense_bag_features: the projector takes 5x1x1, an embedding has 6 features; they must be as "
        "many");
}
