#include "support/contact_sheet.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

#include "ssl/core/error.hpp"

namespace ssl_example {
namespace {

void require_at_least(const char* name, int value, int least) {
  if (value < least) {
    throw ssl::option_error(std::string("contact sheet: ") + name + " is " + std::to_string(value) +
                            ", expected at least " + std::to_string(least));
  }
}

std::size_t pixel(const rgb_image& image, int x, int y) {
  return (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x)) *
         3;
}

void check(const rgb_image& image) {
  if (image.width < 0 || image.height < 0 || image.data.size() != pixel(image, 0, image.height)) {
    throw ssl::shape_error("contact sheet: an RGB image of " + std::to_string(image.width) + " x " +
                           std::to_string(image.height) + " pixels holds " +
                           std::to_string(image.data.size()) + " bytes, expected 3 for each pixel");
  }
}

/// Draws `image` enlarged with its top left corner at (left, top) of `sheet`.
void draw(const rgb_image& image, int scale, int left, int top, rgb_image& sheet) {
  for (int y = 0; y < image.height * scale; ++y) {
    for (int x = 0; x < image.width * scale; ++x) {
      const auto from = image.data.begin() + static_cast<std::ptrdiff_t>(pixel(image, x / scale, y / scale));
      std::copy_n(from, 3, sheet.data.begin() + static_cast<std::ptrdiff_t>(pixel(sheet, left + x, top + y)));
    }
  }
}

}  // namespace

rgb_image enlarge(const rgb_image& image, int factor) {
  check(image);
  require_at_least("scale", factor, 1);
  rgb_image large{image.width * factor, image.height * factor, {}};
  large.data.resize(pixel(large, 0, large.height));
  draw(image, factor, 0, 0, large);
  return large;
}

rgb_image tile(std::span<const rgb_image> images, const sheet_options& options) {
  require_at_least("columns", options.columns, 1);
  require_at_least("scale", options.scale, 1);
  require_at_least("gap", options.gap, 0);
  int cell_width = 0;
  int cell_height = 0;
  for (const rgb_image& image : images) {
    check(image);
    cell_width = std::max(cell_width, image.width * options.scale);
    cell_height = std::max(cell_height, image.height * options.scale);
  }
  const int total = static_cast<int>(images.size());
  const int columns = std::min(options.columns, total);
  const int rows = columns == 0 ? 0 : (total + columns - 1) / columns;
  rgb_image sheet{std::max(1, columns * (cell_width + options.gap) + options.gap),
                  std::max(1, rows * (cell_height + options.gap) + options.gap),
                  {}};
  if (total == 0) sheet.width = sheet.height = 1;
  sheet.data.resize(pixel(sheet, 0, sheet.height));
  for (std::size_t i = 0; i < sheet.data.size(); ++i) sheet.data[i] = options.background[i % 3];
  for (int i = 0; i < total; ++i) {
    draw(images[static_cast<std::size_t>(i)], options.scale,
         options.gap + i % columns * (cell_width + options.gap),
         options.gap + i / columns * (cell_height + options.gap), sheet);
  }
  return sheet;
}

}  // namespace ssl_example
