#include "support/scatter.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "support/format.hpp"
#include "support/plot_axes.hpp"
#include "support/svg.hpp"

namespace ssl_example {
namespace {

constexpr int palette = 10;  // colours of the page
constexpr int named = 20;    // groups that are named in the drawing

/// Ten groups have the page's colours; more of them go once around the circle of hues.
std::string colour(std::size_t group, std::size_t groups) {
  if (groups <= palette) return "var(--s" + std::to_string(group) + ")";
  return "hsl(" + std::to_string(group * 360 / groups) + " 65% " + (group % 2 == 0 ? "42%" : "58%") + ")";
}

struct place {
  double x = 0, y = 0;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::string scatter_legend(const scatter_map& map) {
  std::string html;
  for (std::size_t g = 0; g < map.names.size(); ++g)
    html +=
        "<li><svg viewBox=\"0 0 10 10\" width=\"10\" height=\"10\" aria-hidden=\"true\"><circle cx=\"5\" "
        "cy=\"5\" r=\"4.5\" fill=\"" +
        colour(g, map.names.size()) + "\"/></svg>" + escape_html(map.names[g]) + "</li>";
  return html.empty() ? html : "<ul class=\"legend\">" + html + "</ul>";
}

std::string scatter_svg(const scatter_map& map, double width, double height, double font) {
  const std::size_t n = map.x.size(), groups = map.names.size();
  if (map.y.size() != n || map.group.size() != n)
    throw ssl::shape_error("scatter: " + std::to_string(n) + " values of x, " + std::to_string(map.y.size()) +
                           " of y and " + std::to_string(map.group.size()) + " groups, expected as many");
  plotting::range xs, ys;
  std::vector<std::vector<place>> points(groups);
  const std::size_t drawn = std::min<std::size_t>(n, most_scatter_points);
  for (std::size_t k = 0; k < drawn; ++k) {
    const std::size_t i = k * n / drawn;
    if (map.group[i] < 0 || static_cast<std::size_t>(map.group[i]) >= groups)
      throw ssl::shape_error("scatter: a point has the group " + std::to_string(map.group[i]) +
                             ", expected 0 to " + std::to_string(static_cast<int>(groups) - 1));
    if (!ssl::is_finite(map.x[i]) || !ssl::is_finite(map.y[i])) continue;
    xs.add(map.x[i]);
    ys.add(map.y[i]);
    points[static_cast<std::size_t>(map.group[i])].push_back({map.x[i], map.y[i]});
  }
  const double left = 8 + 3.4 * font, right = width - 6;
  const double top = 12 + 1.2 * font, bottom = height - 3.4 * font;
  std::string drawing = svg::open(width, height, font, map.y_label + " against " + map.x_label);
  if (xs.empty())
    return drawing + svg::text_at(width / 2, height / 2, "middle", "label", "no points") + "</svg>";

  double x_unit = xs.span() / (right - left - 16), y_unit = ys.span() / (bottom - top - 16);  // of a pixel
  if (map.same_unit) x_unit = y_unit = std::max(x_unit, y_unit);
  if (!(x_unit > 0)) x_unit = 1 / (right - left);
  if (!(y_unit > 0)) y_unit = 1 / (bottom - top);
  const double x_mid = (xs.low + xs.high) / 2, y_mid = (ys.low + ys.high) / 2;
  const double px_mid = (left + right) / 2, py_mid = (top + bottom) / 2;
  const auto to_x = [&](double v) { return px_mid + (v - x_mid) / x_unit; };
  const auto to_y = [&](double v) { return py_mid - (v - y_mid) / y_unit; };
  const double wanted = std::clamp((right - left) / 38, 4.0, 10.0);
  const double x_step = plotting::nice_step(x_unit * (right - left), wanted);
  const double y_step = map.same_unit ? x_step : plotting::nice_step(y_unit * (bottom - top), 0.7 * wanted);
  const plotting::range across{x_mid - x_unit * (px_mid - left), x_mid + x_unit * (right - px_mid)};
  const plotting::range up{y_mid - y_unit * (bottom - py_mid), y_mid + y_unit * (py_mid - top)};
  for (const auto& [v, text] : plotting::linear_ticks(across, x_step, false))
    drawing += "<path class=\"grid\" d=\"M" + svg::px(to_x(v)) + " " + svg::px(top) + "V" + svg::px(bottom) +
               "\"/>" + svg::text_at(to_x(v), bottom + 1.4 * font, "middle", "tick", text);
  for (const auto& [v, text] : plotting::linear_ticks(up, y_step, false))
    drawing += "<path class=\"grid\" d=\"M" + svg::px(left) + " " + svg::px(to_y(v)) + "H" + svg::px(right) +
               "\"/>" + svg::text_at(left - 6, to_y(v) + 0.35 * font, "end", "tick", text);
  drawing += svg::text_at(2, font, "start", "label", map.y_label);
  drawing += svg::text_at(px_mid, height - 0.45 * font, "middle", "label", map.x_label);

  // A dot is a line without length and a round cap: few bytes a point.
  const double dot = drawn > 1500 ? 3.2 : drawn > 400 ? 4.2 : 5.5;
  for (std::size_t g = 0; g < groups; ++g) {
    if (points[g].empty()) continue;
    std::string path;
    for (const place p : points[g])
      path.append("M").append(svg::px(to_x(p.x))).append(" ").append(svg::px(to_y(p.y))).append("h0");
    drawing += "<path class=\"dots\" stroke-width=\"" + svg::px(dot) + "\" stroke=\"" + colour(g, groups) +
               "\" d=\"" + path + "\"><title>" + escape_html(map.names[g]) + "</title></path>";
  }
  if (groups > 1 && groups <= named) {
    std::vector<std::pair<place, std::size_t>> names;
    for (std::size_t g = 0; g < groups; ++g) {
      if (points[g].empty()) continue;
      std::vector<double> x, y;
      for (const place p : points[g]) {
        x.push_back(to_x(p.x));
        y.push_back(to_y(p.y));
      }
      names.push_back({{median(x), median(y)}, g});
    }
    // Names that would cover each other move down.
    std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first.y < b.first.y; });
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto& [at, g] = names[i];
      const double half = svg::text_width(map.names[g], font) / 2;
      at.x = std::clamp(at.x, left + half, std::max(left + half, right - half));
      for (std::size_t k = 0; k < i; ++k) {
        const auto& [other, h] = names[k];
        if (std::abs(other.x - at.x) < half + svg::text_width(map.names[h], font) / 2 + 4 &&
            at.y - other.y < 1.1 * font)
          at.y = other.y + 1.1 * font;
      }
    }
    // Where there is no room for all, the legend has them.
    const bool room =
        std::all_of(names.begin(), names.end(), [&](const auto& n) { return n.first.y < bottom; });
    for (const auto& [at, g] : names)
      if (room) drawing += svg::text_at(at.x, at.y + 0.35 * font, "middle", "halo", map.names[g]);
  }
  return drawing + "</svg>";
}

}  // namespace ssl_example
