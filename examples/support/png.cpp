#include "support/png.hpp"

#include "ssl/core/error.hpp"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace ssl_example {

std::string encode_png(const rgb_image& image) {
  const bool positive = image.width > 0 && image.height > 0;
  const std::size_t expected =
      positive ? static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3 : 0;
  if (!positive || image.data.size() != expected) {
    throw ssl::shape_error("an RGB image of " + std::to_string(image.width) + " x " +
                           std::to_string(image.height) + " pixels holds " +
                           std::to_string(image.data.size()) + " bytes, expected " +
                           (positive ? std::to_string(expected) : "at least one pixel"));
  }
  std::string file;
  const auto append = [](void* target, void* bytes, int size) {
    static_cast<std::string*>(target)->append(static_cast<const char*>(bytes),
                                              static_cast<std::size_t>(size));
  };
  if (!stbi_write_png_to_func(append, &file, image.width, image.height, 3, image.data.data(),
                              3 * image.width)) {
    throw ssl::error("an image could not be encoded as PNG: out of memory");
  }
  return file;
}

std::string base64(std::string_view bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t taken = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      word = word << 8 | (k < taken ? static_cast<std::uint8_t>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= taken ? digits[word >> (18 - 6 * k) & 63u] : '=';
    }
  }
  return text;
}

}  // namespace ssl_example
