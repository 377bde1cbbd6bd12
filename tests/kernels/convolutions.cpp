// Convolutions and both their gradients against their definition, for every remainder around every blocking
// constant: direct, 1x1, narrow, strided and by Winograd's filtering.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/integers.hpp"
#include "ssl/backend/eigen/conv.hpp"
#include "support/naive_convolution.hpp"

namespace ssl::test {
namespace {

using cpu::conv_way;
using cpu::panel;

index shapes = 0;

/// The largest distance from the integers of the definition that a way may have: none, but for Winograd's 4x4
/// tiles, whose points are irrational. An error of place or of channel would be a whole number.
template <class T>
double allowed(conv_way way) {
  return way == conv_way::winograd_4 ? (sizeof(T) == 4 ? 1.0 / 16 : 1e-9) : 0.0;
}

template <class T>
bool agree(const std::vector<T>& got, const std::vector<double>& expected, double before, double distance) {
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(static_cast<double>(got[i]) - (before + expected[i])) <= distance)) return false;
  return true;
}

/// All three passes on all those numbers of threads.
template <class T>
void sweep(conv_way way, const conv_geometry& g, index images, const std::vector<int>& threads = {1}) {
  if (g.out_height() < 1 || g.out_width() < 1) return;
  auto x = integers<T>(g.in.size() * images, 1), w = integers<T>(g.out_channels * g.patch(), 2),
       dy = integers<T>(g.out().size() * images, 3);
  const auto expected = naive_convolution(g, images, x, w, dy);
  const auto maps = [images](std::vector<T>& v, const image_shape& s) {
    return make_view(v.data(), s.channels, s.pixels() * images);
  };
  const auto weights = [&g](std::vector<T>& v) { return make_view(v.data(), g.out_channels, g.patch()); };
  std::vector<T> memory;
  const auto workspace = [&memory](index count) {
    memory.assign(static_cast<std::size_t>(count), T{1e6});  // whatever was there before
    return memory.data();
  };
  for (const int t : threads) {
    std::vector<T> y(dy.size(), T{77}), dx(x.size(), T{77}), dw(w.size(), T{1});
    cpu::conv_forward<T>(way, t, workspace, g, as_const(maps(x, g.in)), as_const(weights(w)),
                         maps(y, g.out()));
    cpu::conv_input_gradient<T>(way, t, workspace, g, as_const(weights(w)), as_const(maps(dy, g.out())),
                                maps(dx, g.in));
    cpu::conv_weight_gradient<T>(way, t, workspace, g, as_const(maps(x, g.in)), as_const(maps(dy, g.out())),
                                 weights(dw));
    ++shapes;
    const bool y_right = agree(y, expected.y, 0, allowed<T>(way)),
               dx_right = agree(dx, expected.dx, 0, allowed<T>(way)),
               dw_right = agree(dw, expected.dw, 1, allowed<T>(way));
    if (!y_right || !dx_right || !dw_right)
      FAIL_CHECK(cpu::name_of(way), ": ", g.in.channels, " x ", g.in.height, " x ", g.in.width, " to ",
                 g.out_channels, ", kernel ", g.kernel, ", stride ", g.stride, ", padding ", g.padding,
                 ", images ", images, ", threads ", t, ": y ", y_right, ", dx ", dx_right, ", dw ", dw_right);
  }
}

/// Around each strip of a panel, and of the next one.
template <class T>
std::vector<index> edges() {
  using p = panel<T>;
  std::vector<index> out{1, p::cols - 1, p::cols, p::cols + 1, p::rows + p::width + 1};
  for (index s = 1; s <= p::strips; ++s)
    for (const index d : {-1, 0, 1}) out.push_back(s * p::width + d);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  std::erase_if(out, [](index x) { return x < 1; });
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("kernels/convolutions: every number of channels up to two panels", T, float, double) {
  using p = panel<T>;
  for (const index kernel : {1, 3})
    for (const index images : {index{1}, p::cols + 1}) {
      for (index out = 1; out <= 2 * p::rows + 1; ++out)
        for (const index in : {index{1}, p::cols - 1, p::cols, p::rows + 1})
          sweep<T>(conv_way::direct, {{in, 2, 3}, out, kernel, 1, kernel / 2}, images);
      for (index in = 1; in <= 2 * p::rows + 1; ++in)
        for (const index out : edges<T>())
          if (in % 2 == out % 2)
            sweep<T>(conv_way::direct, {{in, 3, 2}, out, kernel, kernel, kernel / 2}, images);
    }
}

TEST_CASE_TEMPLATE("kernels/convolutions: every kernel, stride and border of small images", T, float,
                   double) {
  using p = panel<T>;
  for (index height = 1; height <= 6; ++height)
    for (const index width : {height, height + 1})
      for (index kernel = 1; kernel <= 5; ++kernel)
        for (index stride = 1; stride <= 4; ++stride)
          for (index padding = 0; padding <= std::min<index>(kernel, 3); ++padding)
            for (const index images : {index{1}, p::cols}) {
              const index in = kernel % 2 ? 2 : p::cols + 1;  // narrow, and 64 / kernel^2 or more
              sweep<T>(conv_way::direct, {{in, height, width}, p::width + 1, kernel, stride, padding},
                       images);
            }
  for (const index stride : {1, 2, 3, 5})
    for (const index padding : {0, 3})
      sweep<T>(conv_way::direct, {{3, 11, 9}, p::rows - 1, 7, stride, padding}, 3, thread_counts);
}

TEST_CASE_TEMPLATE("kernels/convolutions: around the number of channels that are read by rows of the kernel",
                   T, float, double) {
  for (const index kernel : {2, 3, 5, 7})
    for (const index d : {-1, 0, 1})
      for (const index out : {panel<T>::width - 1, panel<T>::rows + 1})
        if (out > 0)
          for (const index images : {index{2}, panel<T>::cols + 1})
            sweep<T>(conv_way::direct, {{64 / kernel + d, 5, 4}, out, kernel, 1, kernel / 2}, images, {1, 3});
}

TEST_CASE_TEMPLATE("kernels/convolutions: around the images and places that make a tile go across images", T,
                   float, double) {
  using p = panel<T>;
  for (const image_shape side : {image_shape{p::cols + 1, 7, 9}, {p::cols + 1, 8, 8}, {p::cols + 1, 5, 13}})
    for (const index stride : {1, 2})
      for (const index images : {p::cols - 1, p::cols, p::cols + 1, index{15}, index{16}, index{17}})
        sweep<T>(conv_way::direct, {side, p::width + 1, 3, stride, 1}, images, {1, 5});
}

TEST_CASE_TEMPLATE("kernels/convolutions: around the sums that are taken in parts", T, float, double) {
  using p = panel<T>;
  constexpr index cached = 64 * 1024 / (p::rows * static_cast<index>(sizeof(T)));
  for (const index channels : {cached - 1, cached, cached + 1, 2 * cached + 1})
    for (const index kernel : {1, 3}) {
      if (kernel == 3 && channels > 2 * cached) continue;
      sweep<T>(conv_way::direct, {{channels, 1, 2}, p::cols + 1, kernel, 1, kernel / 2}, 2, {1, 2});
      sweep<T>(conv_way::direct, {{p::cols + 1, 2, 1}, channels, kernel, 1, kernel / 2}, 2, {1, 2});
    }
}

TEST_CASE_TEMPLATE("kernels/convolutions: around the blocks of pixels of a weight gradient", T, float,
                   double) {
  using p = panel<T>;
  constexpr index budget = index{1} << 18;
  // Rows of an image: several blocks of one image.
  const index in = 22, pixels = budget / (p::padded(in) + p::rows);
  for (const index width : {33, 64})
    for (const index d : {-1, 1})
      sweep<T>(conv_way::direct, {{in, pixels / width + d, width}, 2, 3, 1, 1}, 1, {1, 3});
  // Several images in a block, and one more than fit.
  const index fit = budget / (8 * 8 * (p::padded(in) + p::rows));
  for (const index images : {fit - 1, fit, fit + 1})
    sweep<T>(conv_way::direct, {{in, 8, 8}, 2, 3, 2, 1}, std::max<index>(images, 1), {1, 2});
  // 1x1: all pixels are one image.
  for (const index d : {-1, 0, 1}) {
    const index row = budget / (2 * p::rows) + d;
    sweep<T>(conv_way::direct, {{p::cols + 1, 1, row}, p::width + 1, 1, 1, 0}, 1, {1, 3});
  }
}

TEST_CASE_TEMPLATE("kernels/convolutions: 1x1 gradients of the weights where the maps lie", T, float,
                   double) {
  using p = panel<T>;
  for (index out = p::width; out <= 2 * p::rows + p::width; out += p::width)
    for (index in = p::cols; in <= 3 * p::cols; in += p::cols)
      for (const index pixels : {1, 63, 64, 65, 129})
        sweep<T>(conv_way::direct, {{in, 1, pixels}, out, 1, 1, 0}, 1);
  for (const index pixels : {511, 512, 1023, 1024, 1025, 2049, 16 * 512 + 1})
    sweep<T>(conv_way::direct, {{p::cols, 1, pixels}, p::rows + p::width, 1, 1, 0}, 1, thread_counts);
  // Around the largest gradient that is summed in place.
  for (const index in : {256 - p::cols, index{256}, 256 + p::cols})
    sweep<T>(conv_way::direct, {{in, 3, 3}, 256 / p::width * p::width, 1, 1, 0}, 2, {1, 2});
}

TEST_CASE_TEMPLATE("kernels/convolutions: Winograd's filtering for every number of channels and every border",
                   T, float, double) {
  using p = panel<T>;
  for (const conv_way way : {conv_way::winograd_2, conv_way::winograd_4}) {
    for (index out = 1; out <= 2 * p::rows + 1; ++out)
      for (const index in : {index{1}, p::width, p::rows + 1}) sweep<T>(way, {{in, 4, 3}, out, 3, 1, 1}, 1);
    for (index in = 1; in <= 2 * p::rows + 1; ++in)
      for (const index out : {index{1}, p::width + 1, p::rows}) sweep<T>(way, {{in, 3, 5}, out, 3, 1, 1}, 1);
    for (index height = 1; height <= 9; ++height)
      for (const index width : {height, 10 - height})
        for (const index padding : {0, 1, 2})
          sweep<T>(way, {{p::cols + 1, height, width}, p::width + 1, 3, 1, padding}, 3, {1, 3});
  }
}

TEST_CASE_TEMPLATE("kernels/convolutions: Winograd's filtering around its groups, blocks and pieces", T,
                   float, double) {
  using p = panel<T>;
  for (const conv_way way : {conv_way::winograd_2, conv_way::winograd_4}) {
    const index side = way == conv_way::winograd_2 ? 2 : 4;
    // Tiles in a group, groups in a block, tiles in a block of a weight gradient and its depth: one tile an
    // image.
    for (const index images : {p::cols - 1, p::cols, p::cols + 1, 8 * p::cols + 1, index{63}, index{64},
                               index{65}, index{127}, index{128}, index{129}, 16 * p::cols + 1})
      sweep<T>(way, {{p::cols + 1, side, side}, p::width + 1, 3, 1, 1}, images, thread_counts);
    // Panels of channels in every share among the threads.
    for (const index in : {p::rows, 2 * p::rows - 1, 3 * p::rows + 1})
      for (const index out : {p::width, p::rows + 1, 3 * p::rows})
        sweep<T>(way, {{in, side, side}, out, 3, 1, 1}, 2, thread_counts);
    // So many channels that the weights are transformed in pieces.
    const index piece = std::max<index>(1, p::depth / 2 / p::rows) * p::rows;
    const index whole =
        cpu::winograd_memory::whole / ((side + 2) * (side + 2) * static_cast<index>(sizeof(T)));
    for (const index in : {piece - 1, piece, piece + 1, 2 * piece + p::rows - 1})
      for (const index images : {index{1}, 2 * p::cols + 1})
        sweep<T>(way, {{in, 1, 1}, whole / in + p::rows + 1, 3, 1, 1}, images, {1, 2, 3});
  }
}

TEST_CASE("kernels/convolutions: shapes swept") {
  MESSAGE("convolutions: ", shapes, " shapes");
  CHECK(shapes > 0);
}

}  // namespace ssl::test
