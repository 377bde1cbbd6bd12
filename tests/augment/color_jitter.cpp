#include "ssl/augment/color_jitter.hpp"

#include <algorithm>

#include "augment/on_image.hpp"

namespace ssl::test {

namespace {
constexpr image_shape shape{3, 4, 5};
constexpr color_jitter strong{.brightness = 0.8f, .contrast = 0.8f, .saturation = 0.8f, .hue = 0.2f};
}  // namespace

TEST_CASE_TEMPLATE("augment/color_jitter: no strength, no change", B, SSL_BACKENDS) {
  const auto from = noise_images(shape, 8);
  CHECK(distance(augment<B>(shape, from, color_jitter{}), from) < pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/color_jitter: its probability is obeyed", B, SSL_BACKENDS) {
  const index n = 2000;
  const auto from = formula_image(shape, n);
  auto jitter = strong;
  const auto changed = [&](double probability) {
    jitter.probability = static_cast<float>(probability);
    const auto out = augment<B>(shape, from, jitter);
    index count = 0;
    for (index i = 0; i < n; ++i) {
      const auto begin = static_cast<std::size_t>(i * shape.size());
      for (std::size_t k = begin; k < begin + static_cast<std::size_t>(shape.size()); ++k)
        if (std::abs(out[k] - from[k]) > 1e-4) {
          ++count;
          break;
        }
    }
    return count;
  };
  CHECK(changed(0) == 0);
  CHECK(changed(1) == n);
  CHECK(std::abs(static_cast<double>(changed(0.8)) / static_cast<double>(n) - 0.8) < 0.04);  // 4 sigma
}

TEST_CASE_TEMPLATE("augment/color_jitter: brightness factors fill [1 - s, 1 + s]", B, SSL_BACKENDS) {
  const index n = 1000;
  const image_shape dot{1, 1, 1};
  const std::vector<double> from(static_cast<std::size_t>(n), 0.5);
  auto out = augment<B>(dot, from, color_jitter{.brightness = 0.4f});
  const auto [least, most] = std::minmax_element(out.begin(), out.end());
  CHECK(*least >= 0.3 - 1e-6);
  CHECK(*least < 0.302);
  CHECK(*most <= 0.7 + 1e-6);
  CHECK(*most > 0.698);
}

TEST_CASE_TEMPLATE("augment/color_jitter: steps come in either order", B, SSL_BACKENDS) {
  // The test draws the factors as documented and computes both orders of the two steps that are on: each
  // image must be one of the two, and each order must occur where they differ.
  const index n = 400;
  const image_shape pair{1, 1, 2};
  std::vector<double> from;
  for (index i = 0; i < n; ++i) from.insert(from.end(), {0.9, 0.1});
  const auto out = augment<B>(pair, from, color_jitter{.brightness = 0.9f, .contrast = 0.9f});
  index brightness_first = 0, contrast_first = 0;
  for (index i = 0; i < n; ++i) {
    random_stream draw({7, 1}, i, 0, purpose::jitter);
    draw.uniform();
    const double b = static_cast<double>(draw.uniform(0.1f, 1.9f)),
                 c = static_cast<double>(draw.uniform(0.1f, 1.9f));
    const auto unit = [](double x) { return std::clamp(x, 0.0, 1.0); };
    const auto both = [&](bool bright_first) {
      double x = 0.9, y = 0.1;
      if (bright_first) x = unit(b * x), y = unit(b * y);
      const double mean = (x + y) / 2;
      x = unit(c * x + (1 - c) * mean), y = unit(c * y + (1 - c) * mean);
      if (!bright_first) x = unit(b * x), y = unit(b * y);
      return std::abs(out[static_cast<std::size_t>(2 * i)] - x) < 1e-5 &&
             std::abs(out[static_cast<std::size_t>(2 * i + 1)] - y) < 1e-5;
    };
    const bool first = both(true), second = both(false);
    CHECK((first || second));
    brightness_first += first && !second;
    contrast_first += second && !first;
  }
  CHECK(brightness_first > 20);
  CHECK(contrast_first > 20);
}

TEST_CASE_TEMPLATE("augment/color_jitter: views, images and epochs differ, equal keys agree", B,
                   SSL_BACKENDS) {
  const auto from = formula_image(shape, 2);
  const auto out = augment<B>(shape, from, strong);
  CHECK(augment<B>(shape, from, strong) == out);
  CHECK(distance(augment<B>(shape, from, strong, {7, 1}, 1), out) > 0.01);
  CHECK(distance(augment<B>(shape, from, strong, {7, 2}), out) > 0.01);
  CHECK(distance(augment<B>(shape, from, strong, {8, 1}), out) > 0.01);
  const auto half = static_cast<std::ptrdiff_t>(out.size() / 2);
  CHECK(distance({out.begin(), out.begin() + half}, {out.begin() + half, out.end()}) > 0.01);
}

TEST_CASE("augment/color_jitter: float and double draw the same picture") {
  using F = test::backend<float>;
  using D = test::backend<double>;
  const auto from = noise_images(shape, 32);
  CHECK(distance(augment<F>(shape, from, strong), augment<D>(shape, from, strong)) < 1e-5);
}

}  // namespace ssl::test
