#include "ssl/augment/color.hpp"

#include "augment/on_image.hpp"

namespace ssl::test {

// Golden pixels: torchvision 0.14.1 on doubles, printed by scripts/golden-pixels.py, whose image is
// formula_image. There the gray weight 0.2989 is replaced by 0.299 where not said otherwise.

namespace {

struct brighter {
  double by;
  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, index) const {
    adjust_brightness(team, image, static_cast<T>(by));
  }
};
struct contrasted {
  double by;
  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, index) const {
    adjust_contrast(team, image, static_cast<T>(by));
  }
};
struct saturated {
  double by;
  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, index) const {
    adjust_saturation(team, image, static_cast<T>(by));
  }
};
struct turned {
  double by;
  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, index) const {
    adjust_hue(team, image, static_cast<T>(by));
  }
};

constexpr image_shape small{3, 3, 4}, gray_small{1, 3, 4};

template <class B, class F>
double golden_error(F f, const std::vector<double>& golden) {
  return distance(on_images<B>(small, formula_image(small), f), golden);
}

}  // namespace

TEST_CASE_TEMPLATE("augment/color: brightness is torchvision's", B, SSL_BACKENDS) {
  CHECK(golden_error<B>(brighter{1.3}, {0.0254901961, 0.4894117647, 0.9533333333, 0.1733333333, 0.6372549020,
                                        1.0000000000, 0.3211764706, 0.7850980392, 1.0000000000, 0.4690196078,
                                        0.9329411765, 0.0917647059, 0.2956862745, 0.7596078431, 1.0000000000,
                                        0.5301960784, 0.9941176471, 0.1529411765, 0.7647058824, 1.0000000000,
                                        0.3874509804, 0.9992156863, 0.1580392157, 0.6219607843, 0.5658823529,
                                        1.0000000000, 0.1886274510, 0.8870588235, 0.0458823529, 0.5098039216,
                                        1.0000000000, 0.3670588235, 0.8309803922, 0.2243137255, 0.6882352941,
                                        1.0000000000}) < pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/color: contrast is torchvision's", B, SSL_BACKENDS) {
  CHECK(
      golden_error<B>(contrasted{0.6},
                      {0.2082190850, 0.4223367320, 0.6364543791, 0.2764543791, 0.4905720261, 0.7046896732,
                       0.3446896732, 0.5588073203, 0.7729249673, 0.4129249673, 0.6270426144, 0.2388073203,
                       0.3329249673, 0.5470426144, 0.7611602614, 0.4411602614, 0.6552779085, 0.2670426144,
                       0.5493955556, 0.7635132026, 0.3752779085, 0.6576308497, 0.2693955556, 0.4835132026,
                       0.4576308497, 0.6717484967, 0.2835132026, 0.6058661438, 0.2176308497, 0.4317484967,
                       0.7541014379, 0.3658661438, 0.5799837908, 0.2999837908, 0.5141014379, 0.7282190850}) <
      pixel_tolerance<B>);
  CHECK(
      golden_error<B>(contrasted{1.4},
                      {0.0000000000, 0.3306044444, 0.8302122876, 0.0000000000, 0.4898201307, 0.9894279739,
                       0.1494279739, 0.6490358170, 1.0000000000, 0.3086436601, 0.8082515033, 0.0000000000,
                       0.1219769935, 0.6215848366, 1.0000000000, 0.3745260131, 0.8741338562, 0.0000000000,
                       0.6270750327, 1.0000000000, 0.2208005229, 0.8796240523, 0.0000000000, 0.4733495425,
                       0.4129573856, 0.9125652288, 0.0066828758, 0.7588397386, 0.0000000000, 0.3525652288,
                       1.0000000000, 0.1988397386, 0.6984475817, 0.0451142484, 0.5447220915, 1.0000000000}) <
      pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/color: contrast of one channel uses the mean value", B, SSL_BACKENDS) {
  const auto out = on_images<B>(gray_small, formula_image(gray_small), contrasted{0.6});
  CHECK(distance(out, {0.1775163399, 0.2457516340, 0.3139869281, 0.3822222222, 0.3022222222, 0.4104575163,
                       0.5186928105, 0.6269281046, 0.4269281046, 0.5751633987, 0.7233986928, 0.2692810458}) <
        pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/color: saturation is torchvision's", B, SSL_BACKENDS) {
  CHECK(golden_error<B>(saturated{0.4}, {0.1941137255, 0.3368588235, 0.4796039216, 0.3078392157, 0.4505843137,
                                         0.5933294118, 0.4215647059, 0.5643098039, 0.7070549020, 0.4666219608,
                                         0.6093670588, 0.3505435294, 0.4019568627, 0.5447019608, 0.6874470588,
                                         0.5136807843, 0.6564258824, 0.3976023529, 0.6940729412, 0.8368180392,
                                         0.5779945098, 0.5208839216, 0.2620603922, 0.4048054902, 0.5411317647,
                                         0.6838768627, 0.4250533333, 0.4346094118, 0.1757858824, 0.3185309804,
                                         0.6816682353, 0.4228447059, 0.5655898039, 0.3470549020, 0.4898000000,
                                         0.6325450980}) < pixel_tolerance<B>);
  CHECK(golden_error<B>(saturated{1.5}, {0.0000000000, 0.4094803922, 0.9447745098, 0.0000000000, 0.5232058824,
                                         1.0000000000, 0.1016372549, 0.6369313725, 1.0000000000, 0.2725862745,
                                         0.8078803922, 0.0000000000, 0.0820294118, 0.6173235294, 1.0000000000,
                                         0.3196450980, 0.8549392157, 0.0000000000, 0.5000372549, 1.0000000000,
                                         0.0647431373, 0.9750803922, 0.0044921569, 0.5397862745, 0.3470960784,
                                         0.8823901961, 0.0000000000, 0.8888058824, 0.0000000000, 0.4535117647,
                                         1.0000000000, 0.1652764706, 0.7005705882, 0.0271274510, 0.5624215686,
                                         1.0000000000}) < pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/color: hue is torchvision's", B, SSL_BACKENDS) {
  CHECK(golden_error<B>(turned{0.1}, {0.0909803922, 0.0196078431, 0.7333333333, 0.2047058824, 0.1333333333,
                                      0.8470588235, 0.3184313725, 0.2470588235, 0.9607843137, 0.0705882353,
                                      0.7176470588, 0.1686274510, 0.2988235294, 0.2274509804, 0.9411764706,
                                      0.1176470588, 0.7647058824, 0.2156862745, 0.2980392157, 0.9450980392,
                                      0.3960784314, 0.7686274510, 0.1529411765, 0.1215686275, 0.1450980392,
                                      0.7921568627, 0.2431372549, 0.6823529412, 0.0666666667, 0.0352941176,
                                      0.9294117647, 0.3137254902, 0.2823529412, 0.2439215686, 0.1725490196,
                                      0.8862745098}) < pixel_tolerance<B>);
  CHECK(golden_error<B>(turned{-0.4}, {0.6619607843, 0.7333333333, 0.0196078431, 0.7756862745, 0.8470588235,
                                       0.1333333333, 0.8894117647, 0.9607843137, 0.2470588235, 0.7176470588,
                                       0.0705882353, 0.6196078431, 0.8698039216, 0.9411764706, 0.2274509804,
                                       0.7647058824, 0.1176470588, 0.6666666667, 0.9450980392, 0.2980392157,
                                       0.8470588235, 0.1215686275, 0.7372549020, 0.7686274510, 0.7921568627,
                                       0.1450980392, 0.6941176471, 0.0352941176, 0.6509803922, 0.6823529412,
                                       0.2823529412, 0.8980392157, 0.9294117647, 0.8149019608, 0.8862745098,
                                       0.1725490196}) < pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/color: thirds of a turn rotate the primaries, gray stays gray", B, SSL_BACKENDS) {
  const std::vector<double> from{1, 0, 0, 0, 1, 0, 0, 0, 1, 0.5, 0.5, 0.5, 0, 0, 0, 1, 1, 1};
  const std::vector<double> third{0, 1, 0, 0, 0, 1, 1, 0, 0, 0.5, 0.5, 0.5, 0, 0, 0, 1, 1, 1};
  CHECK(distance(on_images<B>({3, 1, 6}, from, turned{1.0 / 3}), third) < pixel_tolerance<B>);
  CHECK(distance(on_images<B>({3, 1, 6}, third, turned{-1.0 / 3}), from) < pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/color: every hue survives a turn forth and back", B, SSL_BACKENDS) {
  const image_shape shape{3, 8, 8};
  const auto from = noise_images(shape, 4);
  for (const double turn : {0.05, 0.2, 0.5}) {
    const auto there = on_images<B>(shape, from, turned{turn});
    CHECK(distance(there, from) > 0.1);
    CHECK(distance(on_images<B>(shape, there, turned{-turn}), from) < 4 * pixel_tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("augment/color: neutral factors change nothing", B, SSL_BACKENDS) {
  const image_shape shape{3, 5, 7};
  const auto from = noise_images(shape, 2);
  CHECK(distance(on_images<B>(shape, from, brighter{1}), from) < pixel_tolerance<B>);
  CHECK(distance(on_images<B>(shape, from, contrasted{1}), from) < pixel_tolerance<B>);
  CHECK(distance(on_images<B>(shape, from, saturated{1}), from) < pixel_tolerance<B>);
  CHECK(distance(on_images<B>(shape, from, turned{0}), from) < pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("augment/color: results stay between zero and one", B, SSL_BACKENDS) {
  const image_shape shape{3, 6, 6};
  const auto from = noise_images(shape, 3);
  const auto inside = [](const std::vector<double>& out) {
    for (const double x : out)
      if (!(x >= 0 && x <= 1)) return false;
    return true;
  };
  CHECK(inside(on_images<B>(shape, from, brighter{3})));
  CHECK(inside(on_images<B>(shape, from, contrasted{3})));
  CHECK(inside(on_images<B>(shape, from, saturated{3})));
  CHECK(inside(on_images<B>(shape, from, turned{0.5})));
}

TEST_CASE_TEMPLATE("augment/color: what needs colour leaves other channel counts alone", B, SSL_BACKENDS) {
  for (const index channels : {1, 2, 4}) {
    const image_shape shape{channels, 3, 5};
    const auto from = formula_image(shape);
    const auto same = on_images<B>(shape, from, brighter{1});
    CHECK(on_images<B>(shape, from, saturated{0.2}) == same);
    CHECK(on_images<B>(shape, from, turned{0.3}) == same);
  }
}

}  // namespace ssl::test
