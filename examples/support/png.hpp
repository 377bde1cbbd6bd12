#pragma once
/// Small RGB images in memory, and PNG files made of them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ssl_example {

/// Eight bits a channel, rows from the top.
struct rgb_image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> data{};  // (height, width, 3)
};

/// The bytes of a PNG file. ssl::shape_error unless data holds height * width * 3 > 0 bytes.
std::string encode_png(const rgb_image& image);

/// RFC 4648 with padding, no line breaks.
std::string base64(std::string_view bytes);

}  // namespace ssl_example
