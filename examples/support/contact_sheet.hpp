#pragma once
/// Many small images as one large one.

#include <array>
#include <cstdint>
#include <span>

#include "support/png.hpp"

namespace ssl_example {

struct sheet_options {
  int columns = 8;
  int scale = 2;  ///< each pixel becomes a square of this side
  int gap = 4;    ///< pixels between tiles and around them, after scaling
  std::array<std::uint8_t, 3> background = {255, 255, 255};
};

/// `image` with every pixel repeated `factor` times in both directions.
rgb_image enlarge(const rgb_image& image, int factor);

/// The images row by row, each at the top left of a cell as large as the largest of them; unused cells stay
/// background. No images give an image of one pixel. ssl::option_error for columns or scale below 1, gap
/// below 0.
rgb_image tile(std::span<const rgb_image> images, const sheet_options& options = {});

}  // namespace ssl_example
