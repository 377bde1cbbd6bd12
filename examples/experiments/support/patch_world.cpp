#include "experiments/support/patch_world.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

namespace ssl_example {
namespace {

constexpr index look_features = 16;
constexpr index probes_per_type = 16;
constexpr index most_probes = 20000;

/// Views of the corpus' generator: 0 draws pairs, 1 laws (both in the library).
enum : index {
  look_of_type = 2,
  noise_of_patch = 3,
  noise_of_probe = 5,
  place_of_patch = 6,
  pair_of_image = 7
};

std::vector<double> ranks(std::span<const double> x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> out(x.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last < order.size() && x[order[last]] == x[order[first]]) ++last;
    for (std::size_t k = first; k < last; ++k) out[order[k]] = 0.5 * static_cast<double>(first + last - 1);
    first = last;
  }
  return out;
}

/// Weighted second moments around the means.
struct moments {
  double mean_a = 0, mean_b = 0, aa = 0, ab = 0, bb = 0;

  moments(std::span<const double> a, std::span<const double> b, std::span<const double> weights) {
    const auto weight = [&](std::size_t k) { return weights.empty() ? 1.0 : weights[k]; };
    double total = 0;
    for (std::size_t k = 0; k < a.size(); ++k) {
      total += weight(k);
      mean_a += weight(k) * a[k];
      mean_b += weight(k) * b[k];
    }
    mean_a /= total;
    mean_b /= total;
    for (std::size_t k = 0; k < a.size(); ++k) {
      aa += weight(k) * (a[k] - mean_a) * (a[k] - mean_a);
      ab += weight(k) * (a[k] - mean_a) * (b[k] - mean_b);
      bb += weight(k) * (b[k] - mean_b) * (b[k] - mean_b);
    }
  }
  double correlation() const { return ab / std::sqrt(aa * bb); }
};

}  // namespace

patch_world corpus_world(const ssl::patch_corpus& corpus, double noise, std::uint64_t seed) {
  const index types = corpus.types();
  auto look = std::make_shared<std::vector<float>>();  // (features, K)
  for (index t = 0; t < types; ++t) {
    ssl::random_stream draw({seed, 0}, t, look_of_type, ssl::purpose::generate);
    for (index k = 0; k < look_features; ++k) look->push_back(draw.normal());
  }
  const auto render = [look, noise, seed](index type, index item, index view, float* out) {
    ssl::random_stream draw({seed, 0}, item, view, ssl::purpose::generate);
    for (index k = 0; k < look_features; ++k)
      out[k] = (*look)[static_cast<std::size_t>(type * look_features + k)] +
               static_cast<float>(noise) * draw.normal();
  };
  const auto pair = [corpus, seed](index n) { return corpus.pair({seed, 0}, n); };
  patch_world world{
      .law = corpus.joint(),
      .pair = pair,
      .features = look_features,
      .left = [=](index n, float* out) { render(pair(n).first, n, noise_of_patch, out); },
      .right = [=](index n, float* out) { render(pair(n).second, n, noise_of_patch + 1, out); }};
  world.probes.resize(static_cast<std::size_t>(types * probes_per_type * look_features));
  for (index p = 0; p < types * probes_per_type; ++p) {
    world.probe_types.push_back(static_cast<int>(p % types));
    render(p % types, p, noise_of_probe, world.probes.data() + p * look_features);
  }
  return world;
}

cut_patches cut(const ssl::any_dataset& images, index count, index each, index side, std::uint64_t seed) {
  const ssl::image_shape shape = images.shape();
  if (side > std::min(shape.height, shape.width))
    throw ssl::option_error("patches of " + std::to_string(side) + " pixels do not fit into images of " +
                            std::to_string(shape.height) + "x" + std::to_string(shape.width));
  if (count > images.size())
    throw ssl::option_error("there are " + std::to_string(images.size()) + " images, asked for " +
                            std::to_string(count));
  cut_patches out{count, each, side * side * shape.channels, {}};
  std::vector<std::uint8_t> image(static_cast<std::size_t>(shape.size()));
  for (index i = 0; i < count; ++i) {
    ssl::read_image(images, i, image);
    ssl::random_stream draw({seed, 0}, i, place_of_patch, ssl::purpose::generate);
    for (index p = 0; p < each; ++p) {
      const index top = draw.below(shape.height - side + 1), left = draw.below(shape.width - side + 1);
      for (index y = top; y < top + side; ++y) {
        const auto from = image.begin() + (y * shape.width + left) * shape.channels;
        out.pixels.insert(out.pixels.end(), from, from + side * shape.channels);
      }
    }
  }
  double sum = 0, square = 0;
  for (const float x : out.pixels) sum += static_cast<double>(x);
  const double n = static_cast<double>(out.pixels.size()), mean = sum / n;
  for (const float x : out.pixels) square += std::pow(static_cast<double>(x) - mean, 2);
  const double deviation = std::max(std::sqrt(square / n), 1e-6);
  for (float& x : out.pixels) x = static_cast<float>((static_cast<double>(x) - mean) / deviation);
  return out;
}

patch_world image_world(cut_patches patches, std::vector<int> types, index count, std::uint64_t seed) {
  struct kept {
    cut_patches cut;
    std::vector<int> types;
  };
  const auto all = std::make_shared<const kept>(kept{std::move(patches), std::move(types)});
  const index each = all->cut.each, features = all->cut.features;
  if (each < 2) throw ssl::option_error("a pair needs at least 2 patches of an image");
  ssl::pair_counts counts(count);
  for (index i = 0; i < all->cut.images; ++i)
    counts.add_image(std::span<const int>(all->types)
                         .subspan(static_cast<std::size_t>(i * each), static_cast<std::size_t>(each)));
  const auto places = [all, each, seed](index n) {
    ssl::random_stream draw({seed, 0}, n, pair_of_image, ssl::purpose::generate);
    const index image = draw.below(all->cut.images), first = draw.below(each);
    const index second = (first + 1 + draw.below(each - 1)) % each;
    return ssl::patch_pair{image * each + first, image * each + second};
  };
  const auto copy = [all, features](index patch, float* out) {
    std::copy_n(all->cut.pixels.begin() + patch * features, features, out);
  };
  patch_world world{.law = counts.law(),
                    .pair =
                        [=](index n) {
                          const auto [a, b] = places(n);
                          return ssl::patch_pair{all->types[static_cast<std::size_t>(a)],
                                                 all->types[static_cast<std::size_t>(b)]};
                        },
                    .features = features,
                    .left = [=](index n, float* out) { copy(places(n).first, out); },
                    .right = [=](index n, float* out) { copy(places(n).second, out); }};
  const index probes = std::min(all->cut.images * each, most_probes);
  world.probes.assign(all->cut.pixels.begin(), all->cut.pixels.begin() + probes * features);
  world.probe_types.assign(all->types.begin(), all->types.begin() + probes);
  return world;
}

agreement compare(std::span<const double> a, std::span<const double> b, std::span<const double> weights) {
  return {moments(a, b, weights).correlation(), moments(ranks(a), ranks(b), {}).correlation()};
}

line fit(std::span<const double> a, std::span<const double> b, std::span<const double> weights) {
  const moments of(a, b, weights);
  const double factor = of.aa > 0 ? of.ab / of.aa : 0;
  return {of.mean_b - factor * of.mean_a, factor};
}

}  // namespace ssl_example
