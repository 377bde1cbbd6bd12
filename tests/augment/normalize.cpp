#include "ssl/augment/normalize.hpp"

#include <cmath>

#include "augment/on_image.hpp"
#include "ssl/augment/normalize_channels.hpp"

namespace ssl::test {

TEST_CASE_TEMPLATE("augment/normalize: subtracts the mean and divides by the deviation", B, SSL_BACKENDS) {
  const image_shape shape{3, 3, 4};
  const auto out = augment<B>(shape, formula_image(shape), imagenet_normalize());
  // torchvision 0.14.1, scripts/golden-pixels.py. The options are float: about 1e-7 of relative rounding.
  CHECK(distance(out,
                 {-2.0322801610, -0.3550420168, 1.4548148148,  -1.5356622999, 0.1526610644,  1.9602614379,
                  -1.0390444387, 0.6603641457,  2.4657080610,  -0.5424265776, 1.1680672269,  -1.4907189542,
                  -1.1246682079, 0.5728291317,  2.3785620915,  -0.3369295316, 1.3781512605,  -1.2815686275,
                  0.4508091446,  2.1834733894,  -0.4798257081, 1.2385478209,  -1.4929971989, 0.3219172113,
                  -0.2170562548, 1.5007002801,  -1.1595642702, 0.8618032366,  -1.8781512605, -0.0615250545,
                  1.9406627280,  -0.7752100840, 1.0365141612,  -1.3644147615, 0.3277310924,  2.1345533769}) <
        1e-6);
}

TEST_CASE_TEMPLATE("augment/normalize: zero and one become -1 and 1 by default", B, SSL_BACKENDS) {
  CHECK(augment<B>({3, 1, 1}, {0, 0.5, 1}, normalize{}) == std::vector<double>{-1, 0, 1});
}

TEST_CASE_TEMPLATE("augment/normalize: one channel takes the first number, a fourth the third", B,
                   SSL_BACKENDS) {
  const normalize n{{0, 0.25f, 0.5f}, {1, 0.5f, 0.25f}};
  CHECK(augment<B>({1, 1, 2}, {0.5, 1}, n) == std::vector<double>{0.5, 1});
  CHECK(augment<B>({4, 1, 1}, {1, 1, 1, 1}, n) == std::vector<double>{1, 1.5, 2, 2});
}

TEST_CASE_TEMPLATE("augment/normalize: each of many channels has numbers of its own", B, SSL_BACKENDS) {
  for (const index channels : {1, 2, 4, 7, 16}) {
    const image_shape shape{channels, 3, 2};
    std::vector<double> mean, deviation, expected;
    for (index c = 0; c < channels; ++c) {
      mean.push_back(0.1 + 0.03 * static_cast<double>(c));
      deviation.push_back(c == 3 ? 0 : 0.5 + 0.02 * static_cast<double>(c));  // of one value: only shifted
    }
    const auto from = noise_images(shape, 3);
    for (std::size_t k = 0; k < from.size(); ++k) {
      const std::size_t c = k % static_cast<std::size_t>(channels);
      expected.push_back((from[k] - mean[c]) / (c == 3 ? 1 : deviation[c]));
    }
    CHECK(distance(augment<B>(shape, from, normalize_by(mean, deviation)), expected) < 1e-6);
  }
}

TEST_CASE("augment/normalize: numbers that cannot be are refused") {
  const std::vector<double> one{0.5}, two{0.5, 0.5}, many(17, 0.5), wrong{0.5, -1};
  CHECK_THROWS_WITH_AS(normalize_by(one, two),
                       "ssl::normalize_by: 1 means and 2 deviations, expected as many of both, 1 to 16",
                       option_error);
  CHECK_THROWS_AS(normalize_by(many, many), option_error);
  CHECK_THROWS_AS(normalize_by({}, {}), option_error);
  CHECK_THROWS_AS(normalize_by(two, wrong), option_error);
  CHECK_THROWS_AS(normalize_by(std::vector<double>{NAN}, one), option_error);
}

}  // namespace ssl::test
