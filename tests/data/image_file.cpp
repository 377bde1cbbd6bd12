#include "ssl/data/image_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/image_files.hpp"
#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

/// The largest difference of two images; 1000 if their sizes differ.
int apart(const bytes& a, const bytes& b) {
  if (a.size() != b.size()) return 1000;
  int worst = 0;
  for (std::size_t k = 0; k < a.size(); ++k) worst = std::max(worst, std::abs(a[k] - b[k]));
  return worst;
}

bytes grey_to_rgb(const bytes& grey) {
  bytes out;
  for (const std::uint8_t g : grey) out.insert(out.end(), {g, g, g});
  return out;
}

/// By Pillow's weights, which are BT.601's in sixteen bits.
bytes rgb_to_grey(const bytes& rgb) {
  bytes out;
  for (std::size_t k = 0; k < rgb.size(); k += 3)
    out.push_back(static_cast<std::uint8_t>(
        std::floor((19595.0 * rgb[k] + 38470.0 * rgb[k + 1] + 7471.0 * rgb[k + 2]) / 65536 + 0.5)));
  return out;
}

bytes decoded(const bytes& file, index channels = 3) { return decode_image(file, "x", channels).pixels; }
std::string refusal(const bytes& file) {
  return message([&] { decode_image(file, "x.jpg"); });
}

const image_shape shape{3, 23, 37}, one{1, 23, 37}, four{4, 23, 37};

}  // namespace

TEST_CASE("data/image_file: JPEG in colour and grey, baseline and progressive, as colour and as grey") {
  const bytes colour = smooth_image(shape), grey = smooth_image(one);
  for (const bool progressive : {false, true}) {
    CHECK(apart(decoded(jpeg_file(shape, colour, {.progressive = progressive})), colour) <= 3);
    CHECK(apart(decoded(jpeg_file(shape, colour, {.stored = JCS_RGB, .progressive = progressive})), colour) <=
          2);
    CHECK(apart(decoded(jpeg_file(shape, colour, {.progressive = progressive}), 1), rgb_to_grey(colour)) <=
          3);
    const bytes file =
        jpeg_file(one, grey, {.in = JCS_GRAYSCALE, .stored = JCS_GRAYSCALE, .progressive = progressive});
    CHECK(apart(decoded(file, 1), grey) <= 1);
    CHECK(decoded(file) == grey_to_rgb(decoded(file, 1)));
  }
  CHECK(image_file_shape(jpeg_file(shape, colour), "x") == shape);
  CHECK(image_file_shape(jpeg_file(shape, colour), "x", 1) == one);
}

TEST_CASE("data/image_file: CMYK and YCCK by Adobe's inverted inks, and inks that are not inverted") {
  const bytes inks = smooth_image(four);
  bytes inverted, plain;
  for (std::size_t k = 0; k < inks.size(); k += 4)
    for (std::size_t c = 0; c < 3; ++c) {
      inverted.push_back(static_cast<std::uint8_t>(std::lround(inks[k + c] * inks[k + 3] / 255.0)));
      plain.push_back(
          static_cast<std::uint8_t>(std::lround((255 - inks[k + c]) * (255 - inks[k + 3]) / 255.0)));
    }
  for (const J_COLOR_SPACE stored : {JCS_CMYK, JCS_YCCK}) {
    const bytes file = jpeg_file(four, inks, {.in = JCS_CMYK, .stored = stored, .adobe = true});
    CHECK(apart(decoded(file), inverted) <= 4);
    CHECK(apart(decoded(file, 1), rgb_to_grey(inverted)) <= 4);
  }
  CHECK(apart(decoded(jpeg_file(four, inks, {.in = JCS_CMYK, .stored = JCS_CMYK})), plain) <= 4);
}

TEST_CASE("data/image_file: PNG of every kind, interlaced or not") {
  const bytes colour = smooth_image(shape), grey = smooth_image(one), with_alpha = smooth_image(four);
  bytes opaque, wide, wide_grey, grey_alpha;
  for (std::size_t k = 0; k < with_alpha.size(); k += 4)
    opaque.insert(opaque.end(), with_alpha.begin() + static_cast<std::ptrdiff_t>(k),
                  with_alpha.begin() + static_cast<std::ptrdiff_t>(k) + 3);
  for (const std::uint8_t v : colour)
    wide.insert(wide.end(), {v, 100});  // 256 v + 100: v is the nearest of 8 bits
  for (const std::uint8_t v : grey) {
    wide_grey.insert(wide_grey.end(), {v, static_cast<std::uint8_t>(v)});
    grey_alpha.insert(grey_alpha.end(), {v, 3});
  }
  for (const bool interlaced : {false, true}) {
    const auto file = [&](int type, int bits, const bytes& rows) {
      return png_file(23, 37, rows, {.colour = type, .bits = bits, .interlaced = interlaced});
    };
    CHECK(decoded(file(PNG_COLOR_TYPE_RGB, 8, colour)) == colour);
    CHECK(decoded(file(PNG_COLOR_TYPE_RGB, 8, colour), 1) == rgb_to_grey(colour));
    CHECK(decoded(file(PNG_COLOR_TYPE_GRAY, 8, grey)) == grey_to_rgb(grey));
    CHECK(decoded(file(PNG_COLOR_TYPE_GRAY, 8, grey), 1) == grey);
    CHECK(decoded(file(PNG_COLOR_TYPE_RGB_ALPHA, 8, with_alpha)) == opaque);
    CHECK(decoded(file(PNG_COLOR_TYPE_RGB_ALPHA, 8, with_alpha), 1) == rgb_to_grey(opaque));
    CHECK(decoded(file(PNG_COLOR_TYPE_GRAY_ALPHA, 8, grey_alpha)) == grey_to_rgb(grey));
    CHECK(decoded(file(PNG_COLOR_TYPE_GRAY_ALPHA, 8, grey_alpha), 1) == grey);
    CHECK(apart(decoded(file(PNG_COLOR_TYPE_RGB, 16, wide)), colour) <= 1);
    CHECK(decoded(file(PNG_COLOR_TYPE_GRAY, 16, wide_grey), 1) == grey);  // v * 257 is v of 8 bits
    CHECK(image_file_shape(file(PNG_COLOR_TYPE_RGB, 8, colour), "x") == shape);
  }
}

TEST_CASE("data/image_file: PNG of one, two and four bits, as shades and as a palette with alpha") {
  for (const int bits : {1, 2, 4}) {
    const int values = 1 << bits, per_byte = 8 / bits;
    const index width = 13, height = 5;
    std::vector<png_color> palette;
    for (int v = 0; v < values; ++v)
      palette.push_back(
          {static_cast<png_byte>(10 * v), static_cast<png_byte>(200 - 9 * v), static_cast<png_byte>(v)});
    bytes rows, shades, colours;
    for (index y = 0; y < height; ++y)
      for (index x = 0; x < width; ++x) {
        const int v = static_cast<int>((3 * x + y) % values);
        if (x % per_byte == 0) rows.push_back(0);
        rows.back() =
            static_cast<std::uint8_t>(rows.back() | v << (8 - bits - static_cast<int>(x) % per_byte * bits));
        shades.push_back(static_cast<std::uint8_t>(v * 255 / (values - 1)));
        const png_color& c = palette[static_cast<std::size_t>(v)];
        colours.insert(colours.end(), {c.red, c.green, c.blue});
      }
    CHECK(decoded(png_file(height, width, rows, {.colour = PNG_COLOR_TYPE_GRAY, .bits = bits}), 1) == shades);
    CHECK(decoded(png_file(height, width, rows, {.colour = PNG_COLOR_TYPE_GRAY, .bits = bits})) ==
          grey_to_rgb(shades));
    for (const bytes& alpha : {bytes{}, bytes{0, 128}})
      CHECK(decoded(png_file(height, width, rows,
                             {.colour = PNG_COLOR_TYPE_PALETTE,
                              .bits = bits,
                              .palette = palette,
                              .palette_alpha = alpha})) == colours);
  }
}

TEST_CASE("data/image_file: the first bytes say what a file is, not its name") {
  const temporary_folder folder;
  const bytes colour = smooth_image(shape);
  CHECK(read_image_file(folder.file("a.jpg", png_file(23, 37, colour))).pixels == colour);
  CHECK(apart(read_image_file(folder.file("b.txt", jpeg_file(shape, colour))).pixels, colour) <= 3);
}

TEST_CASE("data/image_file: what is no image is refused in a sentence") {
  CHECK(refusal({}) == "x.jpg: is empty, expected a JPEG or PNG image");
  CHECK(says(refusal({'h', 'e', 'l', 'l', 'o'}), "x.jpg: is no image"));
  CHECK(says(refusal({0xff}), "x.jpg: is no image"));
  CHECK(says(refusal({'G', 'I', 'F', '8', '9', 'a'}),
             "is a GIF image, which is not supported, expected a JPEG"));
  CHECK(says(refusal({'R', 'I', 'F', 'F', 1, 2, 3, 4, 'W', 'E', 'B', 'P'}), "is a WebP image"));
  CHECK(says(refusal({'I', 'I', '*', 0, 8}), "is a TIFF image"));
  CHECK(says(refusal({'B', 'M', '*', 0, 8}), "is a BMP image"));
  CHECK(says(message([] { read_image_file("/nowhere/a.png"); }), "/nowhere/a.png: no such file"));
  const bytes png = png_file(23, 37, smooth_image(shape));
  CHECK(says(message<option_error>([&] { decode_image(png, "x", 4); }), "4 channels"));
}

TEST_CASE("data/image_file: a file cut off anywhere is broken") {
  const image_shape small{3, 16, 16};
  const bytes colour = smooth_image(small);
  for (const bytes& whole : {jpeg_file(small, colour), jpeg_file(small, colour, {.progressive = true}),
                             png_file(16, 16, colour), png_file(16, 16, colour, {.interlaced = true})}) {
    index wrong = 0;
    for (std::size_t size = 16; size < whole.size(); ++size) {
      const std::string text = refusal({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
      if (!says(text, "x.jpg: is truncated, expected more than its " + std::to_string(size) + " bytes"))
        ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(refusal(whole).empty());
  }
}

TEST_CASE("data/image_file: damage inside a file makes it broken, or changes its pixels") {
  const bytes colour = smooth_image(shape);
  bytes jpeg = jpeg_file(shape, colour);
  jpeg.insert(jpeg.end() - 30, {0xff, 0xd9});  // an end marker before the end
  CHECK(says(refusal(jpeg), "x.jpg: is damaged ("));
  CHECK(says(refusal({0xff, 0xd8, 0xff, 0xd9}), "expected an intact JPEG image"));

  bytes png = png_file(23, 37, colour);
  png[png.size() - 40] ^= 1;  // in the compressed pixels: their checksum no longer fits
  CHECK(says(refusal(png), "x.jpg: is damaged ("));
  CHECK(says(refusal(png), "expected an intact PNG image"));
  // Whatever byte is wrong: a sentence or an image, never a crash.
  for (const bytes& whole : {jpeg_file({3, 8, 8}, smooth_image({3, 8, 8}), {.progressive = true}),
                             png_file(8, 8, smooth_image({3, 8, 8}))})
    for (std::size_t at = 3; at < whole.size(); ++at) {
      bytes file = whole;
      file[at] ^= 0x55;
      const std::string text = refusal(file);
      if (!text.empty()) CHECK(text.starts_with("x.jpg: "));
    }
}

TEST_CASE("data/image_file: an absurd size is refused before memory is asked for") {
  bytes jpeg = jpeg_file({3, 8, 8}, smooth_image({3, 8, 8}));
  const bytes frame{0xff, 0xc0, 0, 17, 8};
  const auto at = std::search(jpeg.begin(), jpeg.end(), frame.begin(), frame.end());
  REQUIRE(at != jpeg.end());
  for (std::ptrdiff_t k = 5; k < 9; ++k) at[k] = 0xfd;
  CHECK(says(refusal(jpeg), "x.jpg: claims to be 65021 x 65021 pixels, expected at most 134217728"));
  bytes png = png_file(20000, 20000, {});
  png.insert(png.end(), {0, 0, 0, 9, 'I', 'D', 'A', 'T'});
  CHECK(says(refusal(png), "x.jpg: claims to be 20000 x 20000 pixels"));
}

TEST_CASE("data/image_file: a decoder resizes, and reduces a large JPEG by no more than it may") {
  const image_shape large{3, 90, 140};
  const bytes colour = smooth_image(large), jpeg = jpeg_file(large, colour), png = png_file(90, 140, colour);
  image_decoder decode;
  for (const image_fit fit : {image_fit::crop, image_fit::stretch})
    for (const index side : {8, 11, 12, 22, 23, 45, 46, 90, 100}) {
      const image_shape to{3, side, side};
      bytes out(static_cast<std::size_t>(to.size())), expected(out.size()), reduced(out.size());
      image_resizer{}(large, colour, fit, to, expected);
      decode(png, "x", to, fit, true, out);
      CHECK(out == expected);
      image_resizer{}(large, decoded(jpeg), fit, to, expected);
      decode(jpeg, "x", to, fit, false, out);
      CHECK(out == expected);
      decode(jpeg, "x", to, fit, true, reduced);
      CHECK(apart(reduced, expected) <= 8);
      CHECK((reduced == expected) == (side >= 46));
    }
  bytes same(colour.size());
  decode(png, "x", large, image_fit::crop, true, same);
  CHECK(same == colour);

  jpeg_reader reader(jpeg, "x", 3);
  reader.reduce(11, 17);
  CHECK(reader.shape() == image_shape{3, 12, 18});
  CHECK(reader.whole() == large);
  reader.reduce(12, 12);
  CHECK(reader.shape() == image_shape{3, 23, 35});
  reader.reduce(11, 18);
  CHECK(reader.shape() == image_shape{3, 23, 35});
  reader.reduce(91, 1);
  CHECK(reader.shape() == large);
}
