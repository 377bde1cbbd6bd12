#include "support/heat_map.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "support/format.hpp"
#include "support/plot_axes.hpp"
#include "support/svg.hpp"

namespace ssl_example {
namespace {

constexpr std::size_t most_separate_cells = 400;  // more are drawn together, without a tip each
constexpr int levels = 40;                        // of the colour, where cells are drawn together

std::string cell_text(double value, const heat_options& o) {
  std::string text = fixed(o.percent ? 100 * value : value, o.digits);
  if (text.starts_with("-")) text.replace(0, 1, "−");
  return text;
}

std::string paint(double strength) {
  return std::string(" fill=\"var(") + (strength < 0 ? "--heat-below" : "--heat") + ")\" fill-opacity=\"" +
         fixed(std::abs(strength), 2) + "\"";
}

/// Everything that has a place in the drawing, in pixels.
struct layout {
  double left = 0, top = 0, cell_w = 0, cell_h = 0, bottom = 0, height = 0, legend = 0;
  std::size_t row_most = 0;                     // characters of a row's name
  bool upright = false;                         // the columns' names stand upright
  bool values = false;                          // the cells show their values
  std::size_t every_row = 1, every_column = 1;  // which names are written
};

layout place(const heat_map& m, const heat_options& o, double width, double font) {
  layout at;
  const double r = static_cast<double>(m.rows.size()), c = static_cast<double>(m.columns.size());
  const auto longest = [](const std::vector<std::string>& names) {
    std::size_t most = 0;
    for (const std::string& name : names) most = std::max(most, svg::characters(name));
    return most;
  };
  at.row_most = std::min(longest(m.rows), static_cast<std::size_t>(0.3 * width / (0.56 * font)));
  at.left = 8 + 0.56 * font * static_cast<double>(at.row_most);
  at.cell_w = std::min((width - at.left - 2) / c, 96.0);
  std::size_t widest = 0;
  for (const double v : m.values) widest = std::max(widest, svg::characters(cell_text(v, o)));
  at.values = 0.6 * font * static_cast<double>(widest) + 4 <= at.cell_w && r <= 40;
  at.cell_h = std::clamp(at.cell_w, std::min(at.values ? 1.9 * font : 3.0, 40.0), 40.0);
  if (r * at.cell_h > 1.1 * width && !at.values) at.cell_h = 1.1 * width / r;
  const std::size_t column_most = longest(m.columns);
  at.upright = 0.56 * font * static_cast<double>(column_most) + 6 > at.cell_w;
  const auto step = [&](double side) {
    return static_cast<std::size_t>(std::max(1.0, std::ceil(1.1 * font / side - 1e-9)));
  };
  at.every_row = step(at.cell_h);
  at.every_column = at.upright ? step(at.cell_w) : 1;
  at.top = o.row_label.empty() ? 4 : 1.8 * font;
  at.bottom = at.top + r * at.cell_h;
  const double names = at.upright
                           ? 10 + 0.56 * font * static_cast<double>(std::min<std::size_t>(column_most, 18))
                           : 1.7 * font;
  at.legend = at.bottom + names + (o.column_label.empty() ? 0.6 : 2.0) * font;
  at.height = at.legend + 3.6 * font;
  return at;
}

/// The bar that explains the colours.
std::string legend(const heat_scale& scale, const heat_options& o, double width, double y, double font) {
  const double left = 1.6 * font, bar = std::min(260.0, 0.6 * width), high = 0.8 * font;
  std::string text = svg::text_at(2, y + 0.9 * font, "start", "label", o.value_label);
  const double top = y + 1.3 * font;
  constexpr int steps = 52;
  const double w = bar / steps;
  for (int k = 0; k < steps; ++k) {
    const double value = scale.low + (k + 0.5) / steps * (scale.high - scale.low);
    text += "<rect shape-rendering=\"crispEdges\" x=\"" + svg::px(left + k * w) + "\" y=\"" + svg::px(top) +
            "\" width=\"" + svg::px(w) + "\" height=\"" + svg::px(high) + "\"" +
            paint(scale.strength(value)) + "/>";
  }
  text += "<rect class=\"cell\" x=\"" + svg::px(left) + "\" y=\"" + svg::px(top) + "\" width=\"" +
          svg::px(bar) + "\" height=\"" + svg::px(high) + "\" fill=\"none\"/>";
  const double step = plotting::nice_step(scale.high - scale.low, 5);
  for (const auto& [value, name] : plotting::linear_ticks({scale.low, scale.high}, step, o.percent))
    text += svg::text_at(left + (value - scale.low) / (scale.high - scale.low) * bar,
                         top + high + 1.15 * font, "middle", "tick", name);
  return text;
}

}  // namespace

double heat_scale::strength(double value) const {
  if (diverging) return std::clamp(value / high, -1.0, 1.0);
  return std::clamp((value - low) / (high - low), 0.0, 1.0);
}

heat_scale scale_of(const heat_map& map, const heat_options& options) {
  plotting::range r;
  for (const double v : map.values)
    if (ssl::is_finite(v)) r.add(v);
  if (r.empty()) r = {0, 1};
  heat_scale scale{options.low.value_or(r.low), options.high.value_or(r.high), options.diverging};
  if (scale.diverging) {
    const double most = std::max(std::abs(scale.low), std::abs(scale.high));
    scale.high = most > 0 ? most : 1;
    scale.low = -scale.high;
  } else if (!(scale.low < scale.high)) {
    scale.low = std::min(scale.low, 0.0);
    if (!(scale.low < scale.high)) scale.high = scale.low + 1;
  }
  return scale;
}

std::string heat_map_svg(const heat_map& m, const heat_options& o, double width, double font) {
  const std::size_t r = m.rows.size(), c = m.columns.size();
  if (m.values.size() != r * c)
    throw ssl::shape_error("heat map: " + std::to_string(m.values.size()) + " values, expected " +
                           std::to_string(r) + " rows of " + std::to_string(c));
  if (r * c == 0)
    return svg::open(width, 3 * font, font, "no values") +
           svg::text_at(2, 2 * font, "start", "label", "no values") + "</svg>";
  const heat_scale scale = scale_of(m, o);
  const layout at = place(m, o, width, font);
  std::string drawing = svg::open(
      width, at.height, font,
      (o.value_label.empty() ? "values" : o.value_label) + " by " + o.row_label + " and " + o.column_label);
  if (!o.row_label.empty()) drawing += svg::text_at(2, font, "start", "label", o.row_label);

  std::array<std::string, 2 * levels + 1> together;
  for (std::size_t i = 0; i < r; ++i) {
    const double y = at.top + static_cast<double>(i) * at.cell_h;
    if (i % at.every_row == 0)
      drawing += svg::text_at(at.left - 5, y + at.cell_h / 2 + 0.35 * font, "end", "tick",
                              svg::shortened(m.rows[i], at.row_most));
    for (std::size_t j = 0; j < c; ++j) {
      const double v = m.values[i * c + j], x = at.left + static_cast<double>(j) * at.cell_w;
      if (!ssl::is_finite(v)) continue;
      const double strength = scale.strength(v);
      if (r * c > most_separate_cells) {
        const auto level = static_cast<std::size_t>(std::lround(strength * levels) + levels);
        together[level] += "M" + fixed(x, 2) + " " + fixed(y, 2) + "h" + fixed(at.cell_w, 2) + "v" +
                           fixed(at.cell_h, 2) + "h-" + fixed(at.cell_w, 2) + "z";
      } else {
        drawing +=
            "<rect class=\"cell\" x=\"" + svg::px(x) + "\" y=\"" + svg::px(y) + "\" width=\"" +
            svg::px(at.cell_w) + "\" height=\"" + svg::px(at.cell_h) + "\"" + paint(strength) + "><title>" +
            escape_html(m.rows[i] + ", " + m.columns[j] + ": " + cell_text(v, o) + (o.percent ? " %" : "")) +
            "</title></rect>";
      }
      if (at.values)
        drawing += svg::text_at(x + at.cell_w / 2, y + at.cell_h / 2 + 0.35 * font, "middle",
                                std::abs(strength) > 0.65 ? "value strong" : "value", cell_text(v, o));
    }
  }
  for (int k = -levels; k <= levels; ++k) {
    const std::string& cells = together[static_cast<std::size_t>(k + levels)];
    if (!cells.empty() && k != 0)
      drawing += "<path d=\"" + cells + "\"" + paint(static_cast<double>(k) / levels) + "/>";
  }
  if (r * c > most_separate_cells)
    drawing += "<rect class=\"cell\" x=\"" + svg::px(at.left) + "\" y=\"" + svg::px(at.top) + "\" width=\"" +
               svg::px(static_cast<double>(c) * at.cell_w) + "\" height=\"" + svg::px(at.bottom - at.top) +
               "\" fill=\"none\"/>";

  for (std::size_t j = 0; j < c; j += at.every_column) {
    const double x = at.left + (static_cast<double>(j) + 0.5) * at.cell_w;
    if (!at.upright) {
      drawing += svg::text_at(x, at.bottom + 1.3 * font, "middle", "tick", m.columns[j]);
      continue;
    }
    const std::string place = svg::px(x + 0.35 * font) + " " + svg::px(at.bottom + 6);
    drawing += "<text class=\"tick\" text-anchor=\"end\" transform=\"translate(" + place +
               ") rotate(-90)\">" + escape_html(svg::shortened(m.columns[j], 18)) + "</text>";
  }
  if (!o.column_label.empty())
    drawing += svg::text_at(at.left + static_cast<double>(c) * at.cell_w / 2, at.legend - 0.8 * font,
                            "middle", "label", o.column_label);
  return drawing + legend(scale, o, width, at.legend, font) + "</svg>";
}

}  // namespace ssl_example
