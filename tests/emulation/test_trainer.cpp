// A training run on the device: after its first steps it allocates nothing, and the host runs ahead of the
// device.

#include "emulation/emulation.hpp"
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

namespace ssl::test {

TEST_CASE(
    "cuda-backend: a run allocates nothing after its first epoch, and waits only to tell the observer "
    "something") {
  using B = cuda_backend<float>;
  for (const residence where : {residence::device, residence::stream}) {
    const auto images = make_synthetic({.size = 16}, 1, 80);
    B be;
    trainer t(
        be, patch_encoder({.widths = {4, 6}}), projector({8, 5}),
        25 * invariance{} + 25 * variance{} + covariance{}, sgd{.momentum = 0.9},
        warmup_cosine{.base = 0.01, .warmup_steps = 2, .total_steps = 40},
        patch_views(fixed_scale{.scale = 0.25, .views = {2}, .image = 16}, flip{} | normalize{}, {3, 8, 8}),
        images.shape(), {.batch = 8, .epochs = 2, .log_every = 100, .images = where});
    // One record at the end of each epoch of ten steps.
    std::vector<emulation::counts> epoch;
    t.run(images, [&](const step_record&) {
      epoch.push_back(emulation::count());
      emulation::reset_counts();
      return true;
    });
    REQUIRE(epoch.size() == 2);
    const emulation::counts& c = epoch[1];
    CHECK(c.launches > 100);
    CHECK(c.mallocs == 0);
    CHECK(c.frees == 0);
    CHECK(c.device_waits == 0);
    CHECK(c.pageable_uploads == 0);
    // The record: what it downloads, and the waits for that.
    CHECK(c.pageable_downloads == 4);
    CHECK(c.stream_waits == 2);
    // The upload of two steps ago: of the images' numbers, and of the images where they are sent.
    CHECK(c.event_waits == (where == residence::stream ? 20 : 10));
  }
}

}  // namespace ssl::test
