// One step of an optimizer on a network's table of parameters, float. One JSON object a line:
//     bench_optim THREADS SECONDS lars|sgd TABLE     time of a step, and the bytes that it must move
//     bench_optim THREADS SECONDS memory lars|sgd TABLE
//                                                    what a step adds to the resident set, over parameters,
//                                                    gradients and state: for a process of its own
// TABLE: resnet50 (25.6 million parameters in 161 tensors), or resnet50-projector (without the classifier,
// and with 2048-8192-8192-8192: 175 million).
// bench/compare-optim runs it in alternation with PyTorch.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ssl/core/random.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/optim/lars.hpp"
#include "ssl/optim/sgd.hpp"
#include "support/backend.hpp"

namespace {

using ssl::index;
using ssl_bench::backend;

struct table_builder {
  std::vector<ssl::segment> table;
  index offset = 0;

  void add(index rows, index cols, ssl::role kind) {
    table.push_back({"", rows, cols, kind, {}, offset});
    offset += rows * cols;
  }
  void matrix_and_vectors(index out, index in, int vectors) {
    add(in, out, ssl::role::matrix);
    for (int k = 0; k < vectors; ++k) add(out, 1, ssl::role::vector);
  }
};

/// The tensors of ResNet-50 in their order: convolutions with the two vectors of their batch norm.
std::vector<ssl::segment> resnet50_table(bool projector) {
  table_builder b;
  b.matrix_and_vectors(64, 3 * 7 * 7, 2);
  index in = 64;
  const index blocks[] = {3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage) {
    const index width = index{64} << stage;
    for (index block = 0; block < blocks[stage]; ++block) {
      b.matrix_and_vectors(width, in, 2);
      b.matrix_and_vectors(width, 9 * width, 2);
      b.matrix_and_vectors(4 * width, width, 2);
      if (block == 0) b.matrix_and_vectors(4 * width, in, 2);
      in = 4 * width;
    }
  }
  if (projector) {
    b.matrix_and_vectors(8192, 2048, 3);
    b.matrix_and_vectors(8192, 8192, 3);
    b.matrix_and_vectors(8192, 8192, 0);
  } else {
    b.matrix_and_vectors(1000, 2048, 1);
  }
  return b.table;
}

/// Small numbers from a hash of their place, of which a first part is repeated.
void draw(ssl::matrix_view<float, ssl::host_space> out, float scale) {
  const index part = std::min(out.size(), index{1} << 20);
  ssl::random_stream numbers({.seed = 5}, 0, 0, ssl::purpose::generate);
  for (index k = 0; k < part; ++k) out.data[k] = scale * (numbers.uniform() - 0.5f);
  for (index k = part; k < out.size(); ++k) out.data[k] = out.data[k - part];
}

template <class Optimizer>
void measure(ssl_bench::backend_options options, double seconds, const Optimizer& optimizer,
             std::string_view name, std::string_view which, bool memory_only) {
  backend be = ssl_bench::make_backend(options);
  ssl::single<backend> comm;
  ssl::arena<backend> scratch(be);
  ssl::context<backend> ctx{be, comm, scratch};
  const auto table = resnet50_table(which == "resnet50-projector");
  const index count = ssl::total_size(table);
  const auto params = be.allocate<float>(count), grads = be.allocate<float>(count),
             state = be.allocate<float>(optimizer.state(count));
  ssl_bench::fill_from_host(be, params.all(), [](auto host) { draw(host, 0.1f); });
  ssl_bench::fill_from_host(be, grads.all(), [](auto host) { draw(host, 1e-3f); });
  ssl::fill(be, state.all(), 0.0f);
  const auto step = [&] {
    optimizer.step(ctx, table, params.all(), ssl::as_const(grads.all()), state.all(), 0.01);
  };
  const std::string head = std::string("{\"bench\": \"optimizer\", ") + ssl_bench::machine(be, options) +
                           ", \"optimizer\": \"" + std::string(name) + "\", \"table\": \"" +
                           std::string(which) + "\", \"parameters\": " + std::to_string(count);
  if (memory_only) {
    const ssl_bench::memory_meter memory(be);
    for (int k = 0; k < 3; ++k) step();
    std::printf("%s, \"memory_mb\": %.2f}\n", head.c_str(), memory.added());
    return;
  }
  const auto took = ssl_bench::time_of(be, seconds, 2, 3, step);
  // w, g, v read once and w, v written; LARS reads w and g for the norms before.
  const double bytes = (name == "lars" ? 7.0 : 5.0) * 4 * static_cast<double>(count);
  std::printf("%s, \"ms\": %.3f, \"processor_ms\": %.3f, \"gbytes\": %.3f, \"gbs\": %.1f}\n", head.c_str(),
              took.wall * 1e3, took.processor * 1e3, bytes / 1e9, bytes / took.wall / 1e9);
}

}  // namespace

int main(int argc, char** argv) try {
  const ssl_bench::backend_options options{.threads = argc > 1 ? std::atoi(argv[1]) : 0};
  const bool memory_only = argc > 3 && std::string_view(argv[3]) == "memory";
  const int first = memory_only ? 4 : 3;
  if (argc == first + 2) {
    const double seconds = std::atof(argv[2]);
    const std::string_view name = argv[first], table = argv[first + 1];
    if (table == "resnet50" || table == "resnet50-projector") {
      if (name == "lars")
        return measure(options, seconds, ssl::vicreg_official_lars(), name, table, memory_only), 0;
      if (name == "sgd")
        return measure(options, seconds, ssl::sgd{.momentum = 0.9, .weight_decay = 1e-4}, name, table,
                       memory_only),
               0;
    }
  }
  std::fprintf(stderr, "usage: %s THREADS SECONDS [memory] lars|sgd resnet50|resnet50-projector\n", argv[0]);
  return 2;
} catch (const ssl::error& e) {
  std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
  return 2;
}
