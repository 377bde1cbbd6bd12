#include "ssl/augment/blur.hpp"

#include "augment/on_image.hpp"

namespace ssl::test {

namespace {

struct blurred {
  double sigma;
  index radius;
  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, index) const {
    blur_image(team, image, static_cast<T>(sigma), radius);
  }
};

double mean(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

}  // namespace

TEST_CASE_TEMPLATE("augment/blur: is torchvision's with an odd kernel", B, SSL_BACKENDS) {
  // torchvision 0.14.1, scripts/golden-pixels.py; it computes the kernel in float, so that doubles agree to
  // 1e-7.
  const image_shape color{3, 3, 4}, gray{1, 4, 5};
  const auto five = on_images<B>(color, formula_image(color), blurred{0.8, 2});
  CHECK(distance(five, {0.2145630582, 0.5493712661, 0.6544435967, 0.2884857364, 0.6022827955, 0.5941857770,
                        0.4162698860, 0.6352834702, 0.5327694763, 0.4792431000, 0.5850484296, 0.4620033679,
                        0.3257183355, 0.5676742497, 0.5370014007, 0.4107241825, 0.5836781194, 0.4744995005,
                        0.5279008638, 0.5882456371, 0.4790670183, 0.5558586938, 0.5257437369, 0.4950708880,
                        0.4368736128, 0.5427567535, 0.4197116917, 0.5310703530, 0.5022874862, 0.3997734923,
                        0.6198138775, 0.4962475358, 0.4881505173, 0.5894062949, 0.4662865572, 0.5713588878}) <
        1e-6);
  const auto three = on_images<B>(gray, formula_image(gray), blurred{1.5, 1});
  CHECK(distance(three, {0.2428307999, 0.3023223151, 0.4570879915, 0.6118536678, 0.6713451831,
                         0.3385008910, 0.4078431616, 0.4931221308, 0.5547322859, 0.5289613580,
                         0.5873842201, 0.5872397834, 0.5967345967, 0.6003394517, 0.5765262010,
                         0.6830543113, 0.6690918158, 0.6032099637, 0.5195492557, 0.4341423759}) < 1e-6);
}

TEST_CASE_TEMPLATE("augment/blur: the option takes the drawn sigma and the kernel asked for", B,
                   SSL_BACKENDS) {
  const image_shape shape{1, 4, 5};
  const gaussian_blur fixed{.sigma_min = 1.5f, .sigma_max = 1.5f, .probability = 1, .kernel = 3};
  CHECK(distance(augment<B>(shape, formula_image(shape), fixed),
                 on_images<B>(shape, formula_image(shape), blurred{1.5, 1})) < pixel_tolerance<B>);
  const gaussian_blur open{.sigma_min = 0.5f, .sigma_max = 0.5f, .probability = 1};
  CHECK(distance(augment<B>(shape, formula_image(shape), open),
                 on_images<B>(shape, formula_image(shape), blurred{0.5, 2})) < pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/blur: a constant image stays, whatever its size and the radius", B,
                   SSL_BACKENDS) {
  for (const index side : {1, 2, 5, 16, 19})
    for (const double sigma : {0.3, 2.0, 40.0}) {
      const image_shape shape{3, side, side + 1};
      const std::vector<double> from(static_cast<std::size_t>(shape.size()), 0.375);
      CHECK(distance(on_images<B>(shape, from, blurred{sigma, 100}), from) < pixel_tolerance<B>);
    }
}

TEST_CASE_TEMPLATE("augment/blur: a far point spreads like a gaussian and keeps its sum", B, SSL_BACKENDS) {
  const index side = 33, centre = 16;
  std::vector<double> from(static_cast<std::size_t>(side * side), 0.0);
  const auto at = [&](index y, index x) { return static_cast<std::size_t>(y * side + x); };
  from[at(centre, centre)] = 1;
  const auto out = on_images<B>({1, side, side}, from, blurred{2, 12});
  CHECK(std::abs(mean(out) - mean(from)) < pixel_tolerance<B>);
  CHECK(std::abs(out[at(centre, centre)] - 1 / (8 * 3.14159265358979)) < 1e-6);
  for (const index k : {1, 2, 5}) {
    const double ratio = std::exp(-static_cast<double>(k * k) / 8);
    CHECK(std::abs(out[at(centre + k, centre)] / out[at(centre, centre)] - ratio) < 1e-5);
    CHECK(std::abs(out[at(centre, centre - k)] / out[at(centre, centre)] - ratio) < 1e-5);
  }
}

TEST_CASE_TEMPLATE("augment/blur: never with probability zero", B, SSL_BACKENDS) {
  const image_shape shape{3, 5, 4};
  const auto from = noise_images(shape, 20);
  CHECK(distance(augment<B>(shape, from, gaussian_blur{.probability = 0}), from) < pixel_tolerance<B>);
}

}  // namespace ssl::test
