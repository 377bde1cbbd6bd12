// A training step of the small patch encoder (3x3 stride 2: 32-64-128-128, batch norm, ReLU, mean) on 512
// patches of 16 x 16: forward, backward, SGD with momentum. Beside it the pipeline that makes the patches,
// one thread, and the plain product as the ceiling. One JSON object a line. bench/compare-step runs it in
// alternation with PyTorch.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "ssl/backend/eigen.hpp"
#include "ssl/ssl.hpp"

namespace {

using backend = ssl::eigen_backend<float>;

/// Median seconds of `body` over at least `seconds` of repetitions, after two for warming up.
template <class Body>
double median_seconds(double seconds, const Body& body) {
  using clock = std::chrono::steady_clock;
  std::vector<double> samples;
  body();
  body();
  for (const auto start = clock::now();
       samples.size() < 5 || clock::now() - start < std::chrono::duration<double>(seconds);) {
    const auto before = clock::now();
    body();
    samples.push_back(std::chrono::duration<double>(clock::now() - before).count());
  }
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2),
                   samples.end());
  return samples[samples.size() / 2];
}

/// Multiply-add flops of the convolutions for one patch, forward.
double forward_flops(const std::vector<ssl::index>& widths, ssl::index side) {
  double flops = 0;
  ssl::index channels = 3;
  for (const ssl::index width : widths) {
    side = (side + 1) / 2;
    flops += 2.0 * static_cast<double>(width * side * side * 9 * channels);
    channels = width;
  }
  return flops;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  const ssl::index n = 512, side = 16;
  const std::vector<ssl::index> widths{32, 64, 128, 128};

  backend be(threads);
  ssl::single<backend> comm;
  ssl::arena<backend> scratch(be);
  ssl::context<backend> ctx{be, comm, scratch};
  ssl::network encoder(be, ssl::patch_encoder({.widths = widths}), {3, side, side}, n);
  encoder.initialise({.seed = 1});
  const ssl::sgd optimizer{.momentum = 0.9, .weight_decay = 1e-4};
  const auto state = be.allocate<float>(optimizer.state(encoder.params().rows));
  const auto x_memory = be.allocate<float>(3 * side * side * n),
             h_memory = be.allocate<float>(widths.back() * n),
             dh_memory = be.allocate<float>(widths.back() * n);
  const auto x = x_memory.as(3, side * side * n), h = h_memory.as(widths.back(), n),
             dh = dh_memory.as(widths.back(), n);
  ssl::fill(be, state.all(), 0.0f);
  ssl::random_stream draw({.seed = 2}, 0, 0, ssl::purpose::generate);
  for (ssl::index k = 0; k < x.size(); ++k) x.data[k] = draw.normal();

  const auto step = [&] {  // loss: mean of h^2
    encoder.forward(ctx, x, h);
    ssl::map(be, dh, ssl::fn::scale<float>{2.0f / static_cast<float>(h.size())}, h);
    encoder.zero_grads();
    encoder.backward(ctx, dh);
    optimizer.step(ctx, encoder.table(), encoder.params(), encoder.grads(), state.all(), 0.01);
  };
  const double step_time = median_seconds(seconds, step);

  const auto product = be.allocate<float>(3 * 1024 * 1024);
  ssl::fill(be, product.all(), 0.5f);
  const auto square = [&](ssl::index k) {
    return ssl::make_view(product.all().data + k * 1024 * 1024, 1024, 1024);
  };
  const double gemm_time = median_seconds(seconds / 3, [&] {
    ssl::gemm(be, ssl::trans::no, ssl::trans::no, 1.0f, square(0), square(1), 0.0f, square(2));
  });
  const double ceiling = 2.0 * 1024 * 1024 * 1024 / gemm_time;
  const double flops = 3 * forward_flops(widths, side) * static_cast<double>(n);
  std::printf(
      "{\"bench\": \"step\", \"threads\": %d, \"patches_s\": %.0f, \"step_ms\": %.3f, \"gflops\": %.1f, "
      "\"gemm_gflops\": %.1f, \"share_of_gemm\": %.3f}\n",
      be.threads(), static_cast<double>(n) / step_time, step_time * 1e3, flops / step_time / 1e9,
      ceiling / 1e9, flops / step_time / ceiling);

  backend one(1);
  ssl::single<backend> alone;
  ssl::arena<backend> memory(one);
  ssl::context<backend> serial{one, alone, memory};
  const auto images = ssl::make_synthetic({}, 1, 512);
  const auto bytes =
      ssl::make_view<ssl::host_space>(images.all_pixels().data(), images.shape().size(), images.size());
  const ssl::patch_views pipeline(ssl::fixed_scale{.views = {1}}, ssl::emp_ssl_augmentation(),
                                  {3, side, side});
  const double view_time = median_seconds(
      seconds / 3, [&] { pipeline.make(serial, {.seed = 3}, bytes, images.shape(), nullptr, 0, 1, x); });
  std::printf("{\"bench\": \"views\", \"threads\": 1, \"patches_s\": %.0f}\n",
              static_cast<double>(n) / view_time);
}
