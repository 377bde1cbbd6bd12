// Whole networks against PyTorch and torchvision: output, all gradients and running statistics of one step.
// tests/golden_networks/make.py made the files there and says what they hold. Where the environment variable
// SSL_GOLDEN_NETWORKS names a folder that `make.py --full` filled, networks of full size are compared too.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "ssl/data/npy.hpp"
#include "ssl/nn/recipes.hpp"
#include "ssl/nn/torch_layout.hpp"
#include "ssl/train/torch_weights.hpp"
#include "support/layers.hpp"

#ifndef SSL_TEST_FOLDER
#define SSL_TEST_FOLDER std::filesystem::path(__FILE__).parent_path().parent_path()
#endif

namespace ssl::test {
namespace {

using numbers = std::vector<double>;

/// Multiples of 2^-15 in [-1, 1), told apart by salt and name.
numbers formula(int salt, const std::string& name, index count) {
  std::uint32_t seed = 2166136261U;
  for (const char c : std::to_string(salt) + "/" + name)
    seed = (seed ^ static_cast<unsigned char>(c)) * 16777619U;
  numbers out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint32_t x = seed + static_cast<std::uint32_t>(i) * 0x9E3779B9U;
    x = (x ^ x >> 16) * 0x85EBCA6BU;
    x = (x ^ x >> 13) * 0xC2B2AE35U;
    x ^= x >> 16;
    out[i] = static_cast<double>(x >> 16) / 32768 - 1;
  }
  return out;
}

/// Where a parameter starts, in PyTorch's layout.
numbers start_of(int salt, const std::string& name, const std::vector<index>& shape) {
  index count = 1, inputs = 1;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    count *= shape[k];
    if (k > 0) inputs *= shape[k];
  }
  numbers v = formula(salt, name, count);
  double scale = 1;
  for (index power = 4; power <= inputs; power *= 4) scale /= 2;
  for (double& x : v) {
    if (shape.size() > 1)
      x *= scale;
    else if (name.ends_with("running_var") || name.ends_with("weight"))
      x = 1 + x / 4;
    else
      x /= 4;
  }
  return v;
}

/// (c, pixels n), channels within pixels, from (n, c, pixels), or back.
numbers channels_last(const numbers& from, image_shape s, bool back = false) {
  numbers to(from.size());
  const index n = static_cast<index>(from.size()) / s.size();
  for (index image = 0; image < n; ++image)
    for (index c = 0; c < s.channels; ++c)
      for (index p = 0; p < s.pixels(); ++p) {
        const auto here = static_cast<std::size_t>((image * s.pixels() + p) * s.channels + c);
        const auto there = static_cast<std::size_t>((image * s.channels + c) * s.pixels() + p);
        if (back)
          to[there] = from[here];
        else
          to[here] = from[there];
      }
  return to;
}

enum class part { output, gradient, statistic };

/// One result of a step in PyTorch's layout, and whose it is.
struct result {
  std::string name;
  part of;
  numbers values;
};

/// What one step leaves: the output, the input's gradient, and each parameter's gradient or, of a running
/// statistic, its value.
template <class Probe>
std::vector<result> step(Probe& probe, const numbers& x, const numbers& r, index n) {
  const image_shape in = probe.net().input_shape();
  numbers dy = r;
  for (double& v : dy) v /= static_cast<double>(n);
  std::vector<result> out{{"output", part::output, probe.forward(channels_last(x, in))}};
  out.push_back({"input", part::gradient, channels_last(probe.backward(dy), in, true)});
  const numbers grads = probe.grads(), params = probe.params();
  for (const segment& s : probe.net().table()) {
    const bool buffer = s.kind == role::buffer;
    const auto from = (buffer ? params : grads).begin() + s.offset;
    out.push_back({s.name, buffer ? part::statistic : part::gradient,
                   to_torch_layout(s, numbers(from, from + s.size()))});
  }
  return out;
}

struct golden_network {
  int salt = 0;
  double distance = 0, float_error[3] = {};  // PyTorch's own in float32: output, gradients, statistics
  std::vector<std::string> names;            // of the parameters, then input and output
  std::vector<std::vector<index>> shapes;
  numbers shifts;  // of all biases, in multiples of 1/64
  numbers values;
};

golden_network read_golden(const std::string& name) {
  const auto path = std::filesystem::path(SSL_TEST_FOLDER) / "golden_networks" / (name + ".txt");
  const auto bytes = read_file(path);
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  golden_network out;
  std::string line, word;
  std::getline(lines, line);
  std::istringstream(line) >> word >> out.salt >> word >> out.distance >> word >> word >>
      out.float_error[0] >> word >> out.float_error[1] >> word >> out.float_error[2];
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    words >> word;
    out.names.push_back(word);
    out.shapes.emplace_back();
    for (index extent = 0; words >> extent;) out.shapes.back().push_back(extent);
  }
  out.shifts = read_npy(std::filesystem::path(path).replace_extension(".shifts.npy")).as<double>();
  out.values = read_npy(std::filesystem::path(path).replace_extension(".npy")).as<double>();
  return out;
}

/// A running check of results against the numbers of a golden file; errors are relative to each scale.
class comparison {
 public:
  explicit comparison(const golden_network& golden) : golden_(golden) {}

  void add(const result& r) {
    INFO(r.name);
    REQUIRE(next() == static_cast<double>(r.values.size()));
    const double scale = next(), square = next(), projected = next();
    const auto size = static_cast<double>(r.values.size());
    const numbers weights = formula(golden_.salt, r.name + "/check", static_cast<index>(r.values.size()));
    // errors e of all entries give at most sqrt(N) e to the norm and to a sum with weights below one
    see(r, std::abs(std::sqrt(dot(r.values, r.values)) - std::sqrt(square)) / (scale * std::sqrt(size)));
    see(r, std::abs(dot(r.values, weights) - projected) / (scale * std::sqrt(size)));
    const std::size_t count = std::min<std::size_t>(r.values.size(), 48);
    for (std::size_t k = 0; k < count; ++k)
      see(r, std::abs(r.values[k * r.values.size() / count] - next()) / scale);
  }
  double worst(part of) const { return worst_[static_cast<int>(of)]; }
  bool complete() const { return at_ == golden_.values.size(); }

 private:
  double next() {
    REQUIRE(at_ < golden_.values.size());
    return golden_.values[at_++];
  }
  void see(const result& r, double error) {
    double& worst = worst_[static_cast<int>(r.of)];
    if (!(error <= worst)) worst = std::isnan(error) ? HUGE_VAL : error;
  }

  const golden_network& golden_;
  std::size_t at_ = 0;
  double worst_[3] = {};
};

/// Double: both round at 1e-16, of which a network makes some 1e-14. Float: PyTorch's own step in float32
/// says what the network makes of roundings of 6e-8; another order of sums may be some times as far off, not
/// ten times.
template <class B, class L>
void check_network(const L& layer, const std::string& name) {
  INFO(name);
  const golden_network golden = read_golden(name);
  const auto shape = golden.shapes[golden.shapes.size() - 2];  // of the input
  const index n = shape[0];
  layer_probe<L, B> probe(layer, {shape[1], shape[2], shape[3]}, n);
  const std::vector<segment>& table = probe.net().table();
  REQUIRE(table.size() + 2 == golden.names.size());
  numbers params(static_cast<std::size_t>(total_size(table)));
  std::size_t shift = 0;
  for (std::size_t k = 0; k < table.size(); ++k) {
    REQUIRE(table[k].name == golden.names[k]);
    REQUIRE(torch_shape(table[k]) == golden.shapes[k]);
    numbers theirs = start_of(golden.salt, golden.names[k], golden.shapes[k]);
    if (golden.names[k].ends_with("bias"))
      for (double& bias : theirs) bias += golden.shifts.at(shift++) / 64;
    const numbers ours = from_torch_layout(table[k], theirs);
    std::copy(ours.begin(), ours.end(), params.begin() + table[k].offset);
  }
  REQUIRE(shift == golden.shifts.size());
  probe.set_params(params);
  comparison compared(golden);
  for (const result& r : step(probe, formula(golden.salt, "input", probe.inputs()),
                              formula(golden.salt, "output", probe.outputs()), n))
    compared.add(r);
  CHECK(compared.complete());
  for (const part of : {part::output, part::gradient, part::statistic}) {
    const double bound = by_scalar<B>(10 * golden.float_error[static_cast<int>(of)], 1e-11);
    INFO(static_cast<int>(of));
    CHECK(compared.worst(of) < bound);
  }
}

}  // namespace
}  // namespace ssl::test

using ssl::test::check_network;

TEST_CASE_TEMPLATE("nn/golden_networks: residual networks of basic blocks take torchvision's step", B,
                   SSL_BACKENDS) {
  check_network<B>(ssl::resnet18({.widths = {8, 16, 24, 32}}), "resnet18_narrow");
  check_network<B>(ssl::resnet18_cifar({.widths = {8, 16, 24, 32}}), "resnet18_cifar_narrow");
}

TEST_CASE_TEMPLATE("nn/golden_networks: residual networks of bottleneck blocks take torchvision's step", B,
                   SSL_BACKENDS) {
  check_network<B>(ssl::resnet50({.widths = {8, 8, 12, 16}, .blocks = {2, 2, 1, 1}}), "bottleneck_narrow");
  check_network<B>(
      ssl::wide_resnet50_2<ssl::resnet_stem::cifar>({.widths = {4, 8, 8, 8}, .blocks = {1, 2, 1, 1}}),
      "wide_narrow");
}

TEST_CASE_TEMPLATE("nn/golden_networks: ResNet-18 in its full width takes torchvision's step", B,
                   SSL_BACKENDS) {
  check_network<B>(ssl::resnet18_cifar(), "resnet18_cifar");
}

TEST_CASE_TEMPLATE("nn/golden_networks: the patch encoder and the projector take PyTorch's step", B,
                   SSL_BACKENDS) {
  check_network<B>(ssl::patch_encoder({.features = 80}), "patch_encoder");
  check_network<B>(ssl::projector({96, 64, 40}), "projector");
}

namespace ssl::test {
namespace {

/// Against a folder with everything in full; prints what is worst.
template <class B, class L>
void check_full(const L& layer, const std::filesystem::path& folder) {
  const npy_array x = read_npy(folder / "x.npy"), r = read_npy(folder / "r.npy");
  const index n = x.shape[0];
  layer_probe<L, B> probe(layer, {x.shape[1], x.shape[2], x.shape[3]}, n);
  import_torch_weights(folder / "weights", probe.net());
  const auto results = step(probe, x.as<double>(), r.as<double>(), n);
  const auto golden = [&](const char* which, const std::string& name) {
    return read_npy(folder / which / (name + ".npy")).template as<double>();
  };
  for (const part of : {part::output, part::gradient, part::statistic}) {
    struct line {
      double ours, torch;
      std::string name;
    };
    std::vector<line> lines;
    for (const result& found : results)
      if (found.of == of) {
        const numbers exact = golden("results", found.name);
        lines.push_back({relative_error(found.values, exact),
                         relative_error(golden("float32", found.name), exact), found.name});
      }
    std::sort(lines.begin(), lines.end(), [](const line& a, const line& b) { return a.ours > b.ours; });
    double torch = 0;
    for (const line& l : lines) torch = std::max(torch, l.torch);
    std::ostringstream text;
    const char* const what[] = {"output", "gradients", "statistics"};
    text << folder.filename().string() << (sizeof(typename B::scalar) == 4 ? ", float, " : ", double, ")
         << what[static_cast<int>(of)] << ": ";
    for (std::size_t k = 0; k < std::min<std::size_t>(lines.size(), 4); ++k)
      text << lines[k].name << ' ' << lines[k].ours << " (torch's float32 " << lines[k].torch << "), ";
    text << "median " << lines[lines.size() / 2].ours << ", torch's worst in float32 " << torch;
    MESSAGE(text.str());
    CHECK(lines.front().ours < by_scalar<B>(10 * torch, 1e-9));
  }
}

}  // namespace
}  // namespace ssl::test

TEST_CASE_TEMPLATE("nn/golden_networks: networks of full size take torchvision's step, where a folder has it",
                   B, SSL_BACKENDS) {
  const char* const folder = std::getenv("SSL_GOLDEN_NETWORKS");
  if (!folder) {
    MESSAGE("SSL_GOLDEN_NETWORKS is not set, full size is not compared");
    return;
  }
  const std::filesystem::path path(folder);
  ssl::test::check_full<B>(ssl::resnet18_cifar(), path / "resnet18_cifar");
  ssl::test::check_full<B>(ssl::resnet50(), path / "resnet50");
}
