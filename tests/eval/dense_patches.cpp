#include "ssl/eval/dense_patches.hpp"

#include <algorithm>
#include <string>

#include "ssl/nn/bag_encoder.hpp"
#include "ssl/nn/pool.hpp"
#include "ssl/nn/recipes.hpp"
#include "support/backends.hpp"
#include "support/temporary_folder.hpp"

namespace {

using ssl::image_shape;
using ssl::index;
using ssl::test::matrix;
using ssl::test::normals;
using ssl::test::relative_error;
using ssl::test::tolerance;

/// An encoder bound to patches, its parameters and running statistics moved off their starts.
template <class B, class L>
struct encoder_on_patches {
  ssl::workspace<B> work;
  ssl::receptive_field field;
  ssl::network<L, B> net;

  encoder_on_patches(L layer, index channels)
      : field(ssl::receptive_field_of(layer)),
        net(work.backend(), layer, {channels, field.side, field.side}, 0) {
    net.initialise({3, 0});
    move(7);
  }

  /// Every parameter by a little; running variances only upwards.
  void move(unsigned seed) {
    using T = typename B::scalar;
    std::vector<T> values(static_cast<std::size_t>(net.params().rows));
    B& be = work.backend();
    be.download(ssl::as_const(net.params()), ssl::make_view(values.data(), net.params().rows, 1));
    be.wait();
    const auto noise = normals(net.params().rows, seed, 0.2);
    for (const ssl::segment& s : net.table())
      for (index k = s.offset; k < s.offset + s.size(); ++k) {
        const double by = noise[static_cast<std::size_t>(k)];
        values[static_cast<std::size_t>(k)] +=
            static_cast<T>(s.name.ends_with("running_var") ? std::abs(by) : by);
      }
    be.upload(ssl::make_view(std::as_const(values).data(), net.params().rows, 1), net.params());
    be.wait();
  }

  /// The embedding of every patch of n images x, cut out one by one: (e, places n), image after image.
  std::vector<double> one_by_one(const std::vector<double>& x, image_shape image, index n, index stride) {
    std::vector<double> patches;
    index count = 0;
    for (index i = 0; i < n; ++i)
      for (index top = 0; top + field.side <= image.height; top += stride)
        for (index left = 0; left + field.side <= image.width; left += stride, ++count)
          for (index row = top; row < top + field.side; ++row) {
            const auto from = x.begin() + ((i * image.height + row) * image.width + left) * image.channels;
            patches.insert(patches.end(), from, from + field.side * image.channels);
          }
    B& be = work.backend();
    const matrix<B> in(be, image.channels, field.side * field.side * count, patches),
        out(be, net.output_shape().channels, count);
    auto ctx = work.ctx(ssl::mode::eval);
    net.forward(ctx, in.read(), out());
    return out.get();
  }

  std::vector<double> at_once(const std::vector<double>& x, image_shape image, index n, index stride) {
    const ssl::dense_patches dense(net, image, stride);
    B& be = work.backend();
    const matrix<B> in(be, image.channels, image.pixels() * n, x),
        out(be, dense.grid().channels, dense.grid().pixels() * n);
    auto ctx = work.ctx();  // mode::train: dense_patches evaluates all the same
    dense.forward(ctx, in.read(), out());
    return out.get();
  }
};

ssl::conv2d conv(index out, index kernel, index stride = 1) {
  return {.out = out, .kernel = kernel, .stride = stride, .padding = 0, .bias = true};
}

template <class B, class L>
void check_equal(L layer, std::initializer_list<image_shape> images, std::initializer_list<index> strides) {
  encoder_on_patches<B, L> e(layer, images.begin()->channels);
  for (const image_shape& image : images)
    for (const index stride : strides) {
      CAPTURE(image.height);
      CAPTURE(image.width);
      CAPTURE(stride);
      const auto x = normals(image.size() * 3, 5);
      CHECK(relative_error(e.at_once(x, image, 3, stride), e.one_by_one(x, image, 3, stride)) < tolerance<B>);
    }
}

}  // namespace

namespace dense_test {  // with a name, as nvcc misses the use of what has none

struct claims_a_pixel : ssl::mean_pool {  // and reads the whole map
  ssl::receptive_field field() const { return {}; }
};

}  // namespace dense_test

TEST_CASE_TEMPLATE("eval/dense_patches: equal to the patches one by one, at every stride and odd sizes", B,
                   SSL_BACKENDS) {
  const auto two = ssl::bag_encoder({.patch = 8, .blocks = {{5, 4, 2}, {7, 3}, {6, 1}}});  // stride 2
  check_equal<B>(two, {{3, 13, 13}, {3, 8, 8}, {3, 9, 14}, {3, 21, 8}}, {1, 2, 3, 4, 5, 8, 11});
  const auto four =
      ssl::bag_encoder({.patch = 10, .blocks = {{5, 4, 2}, {7, 2, 2}}});  // stride 4, 2 x 2 left
  check_equal<B>(four, {{2, 19, 17}, {2, 10, 11}}, {1, 2, 3, 4, 6, 7, 8});
}

TEST_CASE_TEMPLATE("eval/dense_patches: equal for the default encoder on 32 x 32 images", B, SSL_BACKENDS) {
  check_equal<B>(ssl::bag_encoder({.multiplier = 0.5}), {{3, 32, 32}}, {2, 4, 3});
}

TEST_CASE_TEMPLATE("eval/dense_patches: equal for any layers without padding", B, SSL_BACKENDS) {
  const auto block = conv(6, 1) | ssl::relu{} | conv(6, 1);
  check_equal<B>(conv(6, 3) | ssl::max_pool{} | ssl::residual(block, {.relu = true}) |
                     ssl::residual(conv(4, 3), conv(4, 2) | ssl::mean_window{.kernel = 2}) |
                     ssl::mean_window{.kernel = 2},
                 {{1, 15, 12}}, {1, 2, 3});
}

TEST_CASE_TEMPLATE("eval/dense_patches: reads the parameters as they are when it runs", B, SSL_BACKENDS) {
  const auto layer = ssl::bag_encoder({.patch = 6, .blocks = {{4, 4, 2}, {5, 2}}});
  encoder_on_patches<B, std::remove_const_t<decltype(layer)>> e(layer, 3);
  const image_shape image{3, 9, 9};
  const auto x = normals(image.size(), 5);
  const ssl::dense_patches dense(e.net, image);
  const matrix<B> in(e.work.backend(), 3, image.pixels(), x), out(e.work.backend(), 5, 4);
  auto ctx = e.work.ctx();
  dense.forward(ctx, in.read(), out());
  const auto before = out.get();
  e.move(8);
  dense.forward(ctx, in.read(), out());
  CHECK(relative_error(out.get(), before) > 1e-2);
  CHECK(relative_error(out.get(), e.one_by_one(x, image, 1, 2)) < tolerance<B>);
}

TEST_CASE_TEMPLATE("eval/dense_patches: a second pass takes no memory, and no images are no work", B,
                   SSL_BACKENDS) {
  const auto layer = ssl::bag_encoder({.patch = 6, .blocks = {{4, 4, 2}, {5, 2}}});
  encoder_on_patches<B, std::remove_const_t<decltype(layer)>> e(layer, 3);
  const ssl::dense_patches dense(e.net, {3, 12, 12}, 1);
  const matrix<B> in(e.work.backend(), 3, 144 * 2, normals(3 * 144 * 2, 5)), out(e.work.backend(), 5, 49 * 2);
  auto ctx = e.work.ctx();
  dense.forward(ctx, in.read(), out());
  dense.forward(ctx, in.read(), out());
  const ssl::index before = e.work.backend().allocations();
  dense.forward(ctx, in.read(), out());
  dense.forward(ctx, in.read().columns(0, 0), out().columns(0, 0));
  CHECK(e.work.backend().allocations() == before);
}

TEST_CASE("eval/dense_patches: says what it sees, how far apart, and how many") {
  using B = ssl::test::backend<float>;
  const auto layer = ssl::bag_encoder();
  encoder_on_patches<B, std::remove_const_t<decltype(layer)>> e(layer, 3);
  const ssl::dense_patches dense(e.net, {3, 32, 40});
  CHECK(dense.field() == ssl::receptive_field{16, 2});
  CHECK(dense.stride() == 2);
  CHECK(dense.grid() == image_shape{128, 9, 13});
  CHECK(dense.image() == image_shape{3, 32, 40});
  CHECK(&dense.encoder() == &e.net);
  CHECK(ssl::dense_patches(e.net, {3, 32, 40}, 5).grid() == image_shape{128, 4, 5});
}

TEST_CASE("eval/dense_patches: what does not fit is refused in a sentence") {
  using B = ssl::test::backend<float>;
  using ssl::test::message;
  ssl::workspace<B> work;
  const ssl::network padded(work.backend(), ssl::patch_encoder({.widths = {4}}), {3, 8, 8}, 0);
  CHECK(message<ssl::option_error>([&] {
          ssl::dense_patches(padded, {3, 16, 16});
        }).find("padding 1") != std::string::npos);
  const ssl::network liar(work.backend(), conv(4, 3) | dense_test::claims_a_pixel{}, {3, 8, 8}, 0);
  CHECK(message<ssl::option_error>([&] {
          ssl::dense_patches(liar, {3, 16, 16});
        }) ==
        "ssl::dense_patches: the encoder makes 4x1x1 of 3x16x16, and a field of 3 pixels with stride 1 would "
        "make 14x14 places of the same parameters; a layer's `field` must say what the layer does");
  const ssl::network net(work.backend(), conv(4, 3), {3, 3, 3}, 0);
  CHECK(message<ssl::shape_error>([&] {
          ssl::dense_patches(net, {3, 2, 16});
        }) ==
        "ssl::dense_patches: the images are 3x2x16, the encoder takes patches of 3x3x3; images must have as "
        "many channels and be as large");
  CHECK_THROWS_AS(ssl::dense_patches(net, {1, 16, 16}), ssl::shape_error);
  CHECK(message<ssl::option_error>([&] {
          ssl::dense_patches(net, {3, 16, 16}, -1);
        }) == "ssl::dense_patches: the stride is -1, expected at least 1, or 0 for the encoder's");
  const ssl::dense_patches dense(net, {3, 4, 4});
  auto ctx = work.ctx();
  const matrix<B> x(work.backend(), 3, 32), h(work.backend(), 4, 9);
  CHECK(message<ssl::shape_error>([&] { dense.forward(ctx, x.read(), h()); }) ==
        "ssl::dense_patches::forward: x is 3x32, h is 4x9; x must be a contiguous 3x16 times the images, h a "
        "contiguous 4x4 times the images");
}
