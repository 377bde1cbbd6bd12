#pragma once
/// JPEG and PNG files of every kind, written by the libraries themselves. Needs bagssl::image.

#include <cstdio>

#include <jpeglib.h>
#include <png.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "ssl/core/shape.hpp"

namespace ssl::test {

using bytes = std::vector<std::uint8_t>;

/// A smooth image of any number of channels: JPEG keeps it nearly as it is.
inline bytes smooth_image(image_shape s, unsigned seed = 0) {
  bytes out;
  for (index y = 0; y < s.height; ++y)
    for (index x = 0; x < s.width; ++x)
      for (index c = 0; c < s.channels; ++c)
        out.push_back(static_cast<std::uint8_t>(std::lround(
            128 + 100 * std::sin(0.07 * static_cast<double>(x) + 0.9 * static_cast<double>(c) + seed) *
                      std::cos(0.05 * static_cast<double>(y) + 0.3 * static_cast<double>(seed)))));
  return out;
}

struct jpeg_kind {
  J_COLOR_SPACE in = JCS_RGB, stored = JCS_YCbCr;
  int quality = 100;
  bool progressive = false, adobe = false, subsampled = false;
};

/// `pixels`: (channels, width * height) in the colours of kind.in.
inline bytes jpeg_file(image_shape s, const bytes& pixels, jpeg_kind kind = {}) {
  jpeg_compress_struct c{};
  jpeg_error_mgr errors{};
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &memory, &size);
  c.image_width = static_cast<JDIMENSION>(s.width);
  c.image_height = static_cast<JDIMENSION>(s.height);
  c.input_components = static_cast<int>(s.channels);
  c.in_color_space = kind.in;
  jpeg_set_defaults(&c);
  jpeg_set_colorspace(&c, kind.stored);
  jpeg_set_quality(&c, kind.quality, TRUE);
  if (!kind.subsampled)
    for (int k = 0; k < c.num_components; ++k)
      c.comp_info[k].h_samp_factor = c.comp_info[k].v_samp_factor = 1;
  if (kind.progressive) jpeg_simple_progression(&c);
  c.write_Adobe_marker = kind.adobe ? TRUE : FALSE;
  jpeg_start_compress(&c, TRUE);
  while (c.next_scanline < c.image_height) {
    auto* row = const_cast<JSAMPROW>(pixels.data() +
                                     c.next_scanline * static_cast<std::size_t>(s.width * s.channels));
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  jpeg_destroy_compress(&c);
  bytes file(memory, memory + size);
  std::free(memory);
  return file;
}

struct png_kind {
  int colour = PNG_COLOR_TYPE_RGB, bits = 8;
  bool interlaced = false;
  std::vector<png_color> palette{};
  bytes palette_alpha{};
};

/// `rows`: height rows of packed samples as PNG stores them (16 bits: big-endian); none leaves the
/// file after its header.
inline bytes png_file(index height, index width, const bytes& rows, const png_kind& kind = {}) {
  bytes file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp p, png_bytep data, png_size_t n) {
        auto* const to = static_cast<bytes*>(png_get_io_ptr(p));
        to->insert(to->end(), data, data + n);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), kind.bits,
               kind.colour, kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!kind.palette.empty())
    png_set_PLTE(png, info, kind.palette.data(), static_cast<int>(kind.palette.size()));
  if (!kind.palette_alpha.empty())
    png_set_tRNS(png, info, kind.palette_alpha.data(), static_cast<int>(kind.palette_alpha.size()), nullptr);
  png_write_info(png, info);
  const std::size_t pitch = rows.size() / static_cast<std::size_t>(height);
  const int passes = rows.empty() ? 0 : png_set_interlace_handling(png);
  for (int pass = 0; pass < passes; ++pass)
    for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y)
      png_write_row(png, rows.data() + y * pitch);
  if (passes > 0) png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

}  // namespace ssl::test
