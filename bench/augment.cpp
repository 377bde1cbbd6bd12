// The input pipeline on CIFAR's size: random resized crop, flip, colour jitter (0.8), gray (0.2), blur (0.5),
// solarise (0.2), normalise, from bytes to the floats that a network reads. One JSON object a line:
//     bench_augment THREADS SECONDS all|crop|flip|jitter|gray|blur|solarize|none [SIDE [IMAGES]]
//                                                     the whole chain to SIDE x SIDE (32), or one part of it
//                                                     beside the plain crop of the middle
// bench/compare-augment runs it in alternation with torchvision.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ssl/augment/recipes.hpp"
#include "ssl/data/synthetic.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/patch/random_resized.hpp"
#include "ssl/patch/views.hpp"
#include "support/backend.hpp"

namespace {

using ssl_bench::backend;

constexpr ssl::image_shape source{3, 32, 32};
constexpr ssl::color_jitter jitter{.4f, .4f, .2f, .1f, .8f};
constexpr ssl::random_resized resized{.scale_min = 0.2, .views = {1}};

/// The whole image, always.
struct middle {
  ssl::view_count views = 1;
  SSL_FN ssl::box operator()(ssl::rng_key, ssl::index, ssl::index) const { return {}; }
};

template <class Sampler, class Augmentation>
void measure(ssl_bench::backend_options options, double seconds, std::string_view part, ssl::index side,
             ssl::index n, const Sampler& sampler, const Augmentation& augmentation) {
  backend be = ssl_bench::make_backend(options);
  ssl::single<backend> comm;
  ssl::arena<backend> scratch(be);
  ssl::context<backend> ctx{be, comm, scratch};
  const auto images = ssl::make_synthetic({}, 1, n);
  const auto memory = be.allocate<std::uint8_t>(source.size() * n);
  const auto bytes = memory.as(source.size(), n);
  be.upload(ssl::make_view<ssl::host_space>(images.all_pixels().data(), bytes.rows, bytes.cols), bytes);
  be.wait();
  const ssl::image_shape target{3, side, side};
  const ssl::patch_views pipeline(sampler, augmentation, target);
  const auto x = be.allocate<float>(target.size() * n);
  std::uint32_t epoch = 0;
  const auto took = ssl_bench::time_of(be, seconds, 2, 5, [&] {
    pipeline.make(ctx, {.seed = 3, .epoch = epoch++}, ssl::as_const(bytes), source, nullptr, 0, 1,
                  x.as(3, target.pixels() * n));
  });
  const double images_s = static_cast<double>(n) / took.wall;
  std::printf(
      "{\"bench\": \"augmentation\", %s, \"part\": \"%s\", \"side\": %td, \"images\": %td, \"images_s\": "
      "%.0f, "
      "\"us_image\": %.3f, \"processor_us_image\": %.3f}\n",
      ssl_bench::machine(be, options).c_str(), std::string(part).c_str(), static_cast<std::ptrdiff_t>(side),
      static_cast<std::ptrdiff_t>(n), images_s, 1e6 / images_s,
      1e6 * took.processor / static_cast<double>(n));
}

}  // namespace

int main(int argc, char** argv) try {
  const ssl_bench::backend_options options{.threads = argc > 1 ? std::atoi(argv[1]) : 0};
  if (argc > 3) {
    const double seconds = std::atof(argv[2]);
    const std::string_view part = argv[3];
    const ssl::index side = argc > 4 ? std::atol(argv[4]) : 32, n = argc > 5 ? std::atol(argv[5]) : 4096;
    constexpr auto last = ssl::cifar_normalize();
    const auto run = [&](const auto& sampler, const auto& augmentation) {
      measure(options, seconds, part, side, n, sampler, augmentation);
      return 0;
    };
    if (part == "all")
      return run(resized, ssl::flip{} | jitter | ssl::grayscale{.2f} | ssl::gaussian_blur{.1f, 2, .5f} |
                              ssl::solarize{.probability = .2f} | last);
    if (part == "crop") return run(resized, last);
    if (part == "flip") return run(middle{}, ssl::flip{} | last);
    if (part == "jitter") return run(middle{}, jitter | last);
    if (part == "gray") return run(middle{}, ssl::grayscale{.2f} | last);
    if (part == "blur") return run(middle{}, ssl::gaussian_blur{.1f, 2, .5f} | last);
    if (part == "solarize") return run(middle{}, ssl::solarize{.probability = .2f} | last);
    if (part == "none") return run(middle{}, last);
  }
  std::fprintf(stderr,
               "usage: %s THREADS SECONDS all|crop|flip|jitter|gray|blur|solarize|none [SIDE [IMAGES]]\n",
               argv[0]);
  return 2;
} catch (const ssl::error& e) {
  std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
  return 2;
}
