#include "ssl/data/resize.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

using bytes = std::vector<std::uint8_t>;

bytes pattern(image_shape s) {
  bytes out;
  for (index y = 0; y < s.height; ++y)
    for (index x = 0; x < s.width; ++x)
      for (index k = 0; k < s.channels; ++k)
        out.push_back(static_cast<std::uint8_t>(x * x * 7 + y * 31 + k * 90 + x * y * 13));
  return out;
}

bytes resized(image_shape from, const bytes& in, image_fit fit, image_shape to) {
  bytes out(static_cast<std::size_t>(to.size()));
  image_resizer{}(from, in, fit, to, out);
  return out;
}

/// Pixel (y, x) of the image scaled to (full_h, full_w): the mean of all of `in` under a pyramid of half
/// widths max(1, scale) around the pixel's centre.
double naive(image_shape s, const bytes& in, index full_h, index full_w, index y, index x, index c) {
  const auto weight = [](index from, index full, index o, index at) {
    const double scale = static_cast<double>(from) / static_cast<double>(full), half = std::max(1.0, scale);
    return std::max(
        0.0, 1 - std::abs(static_cast<double>(at) + 0.5 - (static_cast<double>(o) + 0.5) * scale) / half);
  };
  double sum = 0, total = 0;
  for (index i = 0; i < s.height; ++i)
    for (index j = 0; j < s.width; ++j) {
      const double w = weight(s.height, full_h, y, i) * weight(s.width, full_w, x, j);
      sum += w * in[static_cast<std::size_t>((i * s.width + j) * s.channels + c)];
      total += w;
    }
  return sum / total;
}

}  // namespace

TEST_CASE("data/resize: equals the definition but for the rounding of its two passes") {
  for (const image_shape from : {image_shape{3, 7, 5}, {1, 33, 50}, {3, 50, 33}, {1, 1, 1}, {3, 4, 90}})
    for (const index side : {1, 2, 8, 40}) {
      const bytes in = pattern(from);
      const image_shape to{from.channels, side, side};
      const index shorter = std::min(from.height, from.width);
      const index full_h = side * from.height / shorter, full_w = side * from.width / shorter;
      const bytes cropped = resized(from, in, image_fit::crop, to),
                  stretched = resized(from, in, image_fit::stretch, to);
      double worst = 0;
      for (index y = 0; y < side; ++y)
        for (index x = 0; x < side; ++x)
          for (index c = 0; c < to.channels; ++c) {
            const auto at = static_cast<std::size_t>((y * side + x) * to.channels + c);
            const auto top = static_cast<index>(std::nearbyint(static_cast<double>(full_h - side) / 2)),
                       left = static_cast<index>(std::nearbyint(static_cast<double>(full_w - side) / 2));
            worst = std::max(worst,
                             std::abs(cropped[at] - naive(from, in, full_h, full_w, y + top, x + left, c)));
            worst = std::max(worst, std::abs(stretched[at] - naive(from, in, side, side, y, x, c)));
          }
      CHECK(worst < 1.01);
    }
}

// Pillow 9.4: resize(BILINEAR) to floor(side * longer / shorter), then the centre as torchvision's CenterCrop
// has it.
TEST_CASE("data/resize: is Pillow's, bit for bit") {
  struct golden {
    image_shape from;
    image_fit fit;
    index side;
    bytes out;
  };
  const std::vector<golden> table{
      {{3, 7, 5}, image_fit::crop, 3, {22, 112, 197, 61,  148, 143, 124, 147, 113, 79,  169, 130, 134, 154,
                                       85, 104, 108, 135, 146, 158, 70,  95,  104, 137, 109, 123, 93}},
      {{3, 7, 5}, image_fit::stretch, 3, {34,  124, 191, 80,  158, 120, 126, 130, 120,
                                          113, 171, 86,  120, 121, 113, 100, 121, 112,
                                          152, 119, 115, 105, 138, 140, 118, 138, 105}},
      {{1, 5, 9},
       image_fit::crop,
       4,
       {67, 125, 164, 162, 143, 119, 90, 152, 124, 89, 153, 138, 62, 140, 110, 120}},
      {{1, 5, 9},
       image_fit::stretch,
       4,
       {19, 79, 154, 154, 68, 130, 106, 143, 116, 115, 132, 138, 127, 94, 122, 140}},
      {{3, 3, 4}, image_fit::crop, 4, {0,  90,  180, 5,  95,  185, 18,  108, 198, 38,  128, 218,
                                       19, 109, 199, 30, 120, 210, 49,  139, 149, 76,  166, 96,
                                       43, 133, 223, 60, 150, 173, 87,  177, 91,  122, 183, 46,
                                       62, 152, 242, 85, 175, 86,  119, 209, 43,  160, 174, 84}},
      {{3, 3, 4}, image_fit::stretch, 4, {0,  90,  180, 7,  97,  187, 28,  118, 208, 63,  153, 243,
                                          19, 109, 199, 35, 125, 215, 64,  154, 84,  107, 197, 127,
                                          43, 133, 223, 68, 158, 152, 106, 196, 30,  159, 153, 83,
                                          62, 152, 242, 95, 185, 19,  142, 232, 66,  203, 37,  127}},
      {{1, 40, 30},
       image_fit::crop,
       4,
       {121, 134, 135, 132, 124, 124, 126, 134, 134, 130, 134, 132, 127, 130, 133, 128}},
      {{1, 40, 30},
       image_fit::stretch,
       4,
       {121, 132, 133, 132, 129, 126, 128, 133, 130, 131, 135, 129, 125, 124, 126, 131}},
  };
  for (const golden& g : table)
    CHECK(resized(g.from, pattern(g.from), g.fit, {g.from.channels, g.side, g.side}) == g.out);
}

TEST_CASE("data/resize: an image of the shape stays as it is, and a constant one constant") {
  const image_shape s{3, 6, 9};
  for (const image_fit fit : {image_fit::crop, image_fit::stretch}) {
    CHECK(resized(s, pattern(s), fit, s) == pattern(s));
    for (const std::uint8_t value : {std::uint8_t{0}, std::uint8_t{77}, std::uint8_t{255}})
      for (const index side : {1, 5, 31}) {
        const bytes out = resized({3, 20, 13}, bytes(780, value), fit, {3, side, side});
        CHECK(std::all_of(out.begin(), out.end(), [&](std::uint8_t b) { return b == value; }));
      }
  }
}

TEST_CASE("data/resize: a crop of the right height takes the centre, an odd rest as torchvision") {
  const auto columns = [](index width) {
    bytes row;
    for (index x = 0; x < width; ++x) row.push_back(static_cast<std::uint8_t>(x));
    return resized({1, 1, width}, row, image_fit::crop, {1, 1, 1})[0];
  };
  CHECK(columns(3) == 1);
  CHECK(columns(2) == 0);  // round(0.5) is 0
  CHECK(columns(4) == 2);  // round(1.5) is 2
  CHECK(columns(6) == 2);  // round(2.5) is 2
}

TEST_CASE("data/resize: a resizer in use gives what a fresh one gives, for a shape that is no square too") {
  image_resizer used;
  for (const image_shape from : {image_shape{3, 20, 30}, {1, 9, 9}, {3, 30, 20}, {3, 20, 30}})
    for (const image_shape to : {image_shape{0, 8, 5}, {0, 5, 8}, {0, 30, 30}}) {
      const image_shape shape{from.channels, to.height, to.width};
      bytes out(static_cast<std::size_t>(shape.size()));
      used(from, pattern(from), image_fit::crop, shape, out);
      CHECK(out == resized(from, pattern(from), image_fit::crop, shape));
    }
}

TEST_CASE("data/resize: extents that do not agree are refused") {
  bytes in(12), out(12);
  image_resizer r;
  const auto refusal = [&](image_shape from, image_shape to) {
    return message<shape_error>([&] { r(from, in, image_fit::crop, to, out); });
  };
  CHECK(refusal({3, 2, 2}, {3, 2, 2}).empty());
  CHECK(says(refusal({3, 2, 2}, {1, 4, 3}), "image_resizer: 2x2x3 in 12 bytes to 4x3x1 in 12 bytes"));
  CHECK(says(refusal({3, 2, 1}, {3, 2, 2}), "2x1x3 in 12 bytes"));
  CHECK(says(refusal({2, 2, 3}, {2, 2, 3}), "expected both of 1 or of 3 channels"));
  CHECK(says(refusal({3, 0, 2}, {3, 2, 2}), "0x2x3"));
}
