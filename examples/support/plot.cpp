#include "support/plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "support/format.hpp"
#include "support/plot_axes.hpp"
#include "support/svg.hpp"

namespace ssl_example {
namespace {

using plotting::range, plotting::ticks;
using svg::characters, svg::px, svg::text_at;

constexpr std::size_t most_markers = 16;  // a line with more points shows none

struct point {
  double x = 0;
  double y = 0;
  double low = 0;  // of the interval around y; y itself without one
  double high = 0;
};

/// Colour, dashes and marker of one series, apart from each other in hue, in grey and in shape.
struct look {
  std::string colour = {};
  const char* dash = "";
  std::size_t shape = 0;
};

std::vector<look> looks(const std::vector<series>& lines) {
  static constexpr const char* dashes[] = {"7 5", "2 4", "10 4 2 4"};
  std::vector<look> result;
  std::size_t solid = 0;
  std::size_t dashed = 0;
  for (const series& line : lines) {
    if (line.dashed) {
      result.push_back({"var(--b" + std::to_string(dashed % 3) + ")", dashes[dashed % 3], dashed % 4});
      ++dashed;
    } else {
      result.push_back({"var(--s" + std::to_string(solid % 7) + ")", "", solid % 4});
      ++solid;
    }
  }
  return result;
}

std::string stroke(const look& l) {
  return " stroke=\"" + l.colour + "\"" +
         (*l.dash != '\0' ? " stroke-dasharray=\"" + std::string(l.dash) + "\"" : "");
}

/// The points of each series in plot coordinates, in runs without gaps, and what they span.
struct drawing {
  std::vector<std::vector<std::vector<point>>> runs{};
  std::vector<double> measured_x{};  // distinct, ascending; no more than 33 are kept
  range x{};
  range y{};
  bool whole_x = true;
};

drawing collect(const std::vector<series>& lines, const plot_options& options) {
  drawing d;
  // Intervals of shares may leave 0 to 100 %, the axis does not.
  const bool shares =
      options.percent && std::all_of(lines.begin(), lines.end(), [](const series& line) {
        return std::none_of(line.y.begin(), line.y.end(), [](double y) { return y < 0 || y > 1; });
      });
  for (const series& line : lines) {
    if (line.x.size() != line.y.size()) {
      throw ssl::shape_error("line plot: series '" + line.name + "' has " + std::to_string(line.x.size()) +
                             " values of x and " + std::to_string(line.y.size()) + " of y, expected as many");
    }
    const bool intervals = !line.low.empty() || !line.high.empty();
    if (intervals && (line.low.size() != line.y.size() || line.high.size() != line.y.size()))
      throw ssl::shape_error("line plot: series '" + line.name + "' has " + std::to_string(line.low.size()) +
                             " lower and " + std::to_string(line.high.size()) +
                             " upper ends of intervals, expected " + std::to_string(line.y.size()) +
                             " of each or none");
    auto& runs = d.runs.emplace_back();
    bool open = false;
    for (std::size_t i = 0; i < line.x.size(); ++i) {
      const double x = options.log_x ? std::log2(line.x[i]) : line.x[i];
      if (!ssl::is_finite(x) || !ssl::is_finite(line.y[i])) {
        open = false;
        continue;
      }
      if (!open) runs.emplace_back();
      open = true;
      point p{x, line.y[i], line.y[i], line.y[i]};
      if (intervals && ssl::is_finite(line.low[i]) && ssl::is_finite(line.high[i])) {
        p.low = line.low[i];
        p.high = line.high[i];
      }
      runs.back().push_back(p);
      d.x.add(x);
      for (const double y : {p.low, p.y, p.high}) d.y.add(shares ? std::clamp(y, 0.0, 1.0) : y);
      d.whole_x = d.whole_x && x == std::floor(x);
      const auto at = std::lower_bound(d.measured_x.begin(), d.measured_x.end(), x);
      if (d.measured_x.size() < 33 && (at == d.measured_x.end() || *at != x)) d.measured_x.insert(at, x);
    }
  }
  return d;
}

/// Ranges that are not empty, with some air; `step` of y in 1-2-5.
void choose_ranges(drawing& d, const plot_options& options, double rows, double& y_step) {
  if (d.x.empty()) d.x = {0, 1};
  if (d.x.span() <= 1e-12 * std::max(std::abs(d.x.low), std::abs(d.x.high)) || d.x.span() == 0) {
    const double half = options.log_x || d.whole_x ? 1.0 : std::max(std::abs(d.x.low) * 0.1, 1e-12);
    d.x = {d.x.low - half, d.x.high + half};
  }
  if (d.y.empty()) d.y = {0, 1};
  const range data = d.y;
  if (d.y.span() <= 1e-9 * std::max(std::abs(d.y.low), std::abs(d.y.high)) || d.y.span() == 0) {
    const double half = d.y.low == 0 ? (options.percent ? 0.01 : 1.0) : std::abs(d.y.low) * 0.1;
    d.y = {d.y.low - half, d.y.high + half};
  }
  const double low = options.y_min.value_or(d.y.low);
  const double high = options.y_max.value_or(d.y.high);
  if (ssl::is_finite(low) && ssl::is_finite(high) && low < high) d.y = {low, high};
  y_step = plotting::nice_step(d.y.span(), rows);
  // Out to the next half step, but never past 0 and never past 100 % unless the data are.
  const double half = y_step / 2;
  if (!options.y_min) {
    d.y.low = std::floor(d.y.low / half + 0.02) * half;
    if (data.low >= 0) d.y.low = std::max(d.y.low, 0.0);
  }
  if (!options.y_max) {
    d.y.high = std::ceil(d.y.high / half - 0.02) * half;
    if (options.percent && data.high <= 1) d.y.high = std::min(d.y.high, 1.0);
  }
  if (!(d.y.low < d.y.high)) d.y.high = d.y.low + y_step;
}

/// First, lowest, highest and last point of each pixel column: what a screen can show of a long run.
std::vector<point> thin(const std::vector<point>& run) {
  if (run.size() <= 400) return run;
  std::vector<point> kept;
  for (std::size_t i = 0; i < run.size();) {
    std::size_t end = i;
    std::size_t low = i;
    std::size_t high = i;
    for (; end < run.size() && std::floor(run[end].x) == std::floor(run[i].x); ++end) {
      if (run[end].y < run[low].y) low = end;
      if (run[end].y > run[high].y) high = end;
    }
    std::vector<std::size_t> chosen = {i, low, high, end - 1};
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    for (const std::size_t k : chosen) kept.push_back(run[k]);
    i = end;
  }
  return kept;
}

std::string marker(const look& l, point p, const std::string& tip) {
  const std::string paint = " class=\"mark\" fill=\"" + l.colour + "\"";
  const std::string title = "<title>" + escape_html(tip) + "</title>";
  const auto path = [&](std::initializer_list<point> corners) {
    std::string d;
    for (const point c : corners)
      d.append(d.empty() ? "M" : "L").append(px(p.x + c.x)).append(" ").append(px(p.y + c.y));
    return "<path" + paint + " d=\"" + d + "Z\">" + title + "</path>";
  };
  switch (l.shape) {
    case 1:
      return path({{-3.6, -3.6}, {3.6, -3.6}, {3.6, 3.6}, {-3.6, 3.6}});
    case 2:
      return path({{0, -4.8}, {4.6, 3.6}, {-4.6, 3.6}});
    case 3:
      return path({{0, -5}, {5, 0}, {0, 5}, {-5, 0}});
    default:
      return "<circle" + paint + " cx=\"" + px(p.x) + "\" cy=\"" + px(p.y) + "\" r=\"4\">" + title +
             "</circle>";
  }
}

/// A number that means something to a reader who points at a marker.
std::string tip_number(double v) { return fixed(v, v == std::floor(v) && std::abs(v) < 1e9 ? 0 : 4); }

/// What the intervals of a run cover: bars where the points have markers, else a band.
template <class ToX, class ToY>
std::string intervals(const std::vector<point>& run, const look& l, bool band, ToX to_x, ToY to_y) {
  if (std::none_of(run.begin(), run.end(), [](point p) { return p.low < p.high; })) return {};
  std::string path;
  if (band) {
    for (std::size_t k = 0; k < run.size(); ++k)
      path.append(k == 0 ? "M" : "L").append(px(to_x(run[k].x))).append(" ").append(px(to_y(run[k].low)));
    for (std::size_t k = run.size(); k-- > 0;)
      path.append("L").append(px(to_x(run[k].x))).append(" ").append(px(to_y(run[k].high)));
    return "<path class=\"band\" fill=\"" + l.colour + "\" d=\"" + path + "Z\"/>";
  }
  for (const point p : run) {
    if (!(p.low < p.high)) continue;
    const double x = to_x(p.x);
    path += "M" + px(x) + " " + px(to_y(p.low)) + "V" + px(to_y(p.high));
    for (const double y : {p.low, p.high}) path += "M" + px(x - 4) + " " + px(to_y(y)) + "h8";
  }
  return "<path class=\"bars\" stroke=\"" + l.colour + "\" d=\"" + path + "\"/>";
}

/// Labels at least `gap` apart, as near as may be to where their lines end, within [top, bottom] where they
/// fit.
void spread_labels(std::vector<std::pair<double, std::size_t>>& labels, double gap, double top,
                   double bottom) {
  std::sort(labels.begin(), labels.end());
  double limit = top;
  for (auto& [y, index] : labels) {
    y = std::max(y, limit);
    limit = y + gap;
  }
  limit = bottom;
  for (auto it = labels.rbegin(); it != labels.rend(); ++it) {
    it->first = std::min(it->first, limit);
    limit = it->first - gap;
  }
}

}  // namespace

bool direct_labels_fit(const std::vector<series>& lines) {
  return lines.size() <= 7 &&
         std::all_of(lines.begin(), lines.end(), [](const series& s) { return characters(s.name) <= 26; });
}

std::string legend_html(const std::vector<series>& lines) {
  const std::vector<look> style = looks(lines);
  std::string html;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].name.empty()) continue;
    html +=
        "<li><svg viewBox=\"0 0 34 10\" width=\"34\" height=\"10\" aria-hidden=\"true\"><path "
        "class=\"curve\" "
        "d=\"M1 5H33\"" +
        stroke(style[i]) + "/>";
    if (lines[i].x.size() <= most_markers) html += marker(style[i], {17, 5}, lines[i].name);
    html += "</svg>" + escape_html(lines[i].name) + "</li>";
  }
  return html.empty() ? html : "<ul class=\"legend\">" + html + "</ul>";
}

std::string line_plot_svg(const std::vector<series>& lines, const std::string& x_label,
                          const std::string& y_label, const plot_options& options, const plot_size& size) {
  drawing d = collect(lines, options);
  const bool nothing = d.x.empty();
  double y_step = 1;
  choose_ranges(d, options, size.height < 300 ? 4 : 5, y_step);
  const std::vector<look> style = looks(lines);
  const double glyph = 0.56 * size.font;  // width of an average character

  const ticks y_ticks = plotting::linear_ticks(d.y, y_step, options.percent);
  std::size_t widest = 1;
  for (const auto& [at, text] : y_ticks) widest = std::max(widest, characters(text));
  double label_room = 14;
  if (size.direct_labels) {
    std::size_t longest = 0;
    for (const series& line : lines) longest = std::max(longest, characters(line.name));
    if (longest > 0) label_room = 38 + glyph * static_cast<double>(longest);
  }
  const double left = 10 + glyph * static_cast<double>(widest);
  const double right = size.width - label_room;
  const double top = y_label.empty() ? 10 : 12 + 1.4 * size.font;
  const double bottom = size.height - (x_label.empty() ? 1.9 : 3.4) * size.font;
  const double wanted = std::clamp((right - left) / 70.0, 3.0, 9.0);
  const double x_step = std::max(plotting::nice_step(d.x.span(), wanted), d.whole_x ? 1.0 : 0.0);
  const ticks x_ticks = options.log_x ? plotting::octave_ticks(d.x, d.measured_x, wanted)
                                      : plotting::linear_ticks(d.x, x_step, false);

  const double inset = nothing || lines.empty() ? 0 : 8;  // markers at the ends stay off the frame
  const auto to_x = [&](double v) {
    return left + inset + (v - d.x.low) / d.x.span() * (right - left - 2 * inset);
  };
  const auto to_y = [&](double v) { return bottom - (v - d.y.low) / d.y.span() * (bottom - top); };

  std::string drawing =
      svg::open(size.width, size.height, size.font,
                (y_label.empty() ? "y" : y_label) + " against " + (x_label.empty() ? "x" : x_label));
  for (const auto& [at, text] : y_ticks) {
    drawing += "<path class=\"grid\" d=\"M" + px(left) + " " + px(to_y(at)) + "H" + px(right) + "\"/>";
    drawing += text_at(left - 6, to_y(at) + 0.35 * size.font, "end", "tick", text);
  }
  for (const auto& [at, text] : x_ticks) {
    drawing += "<path class=\"grid\" d=\"M" + px(to_x(at)) + " " + px(top) + "V" + px(bottom) + "\"/>";
    drawing += text_at(to_x(at), bottom + 1.4 * size.font, "middle", "tick", text);
  }
  drawing += "<path class=\"axis\" d=\"M" + px(left) + " " + px(bottom) + "H" + px(right) + "\"/>";
  if (!y_label.empty()) drawing += text_at(2, size.font, "start", "label", y_label);
  if (!x_label.empty()) {
    drawing += text_at((left + right) / 2, size.height - 0.45 * size.font, "middle", "label", x_label);
  }
  if (nothing) {
    drawing += text_at((left + right) / 2, (top + bottom) / 2, "middle", "label", "no finite values to show");
    return drawing + "</svg>";
  }

  // A nested drawing clips what a given y range leaves out; five pixels more keep markers at its edge whole.
  const double clip_x = left - 5, clip_y = top - 6, clip_w = right - left + 10, clip_h = bottom - top + 12;
  drawing += "<svg x=\"" + px(clip_x) + "\" y=\"" + px(clip_y) + "\" width=\"" + px(clip_w) + "\" height=\"" +
             px(clip_h) + "\" viewBox=\"" + px(clip_x) + " " + px(clip_y) + " " + px(clip_w) + " " +
             px(clip_h) + "\">";
  std::vector<std::pair<double, std::size_t>> labels;
  std::vector<point> ends(lines.size());
  for (const bool baselines : {true, false}) {  // baselines lie below
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].dashed != baselines) continue;
      std::string path;
      std::string marks;
      for (const auto& run : d.runs[i]) {
        drawing += intervals(run, style[i], lines[i].x.size() > most_markers, to_x, to_y);
        std::vector<point> at;
        for (const point p : run) {
          at.push_back({to_x(p.x), to_y(p.y), 0, 0});
          if (lines[i].x.size() > most_markers) continue;
          const std::string y_text = options.percent ? percent(p.y) : tip_number(p.y);
          const std::string interval =
              p.low < p.high ? " (" + (options.percent ? percent(p.low) : tip_number(p.low)) + " to " +
                                   (options.percent ? percent(p.high) : tip_number(p.high)) + ")"
                             : "";
          marks += marker(style[i], at.back(),
                          (lines[i].name.empty() ? "" : lines[i].name + ": ") + y_text + interval + " at " +
                              tip_number(options.log_x ? std::exp2(p.x) : p.x));
        }
        for (std::size_t k = 0; const point p : thin(at)) {
          path.append(k++ == 0 ? "M" : "L").append(px(p.x)).append(" ").append(px(p.y));
        }
        if (run.size() == 1) path += "h0";  // a lone point between gaps: a dot, by its round cap
        ends[i] = at.back();
      }
      if (path.empty()) continue;
      const char* weight = lines[i].x.size() > 400 ? "curve dense" : "curve";
      drawing +=
          "<path class=\"" + std::string(weight) + "\" d=\"" + path + "\"" + stroke(style[i]) + "/>" + marks;
      if (!lines[i].name.empty()) labels.emplace_back(std::clamp(ends[i].y, top, bottom), i);
    }
  }
  drawing += "</svg>";
  if (!size.direct_labels) return drawing + "</svg>";

  spread_labels(labels, 1.35 * size.font, top, bottom);
  for (const auto& [y, i] : labels) {
    const double from = std::clamp(ends[i].y, top, bottom);
    drawing += "<path class=\"leader\" d=\"M" + px(ends[i].x + 6) + " " + px(from) + "L" + px(right + 14) +
               " " + px(y) + "\" stroke=\"" + style[i].colour + "\"/>";
    drawing +=
        "<path class=\"curve\" d=\"M" + px(right + 14) + " " + px(y) + "h14\"" + stroke(style[i]) + "/>";
    drawing += text_at(right + 33, y + 0.35 * size.font, "start", "name", lines[i].name);
  }
  return drawing + "</svg>";
}

}  // namespace ssl_example
