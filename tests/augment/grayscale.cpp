#include "ssl/augment/grayscale.hpp"

#include "augment/on_image.hpp"

namespace ssl::test {

TEST_CASE_TEMPLATE("augment/grayscale: gray is torchvision's up to its rounded weight", B, SSL_BACKENDS) {
  // torchvision 0.14.1 weighs red with 0.2989 where 0.299 is meant: off by at most 1e-4.
  const std::vector<double> golden{0.3104490196, 0.4241631373, 0.5378772549, 0.5371443137,
                                   0.5182713725, 0.5841984314, 0.7645725490, 0.3556447059,
                                   0.6116466667, 0.2693788235, 0.5164129412, 0.4633749020};
  const image_shape shape{3, 3, 4};
  const auto out = augment<B>(shape, formula_image(shape), grayscale{.probability = 1});
  for (std::size_t k = 0; k < golden.size(); ++k) {
    CHECK(out[3 * k] == out[3 * k + 1]);
    CHECK(out[3 * k] == out[3 * k + 2]);
    CHECK(std::abs(out[3 * k] - golden[k]) <= 1.01e-4);
  }
}

TEST_CASE_TEMPLATE("augment/grayscale: white stays white, red becomes 0.299", B, SSL_BACKENDS) {
  const auto out = augment<B>({3, 1, 2}, {1, 1, 1, 1, 0, 0}, grayscale{.probability = 1});
  CHECK(distance(out, {1, 1, 1, 0.299, 0.299, 0.299}) < pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/grayscale: never with probability zero, never without colour", B, SSL_BACKENDS) {
  const image_shape color{3, 2, 3}, gray{1, 2, 3};
  const auto from = formula_image(color, 50);
  CHECK(distance(augment<B>(color, from, grayscale{.probability = 0}), from) < pixel_tolerance<B>);
  const auto pale = formula_image(gray, 50);
  CHECK(distance(augment<B>(gray, pale, grayscale{.probability = 1}), pale) < pixel_tolerance<B>);
}

}  // namespace ssl::test
