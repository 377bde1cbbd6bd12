// Value and gradient of the losses on two views of n samples with d features, float. One JSON object a line:
//     bench_loss THREADS SECONDS LOSS N D      time and memory of one loss
//     bench_loss THREADS SECONDS ceilings      the plain product and the copy, which bound them
//     bench_loss list                          the losses
// Memory is what the first step adds to the resident set, the gradient included, over the inputs; the arena's
// high water is the part of it that the loss asked for. bench/compare-loss runs it in alternation with
// PyTorch.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ssl/backend/eigen.hpp"
#include "ssl/ssl.hpp"

namespace {

using backend = ssl::eigen_backend<float>;
using ssl::index;

struct seconds_of {
  double wall, processor;  // what all threads took together
};

double median(std::vector<double> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

/// Medians over at least `seconds` of repetitions of `body`, and at least three.
template <class Body>
seconds_of time_of(double seconds, const Body& body) {
  using clock = std::chrono::steady_clock;
  std::vector<double> samples, work;
  body();
  for (const auto start = clock::now();
       samples.size() < 3 || clock::now() - start < std::chrono::duration<double>(seconds);) {
    const auto before = clock::now();
    const std::clock_t worked = std::clock();
    body();
    work.push_back(static_cast<double>(std::clock() - worked) / CLOCKS_PER_SEC);
    samples.push_back(std::chrono::duration<double>(clock::now() - before).count());
  }
  return {median(samples), median(work)};
}

/// A line of /proc/self/status in megabytes, 0 where there is none.
double status_megabytes(const char* key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == key) {
      double kilobytes = 0;
      status >> kilobytes;
      return kilobytes * 1024 / 1e6;
    }
  return 0;
}

/// The highest resident size from now on: the kernel forgets what came before.
void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

/// About normal numbers from a hash of their place: the sum of four uniform ones.
void draw(float* out, index count, std::uint64_t seed) {
  for (index k = 0; k < count; ++k) {
    std::uint64_t h = static_cast<std::uint64_t>(k) * 11400714819323198485u + seed * 7664345821815920749u;
    h = (h ^ (h >> 30)) * 13787848793156543929u;
    h = (h ^ (h >> 27)) * 10723151780598845931u;
    int sum = 0;
    for (int part = 0; part < 4; ++part) sum += static_cast<int>((h >> (16 * part)) & 0xffff);
    out[k] = static_cast<float>(sum - 2 * 65535) * (1.7320508f / 65536.0f);
  }
}

/// Two views that share most of what they are: base + 0.5 noise.
void draw_views(ssl::matrix_view<float, ssl::host_space> z, std::uint64_t seed) {
  const index half = z.size() / 2;
  std::vector<float> base(static_cast<std::size_t>(half));
  draw(base.data(), half, seed);
  draw(z.data, z.size(), seed + 1);
  for (index k = 0; k < z.size(); ++k)
    z.data[k] = base[static_cast<std::size_t>(k % half)] + 0.5f * z.data[k];
}

constexpr const char* names[] = {"vicreg", "barlow",   "ntxent", "dcl",  "spectral", "align_unif", "tcr",
                                 "wmse",   "singular", "fro",    "byol", "centroid", "brownian"};

/// body(loss) for the loss of that name; false where there is none.
template <class Body>
bool with_loss(std::string_view name, const Body& body) {
  if (name == "vicreg") return body(ssl::vicreg_official()), true;
  if (name == "barlow") return body(ssl::barlow_official()), true;
  if (name == "ntxent") return body(ssl::simclr()), true;
  if (name == "dcl") return body(ssl::dcl()), true;
  if (name == "spectral") return body(ssl::spectral{}), true;
  if (name == "align_unif") return body(ssl::align_uniform()), true;
  if (name == "tcr") return body(ssl::coding_rate{.epsilon_squared = 0.25}), true;
  if (name == "wmse") return body(ssl::w_mse{.epsilon = 1e-3}), true;
  if (name == "singular") return body(ssl::singular_value{}), true;
  if (name == "fro") return body(ssl::frobenius{}), true;
  if (name == "byol") return body(ssl::byol{}), true;
  if (name == "centroid") return body(ssl::centroid{}), true;
  if (name == "brownian") return body(ssl::brownian{}), true;
  return false;
}

/// Everything that one evaluation of a loss needs, and the evaluation.
template <class L>
class problem {
 public:
  problem(backend& be, const L& loss, ssl::cview<backend> z, ssl::cview<backend> targets,
          ssl::cview<backend> directions)
      : loss_(loss),
        batch_{.z = z, .views = 2, .targets = targets, .directions = directions, .key = {.seed = 3}},
        scratch_(be),
        ctx_{be, comm_, scratch_},
        gradient_(be.allocate<float>(z.size())),
        values_(be.allocate<double>(ssl::term_count<L>)) {}

  void step() {
    ssl::value_and_gradient(ctx_, loss_, batch_, values_.as(1, ssl::term_count<L>),
                            gradient_.as(batch_.z.rows, batch_.z.cols));
  }
  double value() const {
    const auto weights = ssl::term_weights(loss_);
    double total = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) total += weights[k] * values_.all().data[k];
    return total;
  }
  double scratch_megabytes() const { return static_cast<double>(scratch_.high_water()) / 1e6; }

 private:
  L loss_;
  ssl::view_batch<backend> batch_;
  ssl::single<backend> comm_;
  ssl::arena<backend> scratch_;
  ssl::context<backend> ctx_;
  ssl::host_buffer<float> gradient_;
  ssl::host_buffer<double> values_;
};

template <class L>
void measure(backend& be, const char* name, const L& loss, double seconds, index n, index d) {
  const auto z = be.allocate<float>(d * 2 * n), targets = be.allocate<float>(d * 2 * n);
  draw_views(z.as(d, 2 * n), 1);
  const auto other = ssl::as_const(targets.as(d, 2 * n));
  const bool compares = ssl::detail::any_targets<decltype(ssl::terms(loss))>();
  const bool pushes = std::string_view(name) == "brownian";
  if (compares || pushes) draw_views(targets.as(d, 2 * n), 5);
  {  // threads and their stacks are not the loss's memory
    const auto small = be.allocate<float>(8 * 16);
    draw_views(small.as(8, 16), 1);
    problem<L>(be, loss, ssl::as_const(small.as(8, 16)), {}, {}).step();
  }
  forget_peak();
  const double before = status_megabytes("VmRSS:");
  problem<L> p(be, loss, ssl::as_const(z.as(d, 2 * n)), compares ? other : ssl::cview<backend>{},
               pushes ? other.columns(0, n) : ssl::cview<backend>{});
  p.step();
  const double memory = status_megabytes("VmHWM:") - before, value = p.value();
  const seconds_of step = time_of(seconds, [&] { p.step(); });
  std::printf(
      "{\"bench\": \"loss\", \"loss\": \"%s\", \"n\": %td, \"d\": %td, \"threads\": %d, \"ms\": %.4f, "
      "\"cpu_ms\": %.4f, "
      "\"memory_mb\": %.2f, \"scratch_mb\": %.2f, \"value\": %.9g}\n",
      name, static_cast<std::ptrdiff_t>(n), static_cast<std::ptrdiff_t>(d), be.threads(), step.wall * 1e3,
      step.processor * 1e3, memory, p.scratch_megabytes(), value);
}

void ceilings(backend& be, double seconds) {
  const index n = 2048, count = index{1} << 25;
  const auto product = be.allocate<float>(3 * n * n);
  draw(product.all().data, 3 * n * n, 1);
  const auto square = [&](index k) { return ssl::make_view(product.all().data + k * n * n, n, n); };
  const auto multiply = [&] {
    ssl::gemm(be, ssl::trans::no, ssl::trans::no, 1.0f, square(0), square(1), 0.0f, square(2));
  };
  const double gemm = time_of(seconds, multiply).wall;
  const auto from = be.allocate<float>(count), to = be.allocate<float>(count);
  draw(from.all().data, count, 2);
  const auto move = [&] {
    std::memcpy(to.all().data, from.all().data, static_cast<std::size_t>(count) * sizeof(float));
  };
  const double copy = time_of(seconds, move).wall;
  std::printf("{\"bench\": \"ceilings\", \"threads\": %d, \"gemm_gflops\": %.1f, \"copy_gbs\": %.1f}\n",
              be.threads(), 2e-9 * static_cast<double>(n * n * n) / gemm,
              2e-9 * static_cast<double>(count) * sizeof(float) / copy);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "list") {
    for (const char* name : names) std::printf("%s\n", name);
    return 0;
  }
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s THREADS SECONDS LOSS N D | THREADS SECONDS ceilings | list\n", argv[0]);
    return 2;
  }
  backend be(std::atoi(argv[1]));
  const double seconds = std::atof(argv[2]);
  if (std::string_view(argv[3]) == "ceilings") return ceilings(be, seconds), 0;
  const ssl::index n = argc > 4 ? std::atol(argv[4]) : 256, d = argc > 5 ? std::atol(argv[5]) : 2048;
  if (!with_loss(argv[3], [&](const auto& loss) { measure(be, argv[3], loss, seconds, n, d); })) {
    std::fprintf(stderr, "%s: no loss is called %s\n", argv[0], argv[3]);
    return 2;
  }
}
