#include "ssl/eval/bag.hpp"

#include "ssl/augment/flip.hpp"
#include "ssl/augment/normalize.hpp"
#include "ssl/data/synthetic.hpp"
#include "ssl/eval/concatenation.hpp"
#include "ssl/eval/patch_mean.hpp"
#include "ssl/nn/recipes.hpp"
#include "ssl/patch/fixed_scale.hpp"
#include "support/backends.hpp"
#include "support/temporary_folder.hpp"

namespace {

using ssl::test::matrix;
using ssl::test::relative_error;
using ssl::test::tolerance;

constexpr ssl::rng_key key{5, 1};
constexpr ssl::index e = 6, d = 4;

const ssl::memory_dataset& images() {
  static const auto data = ssl::make_synthetic({.size = 16}, 1, 7);
  return data;
}

auto patches(ssl::index views) {
  return ssl::patch_views(ssl::fixed_scale{.scale = 0.25, .views = {views}, .image = 16},
                          ssl::flip{} | ssl::normalize{}, {3, 8, 8});
}

/// Frozen networks and a context.
template <class B>
struct bench {
  ssl::workspace<B> work;
  ssl::network<decltype(ssl::patch_encoder()), B> encoder{
      work.backend(), ssl::patch_encoder({.widths = {5, e}}), {3, 8, 8}, 0};
  ssl::network<decltype(ssl::projector({d})), B> projector{work.backend(), ssl::projector({d}),
                                                           encoder.output_shape(), 0};

  bench() {
    encoder.initialise({1, 0});
    projector.initialise({2, 0});
  }

  struct bags {
    std::vector<double> embeddings, projections;
  };

  template <class Aggregation = ssl::patch_mean>
  bags run(ssl::bag_range range, ssl::index most_views, ssl::index columns = 2048,
           const Aggregation& aggregator = {}) {
    auto ctx = work.ctx();  // mode::train
    const matrix<B> h(work.backend(), aggregator.output(e, range.views), range.images),
        z(work.backend(), aggregator.output(d, range.views), range.images);
    ssl::bag_features(ctx, encoder, projector, patches(most_views), key, images(), range, aggregator, h(),
                      z(), columns);
    return {h.get(), z.get()};
  }

  /// The embedding and the projection of one patch, alone.
  bags one_patch(ssl::index image, ssl::index view, ssl::index most_views) {
    auto ctx = work.ctx(ssl::mode::eval);
    B& be = work.backend();
    const ssl::image_shape source = images().shape();
    auto bytes = be.template allocate<std::uint8_t>(source.size());
    auto name = be.template allocate<ssl::index>(1);
    be.upload(ssl::make_view<ssl::host_space>(images().bytes(image).data(), source.size(), 1), bytes.all());
    be.upload(ssl::make_view<ssl::host_space, const ssl::index>(&image, 1, 1), name.all());
    const matrix<B> x(be, 3, 64), h(be, e, 1), z(be, d, 1);
    patches(most_views).make(ctx, key, ssl::as_const(bytes.all()), source, name.all().data, view, 1, x());
    encoder.forward(ctx, x.read(), h());
    projector.forward(ctx, h.read(), z());
    return {h.get(), z.get()};
  }
};

}  // namespace

TEST_CASE_TEMPLATE("eval/bag: the mean over views is that of patches taken one by one", B, SSL_BACKENDS) {
  bench<B> b;
  std::vector<double> h, z;
  for (ssl::index i = 2; i < 6; ++i) {
    std::vector<double> h_sum(e), z_sum(d);
    for (ssl::index v = 1; v < 6; ++v) {
      const auto one = b.one_patch(i, v, 6);
      for (std::size_t k = 0; k < h_sum.size(); ++k) h_sum[k] += one.embeddings[k] / 5;
      for (std::size_t k = 0; k < z_sum.size(); ++k) z_sum[k] += one.projections[k] / 5;
    }
    h.insert(h.end(), h_sum.begin(), h_sum.end());
    z.insert(z.end(), z_sum.begin(), z_sum.end());
  }
  const auto found = b.run({.first_image = 2, .images = 4, .first_view = 1, .views = 5}, 6);
  CHECK(relative_error(found.embeddings, h) < tolerance<B>);
  CHECK(relative_error(found.projections, z) < tolerance<B>);
}

TEST_CASE_TEMPLATE("eval/bag: how many columns are in work at once does not change the result", B,
                   SSL_BACKENDS) {
  bench<B> b;
  const auto whole = b.run({.images = 7, .views = 5}, 5);
  for (const ssl::index columns : {1, 2, 3, 7, 10, 15, 34, 35}) {
    CAPTURE(columns);
    const auto cut = b.run({.images = 7, .views = 5}, 5, columns);
    CHECK(relative_error(cut.embeddings, whole.embeddings) < tolerance<B>);
    CHECK(relative_error(cut.projections, whole.projections) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("eval/bag: scratch grows with the columns in work and not with the views", B,
                   SSL_BACKENDS) {
  const auto scratch = [](ssl::index views, ssl::index columns) {
    bench<B> b;
    b.run({.images = 7, .views = views}, views, columns);
    return b.work.scratch().high_water();
  };
  const ssl::index few = scratch(4, 14);
  CHECK(few > 0);
  CHECK(scratch(100, 14) == few);
  CHECK(scratch(100, 700) > few);
}

TEST_CASE_TEMPLATE("eval/bag: ranges of views combine to the mean over all of them", B, SSL_BACKENDS) {
  bench<B> b;
  const auto whole = b.run({.images = 7, .views = 5}, 5);
  const auto first = b.run({.images = 7, .first_view = 0, .views = 2}, 5);
  const auto rest = b.run({.images = 7, .first_view = 2, .views = 3}, 5);
  const auto combined = [](const std::vector<double>& two, const std::vector<double>& three) {
    std::vector<double> out;
    for (std::size_t k = 0; k < two.size(); ++k) out.push_back((2 * two[k] + 3 * three[k]) / 5);
    return out;
  };
  CHECK(relative_error(combined(first.embeddings, rest.embeddings), whole.embeddings) < tolerance<B>);
  CHECK(relative_error(combined(first.projections, rest.projections), whole.projections) < tolerance<B>);
  CHECK(relative_error(first.embeddings, rest.embeddings) > 1e-3);
}

TEST_CASE_TEMPLATE("eval/bag: images are named by their number in the collection", B, SSL_BACKENDS) {
  bench<B> b;
  const auto all = b.run({.images = 7, .views = 3}, 3).embeddings;
  const auto last = b.run({.first_image = 4, .images = 3, .views = 3}, 3).embeddings;
  CHECK(relative_error(last, {all.begin() + 4 * e, all.end()}) < tolerance<B>);
}

TEST_CASE_TEMPLATE("eval/bag: the concatenation holds view after view", B, SSL_BACKENDS) {
  bench<B> b;
  for (const ssl::index columns : {3, 8, 2048}) {
    const auto found = b.run({.images = 3, .first_view = 1, .views = 3}, 4, columns, ssl::concatenation{});
    std::vector<double> h, z;
    for (ssl::index i = 0; i < 3; ++i)
      for (ssl::index v = 1; v < 4; ++v) {
        const auto one = b.one_patch(i, v, 4);
        h.insert(h.end(), one.embeddings.begin(), one.embeddings.end());
        z.insert(z.end(), one.projections.begin(), one.projections.end());
      }
    CHECK(relative_error(found.embeddings, h) < tolerance<B>);
    CHECK(relative_error(found.projections, z) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("eval/bag: projections are left out where there is no place for them", B, SSL_BACKENDS) {
  bench<B> b;
  auto ctx = b.work.ctx();
  const matrix<B> h(b.work.backend(), e, 7);
  ssl::bag_features(ctx, b.encoder, b.projector, patches(3), key, images(), {.images = 7, .views = 3},
                    ssl::patch_mean{}, h());
  CHECK(h.get() == b.run({.images = 7, .views = 3}, 3).embeddings);
}

TEST_CASE("eval/bag: what does not fit is told in a sentence") {
  using B = ssl::test::backend<float>;
  using ssl::test::message;
  bench<B> b;
  CHECK(message<ssl::option_error>([&] { b.run({.images = 7, .first_view = 3, .views = 3}, 5); }) ==
        "ssl::bag_features: views [3, 6) were asked for; the sampler has 5");
  CHECK(message<ssl::shape_error>([&] { b.run({.first_image = 5, .images = 3}, 5); }) ==
        "ssl::bag_features: images [5, 8) were asked for; there are 7");
  CHECK(message<ssl::option_error>([&] { b.run({.images = 7}, 5, 0); }) ==
        "ssl::bag_features: columns is 0, expected at least 1");
  auto ctx = b.work.ctx();
  const matrix<B> h(b.work.backend(), e, 7), wrong(b.work.backend(), d, 6);
  const auto call = [&](ssl::view<B> embeddings, ssl::view<B> projections) {
    return message<ssl::shape_error>([&] {
      ssl::bag_features(ctx, b.encoder, b.projector, patches(2), key, images(), {.images = 7, .views = 2},
                        ssl::patch_mean{}, embeddings, projections);
    });
  };
  CHECK(call(wrong(), {}) == "ssl::bag_features: embeddings is 4x6; it must be 6x7");
  CHECK(call(h(), wrong()) == "ssl::bag_features: projections is 4x6; it must be 4x7");
}
