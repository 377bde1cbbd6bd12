#include "ssl/augment/recipes.hpp"

#include <algorithm>

#include "augment/on_image.hpp"

namespace ssl::test {

namespace {
constexpr image_shape color{3, 8, 8};

double least(const std::vector<double>& x) { return *std::min_element(x.begin(), x.end()); }
double most(const std::vector<double>& x) { return *std::max_element(x.begin(), x.end()); }

/// Mean over images of the largest |x_k - x_(k+1)| along rows: what blurring takes away.
double sharpness(const std::vector<double>& images) {
  double sum = 0;
  index count = 0;
  for (std::size_t k = 0; k + 3 < images.size(); k += 3, ++count) sum += std::abs(images[k] - images[k + 3]);
  return sum / static_cast<double>(count);
}
}  // namespace

TEST_CASE_TEMPLATE("augment/recipes: emp_ssl fills [-1, 1] and nothing more", B, SSL_BACKENDS) {
  const auto out = augment<B>(color, noise_images(color, 200), emp_ssl_augmentation());
  CHECK(least(out) >= -1 - 1e-6);
  CHECK(least(out) < -0.99);
  CHECK(most(out) <= 1 + 1e-6);
  CHECK(most(out) > 0.99);
}

TEST_CASE_TEMPLATE("augment/recipes: vicreg's first view is blurred, its second is not as a rule", B,
                   SSL_BACKENDS) {
  const auto from = noise_images(color, 100);
  const double first = sharpness(augment<B>(color, from, vicreg_official_augmentation(), {7, 1}, 0));
  const double second = sharpness(augment<B>(color, from, vicreg_official_augmentation(), {7, 1}, 1));
  CHECK(first < 0.7 * second);
}

TEST_CASE_TEMPLATE("augment/recipes: only the second view of asymmetric_cifar is solarised", B,
                   SSL_BACKENDS) {
  // A white image stays white under all else but brightness and contrast, which keep it bright here.
  const index n = 300;
  const std::vector<double> white(static_cast<std::size_t>(color.size() * n), 1.0);
  const auto dark = [&](index view) {
    const auto out = augment<B>(color, white, asymmetric_cifar_augmentation(), {7, 1}, view);
    index count = 0;
    for (index i = 0; i < n; ++i)  // below a value of 0.2 before normalisation
      count += out[static_cast<std::size_t>(i * color.size())] < (0.2 - 0.4914) / 0.2023;
    return count;
  };
  CHECK(dark(0) == 0);
  CHECK(dark(1) > 20);
}

TEST_CASE_TEMPLATE("augment/recipes: each runs on any number of channels, alike for equal keys", B,
                   SSL_BACKENDS) {
  const auto check = [](auto recipe) {
    for (const image_shape shape :
         {color, image_shape{1, 8, 8}, image_shape{2, 8, 8}, image_shape{4, 8, 8}, image_shape{7, 8, 8}}) {
      const auto from = noise_images(shape, 16);
      const auto out = augment<B>(shape, from, recipe);
      CHECK(least(out) < most(out));
      CHECK(std::isfinite(least(out) + most(out)));
      CHECK(augment<B>(shape, from, recipe) == out);
      CHECK(augment<B>(shape, from, recipe, {7, 1}, 2) != out);
    }
  };
  check(emp_ssl_augmentation());
  check(vicreg_official_augmentation());
  check(vicreg_paper_augmentation());
  check(vicreg_cifar_augmentation());
  check(simclr_augmentation());
  check(simclr_cifar_augmentation());
  check(moco_v2_augmentation());
  check(asymmetric_cifar_augmentation());
}

}  // namespace ssl::test
