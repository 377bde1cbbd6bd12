#pragma once
// SPDX-License-Identifier: MIT

/// One image file, JPEG or PNG, made pixels of the shape that is asked for. What a file is, its first bytes
/// say and not its name. Include it by name and link the target bagssl::image.

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/shape.hpp"
#include "ssl/data/file.hpp"
#include "ssl/data/jpeg.hpp"
#include "ssl/data/png.hpp"
#include "ssl/data/resize.hpp"

namespace ssl {

/// Images of more pixels than this are refused before memory is asked for: 400 MB in colour.
inline constexpr index max_image_pixels = index{1} << 27;

/// An image of its own size: (channels, height * width) bytes, channel-last.
struct decoded_image {
  image_shape shape{};
  std::vector<std::uint8_t> pixels;
};

namespace detail {

inline bool starts_with(std::span<const std::uint8_t> file, std::string_view bytes, std::size_t at = 0) {
  return file.size() >= at + bytes.size() &&
         std::equal(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

/// The sentence about a file that is neither JPEG nor PNG.
inline std::string not_an_image(std::span<const std::uint8_t> file, const std::string& name) {
  using namespace std::string_view_literals;
  constexpr const char* expected = ", expected a JPEG or PNG image";
  if (file.empty()) return name + ": is empty" + expected;
  const char* kind = nullptr;
  if (starts_with(file, "GIF8")) kind = "GIF";
  if (starts_with(file, "BM")) kind = "BMP";
  if (starts_with(file, "P5") || starts_with(file, "P6")) kind = "PNM";
  if (starts_with(file, "RIFF") && starts_with(file, "WEBP", 8)) kind = "WebP";
  if (starts_with(file, "II*\0"sv) || starts_with(file, "MM\0*"sv)) kind = "TIFF";
  if (starts_with(file, "ftypheic", 4) || starts_with(file, "ftypmif1", 4)) kind = "HEIF";
  if (starts_with(file, "ftypavif", 4)) kind = "AVIF";
  if (starts_with(file, "\0\0\0\x0cjP  "sv)) kind = "JPEG 2000";
  if (kind) return name + ": is a " + kind + " image, which is not supported" + expected;
  return name + ": is no image (its first bytes are of no known kind)" + expected;
}

/// body(reader) with the reader of the file's kind. Throws data_error for what is no image, or absurdly
/// large.
template <class Body>
void with_image_reader(std::span<const std::uint8_t> file, const std::string& name, index channels,
                       const Body& body) {
  if (channels != 1 && channels != 3)
    throw option_error("images of " + std::to_string(channels) + " channels are asked for, expected 1 or 3");
  const auto open = [&](auto& reader) {
    const image_shape s = reader.whole();
    if (s.height > max_image_pixels / s.width)
      throw data_error(name + ": claims to be " + std::to_string(s.width) + " x " + std::to_string(s.height) +
                       " pixels, expected at most " + std::to_string(max_image_pixels));
    body(reader);
  };
  if (starts_with(file, "\xff\xd8\xff")) {
    jpeg_reader reader(file, name, channels);
    open(reader);
  } else if (starts_with(file, "\x89PNG\r\n\x1a\n")) {
    png_reader reader(file, name, channels);
    open(reader);
  } else {
    throw data_error(not_an_image(file, name));
  }
}

}  // namespace detail

/// The shape of the image in `file`, by its header alone. `name` begins the messages. Throws data_error.
inline image_shape image_file_shape(std::span<const std::uint8_t> file, const std::string& name,
                                    index channels = 3) {
  image_shape shape{};
  detail::with_image_reader(file, name, channels, [&](auto& reader) { shape = reader.shape(); });
  return shape;
}

/// image = the image in `file`, of its own size, in 1 or 3 channels; its memory is used again. Throws
/// data_error if the file is empty, truncated, damaged, no image, of an unsupported kind, or of more than
/// max_image_pixels.
inline void decode_image(std::span<const std::uint8_t> file, const std::string& name, index channels,
                         decoded_image& image) {
  detail::with_image_reader(file, name, channels, [&](auto& reader) {
    image.shape = reader.shape();
    image.pixels.resize(static_cast<std::size_t>(image.shape.size()));
    reader.read(image.pixels);
  });
}
inline decoded_image decode_image(std::span<const std::uint8_t> file, const std::string& name,
                                  index channels = 3) {
  decoded_image image;
  decode_image(file, name, channels, image);
  return image;
}

/// The image in a file. Throws data_error as above, and if the file cannot be read.
inline decoded_image read_image_file(const std::filesystem::path& path, index channels = 3) {
  return decode_image(read_file(path), path.string(), channels);
}

/// Decodes files to one shape, again and again in the same memory: keep one for each thread.
class image_decoder {
 public:
  /// out (shape) = the image in `file`, resized by `fit` where it has another shape. `reduced`: a large JPEG
  /// may be decoded at 1/2, 1/4 or 1/8 first, as long as that leaves at least `shape`; much faster, and not
  /// bit for bit what resizing the whole image gives. Throws data_error as decode_image.
  void operator()(std::span<const std::uint8_t> file, const std::string& name, image_shape shape,
                  image_fit fit, bool reduced, std::span<std::uint8_t> out) {
    detail::with_image_reader(file, name, shape.channels, [&](auto& reader) {
      if constexpr (requires { reader.reduce(index{}, index{}); })
        if (reduced) reader.reduce(shape.height, shape.width);
      const image_shape own = reader.shape(), whole = reader.whole();
      if (own == shape && whole == image_shape{own.channels, own.height * reader.reduction(),
                                               own.width * reader.reduction()}) {
        reader.read(out);
      } else {
        pixels_.resize(static_cast<std::size_t>(own.size()));
        reader.read(pixels_);
        resize_(own, pixels_, whole, reader.reduction(), fit, shape, out);
      }
    });
  }

  /// out (shape) = the image in `file` if it has the shape; else nothing. Returns the shape it has. Throws as
  /// above.
  image_shape exact(std::span<const std::uint8_t> file, const std::string& name, image_shape shape,
                    std::span<std::uint8_t> out) {
    image_shape own{};
    detail::with_image_reader(file, name, shape.channels, [&](auto& reader) {
      own = reader.shape();
      if (own == shape) reader.read(out);
    });
    return own;
  }

  /// Decodes the image for its own sake. Returns its shape. Throws as above.
  image_shape whole(std::span<const std::uint8_t> file, const std::string& name, index channels) {
    image_shape own{};
    detail::with_image_reader(file, name, channels, [&](auto& reader) {
      own = reader.shape();
      pixels_.resize(static_cast<std::size_t>(own.size()));
      reader.read(pixels_);
    });
    return own;
  }

 private:
  std::vector<std::uint8_t> pixels_;
  image_resizer resize_;
};

}  // namespace ssl
