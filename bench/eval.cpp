// Evaluation of frozen features, float: ten classes, unit columns. One JSON object a line:
//     bench_eval THREADS SECONDS knn [TEST BANK FEATURES K]
//     bench_eval THREADS SECONDS ridge [BANK FEATURES]           at one lambda, and with lambda chosen
//     bench_eval THREADS SECONDS sgd [BANK FEATURES EPOCHS]      soft-max probe, batch 256
//     bench_eval THREADS SECONDS memory knn|ridge|sgd [...]      what one run adds to the resident set over
//                                                                features and labels: for a process of its
//                                                                own
// Times are medians of runs that fill SECONDS, at least one. bench/compare-eval runs it in alternation with
// PyTorch.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ssl/eval/knn.hpp"
#include "ssl/eval/ridge_probe.hpp"
#include "ssl/eval/softmax_probe.hpp"
#include "ssl/exec/context.hpp"
#include "support/backend.hpp"

namespace {

using ssl::index;
using ssl_bench::backend;

constexpr index classes = 10;

/// Unit columns around ten centres, which a linear classifier tells apart nearly always.
struct features {
  index rows, cols;
  std::vector<int> labels;
  ssl_bench::buffer<float> memory;

  features(backend& be, index d, index n, std::uint64_t seed)
      : rows(d), cols(n), labels(static_cast<std::size_t>(n)), memory(be.allocate<float>(d * n)) {
    std::vector<float> centre(static_cast<std::size_t>(d * classes));
    ssl::random_stream centres({.seed = 1}, 0, 0, ssl::purpose::generate);
    for (float& x : centre) x = 0.15f * centres.normal();
    ssl_bench::fill_from_host(be, memory.as(d, n), [&](auto host) {
      // Sums of four uniform numbers: about normal, and cheap.
      std::uint64_t state = seed * 2654435769u + 12345;
      const auto noise = [&state] {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const std::uint64_t h = state ^ (state >> 29);
        return static_cast<float>((h & 0xffff) + ((h >> 16) & 0xffff) + ((h >> 32) & 0xffff) + (h >> 48)) *
                   (1.7320508f / 65536) -
               3.4641016f;
      };
      for (index j = 0; j < n; ++j) {
        const auto place = static_cast<std::size_t>(j);
        labels[place] = static_cast<int>((state >> 33) % classes);
        double sum = 0;
        for (index i = 0; i < d; ++i) {
          const float x = centre[place_of(labels[place], i, d)] + noise();
          host(i, j) = x;
          sum += static_cast<double>(x) * static_cast<double>(x);
        }
        for (index i = 0; i < d; ++i) host(i, j) *= static_cast<float>(1 / std::sqrt(sum));
      }
    });
  }
  static std::size_t place_of(int label, index i, index d) { return static_cast<std::size_t>(label * d + i); }
  ssl::cview<backend> view() const { return ssl::as_const(memory.as(rows, cols)); }
};

struct bench {
  ssl_bench::backend_options options;
  double seconds;
  bool memory_only;
  backend be = ssl_bench::make_backend(options);
  ssl::workspace<backend> work{ssl_bench::make_backend(options)};

  /// Prints what `run`, which returns an accuracy, took. `more` is a part of the object.
  void report(const char* name, const std::string& more, double flops, const std::function<double()>& run) {
    double accuracy = 0;
    std::printf("{\"bench\": \"%s\", %s%s", name, ssl_bench::machine(be, options).c_str(), more.c_str());
    if (memory_only) {
      const ssl_bench::memory_meter memory(be);
      accuracy = run();
      std::printf(", \"memory_mb\": %.1f", memory.added());
    } else {
      const auto took = ssl_bench::time_of(be, seconds, name == std::string_view("sgd") ? 0 : 1, 1,
                                           [&] { accuracy = run(); });
      std::printf(", \"ms\": %.2f, \"processor_ms\": %.2f, \"gflops\": %.1f", took.wall * 1e3,
                  took.processor * 1e3, flops / took.wall / 1e9);
    }
    std::printf(", \"accuracy\": %.4f}\n", accuracy);
    std::fflush(stdout);
  }

  void knn(index m, index n, index d, index k) {
    const features bank(be, d, n, 1), test(be, d, m, 2);
    report("knn",
           ", \"test\": " + std::to_string(m) + ", \"bank\": " + std::to_string(n) +
               ", \"features\": " + std::to_string(d) + ", \"k\": " + std::to_string(k),
           2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(d), [&] {
             auto ctx = work.ctx();
             return ssl::knn(ctx, bank.view(), bank.labels, test.view(), test.labels, classes, {.k = k})
                 .score.top1;
           });
  }
  void ridge(index n, index d) {
    const features bank(be, d, n, 1), test(be, d, 2000, 2);
    for (const double lambda : {1e-3, 0.0}) {
      if (memory_only && lambda > 0) continue;
      report(lambda > 0 ? "ridge" : "ridge, lambda chosen",
             ", \"bank\": " + std::to_string(n) + ", \"features\": " + std::to_string(d),
             static_cast<double>(n) * static_cast<double>(d) * static_cast<double>(d), [&] {
               auto ctx = work.ctx();
               const auto fit = ssl::ridge_probe{.standardize = false, .lambda = lambda}.fit(
                   ctx, bank.view(), bank.labels, classes);
               return fit.classifier.evaluate(ctx, test.view(), test.labels).score.top1;
             });
    }
  }
  void sgd(index n, index d, index epochs) {
    const features bank(be, d, n, 1), test(be, d, 2000, 2);
    report("sgd",
           ", \"bank\": " + std::to_string(n) + ", \"features\": " + std::to_string(d) +
               ", \"epochs\": " + std::to_string(epochs),
           4.0 * classes * static_cast<double>(n) * static_cast<double>(d) * static_cast<double>(epochs),
           [&] {
             auto ctx = work.ctx();
             const auto fit =
                 ssl::softmax_probe{.rate = 5, .weight_decay = 1e-6, .epochs = epochs, .batch = 256}.fit(
                     ctx, bank.view(), bank.labels, classes);
             return fit.classifier.evaluate(ctx, test.view(), test.labels).score.top1;
           });
  }
};

}  // namespace

int main(int argc, char** argv) try {
  const int skipped = argc > 3 && std::string_view(argv[3]) == "memory" ? 1 : 0;
  const auto number = [&](int k, ssl::index otherwise) {
    return argc > 4 + skipped + k ? std::atol(argv[4 + skipped + k]) : otherwise;
  };
  if (argc > 3 + skipped) {
    bench run{{.threads = std::atoi(argv[1])}, std::atof(argv[2]), skipped == 1};
    const std::string_view what = argv[3 + skipped];
    if (what == "knn") return run.knn(number(0, 10000), number(1, 50000), number(2, 512), number(3, 200)), 0;
    if (what == "ridge") return run.ridge(number(0, 50000), number(1, 512)), 0;
    if (what == "sgd") return run.sgd(number(0, 50000), number(1, 512), number(2, 100)), 0;
  }
  std::fprintf(stderr,
               "usage: %s THREADS SECONDS [memory] knn [TEST BANK FEATURES K] | ridge [BANK FEATURES] | sgd "
               "[BANK FEATURES EPOCHS]\n",
               argv[0]);
  return 2;
} catch (const ssl::error& e) {
  std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
  return 2;
}
