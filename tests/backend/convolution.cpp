// The CPU backend's convolution and its gradients. On small integers every sum is exact, so every way of
// summing must give the definition's very numbers.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ssl/backend/eigen.hpp"
#include "ssl/core/random.hpp"
#include "support/naive_convolution.hpp"

namespace ssl::test {
namespace {

struct conv_case {
  conv_geometry g;
  index images;
};

/// Every branch: tiles across images and along rows, whole and cut; one strip of channels and several, whole
/// and cut; runs by taps and by kernel rows; strides that leave pixels without taps; borders wider than the
/// image.
const std::vector<conv_case> cases{
    {{{3, 16, 16}, 32, 3, 2, 1}, 9},   {{{32, 8, 8}, 64, 3, 2, 1}, 17},  {{{64, 4, 4}, 40, 3, 2, 1}, 24},
    {{{33, 2, 2}, 20, 3, 2, 1}, 16},   {{{20, 12, 11}, 33, 3, 1, 1}, 2}, {{{1, 9, 9}, 1, 3, 1, 1}, 1},
    {{{5, 9, 10}, 50, 5, 3, 2}, 3},    {{{3, 21, 19}, 16, 7, 2, 3}, 2},  {{{3, 32, 32}, 24, 16, 16, 0}, 2},
    {{{40, 10, 10}, 70, 1, 1, 0}, 3},  {{{40, 9, 9}, 24, 1, 2, 0}, 4},   {{{24, 5, 5}, 24, 3, 1, 0}, 20},
    {{{24, 3, 3}, 24, 5, 1, 2}, 8},    {{{17, 1, 1}, 35, 3, 1, 1}, 30},  {{{600, 3, 3}, 17, 3, 1, 1}, 2},
    {{{24, 6, 7}, 8, 2, 3, 0}, 5},     {{{22, 40, 3}, 19, 3, 1, 1}, 1},  {{{2, 4, 4}, 3, 3, 1, 3}, 2},
    {{{48, 130, 2}, 40, 3, 1, 1}, 20}, {{{16, 1, 70}, 16, 1, 1, 0}, 40}, {{{24, 9, 9}, 48, 1, 1, 0}, 30}};

template <class T>
std::vector<T> integers(index count, std::uint64_t seed) {
  random_stream draw({seed, 0}, 0, 0, purpose::generate);
  std::vector<T> out(static_cast<std::size_t>(count));
  for (T& x : out) x = static_cast<T>(draw.below(7) - 3);
  return out;
}

template <class T>
struct conv_run {
  std::vector<T> y, dx, dw;
  bool operator==(const conv_run&) const = default;
};

template <class T>
conv_run<T> run(eigen_backend<T>& be, const conv_case& c, std::vector<T>& x, std::vector<T>& w,
                std::vector<T>& dy) {
  const conv_geometry& g = c.g;
  conv_run<T> r{std::vector<T>(dy.size(), T{77}), std::vector<T>(x.size(), T{77}),
                std::vector<T>(w.size(), T{1})};
  const auto maps = [&](std::vector<T>& v, image_shape s) {
    return make_view(v.data(), s.channels, s.pixels() * c.images);
  };
  const auto weights = [&](std::vector<T>& v) { return make_view(v.data(), g.out_channels, g.patch()); };
  be.conv2d_forward(g, as_const(maps(x, g.in)), as_const(weights(w)), maps(r.y, g.out()));
  be.conv2d_backward(g, as_const(maps(x, g.in)), as_const(weights(w)), as_const(maps(dy, g.out())),
                     maps(r.dx, g.in), weights(r.dw));
  return r;
}

template <class T>
index differences(const std::vector<T>& a, const std::vector<double>& b, double plus) {
  index count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += static_cast<double>(a[i]) != b[i] + plus;
  return count;
}

/// The largest difference over the largest entry.
template <class T>
double farthest(const std::vector<T>& a, const std::vector<double>& b, double plus) {
  double most = 0, scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(a[i]) - b[i] - plus));
    scale = std::max(scale, std::abs(b[i]));
  }
  return most / scale;
}

std::string named(const conv_case& c) {
  return detail::extent(c.g.in.channels, c.g.in.pixels()) + " to " + std::to_string(c.g.out_channels) +
         ", kernel " + std::to_string(c.g.kernel) + ", stride " + std::to_string(c.g.stride) + ", padding " +
         std::to_string(c.g.padding) + ", images " + std::to_string(c.images);
}

}  // namespace

TEST_CASE("backend/convolution: says which way a shape goes, and Winograd's can be switched off") {
  eigen_backend<float> be(1);
  const auto way = [&](index channels, index side, index kernel, index stride, index n) {
    return std::string(be.convolution_of({{channels, side, side}, channels, kernel, stride, kernel / 2}, n));
  };
  CHECK(way(64, 32, 3, 1, 16) == "winograd 4x4");
  CHECK(way(64, 6, 3, 1, 16) == "winograd 2x2");  // 4x4 tiles would cover 8x8
  CHECK(way(64, 2, 3, 1, 64) == "direct");        // five of nine taps lie in the padding
  CHECK(way(512, 4, 3, 1, 1) == "direct");        // one tile does not pay for the weights' transform
  CHECK(way(64, 32, 3, 2, 16) == "direct");
  CHECK(way(64, 32, 5, 1, 16) == "direct");
  CHECK(way(3, 32, 3, 1, 16) == "direct");
  be.use_winograd(false);
  CHECK(way(64, 32, 3, 1, 16) == "direct");
}

TEST_CASE("backend/convolution: refuses maps with gaps between their pixels, and no images are no work") {
  eigen_backend<float> be(1);
  std::vector<float> x(96), w(24), y(96, 5.0f);
  const conv_geometry g{{2, 4, 4}, 3, 2, 2, 0};
  const auto maps = make_view(x.data(), 2, 16), gaps = matrix_view<float, host_space>{x.data(), 2, 16, 3};
  const auto weights = as_const(make_view(w.data(), 3, 8));
  CHECK_THROWS_WITH_AS(be.conv2d_forward(g, as_const(gaps), weights, make_view(y.data(), 3, 4)),
                       doctest::Contains("not contiguous"), shape_error);
  CHECK_THROWS_AS(be.conv2d_backward(g, as_const(maps), weights, as_const(make_view(y.data(), 3, 4)), gaps,
                                     make_view(w.data(), 3, 8)),
                  shape_error);
  be.conv2d_forward(g, as_const(maps.columns(0, 0)), weights, make_view(y.data(), 3, 0));
  CHECK(y[0] == 5.0f);
}

TEST_CASE_TEMPLATE("backend/convolution: goes Winograd's way within its rounding, and only if it may", T,
                   float, double) {
  const conv_case c{{{32, 12, 12}, 48, 3, 1, 1}, 4};
  auto x = integers<T>(c.g.in.size() * c.images, 1), w = integers<T>(c.g.out_channels * c.g.patch(), 2),
       dy = integers<T>(c.g.out().size() * c.images, 3);
  const auto expected = naive_convolution(c.g, c.images, x, w, dy);
  eigen_backend<T> be(2);
  REQUIRE(std::string(be.convolution_of(c.g, c.images)) == "winograd 4x4");
  const auto fast = run(be, c, x, w, dy);
  const double bound = std::is_same_v<T, float> ? 2e-5 : 1e-13;
  CHECK(farthest(fast.y, expected.y, 0) < bound);
  CHECK(farthest(fast.dx, expected.dx, 0) < bound);
  CHECK(farthest(fast.dw, expected.dw, 1) < bound);
  CHECK(differences(fast.y, expected.y, 0) > 0);  // it did go that way
  be.use_winograd(false);
  CHECK(differences(run(be, c, x, w, dy).y, expected.y, 0) == 0);
}

TEST_CASE_TEMPLATE(
    "backend/convolution: gives the definition's numbers where sums are exact, and adds the weights'", T,
    float, double) {
  eigen_backend<T> be(2);
  be.use_winograd(false);
  for (const conv_case& c : cases) {
    CAPTURE(named(c));
    auto x = integers<T>(c.g.in.size() * c.images, 1), w = integers<T>(c.g.out_channels * c.g.patch(), 2),
         dy = integers<T>(c.g.out().size() * c.images, 3);
    const auto expected = naive_convolution(c.g, c.images, x, w, dy);
    const auto got = run(be, c, x, w, dy);
    CHECK(differences(got.y, expected.y, 0) == 0);
    CHECK(differences(got.dx, expected.dx, 0) == 0);
    CHECK(differences(got.dw, expected.dw, 1) == 0);
  }
}

TEST_CASE_TEMPLATE("backend/convolution: gives the same bits on one, two and three threads", T, float,
                   double) {
  for (const conv_case& c : cases) {
    CAPTURE(named(c));
    auto x = integers<T>(c.g.in.size() * c.images, 1), w = integers<T>(c.g.out_channels * c.g.patch(), 2),
         dy = integers<T>(c.g.out().size() * c.images, 3);
    for (std::vector<T>* v : {&x, &w, &dy})
      for (T& e : *v) e = e / T{7} + T{1} / T{3};
    eigen_backend<T> one(1), two(2), three(3);
    const auto first = run(one, c, x, w, dy);
    CHECK(first == run(two, c, x, w, dy));
    CHECK(first == run(three, c, x, w, dy));
  }
}

}  // namespace ssl::test
