#include "ssl/augment/solarize.hpp"

#include "augment/on_image.hpp"

namespace ssl::test {

TEST_CASE_TEMPLATE("augment/solarize: inverts from the threshold on, as torchvision does", B, SSL_BACKENDS) {
  const image_shape shape{3, 3, 4};
  const auto out = augment<B>(shape, formula_image(shape), solarize{.probability = 1});
  // torchvision 0.14.1, scripts/golden-pixels.py
  CHECK(distance(out, {0.0196078431, 0.3764705882, 0.2666666667, 0.1333333333, 0.4901960784, 0.1529411765,
                       0.2470588235, 0.3960784314, 0.0392156863, 0.3607843137, 0.2823529412, 0.0705882353,
                       0.2274509804, 0.4156862745, 0.0588235294, 0.4078431373, 0.2352941176, 0.1176470588,
                       0.4117647059, 0.0549019608, 0.2980392157, 0.2313725490, 0.1215686275, 0.4784313725,
                       0.4352941176, 0.2078431373, 0.1450980392, 0.3176470588, 0.0352941176, 0.3921568627,
                       0.0705882353, 0.2823529412, 0.3607843137, 0.1725490196, 0.4705882353, 0.1137254902}) <
        pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/solarize: byte 127 stays, byte 128 turns", B, SSL_BACKENDS) {
  const auto out = augment<B>({1, 1, 3}, {127.0 / 255, 129.0 / 255, 1}, solarize{.probability = 1});
  CHECK(distance(out, {127.0 / 255, 126.0 / 255, 0}) < pixel_tolerance<B>);
  CHECK(solarize{}.threshold == 128.0f / 255.0f);
}

TEST_CASE_TEMPLATE("augment/solarize: never with probability zero, or below the threshold", B, SSL_BACKENDS) {
  const image_shape shape{3, 4, 4};
  const auto from = noise_images(shape, 20);
  CHECK(distance(augment<B>(shape, from, solarize{.probability = 0}), from) < pixel_tolerance<B>);
  CHECK(distance(augment<B>(shape, from, solarize{.threshold = 2, .probability = 1}), from) <
        pixel_tolerance<B>);
}

}  // namespace ssl::test
