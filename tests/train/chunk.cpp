#include <cmath>

#include "ssl/augment/normalize.hpp"
#include "ssl/data/synthetic.hpp"
#include "ssl/loss/covariance.hpp"
#include "ssl/loss/invariance.hpp"
#include "ssl/loss/variance.hpp"
#include "ssl/nn/recipes.hpp"
#include "ssl/optim/sgd.hpp"
#include "ssl/patch/fixed_scale.hpp"
#include "ssl/train/trainer.hpp"
#include "support/backends.hpp"
#include "support/temporary_folder.hpp"

namespace {

using ssl::test::matrix;
using ssl::test::normals;
using ssl::test::relative_error;

const ssl::image_shape input{3, 8, 8};
const ssl::index columns = 18;
const auto vicreg = 25 * ssl::invariance{} + 25 * ssl::variance{} + ssl::covariance{};

const auto column_by_column = ssl::conv2d{.out = 4, .stride = 2, .bias = true} | ssl::relu{} |
                              ssl::conv2d{.out = 6, .stride = 2} | ssl::mean_pool{};
const auto head = ssl::plain_projector({8, 5});

template <class B>
std::vector<double> read(B& be, ssl::cview<B> m) {
  std::vector<typename B::scalar> host(static_cast<std::size_t>(m.size()));
  be.download(m, ssl::make_view(host.data(), m.rows, m.cols));
  be.wait();
  return {host.begin(), host.end()};
}

struct outcome {
  std::vector<double> z, targets, of_encoder, of_projector, of_predictor, params;
};

/// What two steps of SGD leave, and the second one's gradients, with `chunk` columns at a time.
template <class B, class Branches>
outcome two_steps(Branches networks, ssl::index chunk) {
  ssl::workspace<B> work;
  B& be = work.backend();
  auto ctx = work.ctx();
  const ssl::sgd optimizer{.momentum = 0.5};
  ssl::bound_branches<Branches, ssl::sgd, B> bound(be, networks, optimizer, input, columns, {1, 0}, chunk);
  matrix<B> x(be, 3, 64 * columns, normals(3 * 64 * columns, 1));
  const auto sums = be.template allocate<double>(3);
  outcome out;
  for (ssl::index step = 0; step < 2; ++step) {
    bound.forward(ctx, x.read());
    ssl::value_and_gradient(ctx, vicreg,
                            ssl::view_batch<B>{.z = bound.z(), .views = 2, .targets = bound.targets()},
                            sums.as(1, 3), bound.dz(), ssl::gram_side::automatic);
    bound.backward(ctx);
    bound.update(ctx, optimizer, step, 0.05);
  }
  out.z = read<B>(be, bound.z());
  out.targets = read<B>(be, bound.targets());
  out.of_encoder = read<B>(be, bound.encoder().grads());
  out.of_projector = read<B>(be, bound.projector().grads());
  if constexpr (Branches::has_predictor) out.of_predictor = read<B>(be, bound.predictor().grads());
  out.params = read<B>(be, bound.encoder().params());
  return out;
}

template <class B, class Branches>
void changes_rounding_only(Branches networks) {
  const auto whole = two_steps<B>(networks, 0);
  for (const ssl::index chunk : {1, 4, 7, 18, 100}) {
    CAPTURE(chunk);
    const auto parts = two_steps<B>(networks, chunk);
    const double most = 20 * ssl::test::tolerance<B>;
    CHECK(relative_error(parts.z, whole.z) < most);
    CHECK(relative_error(parts.of_encoder, whole.of_encoder) < most);
    CHECK(relative_error(parts.of_projector, whole.of_projector) < most);
    CHECK(relative_error(parts.params, whole.params) < most);
    CHECK(parts.targets.size() == whole.targets.size());
    if (!whole.targets.empty()) CHECK(relative_error(parts.targets, whole.targets) < most);
    if (!whole.of_predictor.empty()) CHECK(relative_error(parts.of_predictor, whole.of_predictor) < most);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("train/chunk: where columns go their own way, gradients are those of the whole batch", B,
                   SSL_BACKENDS) {
  changes_rounding_only<B>(ssl::joint_embedding(column_by_column, head));
  changes_rounding_only<B>(ssl::stop_gradient(column_by_column, head, ssl::plain_projector({5})));
  changes_rounding_only<B>(ssl::delayed_targets(column_by_column, head, ssl::plain_projector({4, 5}),
                                                [](ssl::index) { return 0.75; }));
}

TEST_CASE_TEMPLATE("train/chunk: with batch norm a step is what its chunks make of it, one after another", B,
                   SSL_BACKENDS) {
  const auto encoder = ssl::patch_encoder({.widths = {4, 6}});
  const auto projector = ssl::projector({8, 5});
  const auto networks = ssl::joint_embedding(encoder, projector);
  using networks_type = std::remove_const_t<decltype(networks)>;
  ssl::workspace<B> work;
  B& be = work.backend();
  auto ctx = work.ctx();
  const ssl::index parts = 3, m = columns / parts;
  ssl::bound_branches<networks_type, ssl::sgd, B> bound(be, networks, ssl::sgd{}, input, columns, {1, 0}, m);
  CHECK(bound.chunks() == parts);
  const ssl::network whole(be, encoder, input, columns);
  CHECK(bound.encoder().tape_size() < 0.4 * static_cast<double>(whole.tape_size()));

  ssl::network e(be, encoder, input, m);
  ssl::network p(be, projector, {6, 1, 1}, m);
  ssl::copy(be, bound.encoder().params(), e.params());
  ssl::copy(be, bound.projector().params(), p.params());
  matrix<B> x(be, 3, 64 * columns, normals(3 * 64 * columns, 1)), h(be, 6, columns), z(be, 5, columns),
      dz(be, 5, columns), dh(be, 6, columns);
  const auto sums = be.template allocate<double>(3);
  const auto loss = [&](ssl::view<B> of, ssl::view<B> gradient) {
    ssl::value_and_gradient(ctx, vicreg, ssl::view_batch<B>{.z = of, .views = 2}, sums.as(1, 3), gradient,
                            ssl::gram_side::automatic);
  };
  const auto forward = [&](ssl::index k) {
    e.forward(ctx, x.read().columns(64 * m * k, 64 * m), h().columns(m * k, m));
    p.forward(ctx, h.read().columns(m * k, m), z().columns(m * k, m));
  };

  bound.forward(ctx, x.read());
  loss(bound.z(), bound.dz());
  bound.backward(ctx);
  for (ssl::index k = 0; k < parts; ++k) forward(k);
  CHECK(z.get() == read<B>(be, bound.z()));
  CHECK(read<B>(be, e.params()) == read<B>(be, bound.encoder().params()));  // running statistics
  CHECK(read<B>(be, p.params()) == read<B>(be, bound.projector().params()));
  loss(z(), dz());
  for (ssl::index k = parts - 1; k >= 0; --k) {
    forward(k);
    p.backward(ctx, dz.read().columns(m * k, m), dh().columns(m * k, m));
    e.backward(ctx, dh.read().columns(m * k, m));
  }
  CHECK(read<B>(be, e.grads()) == read<B>(be, bound.encoder().grads()));
  CHECK(read<B>(be, p.grads()) == read<B>(be, bound.projector().grads()));
}

TEST_CASE_TEMPLATE(
    "train/chunk: a trainer takes it as an option, and a delayed copy has no tape and no gradients", B,
    SSL_BACKENDS) {
  static const auto data = ssl::make_synthetic({.size = 16}, 1, 24);
  const auto train = [&](ssl::index chunk) {
    B be;
    const auto networks = ssl::delayed_targets(column_by_column, head, head, [](ssl::index) { return 0.75; });
    ssl::trainer t(
        be, networks, vicreg, ssl::sgd{}, ssl::constant{0.01},
        ssl::patch_views(ssl::fixed_scale{.scale = 0.25, .views = {2}, .image = 16}, ssl::normalize{}, input),
        data.shape(), ssl::run_options{.batch = 8, .epochs = 2, .log_every = 1, .chunk = chunk});
    std::vector<double> losses;
    std::vector<ssl::index> allocations;
    t.run(data, [&](const ssl::step_record& r) {
      losses.push_back(r.loss.total);
      allocations.push_back(be.allocations());
      return true;
    });
    CHECK(t.networks().delayed_encoder().tape_size() == 0);
    CHECK(t.networks().delayed_encoder().grads().rows == 0);
    CHECK(allocations.back() == allocations[1]);
    return losses;
  };
  const auto whole = train(0), parts = train(5);
  REQUIRE(whole.size() == 6);
  CHECK(relative_error(parts, whole) < 20 * ssl::test::tolerance<B>);
}

TEST_CASE("train/chunk: a negative one is refused in a sentence") {
  using B = ssl::test::backend<float>;
  CHECK(ssl::test::message<ssl::option_error>([] {
          B be;
          ssl::trainer(be, column_by_column, head, vicreg, ssl::sgd{}, ssl::constant{0.01},
                       ssl::patch_views(ssl::fixed_scale{.scale = 0.25, .views = {2}, .image = 16},
                                        ssl::normalize{}, input),
                       {3, 16, 16}, ssl::run_options{.batch = 8, .chunk = -1});
        }) == "ssl::trainer: chunk is -1, expected views at a time or 0 for all");
}
