// Value and gradient of the losses on two views of n samples with d features, float. One JSON object a line:
//     bench_loss THREADS SECONDS LOSS N D [tf32]   time and memory of one loss
//     bench_loss THREADS SECONDS ceilings          the plain product and the copy, which bound them
//     bench_loss THREADS SECONDS serve             reads such ends of command lines from its input, and ends
//                                                  each answer with {}
//     bench_loss list                              the losses
// bench_loss-cuda is the same on a GPU, where THREADS means nothing, `tf32` lets products round, and a
// repetition does not wait for the one before.
//
// Memory is what the first step adds to the resident set, the gradient included, over the inputs; the arena's
// high water is the part of it that the loss asked for. On a GPU it is what the backend holds on the device,
// again without the inputs. bench/compare-loss and bench/compare-gpu run it in alternation with PyTorch.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "ssl/ssl.hpp"
#include "support/backend.hpp"

namespace {

using ssl::index;
using ssl_bench::backend;
using ssl_bench::backend_options;

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

/// The same, of which a first part is repeated: enough for a product's or a copy's time.
void draw_repeated(float* out, index count, std::uint64_t seed) {
  const index part = std::min(count, index{1} << 22);
  draw(out, part, seed);
  for (index k = part; k < count; k += part) std::copy_n(out, std::min(part, count - k), out + k);
}

/// Two views that share most of what they are: base + 0.5 noise.
void draw_views_on_host(ssl::matrix_view<float, ssl::host_space> z, std::uint64_t seed) {
  const index half = z.size() / 2;
  std::vector<float> base(static_cast<std::size_t>(half));
  draw(base.data(), half, seed);
  draw(z.data, z.size(), seed + 1);
  for (index k = 0; k < z.size(); ++k)
    z.data[k] = base[static_cast<std::size_t>(k % half)] + 0.5f * z.data[k];
}

void draw_views(backend& be, ssl::view<backend> z, std::uint64_t seed) {
  ssl_bench::fill_from_host(be, z, [&](auto host) { draw_views_on_host(host, seed); });
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
  double value() {
    const auto weights = ssl::term_weights(loss_);
    const std::vector<double> values = ssl_bench::on_the_host(ctx_.be, values_.all());
    double total = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) total += weights[k] * values[k];
    return total;
  }
  double scratch_megabytes() const { return static_cast<double>(scratch_.high_water()) / 1e6; }

 private:
  L loss_;
  ssl::view_batch<backend> batch_;
  ssl::single<backend> comm_;
  ssl::arena<backend> scratch_;
  ssl::context<backend> ctx_;
  ssl_bench::buffer<float> gradient_;
  ssl_bench::buffer<double> values_;
};

/// Two views and two views to compare them with, drawn when they are first asked for, kept while the shape
/// stays.
class inputs {
 public:
  explicit inputs(backend_options options) : be_(ssl_bench::make_backend(options)) {}

  ssl::cview<backend> views(index n, index d) { return get(z_, n, d, 1); }
  ssl::cview<backend> targets(index n, index d) { return get(targets_, n, d, 5); }
  backend& be() { return be_; }

 private:
  struct kept {
    std::optional<ssl_bench::buffer<float> > memory;
    index n = 0, d = 0;
  };

  ssl::cview<backend> get(kept& k, index n, index d, std::uint64_t seed) {
    if (!k.memory || k.n != n || k.d != d) {
      k.memory.reset();
      k.memory.emplace(be_.allocate<float>(d * 2 * n));
      k.n = n;
      k.d = d;
      draw_views(be_, k.memory->as(d, 2 * n), seed);
    }
    return ssl::as_const(k.memory->as(d, 2 * n));
  }

  backend be_;
  kept z_, targets_;
};

template <class L>
void measure(inputs& in, backend_options options, const char* name, const L& loss, double seconds, index n,
             index d) {
  const bool compares = ssl::detail::any_targets<decltype(ssl::terms(loss))>();
  const bool pushes = std::string_view(name) == "brownian";
  const auto z = in.views(n, d);
  const auto other = compares || pushes ? in.targets(n, d) : ssl::cview<backend>{};
  backend be = ssl_bench::make_backend(options);
  if constexpr (ssl_bench::on_host) {  // threads and their stacks are not the loss's memory
    const auto small = be.allocate<float>(8 * 16);
    draw_views(be, small.as(8, 16), 1);
    problem<L>(be, loss, ssl::as_const(small.as(8, 16)), {}, {}).step();
  }
  const ssl_bench::memory_meter memory(be);
  problem<L> p(be, loss, z, compares ? other : ssl::cview<backend>{},
               pushes ? other.columns(0, n) : ssl::cview<backend>{});
  p.step();
  const double megabytes = memory.added(), value = p.value();
  const auto step = ssl_bench::time_of(be, seconds, 1, 3, [&] { p.step(); });
  std::printf(
      "{\"bench\": \"loss\", \"loss\": \"%s\", \"n\": %td, \"d\": %td, %s, \"ms\": %.4f, "
      "\"cpu_ms\": %.4f, \"memory_mb\": %.2f, \"scratch_mb\": %.2f, \"value\": %.9g}\n",
      name, static_cast<std::ptrdiff_t>(n), static_cast<std::ptrdiff_t>(d),
      ssl_bench::machine(be, options).c_str(), step.wall * 1e3, step.processor * 1e3, megabytes,
      p.scratch_megabytes(), value);
}

/// GFLOP/s of a product of n x n matrices.
double product_rate(backend_options options, double seconds, index n) {
  backend be = ssl_bench::make_backend(options);
  const auto memory = be.allocate<float>(3 * n * n);
  ssl_bench::fill_from_host(be, memory.all(), [&](auto host) { draw_repeated(host.data, host.size(), 1); });
  const auto square = [&](index k) {
    return ssl::make_view<backend::space>(memory.all().data + k * n * n, n, n);
  };
  const auto multiply = [&] {
    ssl::gemm(be, ssl::trans::no, ssl::trans::no, 1.0f, square(0), square(1), 0.0f, square(2));
  };
  return 2e-9 * static_cast<double>(n * n * n) / ssl_bench::time_of(be, seconds, 1, 3, multiply).wall;
}

/// The same of bf16 with sums in float, where the backend multiplies them.
template <class B>
double bf16_product_rate(B& be, double seconds, index n) {
  if constexpr (ssl::MultipliesBf16<B>) {
    const auto memory = be.template allocate<ssl::bf16>(3 * n * n);
    ssl_bench::fill_from_host(be, memory.all(), [&](auto host) {
      std::vector<float> numbers(static_cast<std::size_t>(host.size()));
      draw_repeated(numbers.data(), host.size(), 1);
      for (std::size_t k = 0; k < numbers.size(); ++k) host.data[k] = ssl::bf16(numbers[k]);
    });
    const auto square = [&](index k) {
      return ssl::make_view<typename B::space>(memory.all().data + k * n * n, n, n);
    };
    const auto multiply = [&] {
      be.gemm_bf16(ssl::trans::no, ssl::trans::no, 1.0f, ssl::as_const(square(0)), ssl::as_const(square(1)),
                   0.0f, square(2));
    };
    return 2e-9 * static_cast<double>(n * n * n) / ssl_bench::time_of(be, seconds, 1, 3, multiply).wall;
  } else {
    return 0;
  }
}

/// GB/s, read and written, of `count` floats.
double copy_rate(backend& be, double seconds, index count) {
  const auto from = be.allocate<float>(count), to = be.allocate<float>(count);
  ssl_bench::fill_from_host(be, from.all(), [&](auto host) { draw_repeated(host.data, count, 2); });
  const auto move = [&] {
    if constexpr (ssl_bench::on_host)
      std::memcpy(to.all().data, from.all().data, static_cast<std::size_t>(count) * sizeof(float));
    else
      ssl::copy(be, from.all(), to.all());
  };
  return 2e-9 * static_cast<double>(count) * sizeof(float) / ssl_bench::time_of(be, seconds, 1, 3, move).wall;
}

void ceilings(backend_options options, double seconds) {
  backend be = ssl_bench::make_backend(options);
  const index n = ssl_bench::on_host ? 2048 : 8192;
  const double product = product_rate(options, seconds, n);
  std::printf("{\"bench\": \"ceilings\", %s, \"gemm_gflops\": %.1f, ",
              ssl_bench::machine(be, options).c_str(), product);
  if constexpr (!ssl_bench::on_host)
    std::printf("\"gemm_tf32_gflops\": %.1f, \"gemm_bf16_gflops\": %.1f, ",
                product_rate({.tf32 = true}, seconds, n), bf16_product_rate(be, seconds, n));
  std::printf("\"copy_gbs\": %.1f}\n", copy_rate(be, seconds, index{1} << (ssl_bench::on_host ? 25 : 28)));
}

/// What `LOSS N D [tf32]` or `ceilings` asks for. Throws option_error where there is no such loss.
void answer(std::optional<inputs>& in, backend_options options, double seconds,
            const std::vector<std::string>& words) {
  if (words.at(0) == "ceilings") return ceilings(options, seconds);
  const index n = words.size() > 1 ? std::atol(words[1].c_str()) : 256;
  const index d = words.size() > 2 ? std::atol(words[2].c_str()) : 2048;
  if (!in) in.emplace(options);
  options.tf32 = words.size() > 3 && words[3] == "tf32";
  const char* const name = words[0].c_str();
  if (!with_loss(name, [&](const auto& loss) { measure(*in, options, name, loss, seconds, n, d); }))
    throw ssl::option_error("no loss is called " + words[0]);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc > 1 && std::string_view(argv[1]) == "list") {
    for (const char* name : names) std::printf("%s\n", name);
    return 0;
  }
  if (argc < 4) {
    std::fprintf(
        stderr,
        "usage: %s THREADS SECONDS LOSS N D [tf32] | THREADS SECONDS ceilings | THREADS SECONDS serve | "
        "list\n",
        argv[0]);
    return 2;
  }
  const backend_options options{.threads = std::atoi(argv[1])};
  const double seconds = std::atof(argv[2]);
  std::optional<inputs> in;
  if (std::string_view(argv[3]) != "serve") return answer(in, options, seconds, {argv + 3, argv + argc}), 0;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    try {
      if (!words.empty()) answer(in, options, seconds, words);
    } catch (const ssl::out_of_memory& e) {
      std::fprintf(stderr, "%s\n", e.what());
      std::printf("{\"bench\": \"loss\", \"failed\": \"out of memory\"}\n");
    }
    std::puts("{}");
    std::fflush(stdout);
  }
} catch (const ssl::error& e) {
  std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
  return 2;
}
