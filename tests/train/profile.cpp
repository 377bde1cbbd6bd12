// What a profile says of a known run.

#include "ssl/backend/profile.hpp"

#include <doctest/doctest.h>

#include <string>

#include "ssl/augment/normalize.hpp"
#include "ssl/backend/eigen.hpp"
#include "ssl/data/synthetic.hpp"
#include "ssl/loss/invariance.hpp"
#include "ssl/loss/variance.hpp"
#include "ssl/nn/recipes.hpp"
#include "ssl/optim/sgd.hpp"
#include "ssl/patch/fixed_scale.hpp"
#include "ssl/train/trainer.hpp"

namespace ssl::test {
namespace {

/// Calls and arithmetic of the operations whose name begins so.
struct sum {
  index calls = 0;
  double flops = 0;
};
sum of(const profile& times, const std::string& verb, const std::string& what) {
  sum out;
  for (const profile::row& r : times.rows())
    if (r.verb.starts_with(verb) && r.what.starts_with(what)) {
      out.calls += r.calls;
      out.flops += r.flops;
    }
  return out;
}

}  // namespace

TEST_CASE("train/profile: counts the convolutions and products of each step, and changes no bit of it") {
  const auto data = make_synthetic({.size = 16}, 1, 40);
  const auto run = [&](profile* times) {
    eigen_backend<float> be(1);
    trainer t(be, conv2d{.out = 4} | conv2d{.out = 6, .stride = 2} | mean_pool{}, linear{.out = 5},
              invariance{} + variance{}, sgd{},
              warmup_cosine{.base = 0.01, .warmup_steps = 1, .total_steps = 8},
              patch_views(fixed_scale{.scale = 0.25, .views = {2}, .image = 16}, normalize{}, {3, 8, 8}),
              data.shape(), {.batch = 10, .epochs = 2, .log_every = 1000});
    be.record_into(times);
    double last = 0;
    t.run(data, [&](const step_record& r) {
      last = r.loss.total;
      return true;
    });
    return last;
  };
  profile times;
  const double with = run(&times), without = run(nullptr);
  CHECK(with == without);

  const index steps = 8;
  const double first = 2.0 * 4 * 27 * 64 * 20,
               second = 2.0 * 6 * 36 * 16 * 20;  // flops of a pass over 20 patches
  const std::string stem = "3@8x8 -> 4, 3x3/1, n 20", next = "4@8x8 -> 6, 3x3/2, n 20";
  for (const char* verb : {"conv2d_forward", "conv2d_weight_gradient"}) {
    CAPTURE(verb);
    CHECK(of(times, verb, stem).calls == steps);
    CHECK(of(times, verb, stem).flops == doctest::Approx(steps * first));
    CHECK(of(times, verb, next).calls == steps);
    CHECK(of(times, verb, next).flops == doctest::Approx(steps * second));
  }
  CHECK(of(times, "conv2d_input_gradient", stem).calls == 0);  // nothing lies below the first layer
  CHECK(of(times, "conv2d_input_gradient", next).calls == steps);
  // The projector: y = W x, dW += dy x^T, dx = W^T dy; W is (5, 6), x (6, 20).
  CHECK(of(times, "gemm", "5 x 20 x 6").calls == steps);
  CHECK(of(times, "gemm", "5 x 6 x 20").calls == steps);
  CHECK(of(times, "gemm", "6 x 20 x 5").calls == steps);
  CHECK(of(times, "gemm", "5 x 20 x 6").flops == doctest::Approx(steps * 2.0 * 5 * 20 * 6));
  CHECK(of(times, "for_each_column", "crop_column<").calls == steps);
}

}  // namespace ssl::test
