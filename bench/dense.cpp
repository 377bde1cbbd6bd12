// The mean embedding of all 16 x 16 patches of a grid, float, with bag_encoder: patch by patch (bag_features)
// and in passes over the whole image (dense_bag_features), from bytes to means. One JSON object a line, for
// 32 x 32 and 96 x 96 images and several strides:
//     bench_dense [THREADS [SECONDS [IMAGES]]]
// The encoder's own stride is the grid's, or 2 where that is 1 (then four passes). Times are medians for one
// image; `processor` is what all threads took together. `difference` is the largest of the two results' over
// the largest entry.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "ssl/ssl.hpp"
#include "support/backend.hpp"

namespace {

using ssl::index;
using ssl_bench::backend;

constexpr index patch = 16;
constexpr ssl::rng_key key{.seed = 1};

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, scale = 1e-30;
  for (std::size_t k = 0; k < a.size(); ++k) {
    difference = std::max(difference, std::abs(static_cast<double>(a[k]) - static_cast<double>(b[k])));
    scale = std::max(scale, std::abs(static_cast<double>(b[k])));
  }
  return difference / scale;
}

void compare(ssl_bench::backend_options options, double seconds, index side, index images) {
  backend be = ssl_bench::make_backend(options);
  ssl::single<backend> comm;
  ssl::arena<backend> scratch(be);
  ssl::context<backend> ctx{be, comm, scratch};
  const ssl::bag_encoder_options near{.patch = patch};
  const index e = near.blocks.back().width;
  ssl::network no_projector(be, ssl::identity_layer{}, {e, 1, 1}, 0);
  const auto data = ssl::make_synthetic({.size = side}, 1, images);
  const auto means = be.allocate<float>(e * images);
  const auto out = means.as(e, images);

  for (const index stride : {1, 2, 4, 8, 16}) {
    const ssl::grid grid{.image = side, .size = patch, .stride = stride};
    const ssl::patch_views patches(grid, ssl::cifar_normalize(), {3, patch, patch});
    // The last block's stride moves the grid only, so it is the one that the grid needs.
    ssl::bag_encoder_options layers = near;
    layers.blocks.back().stride = std::max<index>(1, stride / ssl::receptive_field_of(near).stride);
    ssl::network encoder(be, ssl::bag_encoder(layers), {3, patch, patch}, 0);
    encoder.initialise(key);
    const ssl::patch_views whole(ssl::whole{}, ssl::cifar_normalize(), {3, side, side});
    const ssl::dense_patches dense(encoder, {3, side, side}, stride);
    const auto one_by_one = ssl_bench::time_of(be, seconds, 1, 3, [&] {
      ssl::bag_features(ctx, encoder, no_projector, patches, key, data,
                        {.images = images, .views = grid.views()}, ssl::patch_mean{}, out);
    });
    const std::vector<float> expected = ssl_bench::on_the_host(be, out);
    const auto at_once = ssl_bench::time_of(be, seconds, 1, 3, [&] {
      ssl::dense_bag_features(ctx, dense, no_projector, whole, key, data, {.images = images},
                              ssl::patch_mean{}, out);
    });
    const std::vector<float> found = ssl_bench::on_the_host(be, out);
    const double each = 1e3 / static_cast<double>(images);
    std::printf(
        "{\"bench\": \"dense\", %s, \"side\": %td, \"stride\": %td, \"patches\": %td, \"patches_ms\": %.3f, "
        "\"dense_ms\": %.3f, \"gain\": %.2f, \"patches_processor_ms\": %.3f, \"dense_processor_ms\": %.3f, "
        "\"processor_gain\": %.2f, \"difference\": %.1e}\n",
        ssl_bench::machine(be, options).c_str(), static_cast<std::ptrdiff_t>(side),
        static_cast<std::ptrdiff_t>(stride), static_cast<std::ptrdiff_t>(grid.views()),
        one_by_one.wall * each, at_once.wall * each, one_by_one.wall / at_once.wall,
        one_by_one.processor * each, at_once.processor * each, one_by_one.processor / at_once.processor,
        largest_difference(found, expected));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const ssl_bench::backend_options options{.threads = argc > 1 ? std::atoi(argv[1]) : 0};
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  const ssl::index images = argc > 3 ? std::atol(argv[3]) : 32;
  if (images < 1 || seconds < 0) {
    std::fprintf(stderr, "usage: %s [THREADS [SECONDS [IMAGES]]]\n", argv[0]);
    return 2;
  }
  compare(options, seconds, 32, images);
  compare(options, seconds, 96, std::max<ssl::index>(1, images / 8));
  return 0;
} catch (const ssl::error& e) {
  std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
  return 2;
}
