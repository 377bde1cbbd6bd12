#include "ssl/nn/in_bf16.hpp"

#include <doctest/doctest.h>

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
#include "ssl/train/trainer.hpp"
#include "support/backends.hpp"

namespace {

/// The loss at each step of a short VICReg run on two patches of 8 x 8 pixels, all images in each step:
/// smaller batches let the runs drift apart.
template <class B, class Encoder, class Projector>
std::vector<double> losses(Encoder encoder, Projector projector) {
  static const auto data = ssl::make_synthetic({.size = 16}, 1, 40);
  B be;
  ssl::trainer train(be, std::move(encoder), std::move(projector),
                     25 * ssl::invariance{} + 25 * ssl::variance{} + ssl::covariance{},
                     ssl::sgd{.momentum = 0.9, .weight_decay = 1e-3},
                     ssl::warmup_cosine{.base = 0.01, .warmup_steps = 2, .total_steps = 40},
                     ssl::patch_views(ssl::fixed_scale{.scale = 0.25, .views = {2}, .image = 16},
                                      ssl::flip{} | ssl::normalize{}, {3, 8, 8}),
                     data.shape(), ssl::run_options{.batch = 40, .epochs = 40, .log_every = 1});
  std::vector<double> out;
  train.run(data, [&](const ssl::step_record& r) {
    out.push_back(r.loss.total);
    return true;
  });
  return out;
}

double mean_of_last(const std::vector<double>& values, std::size_t count) {
  double sum = 0;
  for (std::size_t k = values.size() - count; k < values.size(); ++k) sum += values[k];
  return sum / static_cast<double>(count);
}

}  // namespace

TEST_CASE_TEMPLATE("train/in_bf16: networks in bf16 learn as networks of the scalar do", B,
                   ssl::test::backend<float>) {
  const auto encoder = ssl::patch_encoder({.widths = {4, 8}});
  const auto projector = ssl::projector({8, 4});
  const auto whole = losses<B>(encoder, projector);
  const auto half = losses<B>(ssl::in_bf16(encoder), projector);
  const auto both = losses<B>(ssl::in_bf16(encoder), ssl::in_bf16(projector));
  REQUIRE(whole.size() == 40);
  for (const auto& run : {half, both}) {
    CHECK(run.front() == doctest::Approx(whole.front()).epsilon(0.01));
    CHECK(mean_of_last(run, 10) < 0.8 * run.front());
    CHECK(mean_of_last(run, 10) == doctest::Approx(mean_of_last(whole, 10)).epsilon(0.02));
    for (const double loss : run) CHECK(std::isfinite(loss));
  }
}
