#include "ssl/patch/crop.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "patch/patches.hpp"
#include "ssl/patch/fixed_scale.hpp"
#include "ssl/patch/grid.hpp"
#include "ssl/patch/random_resized.hpp"

namespace ssl::test {

namespace {

constexpr image_shape gray6{1, 6, 6}, color6{3, 6, 6};

/// Writes (first pixel, image number, view) into a patch of three scalars or more.
struct stamp {
  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> patch, rng_key key, index item, index view) const {
    team.for_each(1, [=](index) {
      patch.pixels[1] = static_cast<T>(item);
      patch.pixels[2] = static_cast<T>(view + 100 * static_cast<index>(key.seed));
    });
  }
};

/// Runs the resampling even where a copy would do.
template <class T>
struct resample_always {
  const std::uint8_t* image;
  image_shape source, target;
  box where;
  T *out, *scratch;

  template <class Team>
  SSL_FN void operator()(const Team& team, index) const {
    detail::resample_box(team, image, source,
                         detail::resample_axis<T>(where.x, where.width, source.width, target.width),
                         detail::resample_axis<T>(where.y, where.height, source.height, target.height),
                         image_ref<T>{out, scratch, target});
  }
};

}  // namespace

// Golden pixels: torchvision 0.14.1, resized_crop with antialiasing on doubles, printed by
// scripts/golden-pixels.py.
TEST_CASE_TEMPLATE("patch/crop: shrinks with antialiasing, as torchvision does", B, SSL_BACKENDS) {
  const auto four = patches<B>(formula_bytes(gray6), gray6, whole{}, {1, 4, 4});
  CHECK(distance(four, {0.1495710784, 0.3441721133, 0.5445533769, 0.5038602941, 0.4761982571, 0.6656499637,
                        0.5301379811, 0.5150871460, 0.6870370370, 0.5545388526, 0.6448801743, 0.5216775599,
                        0.3705269608, 0.6575708061, 0.6537037037, 0.5329044118}) < pixel_tolerance<B>);
  const auto two = patches<B>(formula_bytes(gray6), gray6, whole{}, {1, 2, 2});
  CHECK(distance(two, {0.4473039216, 0.5477941176, 0.5791666667, 0.5943627451}) < pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("patch/crop: enlarges a box by bilinear interpolation inside it, as torchvision does", B,
                   SSL_BACKENDS) {
  const auto out = patches<B>(formula_bytes(gray6), gray6, one_box{pixel_box(2, 1, 3, 3, 6)}, {1, 5, 5});
  CHECK(distance(out, {0.5882352941, 0.6603921569, 0.7686274510, 0.8768627451, 0.9490196078,
                       0.7247058824, 0.6469019608, 0.5301960784, 0.6544313725, 0.7372549020,
                       0.9294117647, 0.6266666667, 0.1725490196, 0.3207843137, 0.4196078431,
                       0.5317647059, 0.4859607843, 0.4172549020, 0.5894901961, 0.7043137255,
                       0.2666666667, 0.3921568627, 0.5803921569, 0.7686274510, 0.8941176471}) <
        pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("patch/crop: shrinks one axis while it enlarges the other", B, SSL_BACKENDS) {
  const auto out = patches<B>(formula_bytes(color6), color6, one_box{pixel_box(1, 2, 4, 3, 6)}, {3, 2, 5});
  CHECK(distance(out, {0.7852941176, 0.1382352941, 0.4950980392, 0.7122058824, 0.3286764706, 0.6855392157,
                       0.5031862745, 0.5463235294, 0.7149509804, 0.4071078431, 0.6510294118, 0.5561274510,
                       0.5975490196, 0.5779411765, 0.3073529412, 0.5009803922, 0.4813725490, 0.8382352941,
                       0.4862254902, 0.7301470588, 0.6477941176, 0.6575980392, 0.7007352941, 0.5556372549,
                       0.7536764706, 0.5583823529, 0.4634803922, 0.5632352941, 0.5436274510, 0.2730392157}) <
        pixel_tolerance<B>);
}

// Golden pixels: torchvision 0.14.1, resized_crop, bicubic with antialiasing on doubles, cut to [0, 1];
// printed by scripts/golden-pixels.py.
TEST_CASE_TEMPLATE("patch/crop: bicubic shrinks and enlarges as torchvision does, cut to values of pixels", B,
                   SSL_BACKENDS) {
  const auto cubic = [](image_shape source, box where, image_shape target) {
    return patches<B>(formula_bytes(source), source, one_box{where}, target, {.filter = resampling::cubic});
  };
  CHECK(distance(cubic(gray6, {}, {1, 4, 4}),
                 {0.1170356652, 0.3139258667, 0.5789367742, 0.5015144990, 0.4639897258, 0.7183007440,
                  0.5117730519, 0.5150156351, 0.7398580475, 0.5218826130, 0.6654849052, 0.5185080754,
                  0.3315160331, 0.6759369084, 0.6685719344, 0.5294741116}) < pixel_tolerance<B>);
  CHECK(distance(
            cubic(gray6, pixel_box(2, 1, 3, 3, 6), {1, 5, 5}),
            {0.5435330416, 0.6427164952, 0.8136145024, 0.9387126521, 1.0000000000,  // 1.0022 before the cut
             0.7523906549, 0.6597405859, 0.5412935323, 0.6628684934, 0.7572376740, 0.9865334813, 0.6528826456,
             0.1725490196, 0.2990635060, 0.4382537921, 0.5222284802, 0.4648760150, 0.4106526193, 0.5964512381,
             0.7261180225, 0.1868727270, 0.3407535022, 0.6111727710, 0.8357921823, 0.9539868350}) <
        pixel_tolerance<B>);
  CHECK(distance(cubic(color6, pixel_box(1, 2, 4, 3, 6), {3, 2, 5}),
                 {0.8130390704, 0.1087512014, 0.4638708119, 0.7460049940, 0.2909642366, 0.7075788152,
                  0.4643628238, 0.5665187423, 0.7640512385, 0.3579100832, 0.6832261160, 0.5557784416,
                  0.6202194534, 0.5668180410, 0.3017845946, 0.4950798210, 0.4837073204, 0.8688088459,
                  0.4422955991, 0.7789182073, 0.6477165156, 0.6781921757, 0.7370408838, 0.5448084852,
                  0.8081906643, 0.5363164281, 0.4582427524, 0.5563257023, 0.5329062048, 0.2678727584}) <
        pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("patch/crop: bicubic is the sum over all pixels of the box by Keys' kernel", B,
                   SSL_BACKENDS) {
  const image_shape source{1, 20, 20};
  const auto bytes = formula_bytes(source);
  const auto kernel = [](double t) {
    return t < 1 ? 1.5 * t * t * t - 2.5 * t * t + 1 : t < 2 ? -0.5 * t * t * t + 2.5 * t * t - 4 * t + 2 : 0;
  };
  for (const image_shape target : {image_shape{1, 6, 9}, image_shape{1, 25, 13}, image_shape{1, 3, 31}}) {
    const index left = 2, top = 3, width = 15, height = 13;
    const auto weight = [&](index i, index j, index pixels, index size) {  // pixel j of the box in output i
      const double ratio = static_cast<double>(pixels) / static_cast<double>(size);
      const double centre = (static_cast<double>(i) + 0.5) * ratio;
      return kernel(std::abs(static_cast<double>(j) + 0.5 - centre) / std::max(1.0, ratio));
    };
    std::vector<double> expected;
    for (index y = 0; y < target.height; ++y)
      for (index x = 0; x < target.width; ++x) {
        double sum = 0, total = 0;
        for (index v = 0; v < height; ++v)
          for (index u = 0; u < width; ++u) {
            const double w = weight(y, v, height, target.height) * weight(x, u, width, target.width);
            sum += w * bytes[static_cast<std::size_t>((top + v) * 20 + left + u)] / 255.0;
            total += w;
          }
        expected.push_back(std::clamp(sum / total, 0.0, 1.0));
      }
    CHECK(distance(patches<B>(bytes, source, one_box{pixel_box(left, top, width, height, 20)}, target,
                              {.filter = resampling::cubic}),
                   expected) < 4e-6);
  }
}

TEST_CASE("patch/crop: bicubic leaves a constant image, and a box of the target's size, as they are") {
  using B = backend<float>;
  const image_shape source{3, 32, 32};
  const std::vector<std::uint8_t> white(static_cast<std::size_t>(source.size()), 255);
  for (const index side : {1, 7, 32, 45}) {
    const auto out = patches<B>(white, source, random_resized{.views = 10}, {3, side, side + 2},
                                {.filter = resampling::cubic});
    CHECK(distance(out, std::vector<double>(out.size(), 1)) < 1e-6);
  }
  const auto bytes = formula_bytes(source);
  CHECK(patches<B>(bytes, source, fixed_scale{}, {3, 16, 16}, {.filter = resampling::cubic}) ==
        patches<B>(bytes, source, fixed_scale{}, {3, 16, 16}));
}

TEST_CASE_TEMPLATE("patch/crop: a box of the target's size is copied byte by byte", B, SSL_BACKENDS) {
  const image_shape source{3, 7, 9}, target{3, 4, 6};
  const auto bytes = formula_bytes(source);
  const one_box sampler{{2.0f / 9, 1.0f / 7, 6.0f / 9, 4.0f / 7}};
  const auto out = patches<B>(bytes, source, sampler, target);
  using T = typename B::scalar;
  for (index y = 0; y < 4; ++y)
    for (index x = 0; x < 6; ++x)
      for (index c = 0; c < 3; ++c) {
        const T byte = static_cast<T>(bytes[static_cast<std::size_t>(((y + 1) * 9 + x + 2) * 3 + c)]);
        CHECK(out[static_cast<std::size_t>((y * 6 + x) * 3 + c)] == static_cast<double>(byte / T{255}));
      }
}

TEST_CASE_TEMPLATE("patch/crop: copying equals resampling", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  const image_shape source{3, 32, 32}, target{3, 16, 16};
  const auto bytes = formula_bytes(source);
  const fixed_scale sampler{.views = 8};
  const auto copied = patches<B>(bytes, source, sampler, target);
  B be;
  const auto image = to_backend(be, bytes);
  matrix<B> out(be, target.size(), 8), scratch(be, target.height * source.width * 3, 1);
  for (index v = 0; v < 8; ++v)
    ssl::for_each_column(be, 1,
                         resample_always<T>{image.all().data, source, target, sampler({3, 0}, 0, v),
                                            out().column(v), scratch().data});
  CHECK(distance(out.get(), copied) < pixel_tolerance<B>);
}

TEST_CASE_TEMPLATE("patch/crop: a constant image gives constant patches of any size", B, SSL_BACKENDS) {
  const image_shape source{3, 32, 32};
  for (const int byte : {0, 77, 255})
    for (const index side : {1, 7, 16, 32, 45}) {
      const std::vector<std::uint8_t> bytes(static_cast<std::size_t>(source.size()),
                                            static_cast<std::uint8_t>(byte));
      const image_shape target{3, side, side + 2};
      const auto out = patches<B>(bytes, source, random_resized{.views = 10}, target);
      const std::vector<double> constant(out.size(), byte / 255.0);
      CHECK(distance(out, constant) < pixel_tolerance<B>);
      CHECK(std::all_of(out.begin(), out.end(), [](double x) { return x >= 0 && x <= 1; }));
    }
}

TEST_CASE_TEMPLATE("patch/crop: a ramp stays a ramp, on boxes between pixels too", B, SSL_BACKENDS) {
  // byte = 4 x: away from the edges of the box, linear interpolation of a line is the line.
  const image_shape source{1, 32, 32}, target{1, 8, 20};
  std::vector<std::uint8_t> bytes;
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 32; ++x) bytes.push_back(static_cast<std::uint8_t>(4 * x));
  const box where{0.271f, 0.1f, 0.4f, 0.7f};
  const auto out = patches<B>(bytes, source, one_box{where}, target);
  const double left = 32 * static_cast<double>(where.x), width = 32 * static_cast<double>(where.width);
  for (std::size_t y = 0; y < 8; ++y)
    for (std::size_t x = 2; x < 18; ++x) {
      const double position = left + (static_cast<double>(x) + 0.5) * width / 20 - 0.5;
      CHECK(std::abs(out[20 * y + x] - 4 * position / 255) < 2e-6);
    }
}

TEST_CASE_TEMPLATE("patch/crop: views are blocks of columns, and any range of them can be had", B,
                   SSL_BACKENDS) {
  const image_shape source{3, 32, 32}, target{3, 16, 16};
  const auto bytes = formula_bytes(source, 3);
  const fixed_scale sampler{.views = 5};
  const auto all = patches<B>(bytes, source, sampler, target);
  const auto some = patches<B>(bytes, source, sampler, target, {.first_view = 2, .view_count = 2});
  const auto block = static_cast<std::ptrdiff_t>(3 * target.size());
  CHECK(some == std::vector<double>(all.begin() + 2 * block, all.begin() + 4 * block));
  CHECK(patches<B>(bytes, source, sampler, target, {.view_count = 0}).empty());
}

TEST_CASE_TEMPLATE("patch/crop: the random key takes image numbers, not columns, where they are given", B,
                   SSL_BACKENDS) {
  const image_shape source{3, 32, 32}, target{3, 16, 16};
  const auto bytes = formula_bytes(source);
  auto twice = bytes;
  twice.insert(twice.end(), bytes.begin(), bytes.end());
  const fixed_scale sampler{.views = 1};
  const auto plain = patches<B>(twice, source, sampler, target);
  const auto swapped = patches<B>(twice, source, sampler, target, {.ids = {1, 0}});
  const auto size = static_cast<std::ptrdiff_t>(target.size());
  CHECK(plain != swapped);
  CHECK(std::vector<double>(swapped.begin(), swapped.begin() + size) ==
        std::vector<double>(plain.begin() + size, plain.end()));
  CHECK(std::vector<double>(swapped.begin() + size, swapped.end()) ==
        std::vector<double>(plain.begin(), plain.begin() + size));
}

TEST_CASE_TEMPLATE("patch/crop: what comes after sees each finished patch, its image and its view", B,
                   SSL_BACKENDS) {
  const image_shape source{3, 6, 6}, target{3, 2, 2};
  const index n = 400, views = 2;
  std::vector<index> ids;
  for (index i = 0; i < n; ++i) ids.push_back(3 * i);
  const auto plain = patches<B>(formula_bytes(source, n), source, whole{3}, target, {{3, 0}, ids, 1, views});
  const auto out =
      patches<B>(formula_bytes(source, n), source, whole{3}, target, {{3, 0}, ids, 1, views}, stamp{});
  for (index v = 0; v < views; ++v)
    for (index i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>((v * n + i) * target.size());
      CHECK(out[at] == plain[at]);
      CHECK(out[at + 1] == static_cast<double>(3 * i));
      CHECK(out[at + 2] == static_cast<double>(v + 1 + 300));
    }
}

TEST_CASE_TEMPLATE("patch/crop: more patches than one block of scratch holds", B, SSL_BACKENDS) {
  // 64 x 64 x 4 scalars of scratch a patch: blocks of 256.
  const image_shape source{4, 2, 64}, target{4, 64, 1};
  const auto bytes = formula_bytes(source, 2);
  const auto out = patches<B>(bytes, source, whole{300}, target);
  const auto once = patches<B>(bytes, source, whole{1}, target);
  const auto pair = static_cast<std::ptrdiff_t>(once.size());
  bool equal = true;
  for (std::ptrdiff_t v = 0; v < 300; ++v)
    equal = equal && std::equal(once.begin(), once.end(), out.begin() + v * pair);
  CHECK(equal);
}

TEST_CASE("patch/crop: float and double see the same patch") {
  const image_shape source{3, 32, 32}, target{3, 16, 16};
  const auto bytes = formula_bytes(source, 20);
  const random_resized sampler{.views = 4};
  CHECK(distance(patches<test::backend<float> >(bytes, source, sampler, target),
                 patches<test::backend<double> >(bytes, source, sampler, target)) < 1e-5);
}

TEST_CASE("patch/crop: a second step allocates nothing") {
  using B = test::backend<float>;
  workspace<B> work;
  const image_shape source{3, 32, 32}, target{3, 16, 16};
  const auto images = to_backend(work.backend(), formula_bytes(source, 4));
  matrix<B> out(work.backend(), 3, target.pixels() * 4 * 2);
  const matrix_view<const std::uint8_t, typename B::space> columns{images.all().data, source.size(), 4,
                                                                   source.size()};
  const auto step = [&](std::uint32_t epoch) {
    auto ctx = work.ctx();
    crop(ctx, {1, epoch}, columns, source, nullptr, random_resized{}, 0, 2, target, out());
  };
  step(0);
  const index before = work.backend().allocations();
  for (std::uint32_t epoch = 1; epoch < 5; ++epoch) step(epoch);
  CHECK(work.backend().allocations() == before);
}

TEST_CASE("patch/crop: says which extent is wrong") {
  using B = test::backend<float>;
  workspace<B> work;
  auto ctx = work.ctx();
  const auto images = to_backend(work.backend(), formula_bytes(color6, 2));
  matrix<B> out(work.backend(), 3, 4 * 2 * 2);
  const matrix_view<const std::uint8_t, typename B::space> columns{images.all().data, 108, 2, 108};
  const auto run = [&](image_shape source, index first, index views, image_shape target) {
    crop(ctx, {}, columns, source, nullptr, whole{2}, first, views, target, out());
  };
  CHECK_NOTHROW(run(color6, 0, 2, {3, 2, 2}));
  CHECK_THROWS_WITH_AS(run({3, 5, 6}, 0, 2, {3, 2, 2}),
                       "ssl::crop: images is 108x2; a column must hold an image's 90 bytes", shape_error);
  CHECK_THROWS_WITH_AS(run(color6, 0, 2, {3, 2, 3}),
                       "ssl::crop: out is 3x16; 2 views of 2 images need a contiguous 3x24", shape_error);
  CHECK_THROWS_WITH_AS(run(color6, 0, 2, {1, 2, 2}),
                       "ssl::crop: the images have 3 channels, the patches 1; both must have the same, and "
                       "at least one pixel",
                       shape_error);
  CHECK_THROWS_WITH_AS(run(color6, 1, 2, {3, 2, 2}),
                       "ssl::crop: views [1, 3) were asked for; the sampler has 2", option_error);
}

TEST_CASE_TEMPLATE("patch/crop: a channel of many is cropped as if it were alone", B, SSL_BACKENDS) {
  for (const index channels : {2, 4, 7}) {
    const image_shape source{channels, 6, 6}, alone{1, 6, 6};
    const auto all = formula_bytes(source, 3);
    // Resampled, and copied.
    for (const box where : {box{0.1f, 0.2f, 0.7f, 0.5f}, pixel_box(1, 2, 4, 4, 6)}) {
      const auto together = patches<B>(all, source, one_box{where}, {channels, 4, 4});
      for (index c = 0; c < channels; ++c) {
        std::vector<std::uint8_t> plane;
        std::vector<double> found;
        for (std::size_t k = static_cast<std::size_t>(c); k < all.size();
             k += static_cast<std::size_t>(channels))
          plane.push_back(all[k]);
        for (std::size_t k = static_cast<std::size_t>(c); k < together.size();
             k += static_cast<std::size_t>(channels))
          found.push_back(together[k]);
        CHECK(distance(found, patches<B>(plane, alone, one_box{where}, {1, 4, 4})) < pixel_tolerance<B>);
      }
    }
  }
}

}  // namespace ssl::test
