// The same work on two backends, part by part:
//
//     agreement write FILE      leaves every result of this program's backend in a file
//     agreement compare FILE    prints how far this backend is from that, and exits with 1 where it is too
//     far
//
// The tests hold each backend against its own references; this holds one against the other, on the whole
// chain from bytes to accuracy.

#define DOCTEST_CONFIG_DISABLE  // backends.hpp brings doctest, whose entry point this program does without

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ssl/ssl.hpp"
#include "support/backends.hpp"

#if defined(SSL_TEST_CUDA)
#include <cuda_runtime_api.h>
#endif

namespace {

using namespace ssl::test;
using B = backend<float>;
using ssl::index;

/// One result, and how far two backends may be apart in it: relative to the largest entry, 0 for the same
/// bits.
struct result {
  std::string name;
  double bound;
  std::vector<double> values;
};

std::vector<double> read(B& be, ssl::cview<B> m) {
  std::vector<float> host(static_cast<std::size_t>(m.size()));
  be.download(m, ssl::make_view(host.data(), m.rows, m.cols));
  be.wait();
  return {host.begin(), host.end()};
}

struct place_of_patch {  // (4, views * images): the sampler's box, in units of the image
  ssl::random_resized sampler;
  index views;
  SSL_FN float operator()(index i, index j) const {
    const ssl::box b = sampler({.seed = 5}, j / views, j % views);
    return static_cast<float>(i == 0 ? b.x : i == 1 ? b.y : i == 2 ? b.width : b.height);
  }
};

/// Images that are integers throughout, so that every compiler makes the same: stripes that are a class's
/// own, and noise. 120 of 32 x 32, four classes.
const ssl::memory_dataset& images() {
  static const auto data = [] {
    const index n = 120, side = 32;
    std::vector<std::uint8_t> pixels;
    std::vector<int> labels;
    std::uint32_t noise = 1;
    for (index image = 0; image < n; ++image) {
      const index kind = image % 4;
      labels.push_back(static_cast<int>(kind));
      for (index y = 0; y < side; ++y)
        for (index x = 0; x < side; ++x)
          for (index c = 0; c < 3; ++c) {
            noise = noise * 1664525u + 1013904223u;
            const index stripe = (x * (kind + 1) + y * (4 - kind) + 5 * c + image) / 8 % 2;
            pixels.push_back(static_cast<std::uint8_t>(60 + 100 * stripe + static_cast<index>(noise >> 27)));
          }
    }
    return ssl::memory_dataset({3, side, side}, std::move(pixels), std::move(labels), 4);
  }();
  return data;
}

void patches(ssl::workspace<B>& work, std::vector<result>& out) {
  B& be = work.backend();
  auto ctx = work.ctx();
  const ssl::random_resized sampler{.views = {2}, .image = 32};
  const matrix<B> places(be, 4, 2000);
  map(be, places(), place_of_patch{sampler, 2});
  out.push_back({"places of patches", 0, places.get()});

  const index n = 32, side = 16;
  const auto shape = images().shape();
  const auto bytes = be.allocate<std::uint8_t>(shape.size() * n);
  be.upload(ssl::make_view<ssl::host_space>(images().all_pixels().data(), shape.size(), n),
            bytes.as(shape.size(), n));
  be.wait();
  const matrix<B> x(be, 3, side * side * n * 2);
  const auto make = [&](const auto& colours) {
    ssl::patch_views(sampler, colours, {3, side, side})
        .make(ctx, {.seed = 5}, ssl::as_const(bytes.as(shape.size(), n)), shape, nullptr, 0, 2, x());
    return x.get();
  };
  out.push_back({"cropped and resized pixels", tolerance<B>, make(ssl::normalize{})});
  out.push_back({"colour changes and blur", 10 * tolerance<B>, make(ssl::vicreg_cifar_augmentation())});
}

void network(ssl::workspace<B>& work, std::vector<result>& out) {
  B& be = work.backend();
  auto ctx = work.ctx();
  const index n = 24;
  ssl::network net(be, ssl::patch_encoder({.widths = {8, 16}}) | ssl::projector({32, 16}), {3, 16, 16}, n);
  net.initialise({.seed = 7});
  const matrix<B> x(be, 3, 256 * n, normals(3 * 256 * n, 1)), dx(be, 3, 256 * n);
  const matrix<B> z(be, 16, n), dz(be, 16, n, normals(16 * n, 2));
  net.forward(ctx, x.read(), z());
  net.zero_grads();
  net.backward(ctx, dz.read(), dx());
  out.push_back({"network: output", tolerance<B>, z.get()});
  out.push_back({"network: gradient of the input", 10 * tolerance<B>, dx.get()});
  out.push_back({"network: gradient of the parameters", 10 * tolerance<B>, read(be, net.grads())});

  const auto step = [&](const char* name, const auto& optimizer) {
    const matrix<B> state(be, optimizer.state(net.params().rows), 1,
                          std::vector<double>(static_cast<std::size_t>(net.params().rows), 0.0));
    net.initialise({.seed = 7});
    optimizer.step(ctx, net.table(), net.params(), net.grads(), state(), 0.1);
    out.push_back({name, tolerance<B>, read(be, net.params())});
  };
  step("LARS: parameters", ssl::vicreg_official_lars());
  step("SGD: parameters", ssl::sgd{.momentum = 0.9, .weight_decay = 1e-4});
}

void losses(ssl::workspace<B>& work, std::vector<result>& out) {
  B& be = work.backend();
  auto ctx = work.ctx();
  const index d = 256, n = 300;  // beyond what is evaluated in double
  const auto base = normals(d * n, 3);
  auto z = base;
  z.insert(z.end(), base.begin(), base.end());
  const auto noise = normals(2 * d * n, 4, 0.5);
  for (std::size_t k = 0; k < z.size(); ++k) z[k] += noise[k];
  const matrix<B> x(be, d, 2 * n, z), dx(be, d, 2 * n);
  const matrix<B> targets(be, d, 2 * n, normals(2 * d * n, 5)), directions(be, d, n, normals(d * n, 6));
  const auto one = [&](const std::string& name, const auto& loss) {
    const ssl::view_batch<B> batch{
        .z = x.read(), .views = 2, .targets = targets.read(), .directions = directions.read()};
    fill(be, dx(), 0.0f);
    const double value = evaluate(ctx, loss, batch, dx()).total;
    out.push_back({name + ": value", tolerance<B>, {value}});
    out.push_back({name + ": gradient", 10 * tolerance<B>, dx.get()});
  };
  one("VICReg", ssl::vicreg_official());
  one("Barlow Twins", ssl::barlow_official());
  one("NT-Xent", ssl::simclr());
  one("DCL", ssl::dcl());
  one("spectral", 1 * ssl::spectral{});
  one("alignment and uniformity", ssl::align_uniform());
  one("coding rate", 1 * ssl::coding_rate{});
  one("EMP-SSL", ssl::emp_ssl());
  one("W-MSE", 1 * ssl::w_mse{.epsilon = 1e-3});
  one("singular value", 1 * ssl::singular_value{});
  one("Frobenius", 1 * ssl::frobenius{});
  one("BYOL", 1 * ssl::byol{});
  one("centroid", 1 * ssl::centroid{});
  one("Brownian", 1 * ssl::brownian{});
}

/// From bytes to accuracy: ten steps of training, then bags of patches, and what classifies them.
void training(ssl::workspace<B>& work, std::vector<result>& out) {
  B& be = work.backend();
  const ssl::patch_views views(ssl::fixed_scale{.scale = 0.25, .views = {4}, .image = 32},
                               ssl::flip{} | ssl::normalize{}, {3, 16, 16});
  ssl::trainer train(be, ssl::patch_encoder({.widths = {8, 16}}), ssl::projector({32, 16}), ssl::emp_ssl(),
                     ssl::sgd{.momentum = 0.9}, ssl::warmup_cosine{.base = 0.01, .total_steps = 10}, views,
                     images().shape(), {.batch = 24, .epochs = 2, .seed = 3, .log_every = 1});
  std::vector<double> totals;
  train.run(images(), [&](const ssl::step_record& r) {
    totals.push_back(r.loss.total);
    return true;
  });
  out.push_back({"training: ten losses", 1e-3, totals});

  auto ctx = train.ctx(ssl::mode::eval);
  const index n = images().size(), e = train.encoder().output_shape().size();
  train.encoder().initialise({.seed = 11});  // so that what follows is compared on equal weights
  const matrix<B> h(be, e, n);
  bag_features(ctx, train.encoder(), train.projector(), views, {.seed = 9}, images(),
               {.images = n, .views = 4}, ssl::patch_mean{}, h());
  out.push_back({"bags: mean embeddings", tolerance<B>, h.get()});
  const auto labels = images().labels();
  const auto nearest = knn(ctx, h.read().columns(0, 80), labels.first(80), h.read().columns(80, n - 80),
                           labels.subspan(80), images().classes());
  out.push_back({"kNN: classes", 0, {nearest.predicted.begin(), nearest.predicted.end()}});
  const auto ridge = ssl::ridge_probe{.lambda = 1e-3}.fit(ctx, h.read(), labels, images().classes());
  out.push_back({"ridge probe: weights", 1e-3, read(be, ridge.classifier.weights())});
  const auto health = check_health(ctx, h.read(), 1);
  out.push_back({"effective rank", 1e-3, {health.effective_rank}});
}

std::vector<result> run_all() {
  ssl::workspace<B> work;
  std::vector<result> out;
  patches(work, out);
  network(work, out);
  losses(work, out);
  training(work, out);
  return out;
}

/// A line for each result: its name, a tab, and its values as hexadecimal floats.
void write(const std::vector<result>& results, const std::string& path) {
  std::ofstream file(path);
  char text[64];
  for (const result& r : results) {
    file << r.name << '\t';
    for (const double x : r.values) {
      std::snprintf(text, sizeof text, "%a ", x);
      file << text;
    }
    file << '\n';
  }
  if (!file.flush()) throw ssl::data_error(path + ": cannot be written");
}

int compare(const std::vector<result>& results, const std::string& path) {
  std::ifstream file(path);
  if (!file) throw ssl::data_error(path + ": cannot be read");
  int apart = 0;
  std::printf("| part | numbers | largest relative difference | allowed |\n|---|---|---|---|\n");
  for (const result& r : results) {
    std::string line;
    std::getline(file, line);
    const auto tab = line.find('\t');
    if (tab == std::string::npos || line.substr(0, tab) != r.name)
      throw ssl::data_error(path + ": expected '" + r.name + "', found '" + line.substr(0, tab) + "'");
    std::vector<double> other;
    for (const char* at = line.c_str() + tab + 1; *at != '\0';) {
      char* end = nullptr;
      other.push_back(std::strtod(at, &end));
      if (end == at) break;
      at = end + 1;
    }
    const double difference = relative_error(r.values, other);
    const bool good = difference <= r.bound;
    apart += good ? 0 : 1;
    std::printf("| %s | %zu | %.2g | %s |%s\n", r.name.c_str(), r.values.size(), difference,
                r.bound == 0 ? "none" : std::to_string(r.bound).c_str(), good ? "" : "  <-- too far");
  }
  return apart == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc == 3 ? argv[1] : "";
  if (verb != "write" && verb != "compare") {
    std::fprintf(stderr, "usage: %s write FILE | compare FILE\n", argv[0]);
    return 2;
  }
#if defined(SSL_TEST_CUDA)
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::puts("skipped: this machine has no CUDA device");
    return 77;
  }
#endif
  try {
    const auto results = run_all();
    if (verb == "compare") return compare(results, argv[2]);
    write(results, argv[2]);
  } catch (const ssl::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
