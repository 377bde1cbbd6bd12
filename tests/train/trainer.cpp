#include "ssl/train/trainer.hpp"

#include <cmath>

#include "ssl/augment/flip.hpp"
#include "ssl/augment/normalize.hpp"
#include "ssl/data/synthetic.hpp"
#include "ssl/loss/covariance.hpp"
#include "ssl/loss/invariance.hpp"
#include "ssl/loss/variance.hpp"
#include "ssl/nn/recipes.hpp"
#include "ssl/optim/sgd.hpp"
#include "ssl/patch/fixed_scale.hpp"
#include "support/backends.hpp"
#include "support/temporary_folder.hpp"

namespace {

const ssl::memory_dataset& images() {
  static const auto data = ssl::make_synthetic({.size = 16}, 1, 40);
  return data;
}

auto two_patches() {
  return ssl::patch_views(ssl::fixed_scale{.scale = 0.25, .views = {2}, .image = 16},
                          ssl::flip{} | ssl::normalize{}, {3, 8, 8});
}

/// VICReg on two patches of 8 x 8 pixels: an encoder of two blocks, a projector with one hidden layer.
template <class B>
auto make_trainer(B& be, ssl::run_options options, double rate = 0.01, double momentum = 0.9) {
  return ssl::trainer(be, ssl::patch_encoder({.widths = {4, 6}}), ssl::projector({8, 5}),
                      25 * ssl::invariance{} + 25 * ssl::variance{} + ssl::covariance{},
                      ssl::sgd{.momentum = momentum, .weight_decay = 1e-3},
                      ssl::warmup_cosine{.base = rate, .warmup_steps = 2, .total_steps = 40}, two_patches(),
                      images().shape(), options);
}

template <class B>
std::vector<double> read(B& be, ssl::view<B> column) {
  std::vector<typename B::scalar> host(static_cast<std::size_t>(column.size()));
  be.download(ssl::as_const(column), ssl::make_view(host.data(), column.rows, column.cols));
  be.wait();
  return {host.begin(), host.end()};
}

template <class B>
void write(B& be, const std::vector<double>& values, ssl::view<B> column) {
  const std::vector<typename B::scalar> host(values.begin(), values.end());
  be.upload(ssl::make_view<ssl::host_space>(host.data(), column.rows, column.cols), column);
  be.wait();
}

struct history {
  std::vector<ssl::step_record> records;
  std::vector<double> params;  // of both networks, one after the other
  ssl::index steps = 0;
};

template <class B>
history train(ssl::run_options options, B be = B{}) {
  auto t = make_trainer(be, options);
  history h;
  h.steps = t.run(images(), [&](const ssl::step_record& r) {
    h.records.push_back(r);
    return true;
  });
  h.params = read(be, t.encoder().params());
  const auto more = read(be, t.projector().params());
  h.params.insert(h.params.end(), more.begin(), more.end());
  return h;
}

/// One step at `rate` on the first eight images.
template <class Trainer>
void step_on_first(Trainer& t, double rate) {
  const std::vector<ssl::index> ids{0, 1, 2, 3, 4, 5, 6, 7};
  t.step({3, 0}, ids, images().all_pixels().first(static_cast<std::size_t>(8 * images().shape().size())),
         rate);
}

}  // namespace

TEST_CASE_TEMPLATE("train/trainer: a few epochs lower the loss", B, SSL_BACKENDS) {
  const auto h = train<B>({.batch = 20, .epochs = 20, .log_every = 1});
  REQUIRE(h.records.size() == 40);
  const double first = h.records.front().loss.total, last = h.records.back().loss.total;
  CHECK(last < 0.8 * first);
  for (const auto& r : h.records) {
    CHECK(r.loss.terms.size() == 3);
    CHECK(r.loss.total ==
          doctest::Approx(25 * r.loss.terms[0].value + 25 * r.loss.terms[1].value + r.loss.terms[2].value));
    CHECK(r.projections.effective_rank >= 1);
    CHECK(r.projections.effective_rank <= 5.001);
    CHECK(r.images_per_second > 0);
  }
}

TEST_CASE_TEMPLATE("train/trainer: one seed gives one run to the bit and another seed another run", B,
                   SSL_BACKENDS) {
  const ssl::run_options options{.batch = 20, .epochs = 2, .seed = 4, .log_every = 1};
  const auto a = train<B>(options), b = train<B>(options);
  CHECK(a.params == b.params);
  for (std::size_t k = 0; k < a.records.size(); ++k)
    CHECK(a.records[k].loss.total == b.records[k].loss.total);
  auto other = options;
  other.seed = 5;
  CHECK(train<B>(other).params != a.params);
}

TEST_CASE_TEMPLATE("train/trainer: the number of threads changes no crop and the losses only by rounding", B,
                   SSL_BACKENDS) {
  if constexpr (requires(B be) { B(2).threads(); }) {
    const auto crops = [](int threads) {
      ssl::workspace<B> work{B(threads)};
      auto ctx = work.ctx();
      const ssl::image_shape shape = images().shape();
      const ssl::test::matrix<B> out(work.backend(), 3, 64 * 40 * 2);
      two_patches().make(ctx, {1, 0},
                         {images().all_pixels().data(), shape.size(), images().size(), shape.size()}, shape,
                         nullptr, 0, 2, out());
      return out.get();
    };
    CHECK(crops(1) == crops(2));
    const ssl::run_options options{.batch = 20, .epochs = 2, .log_every = 1};
    const auto one = train<B>(options, B(1)), two = train<B>(options, B(2));
    for (std::size_t k = 0; k < one.records.size(); ++k)
      CHECK(two.records[k].loss.total ==
            doctest::Approx(one.records[k].loss.total).epsilon(20 * ssl::test::tolerance<B>));
  }
}

TEST_CASE("train/trainer: the observer hears every log_every steps and at the end of each epoch") {
  using B = ssl::test::backend<float>;
  const auto h = train<B>({.batch = 8, .epochs = 2, .log_every = 3});
  CHECK(h.steps == 10);
  std::vector<ssl::index> steps, epochs;
  const ssl::warmup_cosine rate{.base = 0.01, .warmup_steps = 2, .total_steps = 40};
  double before = 0;
  for (const auto& r : h.records) {
    steps.push_back(r.step);
    epochs.push_back(r.epoch);
    CHECK(r.steps == 10);
    CHECK(r.epochs == 2);
    CHECK(r.rate == rate(r.step - 1));
    CHECK(r.seconds > before);
    before = r.seconds;
  }
  CHECK(steps == std::vector<ssl::index>{3, 5, 6, 9, 10});
  CHECK(epochs == std::vector<ssl::index>{0, 0, 1, 1, 1});
}

TEST_CASE("train/trainer: the observer stops the run by returning false") {
  using B = ssl::test::backend<float>;
  B be;
  auto t = make_trainer(be, {.batch = 8, .epochs = 5, .log_every = 2});
  int calls = 0;
  CHECK(t.run(images(), [&](const ssl::step_record&) { return ++calls < 3; }) == 5);
  CHECK(calls == 3);
}

TEST_CASE("train/trainer: images left over by the last batch of an epoch wait for another epoch") {
  using B = ssl::test::backend<float>;
  const auto h = train<B>({.batch = 12, .epochs = 2, .log_every = 100});
  CHECK(h.steps == 6);
  REQUIRE(h.records.size() == 2);
  CHECK(h.records[0].step == 3);
}

TEST_CASE_TEMPLATE("train/trainer: where the images live changes no bit of the run", B, SSL_BACKENDS) {
  const auto stay = train<B>({.batch = 8, .epochs = 2, .seed = 3, .images = ssl::residence::automatic});
  const auto sent = train<B>({.batch = 8, .epochs = 2, .seed = 3, .images = ssl::residence::stream});
  CHECK(stay.params == sent.params);
}

TEST_CASE_TEMPLATE("train/trainer: nothing is allocated after the second step", B, SSL_BACKENDS) {
  B be;
  auto t = make_trainer(be, {.batch = 8, .epochs = 3, .log_every = 1});
  std::vector<ssl::index> allocations;
  t.run(images(), [&](const ssl::step_record&) {
    allocations.push_back(be.allocations());
    return true;
  });
  REQUIRE(allocations.size() == 15);
  for (std::size_t k = 2; k < allocations.size(); ++k) CHECK(allocations[k] == allocations[1]);
}

TEST_CASE_TEMPLATE("train/trainer: the gradient of a step is that of the loss", B, SSL_DOUBLE_BACKENDS) {
  B be;
  auto t = make_trainer(be, {.batch = 8});
  auto ctx = t.ctx(ssl::mode::train);
  const auto loss = 25 * ssl::invariance{} + 25 * ssl::variance{} + ssl::covariance{};
  const auto check = [&](auto& network) {
    for (int k = 0; k < 2; ++k) step_on_first(t, 0);  // the second time over the first one's gradient
    const auto params = read(be, network.params()), grads = read(be, network.grads());
    int checked = 0;
    for (const ssl::segment& s : network.table()) {
      if (s.kind == ssl::role::buffer) continue;
      const auto k = static_cast<std::size_t>(s.offset + s.size() / 2);
      const auto value = [&](double shift) {
        auto moved = params;
        moved[k] += shift;
        write(be, moved, network.params());
        step_on_first(t, 0);
        return ssl::report(ctx, loss, t.values()).total;
      };
      const double difference = (value(1e-6) - value(-1e-6)) / 2e-6;
      INFO(s.name);
      CHECK(grads[k] == doctest::Approx(difference).epsilon(1e-6));
      ++checked;
    }
    CHECK(checked >= 4);
    write(be, params, network.params());
  };
  check(t.encoder());
  check(t.projector());
}

TEST_CASE_TEMPLATE("train/trainer: running statistics follow the batch and not the optimizer", B,
                   SSL_BACKENDS) {
  const auto after = [](double rate) {
    B be;
    auto t = make_trainer(be, {.batch = 8});
    const auto before = read(be, t.encoder().params());
    step_on_first(t, rate);
    const auto now = read(be, t.encoder().params()), grads = read(be, t.encoder().grads());
    std::vector<double> statistics;
    for (const ssl::segment& s : t.encoder().table())
      for (ssl::index k = s.offset; k < s.offset + s.size(); ++k) {
        const auto at = static_cast<std::size_t>(k);
        if (s.kind == ssl::role::buffer) {
          CHECK(grads[at] == 0);
          CHECK(now[at] != before[at]);
          statistics.push_back(now[at]);
        } else if (rate == 0) {
          CHECK(now[at] == before[at]);
        }
      }
    if (rate != 0) CHECK(now != before);
    return statistics;
  };
  const auto still = after(0), moved = after(0.5);
  CHECK(still.size() == 2 * (4 + 6));
  CHECK(still == moved);
}

TEST_CASE("train/trainer: what does not fit is told in a sentence") {
  using B = ssl::test::backend<float>;
  using ssl::test::message;
  B be;
  const auto ignore = [](const ssl::step_record&) { return true; };
  CHECK(message<ssl::option_error>([&] { make_trainer(be, {.batch = 0}); }) ==
        "ssl::trainer: batch is 0, epochs 1, log_every 50; expected at least 1, 0 and 1");
  CHECK(message<ssl::option_error>([&] { make_trainer(be, {.log_every = 0}); }) ==
        "ssl::trainer: batch is 128, epochs 1, log_every 0; expected at least 1, 0 and 1");
  auto t = make_trainer(be, {.batch = 8});
  CHECK(message<ssl::option_error>([&] { t.run(images().subset(0, 5), ignore); }) ==
        "loader: batch is 8, expected at most the 5 images that there are");
  CHECK(message<ssl::shape_error>([&] { t.run(ssl::make_synthetic({.size = 8}, 1, 20), ignore); }) ==
        "ssl::trainer::run: images of 3x8x8, but the trainer was made for 3x16x16");
  const std::vector<ssl::index> ids{0, 1, 2};
  CHECK(message<ssl::shape_error>([&] { t.step({}, ids, images().all_pixels().first(3 * 768), 0.1); }) ==
        "ssl::trainer::step: 3 images in 2304 bytes, expected 8 images of 768 bytes");
}
