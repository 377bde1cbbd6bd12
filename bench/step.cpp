// Training steps (forward, backward, SGD with momentum) and the pipeline that makes patches. One JSON object
// a line:
//     bench_step [THREADS [SECONDS]]                             the small patch encoder (3x3 stride 2:
//                                                                32-64-128-128, batch norm, ReLU, mean) on
//                                                                512 patches of 16 x 16, the plain product as
//                                                                its ceiling, and the patches on one thread
//     bench_step THREADS SECONDS NETWORK BATCH [fp32|tf32|bf16 [SIDE]]
//                                                                one network; bf16: activations stored in it
//     bench_step THREADS SECONDS memory NETWORK BATCH [fp32 [SIDE]]
//                                                                what network, optimizer and three steps add
//                                                                to the resident set: for a process of its
//                                                                own
//     bench_step THREADS SECONDS profile NETWORK BATCH [fp32 [SIDE]]
//                                                                time by operation, as a table
//     bench_step THREADS SECONDS bag IMAGES PATCHES              the small encoder on PATCHES patches of each
//                                                                image, which the step makes
//     bench_step THREADS SECONDS views IMAGES                    20 patches of 16 x 16 of every image, or two
//                                                                crops to 32 x 32, with EMP-SSL's
//                                                                augmentation
//     bench_step THREADS SECONDS product                         the plain product of 1024 x 1024 matrices
// NETWORK: encoder (the small one; SIDE 16), resnet18 (for CIFAR; 32), and on a CPU resnet18-projector (with
// 512-2048-2048; 32), resnet50 (for ImageNet; 128), resnet50-projector (with 8192-8192-8192; 128).
//
// bench_step-cuda is the same on a GPU, where THREADS means nothing and `tf32` lets products round;
// bench_step-onednn has oneDNN's convolutions. bench/compare-step and bench/compare-gpu run them in
// alternation with PyTorch, bench/grow shows how cost grows.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ssl/backend/profile.hpp"
#include "ssl/ssl.hpp"
#include "support/backend.hpp"

namespace {

using ssl::index;
using ssl_bench::backend;
using ssl_bench::backend_options;

/// Multiply-add flops of one convolution for one image, forward; the side becomes the output's.
double convolution_flops(index& side, index kernel, index stride, index in, index out) {
  side = (side + stride - 1) / stride;
  return 2.0 * static_cast<double>(side * side * kernel * kernel * in * out);
}

double encoder_flops(const std::vector<index>& widths, index side) {
  double flops = 0;
  index channels = 3;
  for (const index width : widths) {
    flops += convolution_flops(side, 3, 2, channels, width);
    channels = width;
  }
  return flops;
}

double resnet18_flops(index side) {
  index channels = 64;
  double flops = convolution_flops(side, 3, 1, 3, channels);
  for (const index width : {64, 128, 256, 512})
    for (int block = 0; block < 2; ++block) {
      const index stride = width != channels ? 2 : 1;
      index shortcut_side = side;
      if (stride == 2) flops += convolution_flops(shortcut_side, 1, 2, channels, width);
      flops += convolution_flops(side, 3, stride, channels, width);
      flops += convolution_flops(side, 3, 1, width, width);
      channels = width;
    }
  return flops;
}

double resnet50_flops(index side) {
  index channels = 64;
  double flops = convolution_flops(side, 7, 2, 3, channels);
  side = (side + 1) / 2;
  const index blocks[] = {3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage) {
    const index width = index{64} << stage;
    for (index block = 0; block < blocks[stage]; ++block) {
      const index stride = stage > 0 && block == 0 ? 2 : 1;
      index shortcut_side = side;
      if (block == 0) flops += convolution_flops(shortcut_side, 1, stride, channels, 4 * width);
      flops += convolution_flops(side, 1, 1, channels, width);
      flops += convolution_flops(side, 3, stride, width, width);
      flops += convolution_flops(side, 1, 1, width, 4 * width);
      channels = 4 * width;
    }
  }
  return flops;
}

double projector_flops(const std::vector<index>& widths) {
  double flops = 0;
  for (std::size_t k = 1; k < widths.size(); ++k)
    flops += 2.0 * static_cast<double>(widths[k - 1] * widths[k]);
  return flops;
}

struct step_result {
  double seconds, megabytes, loss;
};

/// How a step is looked at: its time, its memory alone, or where its time goes.
enum class look { time, memory, profile };

/// Prints where the time of `steps` steps went.
template <class B, class Step>
void print_profile(B& be, int steps, const Step& step) {
  if constexpr (ssl::ProfiledBackend<B>) {
    ssl::profile times;
    const auto start = std::chrono::steady_clock::now();
    be.record_into(&times);
    for (int k = 0; k < steps; ++k) step();
    be.record_into(nullptr);
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("| operation | calls a step | ms a step | share | GFLOP/s | GB/s |\n");
    std::printf("|---|---|---|---|---|---|\n");
    for (const auto& r : times.rows())
      if (r.seconds > 0.002 * took)
        std::printf("| %s %s | %.0f | %.3f | %.1f %% | %.1f | %.1f |\n", r.verb.c_str(), r.what.c_str(),
                    static_cast<double>(r.calls) / steps, 1e3 * r.seconds / steps, 100 * r.seconds / took,
                    r.flops / r.seconds / 1e9, r.bytes / r.seconds / 1e9);
    std::printf("| all verbs | | %.3f | %.1f %% | | |\n", 1e3 * times.seconds() / steps,
                100 * times.seconds() / took);
    std::printf("| the step | | %.3f | | | |\n", 1e3 * took / steps);
  } else {
    std::fprintf(stderr, "this backend keeps no profile\n");
    static_cast<void>(steps);
    static_cast<void>(step);
    static_cast<void>(be);
  }
}

/// A step of the layer on n images; the loss is the mean of h^2, reported for the third step, so that
/// backends can be compared.
template <class Arch>
step_result time_step(backend& be, Arch arch, ssl::image_shape in, index n, double seconds,
                      look how = look::time) {
  const ssl_bench::memory_meter memory(be);
  ssl::single<backend> comm;
  ssl::arena<backend> scratch(be);
  ssl::context<backend> ctx{be, comm, scratch};
  ssl::network encoder(be, std::move(arch), in, n);
  encoder.initialise({.seed = 1});
  const ssl::sgd optimizer{.momentum = 0.9, .weight_decay = 1e-4};
  const ssl::image_shape out = encoder.output_shape();
  const auto state = be.allocate<float>(optimizer.state(encoder.params().rows));
  const auto x_memory = be.allocate<float>(in.size() * n), h_memory = be.allocate<float>(out.size() * n),
             dh_memory = be.allocate<float>(out.size() * n), loss = be.allocate<float>(1);
  const auto x = x_memory.as(in.channels, in.pixels() * n), h = h_memory.as(out.channels, out.pixels() * n),
             dh = dh_memory.as(out.channels, out.pixels() * n);
  ssl::fill(be, state.all(), 0.0f);
  ssl_bench::fill_from_host(be, x, [](auto host) {
    ssl::random_stream draw({.seed = 2}, 0, 0, ssl::purpose::generate);
    for (index k = 0; k < host.size(); ++k) host.data[k] = draw.normal();
  });
  const auto step = [&] {
    encoder.forward(ctx, x, h);
    ssl::map(be, dh, ssl::fn::scale<float>{2.0f / static_cast<float>(h.size())}, h);
    encoder.zero_grads();
    encoder.backward(ctx, dh);
    optimizer.step(ctx, encoder.table(), encoder.params(), encoder.grads(), state.all(), 0.01);
  };
  for (int k = 0; k < 3; ++k) step();
  ssl::fill(be, loss.all(), 0.0f);
  ssl::map_reduce(be, loss.all(), ssl::fn::plus{}, ssl::fn::square<float>{}, h);
  const double total = ssl_bench::on_the_host(be, loss.all())[0];
  const double megabytes = memory.added();
  if (how == look::profile) {
    int steps = 1;
    const double once = ssl_bench::time_of(be, 0, 0, 1, step).wall;
    while (steps < 1000 && steps * once < seconds) ++steps;
    print_profile(be, steps, step);
  }
  const double took = how == look::time ? ssl_bench::time_of(be, seconds, 1, 3, step).wall : 0;
  return {took, megabytes, total / static_cast<double>(h.size())};
}

const std::vector<index> widths{32, 64, 128, 128};

/// Flops a second of the plain product.
double product_rate(backend& be, double seconds) {
  const auto product = be.allocate<float>(3 * 1024 * 1024);
  ssl::fill(be, product.all(), 0.5f);
  const auto square = [&](index k) {
    return ssl::make_view<backend::space>(product.all().data + k * 1024 * 1024, 1024, 1024);
  };
  const double took =
      ssl_bench::time_of(be, seconds, 2, 5, [&] {
        ssl::gemm(be, ssl::trans::no, ssl::trans::no, 1.0f, square(0), square(1), 0.0f, square(2));
      }).wall;
  return 2.0 * 1024 * 1024 * 1024 / took;
}

void print_product(backend_options options, double seconds) {
  backend be = ssl_bench::make_backend(options);
  std::printf("{\"bench\": \"product\", %s, \"gemm_gflops\": %.1f}\n",
              ssl_bench::machine(be, options).c_str(), product_rate(be, seconds) / 1e9);
}

/// The small encoder beside the plain product.
void encoder_and_product(backend_options options, double seconds) {
  const index n = 512, side = 16;
  backend be = ssl_bench::make_backend(options);
  const double step_time =
      time_step(be, ssl::patch_encoder({.widths = widths}), {3, side, side}, n, seconds).seconds;
  const double ceiling = product_rate(be, seconds / 3);
  const double flops = 3 * encoder_flops(widths, side) * static_cast<double>(n);
  std::printf(
      "{\"bench\": \"step\", %s, \"patches_s\": %.0f, \"step_ms\": %.3f, \"gflops\": %.1f, "
      "\"gemm_gflops\": %.1f, \"share_of_gemm\": %.3f}\n",
      ssl_bench::machine(be, options).c_str(), static_cast<double>(n) / step_time, step_time * 1e3,
      flops / step_time / 1e9, ceiling / 1e9, flops / step_time / ceiling);
}

struct request {
  std::string_view network = "encoder", precision = "fp32";
  index batch = 256, side = 0;  // 0: the network's own
  look how = look::time;
};

void print_step(const backend& be, backend_options options, const request& r, double flops,
                step_result step) {
  if (r.how == look::profile) return;
  std::printf(
      "{\"bench\": \"network step\", %s, \"network\": \"%s\", \"precision\": \"%s\", \"batch\": %td, "
      "\"side\": %td, ",
      ssl_bench::machine(be, options).c_str(), std::string(r.network).c_str(),
      std::string(r.precision).c_str(), static_cast<std::ptrdiff_t>(r.batch),
      static_cast<std::ptrdiff_t>(r.side));
  if (r.how == look::time)
    std::printf("\"images_s\": %.0f, \"step_ms\": %.3f, \"tflops\": %.4f, ",
                static_cast<double>(r.batch) / step.seconds, step.seconds * 1e3,
                flops * static_cast<double>(r.batch) / step.seconds / 1e12);
  std::printf("\"memory_mb\": %.1f, \"loss\": %.6g}\n", step.megabytes, step.loss);
}

/// One network at one batch and one precision. False where the name or the precision is none.
bool one_step(backend_options options, double seconds, request r) {
  const bool bf16 = r.precision == "bf16";
  if (!bf16 && r.precision != "tf32" && r.precision != "fp32") return false;
  options.tf32 = r.precision != "fp32";
  const bool large = r.network.starts_with("resnet50");
  if (r.side == 0) r.side = r.network == "encoder" ? 16 : large ? 128 : 32;
  const ssl::image_shape in{3, r.side, r.side};
  backend be = ssl_bench::make_backend(options);
  const auto run = [&](auto arch, double flops) {
    print_step(be, options, r, 3 * flops, time_step(be, arch, in, r.batch, seconds, r.how));
    return true;
  };
  if (r.network == "encoder") {
    const auto arch = ssl::patch_encoder({.widths = widths});
    const double flops = encoder_flops(widths, r.side);
    return bf16 ? run(ssl::in_bf16(arch), flops) : run(arch, flops);
  }
  if (r.network == "resnet18") {
    const double flops = resnet18_flops(r.side);
    return bf16 ? run(ssl::in_bf16(ssl::resnet18_cifar()), flops) : run(ssl::resnet18_cifar(), flops);
  }
  if constexpr (ssl_bench::on_host) {
    if (bf16) return false;
    if (r.network == "resnet18-projector")
      return run(ssl::resnet18_cifar() | ssl::projector({2048, 2048}),
                 resnet18_flops(r.side) + projector_flops({512, 2048, 2048}));
    if (r.network == "resnet50") return run(ssl::resnet50(), resnet50_flops(r.side));
    if (r.network == "resnet50-projector")
      return run(ssl::resnet50() | ssl::projector({8192, 8192, 8192}),
                 resnet50_flops(r.side) + projector_flops({2048, 8192, 8192, 8192}));
  }
  return false;
}

/// Time and memory of steps of the small encoder on `patches` patches of each of n images, which the step
/// crops and augments.
void bag_step(backend_options options, double seconds, index n, index patches) {
  backend be = ssl_bench::make_backend(options);
  const ssl_bench::memory_meter memory(be);
  ssl::single<backend> comm;
  ssl::arena<backend> scratch(be);
  ssl::context<backend> ctx{be, comm, scratch};
  const auto images = ssl::make_synthetic({}, 1, n);
  const index count = n * patches;
  const ssl::image_shape in{3, 16, 16};
  ssl::network encoder(be, ssl::patch_encoder({.widths = widths}), in, count);
  encoder.initialise({.seed = 1});
  const ssl::sgd optimizer{.momentum = 0.9, .weight_decay = 1e-4};
  const auto state = be.allocate<float>(optimizer.state(encoder.params().rows));
  ssl::fill(be, state.all(), 0.0f);
  const auto bytes_memory = be.allocate<std::uint8_t>(images.shape().size() * n);
  const auto bytes = bytes_memory.as(images.shape().size(), n);
  be.upload(ssl::make_view<ssl::host_space>(images.all_pixels().data(), bytes.rows, bytes.cols), bytes);
  be.wait();
  const ssl::patch_views pipeline(ssl::fixed_scale{.views = {patches}}, ssl::emp_ssl_augmentation(), in);
  const index features = encoder.output_shape().size();
  const auto x_memory = be.allocate<float>(in.size() * count),
             h_memory = be.allocate<float>(features * count),
             dh_memory = be.allocate<float>(features * count);
  const auto x = x_memory.as(3, in.pixels() * count), h = h_memory.as(features, count),
             dh = dh_memory.as(features, count);
  std::uint32_t epoch = 0;
  const auto step = [&] {
    pipeline.make(ctx, {.seed = 3, .epoch = epoch++}, ssl::as_const(bytes), images.shape(), nullptr, 0,
                  patches, x);
    encoder.forward(ctx, x, h);
    ssl::map(be, dh, ssl::fn::scale<float>{2.0f / static_cast<float>(h.size())}, h);
    encoder.zero_grads();
    encoder.backward(ctx, dh);
    optimizer.step(ctx, encoder.table(), encoder.params(), encoder.grads(), state.all(), 0.01);
  };
  for (int k = 0; k < 3; ++k) step();
  const double megabytes = memory.added();
  const double took = ssl_bench::time_of(be, seconds, 1, 3, step).wall;
  std::printf(
      "{\"bench\": \"bag step\", %s, \"images\": %td, \"patches\": %td, \"patches_s\": %.0f, \"step_ms\": "
      "%.3f, "
      "\"memory_mb\": %.1f}\n",
      ssl_bench::machine(be, options).c_str(), static_cast<std::ptrdiff_t>(n),
      static_cast<std::ptrdiff_t>(patches), static_cast<double>(count) / took, took * 1e3, megabytes);
}

/// Seconds for all views of the first n synthetic images, made at once.
template <class Sampler>
double time_views(backend& be, const Sampler& sampler, index side, index n, double seconds) {
  ssl::single<backend> comm;
  ssl::arena<backend> scratch(be);
  ssl::context<backend> ctx{be, comm, scratch};
  const auto images = ssl::make_synthetic({}, 1, n);
  const auto bytes_memory = be.allocate<std::uint8_t>(images.shape().size() * n);
  const auto bytes = bytes_memory.as(images.shape().size(), n);
  be.upload(ssl::make_view<ssl::host_space>(images.all_pixels().data(), bytes.rows, bytes.cols), bytes);
  be.wait();
  const ssl::patch_views pipeline(sampler, ssl::emp_ssl_augmentation(), {3, side, side});
  const index count = pipeline.count();
  const auto x = be.allocate<float>(3 * side * side * n * count);
  return ssl_bench::time_of(be, seconds, 2, 5,
                            [&] {
                              pipeline.make(ctx, {.seed = 3}, ssl::as_const(bytes), images.shape(), nullptr,
                                            0, count, x.as(3, side * side * n * count));
                            })
      .wall;
}

void print_views(const backend& be, backend_options options, const char* what, index views, index n,
                 double took) {
  std::printf(
      "{\"bench\": \"pipeline\", %s, \"views\": \"%s\", \"images\": %td, \"images_s\": %.0f, "
      "\"patches_s\": %.0f, \"ms\": %.3f}\n",
      ssl_bench::machine(be, options).c_str(), what, static_cast<std::ptrdiff_t>(n),
      static_cast<double>(n) / took, static_cast<double>(n * views) / took, took * 1e3);
}

void pipelines(backend_options options, double seconds, index n) {
  backend be = ssl_bench::make_backend(options);
  print_views(be, options, "20 patches of 16 x 16", 20, n,
              time_views(be, ssl::fixed_scale{.views = {20}}, 16, n, seconds));
  print_views(be, options, "2 crops to 32 x 32", 2, n,
              time_views(be, ssl::random_resized{.scale_min = 0.2, .views = {2}}, 32, n, seconds));
}

}  // namespace

int main(int argc, char** argv) try {
  const backend_options options{.threads = argc > 1 ? std::atoi(argv[1]) : 0};
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  if (argc <= 3) {
    encoder_and_product(options, seconds);
    backend one = ssl_bench::make_backend({.threads = 1});
    const double view_time = time_views(one, ssl::fixed_scale{.views = {1}}, 16, 512, seconds / 3);
    std::printf("{\"bench\": \"views\", %s, \"patches_s\": %.0f}\n",
                ssl_bench::machine(one, {.threads = 1}).c_str(), 512 / view_time);
    return 0;
  }
  int place = 3;
  std::string_view what = argv[place++];
  if (what == "product") return print_product(options, seconds), 0;
  request asked;
  if ((what == "memory" || what == "profile") && place < argc) {
    asked.how = what == "memory" ? look::memory : look::profile;
    what = argv[place++];
  }
  asked.network = what;
  if (place < argc) asked.batch = std::atol(argv[place++]);
  if (place < argc && what == "bag" && asked.batch > 0 && std::atol(argv[place]) > 0)
    return bag_step(options, seconds, asked.batch, std::atol(argv[place])), 0;
  if (place < argc) asked.precision = argv[place++];
  if (place < argc) asked.side = std::atol(argv[place++]);
  if (asked.batch > 0 && what == "views") return pipelines(options, seconds, asked.batch), 0;
  if (asked.batch > 1 && asked.side >= 0 && one_step(options, seconds, asked)) return 0;
  std::fprintf(
      stderr,
      "usage: %s [THREADS [SECONDS]] | THREADS SECONDS [memory|profile] "
      "encoder|resnet18|resnet18-projector|resnet50|resnet50-projector BATCH [fp32|tf32|bf16 [SIDE]] | "
      "THREADS SECONDS bag IMAGES PATCHES | THREADS SECONDS views IMAGES | THREADS SECONDS product\n",
      argv[0]);
  return 2;
} catch (const ssl::error& e) {
  std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
  return 2;
}
