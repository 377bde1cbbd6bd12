#include "support/svg.hpp"

#include <algorithm>

#include "support/format.hpp"

namespace ssl_example {

std::string escape_html(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '&':
        safe += "&amp;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

namespace svg {

std::string px(double v) {
  std::string text = fixed(v, 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string text_at(double x, double y, const char* anchor, const char* kind, std::string_view text) {
  return "<text x=\"" + px(x) + "\" y=\"" + px(y) + "\" text-anchor=\"" + anchor + "\" class=\"" + kind +
         "\">" + escape_html(text) + "</text>";
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

double text_width(std::string_view text, double font) {
  return 0.56 * font * static_cast<double>(characters(text));
}

std::string shortened(std::string_view text, std::size_t most) {
  if (characters(text) <= most) return std::string(text);
  std::string start;
  std::size_t taken = 0;
  for (const char c : text) {
    const bool first = (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
    if (first && ++taken > std::max<std::size_t>(most, 2) - 1) break;
    start += c;
  }
  return start + "…";
}

std::string open(double width, double height, double font, std::string_view label) {
  return "<svg class=\"plot\" viewBox=\"0 0 " + px(width) + " " + px(height) + "\" font-size=\"" + px(font) +
         "\" role=\"img\" aria-label=\"" + escape_html(label) + "\">";
}

}  // namespace svg
}  // namespace ssl_example
