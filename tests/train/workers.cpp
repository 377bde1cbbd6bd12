// A run whose images are read ahead by threads.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ssl/augment/normalize.hpp"
#include "ssl/data/synthetic.hpp"
#include "ssl/loss/invariance.hpp"
#include "ssl/loss/variance.hpp"
#include "ssl/nn/recipes.hpp"
#include "ssl/optim/sgd.hpp"
#include "ssl/patch/fixed_scale.hpp"
#include "ssl/train/trainer.hpp"
#include "support/backends.hpp"

namespace ssl::test {
namespace {

const memory_dataset& stored() {
  static const auto data = make_synthetic({.size = 16}, 1, 40);
  return data;
}

/// The same images, read one by one; image `broken` cannot be.
struct decoded_images {
  index broken = -1;
  index size() const { return stored().size(); }
  image_shape shape() const { return stored().shape(); }
  void read(index i, std::span<std::uint8_t> out) const {
    if (i == broken) throw data_error("image " + std::to_string(i) + " is torn");
    const auto image = stored().bytes(i);
    std::copy(image.begin(), image.end(), out.begin());
  }
};

struct outcome {
  std::vector<double> params, losses;
  index steps = 0;
  bool operator==(const outcome&) const = default;
};

/// A run that its observer ends after `last` records.
template <class B, class D>
outcome run(const D& data, run_options options, std::size_t last = 1000) {
  B be;
  options.batch = 10;
  options.epochs = 2;
  options.log_every = 1;
  trainer t(be, linear{.out = 6}, linear{.out = 4}, invariance{} + variance{}, sgd{},
            warmup_cosine{.base = 0.01, .warmup_steps = 1, .total_steps = 8},
            patch_views(fixed_scale{.scale = 0.25, .views = {2}, .image = 16}, normalize{}, {3, 8, 8}),
            data.shape(), options);
  outcome out;
  out.steps = t.run(data, [&](const step_record& r) {
    out.losses.push_back(r.loss.total);
    return out.losses.size() < last;
  });
  std::vector<typename B::scalar> host(static_cast<std::size_t>(t.encoder().params().rows));
  be.download(as_const(t.encoder().params()), make_view(host.data(), t.encoder().params().rows, 1));
  be.wait();
  out.params.assign(host.begin(), host.end());
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("train/workers: threads that read ahead change no bit of a run", B, SSL_BACKENDS) {
  const auto expected = run<B>(stored(), {});
  CHECK(expected.steps == 8);
  for (const int workers : {0, 1, 3}) {
    CAPTURE(workers);
    CHECK(run<B>(stored(), {.images = residence::stream, .workers = workers}) == expected);
    CHECK(run<B>(decoded_images{}, {.workers = workers}) == expected);
  }
}

TEST_CASE("train/workers: what reading throws comes out of run, whoever read") {
  for (const int workers : {0, 1, 3})
    CHECK_THROWS_WITH_AS(run<backend<float>>(decoded_images{.broken = 17}, {.workers = workers}),
                         "image 17 is torn", data_error);
}

TEST_CASE("train/workers: an observer that ends the run ends the threads") {
  const auto whole = run<backend<float>>(stored(), {});
  const auto cut = run<backend<float>>(decoded_images{}, {.workers = 3}, 3);
  CHECK(cut.steps == 3);
  CHECK(cut.losses == std::vector<double>(whole.losses.begin(), whole.losses.begin() + 3));
}

}  // namespace ssl::test
