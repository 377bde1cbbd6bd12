#include "ssl/patch/multi_views.hpp"

#include "ssl/data/synthetic.hpp"
#include "ssl/loss/dino.hpp"
#include "ssl/loss/evaluate.hpp"
#include "ssl/nn/activation.hpp"
#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/linear.hpp"
#include "ssl/nn/pool.hpp"
#include "ssl/optim/sgd.hpp"
#include "ssl/train/trainer.hpp"
#include "ssl/train/view_recipe.hpp"
#include "support/backends.hpp"
#include "support/temporary_folder.hpp"

namespace {

using B = ssl::test::backend<double>;
using ssl::test::matrix;
using ssl::test::message;
using ssl::test::normals;
using ssl::test::relative_error;

const ssl::image_shape large{3, 8, 8}, small{3, 5, 5};
const ssl::index n = 4, first = 2 * n, second = 3 * n, columns = first + second;

const auto encoder = ssl::batch_norm{.relu = true} | ssl::mean_pool{} | ssl::linear{.out = 6};
const auto head = ssl::relu{} | ssl::linear{.out = 5};
double momentum_of(ssl::index) { return 0.75; }

const auto delayed = ssl::delayed_targets(encoder, head, momentum_of);
using delayed_type = std::remove_const_t<decltype(delayed)>;
using bound_type = ssl::bound_branches<delayed_type, ssl::sgd, B>;
const std::vector<ssl::column_group> two_sizes{{large, first}, {small, second}};

std::vector<double> read(B& be, ssl::cview<B> m) {
  std::vector<double> host(static_cast<std::size_t>(m.size()));
  be.download(m, ssl::make_view(host.data(), m.rows, m.cols));
  be.wait();
  return host;
}
void write(B& be, const std::vector<double>& values, ssl::view<B> m) {
  be.upload(ssl::make_view<ssl::host_space>(values.data(), m.rows, m.cols), m);
  be.wait();
}

}  // namespace

TEST_CASE("train/multi_views: a step with two sizes is the encoder on each and the heads on all columns") {
  ssl::workspace<B> work;
  B& be = work.backend();
  auto ctx = work.ctx();
  bound_type bound(be, delayed, ssl::sgd{}, two_sizes, {1, 0});
  const ssl::index pixels = 64 * first + 25 * second;
  matrix<B> x(be, 3, pixels, normals(3 * pixels, 1));
  const auto at_large = x.read().columns(0, 64 * first), at_small = x.read().columns(64 * first, 25 * second);

  // By hand: two encoders of the same numbers. Running statistics pass from one to the other.
  ssl::network one(be, encoder, large, first), other(be, encoder, small, second);
  ssl::network top(be, head, {6, 1, 1}, columns);
  matrix<B> h(be, 6, columns), z(be, 5, columns), dh(be, 6, columns);
  const auto by_hand = [&] {
    ssl::copy(be, bound.encoder().params(), one.params());
    ssl::copy(be, bound.projector().params(), top.params());
    one.forward(ctx, at_large, h().columns(0, first));
    ssl::copy(be, one.params(), other.params());
    other.forward(ctx, at_small, h().columns(first, second));
    top.forward(ctx, h.read(), z());
  };
  by_hand();
  bound.forward(ctx, x.read());
  CHECK(read(be, bound.z()) == z.get());
  CHECK(read(be, bound.targets()) == z.get());  // the delayed copy starts equal
  CHECK(read(be, bound.encoder().params()) == read(be, other.params()));

  const auto slope = normals(5 * columns, 2);
  write(be, slope, bound.dz());
  bound.backward(ctx);
  matrix<B> dz(be, 5, columns, slope);
  top.backward(ctx, dz.read(), dh());
  one.backward(ctx, dh.read().columns(0, first));
  other.backward(ctx, dh.read().columns(first, second));
  auto sum = read(be, one.grads());
  const auto more = read(be, other.grads());
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += more[k];
  const auto grads = read(be, bound.encoder().grads());
  CHECK(relative_error(grads, sum) < 1e-14);
  CHECK(read(be, bound.projector().grads()) == read(be, top.grads()));

  // And against differences of sum(slope * z).
  const auto params = read(be, bound.encoder().params());
  const auto value = [&](std::size_t k, double shift) {
    auto moved = params;
    moved[k] += shift;
    write(be, moved, bound.encoder().params());
    bound.forward(ctx, x.read());
    const auto out = read(be, bound.z());
    double total = 0;
    for (std::size_t i = 0; i < out.size(); ++i) total += out[i] * slope[i];
    return total;
  };
  for (const ssl::segment& s : bound.encoder().table()) {
    if (s.kind == ssl::role::buffer) continue;
    const auto k = static_cast<std::size_t>(s.offset + s.size() / 2);
    INFO(s.name);
    CHECK(grads[k] == doctest::Approx((value(k, 1e-6) - value(k, -1e-6)) / 2e-6).epsilon(1e-6));
  }
}

TEST_CASE("train/multi_views: groups of one shape are one group where nothing mixes columns") {
  const auto networks =
      ssl::delayed_targets(ssl::relu{} | ssl::mean_pool{} | ssl::linear{.out = 6}, head, momentum_of);
  using networks_type = std::remove_const_t<decltype(networks)>;
  const auto steps = [&](const std::vector<ssl::column_group>& groups) {
    ssl::workspace<B> work;
    B& be = work.backend();
    auto ctx = work.ctx();
    const matrix<B> images(be, 3, 25 * columns, normals(3 * 25 * columns, 1));
    ssl::bound_branches<networks_type, ssl::sgd, B> bound(be, networks, ssl::sgd{}, groups, {1, 0});
    std::vector<std::vector<double>> out;
    for (ssl::index s = 0; s < 2; ++s) {
      bound.forward(ctx, images.read());
      write(be, normals(5 * columns, 2), bound.dz());
      bound.backward(ctx);
      out.push_back(read(be, bound.z()));
      out.push_back(read(be, bound.targets()));
      out.push_back(read(be, bound.encoder().grads()));
      bound.update(ctx, ssl::sgd{}, s, 0.1);
    }
    out.push_back(read(be, bound.encoder().params()));
    return out;
  };
  const auto one = steps({{small, columns}}), two = steps({{small, first}, {small, second}});
  for (std::size_t k = 0; k < one.size(); ++k) CHECK(relative_error(two[k], one[k]) < 1e-13);
}

TEST_CASE("train/multi_views: a delayed network may see the first groups only") {
  ssl::workspace<B> work;
  B& be = work.backend();
  auto ctx = work.ctx();
  auto networks = delayed;
  networks.target_groups = 1;
  bound_type part(be, networks, ssl::sgd{}, two_sizes, {1, 0}),
      full(be, delayed, ssl::sgd{}, two_sizes, {1, 0});
  const ssl::index pixels = 64 * first + 25 * second;
  matrix<B> x(be, 3, pixels, normals(3 * pixels, 1));
  part.forward(ctx, x.read());
  full.forward(ctx, x.read());
  CHECK(read(be, part.z()) == read(be, full.z()));
  CHECK(
      relative_error(read(be, part.targets().columns(0, first)), read(be, full.targets().columns(0, first))) <
      1e-13);  // products of other widths may round otherwise
  CHECK(read(be, part.targets().columns(first, second)) == std::vector<double>(5 * second, 0.0));
}

TEST_CASE("train/multi_views: a trainer takes a recipe of two sizes, and its steps allocate nothing") {
  const auto data = ssl::make_synthetic({.size = 16}, 1, 24);
  const auto recipe = ssl::named_views("dino", {.image = 16, .local_views = 3, .local_side = 6});
  const ssl::multi_views views(recipe.sampler(), recipe.colors, recipe.targets(), recipe.filter);
  auto networks = delayed;
  networks.target_groups = 1;  // the large crops teach

  B be;
  ssl::trainer t(be, networks, ssl::dino{.teaching = 2}, ssl::sgd{}, ssl::constant{0.1}, views, data.shape(),
                 ssl::run_options{.batch = 8, .epochs = 3, .seed = 5, .log_every = 1});
  // The first step by hand: each group's views at its size, then the networks.
  const std::vector<ssl::index> ids{0, 1, 2, 3, 4, 5, 6, 7};
  const auto pixels = data.all_pixels().first(static_cast<std::size_t>(8 * data.shape().size()));
  t.step({3, 0}, ids, pixels, 0);
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  bound_type bound(work.backend(), networks, ssl::sgd{}, {{{3, 16, 16}, 16}, {{3, 6, 6}, 24}}, {5, 0});
  const auto bytes = work.backend().template allocate<std::uint8_t>(8 * data.shape().size());
  const auto names = work.backend().template allocate<ssl::index>(8);
  const auto images = bytes.as(data.shape().size(), 8);
  work.backend().upload(ssl::make_view<ssl::host_space>(pixels.data(), data.shape().size(), 8), images);
  work.backend().upload(ssl::make_view<ssl::host_space>(ids.data(), 8, 1), names.all());
  matrix<B> x(work.backend(), 3, 256 * 16 + 36 * 24);
  views.make(ctx, {3, 0}, ssl::as_const(images), data.shape(), names.all().data, 0, 2,
             x().columns(0, 256 * 16));
  views.make(ctx, {3, 0}, ssl::as_const(images), data.shape(), names.all().data, 2, 3,
             x().columns(256 * 16, 36 * 24));
  bound.forward(ctx, x.read());
  CHECK(t.projections().cols == 5 * 8);
  CHECK(read(be, t.projections()) == read(work.backend(), bound.z()));

  std::vector<ssl::index> allocations;
  std::vector<double> losses;
  t.run(data, [&](const ssl::step_record& r) {
    allocations.push_back(be.allocations());
    losses.push_back(r.loss.total);
    return true;
  });
  REQUIRE(allocations.size() == 9);
  CHECK(allocations.back() == allocations[1]);
  CHECK(losses.front() > 0);
  CHECK(losses.back() != losses.front());
}

TEST_CASE("train/multi_views: what does not fit is told in a sentence") {
  B be;
  const auto bind = [&](const auto& networks, std::vector<ssl::column_group> groups, ssl::index chunk = 0) {
    return [&be, networks, groups, chunk] {
      ssl::bound_branches<std::remove_cvref_t<decltype(networks)>, ssl::sgd, B>(be, networks, ssl::sgd{},
                                                                                groups, {1, 0}, chunk);
    };
  };
  CHECK(message<ssl::option_error>(bind(delayed, two_sizes, 7)) ==
        "ssl::branches: chunk is 7, but views of several sizes go through the networks whole; expected 0");
  CHECK(message<ssl::shape_error>(bind(delayed, {})) == "ssl::branches: there are no views");
  auto far = delayed;
  far.target_groups = 3;
  CHECK(message<ssl::option_error>(bind(far, two_sizes)) ==
        "ssl::branches: the delayed network sees 3 groups of views, expected 0 to 2");
  CHECK(message<ssl::shape_error>(
            bind(ssl::joint_embedding(ssl::batch_norm{.relu = true}, ssl::mean_pool{}), two_sizes)) ==
        "ssl::branches: the encoder makes 3x8x8 of 3x8x8, but 3x5x5 of 3x5x5; all views need one kind of "
        "embedding");
}
