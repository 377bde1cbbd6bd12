#pragma once
/// Pieces that all drawings of a page share.

#include <cstddef>
#include <string>
#include <string_view>

namespace ssl_example {

/// `<`, `>`, `&`, `"` and `'` made harmless.
std::string escape_html(std::string_view text);

namespace svg {

/// A coordinate: a tenth of a pixel is enough.
std::string px(double v);

/// A text with its anchor (start, middle, end) at (x, y), of the class `kind`.
std::string text_at(double x, double y, const char* anchor, const char* kind, std::string_view text);

/// Characters of a UTF-8 text, and the pixels that they take at a font size, more or less.
std::size_t characters(std::string_view text);
double text_width(std::string_view text, double font);

/// The text, or its beginning and an ellipsis where it is longer than `most` characters.
std::string shortened(std::string_view text, std::size_t most);

/// The opening tag of a drawing that fills the width it is given; `label` tells what it shows to who cannot
/// see it.
std::string open(double width, double height, double font, std::string_view label);

}  // namespace svg
}  // namespace ssl_example
