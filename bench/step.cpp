// Training steps (forward, backward, SGD with momentum) and the pipeline that makes patches. One JSON object
// a line:
//     bench_step [THREADS [SECONDS]]                             the small patch encoder (3x3 stride 2:
//                                                                32-64-128-128, batch norm, ReLU, mean) on
//                                                                512 patches of 16 x 16, the plain product as
//                                                                its ceiling, and the patches on one thread
//     bench_step THREADS SECONDS encoder|resnet18 BATCH [fp32|tf32|bf16]
//                                                                the small encoder, or the CIFAR ResNet-18 on
//                                                                32 x 32; bf16: activations stored in it
//     bench_step THREADS SECONDS views IMAGES                    20 patches of 16 x 16 of every image, or two
//                                                                crops to 32 x 32, with EMP-SSL's
//                                                                augmentation
// bench_step-cuda is the same on a GPU, where THREADS means nothing and `tf32` lets products round.
// bench/compare-step and bench/compare-gpu run it in alternation with PyTorch.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

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

struct step_result {
  double seconds, megabytes, loss;
};

/// A step of the layer on n images; the loss is the mean of h^2, reported for the third step, so that
/// backends can be compared.
template <class Arch>
step_result time_step(backend& be, Arch arch, ssl::image_shape in, index n, double seconds) {
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
  const double took = ssl_bench::time_of(be, seconds, 2, 5, step).wall;
  return {took, memory.added(), total / static_cast<double>(h.size())};
}

const std::vector<index> widths{32, 64, 128, 128};

/// The record that bench/compare-step reads: the small encoder beside the plain product.
void encoder_and_product(backend_options options, double seconds) {
  const index n = 512, side = 16;
  backend be = ssl_bench::make_backend(options);
  const double step_time =
      time_step(be, ssl::patch_encoder({.widths = widths}), {3, side, side}, n, seconds).seconds;
  const auto product = be.allocate<float>(3 * 1024 * 1024);
  ssl::fill(be, product.all(), 0.5f);
  const auto square = [&](index k) {
    return ssl::make_view<backend::space>(product.all().data + k * 1024 * 1024, 1024, 1024);
  };
  const double gemm_time =
      ssl_bench::time_of(be, seconds / 3, 2, 5, [&] {
        ssl::gemm(be, ssl::trans::no, ssl::trans::no, 1.0f, square(0), square(1), 0.0f, square(2));
      }).wall;
  const double ceiling = 2.0 * 1024 * 1024 * 1024 / gemm_time;
  const double flops = 3 * encoder_flops(widths, side) * static_cast<double>(n);
  std::printf(
      "{\"bench\": \"step\", %s, \"patches_s\": %.0f, \"step_ms\": %.3f, \"gflops\": %.1f, "
      "\"gemm_gflops\": %.1f, \"share_of_gemm\": %.3f}\n",
      ssl_bench::machine(be, options).c_str(), static_cast<double>(n) / step_time, step_time * 1e3,
      flops / step_time / 1e9, ceiling / 1e9, flops / step_time / ceiling);
}

/// One network at one batch and one precision. False where the name or the precision is none.
bool one_step(backend_options options, double seconds, std::string_view name, index n,
              std::string_view precision) {
  const bool bf16 = precision == "bf16", small = name == "encoder";
  if ((!small && name != "resnet18") || (!bf16 && precision != "tf32" && precision != "fp32")) return false;
  options.tf32 = precision != "fp32";
  const index side = small ? 16 : 32;
  const ssl::image_shape in{3, side, side};
  backend be = ssl_bench::make_backend(options);
  const auto run = [&](auto arch) {
    return bf16 ? time_step(be, ssl::in_bf16(arch), in, n, seconds) : time_step(be, arch, in, n, seconds);
  };
  const step_result step = small ? run(ssl::patch_encoder({.widths = widths})) : run(ssl::resnet18_cifar());
  const double flops = 3 * (small ? encoder_flops(widths, side) : resnet18_flops(side));
  std::printf(
      "{\"bench\": \"network step\", %s, \"network\": \"%s\", \"precision\": \"%s\", \"batch\": %td, "
      "\"images_s\": %.0f, \"step_ms\": %.3f, \"tflops\": %.3f, \"memory_mb\": %.1f, \"loss\": %.6g}\n",
      ssl_bench::machine(be, options).c_str(), std::string(name).c_str(), std::string(precision).c_str(),
      static_cast<std::ptrdiff_t>(n), static_cast<double>(n) / step.seconds, step.seconds * 1e3,
      flops * static_cast<double>(n) / step.seconds / 1e12, step.megabytes, step.loss);
  return true;
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
  const std::string_view what = argv[3];
  const ssl::index n = argc > 4 ? std::atol(argv[4]) : 256;
  if (n > 0 && what == "views") return pipelines(options, seconds, n), 0;
  if (n > 1 && one_step(options, seconds, what, n, argc > 5 ? argv[5] : "fp32")) return 0;
  std::fprintf(stderr,
               "usage: %s [THREADS [SECONDS]] | THREADS SECONDS encoder|resnet18 BATCH [fp32|tf32|bf16] | "
               "THREADS SECONDS "
               "views IMAGES\n",
               argv[0]);
  return 2;
} catch (const ssl::error& e) {
  std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
  return 2;
}
