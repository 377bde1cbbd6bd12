#include "support/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <locale>
#include <optional>
#include <sstream>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/data/file.hpp"
#include "support/report_style.hpp"
#include "support/svg.hpp"

namespace ssl_example {
namespace {

bool means_nothing(const std::string& cell) {
  return cell.empty() || cell == "-" || cell == "–" || cell == "—" || cell == "n/a";
}

/// The number a cell begins with, where all that follows is a unit or an uncertainty: "81.3 %", "0.12 ±
/// 0.03", "4.5k".
std::optional<double> number_of(std::string cell) {
  if (cell.starts_with("−")) cell.replace(0, std::string_view("−").size(), "-");
  std::istringstream in(cell);
  in.imbue(std::locale::classic());
  double value = 0;
  std::string unit;
  std::string more;
  if (!(in >> value)) return {};
  in >> unit;
  if (unit == "±") return value;
  if (unit.size() > 8 || (in >> more && unit != "min" && unit != "h")) return {};
  const auto scale = unit == "k" ? 1e3 : unit == "M" ? 1e6 : unit == "G" ? 1e9 : 1.0;
  return value * scale;
}

std::string cell_of(const std::vector<std::string>& row, std::size_t j) {
  return j < row.size() ? row[j] : std::string();
}

/// The largest (or smallest) number of column j; NaN without one.
double best_of(const std::vector<std::vector<std::string>>& rows, std::size_t j, best which) {
  double found = ssl::not_a_number<double>();
  for (const auto& row : rows) {
    const std::optional<double> v = number_of(cell_of(row, j));
    if (!v || which == best::none) continue;
    if (ssl::is_nan(found) || (which == best::highest ? *v > found : *v < found)) found = *v;
  }
  return found;
}

bool all_numbers(const std::vector<std::vector<std::string>>& rows, std::size_t j) {
  bool any = false;
  for (const auto& row : rows) {
    const std::string cell = cell_of(row, j);
    if (means_nothing(cell)) continue;
    if (!number_of(cell)) return false;
    any = true;
  }
  return any;
}

std::string tag(const char* open, const char* close, std::string_view text) {
  return text.empty() ? std::string() : open + escape_html(text) + close;
}

}  // namespace

report::report(std::string title) : title_(std::move(title)) {}

void report::heading(std::string_view text) { body_ += tag("<h2>", "</h2>\n", text); }

void report::paragraph(std::string_view text) { body_ += tag("<p>", "</p>\n", text); }

void report::claim(std::string_view text, std::string_view source) {
  body_ += "<blockquote>" + escape_html(text) + tag("<cite>", "</cite>", source) + "</blockquote>\n";
}

void report::verdict(std::string_view word, std::string_view text) {
  body_ += "<p class=\"verdict\">" + tag("<strong>", "</strong> ", word) + escape_html(text) + "</p>\n";
}

void report::notice(std::string_view text) { body_ += tag("<p class=\"notice\">", "</p>\n", text); }

void report::key_numbers(const std::vector<key_number>& numbers) {
  if (numbers.empty()) return;
  body_ += "<ul class=\"tiles\">\n";
  for (const key_number& n : numbers) {
    body_ += "<li>" + tag("<span class=\"what\">", "</span>", n.label) +
             tag("<strong>", "</strong>", n.value) + tag("<span class=\"note\">", "</span>", n.note) +
             "</li>\n";
  }
  body_ += "</ul>\n";
}

void report::key_values(const std::vector<std::pair<std::string, std::string>>& values) {
  if (values.empty()) return;
  body_ += "<dl>\n";
  for (const auto& [name, value] : values) {
    body_ += "<div><dt>" + escape_html(name) + "</dt><dd>" + escape_html(value) + "</dd></div>\n";
  }
  body_ += "</dl>\n";
}

void report::table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                   std::string_view caption, const std::vector<best>& emphasis) {
  std::size_t columns = header.size();
  for (const auto& row : rows) columns = std::max(columns, row.size());
  if (columns == 0) return;
  std::vector<const char*> kind(columns);
  std::vector<double> winner(columns);
  for (std::size_t j = 0; j < columns; ++j) {
    kind[j] = all_numbers(rows, j) ? "num" : "txt";
    winner[j] = best_of(rows, j, j < emphasis.size() ? emphasis[j] : best::none);
  }
  body_ += "<figure><div class=\"scroll\"><table>\n<thead><tr>";
  for (std::size_t j = 0; j < columns; ++j) {
    body_ += "<th scope=\"col\" class=\"" + std::string(kind[j]) + "\">" + escape_html(cell_of(header, j)) +
             "</th>";
  }
  body_ += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    body_ += "<tr>";
    for (std::size_t j = 0; j < columns; ++j) {
      const std::string cell = cell_of(row, j);
      const std::optional<double> v = number_of(cell);
      const bool wins = v && *v == winner[j];
      const bool names_row = j == 0 && std::string_view(kind[0]) == "txt";
      body_ += (names_row ? "<th scope=\"row\" class=\"" : "<td class=\"") + std::string(kind[j]) +
               (wins ? " best\">" : "\">") + escape_html(cell) + (names_row ? "</th>" : "</td>");
    }
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>" + tag("<figcaption>", "</figcaption>", caption) + "</figure>\n";
}

void report::line_plot(std::string_view title, const std::string& x_label, const std::string& y_label,
                       const std::vector<series>& lines, const plot_options& options) {
  const bool direct = direct_labels_fit(lines);
  const std::string legend = legend_html(lines);
  body_ += "<figure class=\"drawn\">" + tag("<h3>", "</h3>\n", title);
  if (!direct) body_ += legend;
  body_ += "<div class=\"wide\">" +
           line_plot_svg(lines, x_label, y_label, options,
                         {.width = 720, .height = 360, .font = 13, .direct_labels = direct}) +
           "</div>\n<div class=\"narrow\">" + (direct ? legend : std::string()) +
           line_plot_svg(lines, x_label, y_label, options,
                         {.width = 340, .height = 270, .font = 12, .direct_labels = false}) +
           "</div></figure>\n";
}

void report::heat_map(std::string_view title, const ssl_example::heat_map& map, const heat_options& options) {
  body_ += "<figure class=\"drawn\">" + tag("<h3>", "</h3>\n", title) + "<div class=\"wide\">" +
           heat_map_svg(map, options, 720, 13) + "</div>\n<div class=\"narrow\">" +
           heat_map_svg(map, options, 340, 11) + "</div></figure>\n";
}

void report::scatter(std::string_view title, const scatter_map& map) {
  body_ += "<figure class=\"drawn\">" + tag("<h3>", "</h3>\n", title) + scatter_legend(map) +
           "<div class=\"wide\">" + scatter_svg(map, 720, 520, 13) + "</div>\n<div class=\"narrow\">" +
           scatter_svg(map, 340, 340, 11) + "</div></figure>\n";
}

void report::picture(std::string_view title, std::string_view png, std::string_view caption) {
  body_ += "<figure class=\"drawn\">" + tag("<h3>", "</h3>\n", title) + "<img class=\"picture\" alt=\"" +
           escape_html(title) + "\" src=\"data:image/png;base64," + base64(png) + "\">" +
           tag("<p class=\"soft\">", "</p>", caption) + "</figure>\n";
}

void report::contact_sheet(std::string_view title, const std::vector<rgb_image>& images, int columns,
                           const std::vector<std::string>& captions) {
  if (columns < 1) {
    throw ssl::option_error("contact sheet: columns is " + std::to_string(columns) + ", expected at least 1");
  }
  if (images.empty()) return;
  const auto across = static_cast<std::size_t>(columns);
  const std::size_t rows = (images.size() + across - 1) / across;
  const bool below = captions.size() == images.size();
  const bool before = !below && captions.size() == rows;
  if (!below && !before && !captions.empty()) {
    throw ssl::shape_error("contact sheet: " + std::to_string(captions.size()) +
                           " captions, expected one for each of " + std::to_string(images.size()) +
                           " images or " + std::to_string(rows) + " rows, or none");
  }
  body_ += "<figure class=\"drawn\">" + tag("<h3>", "</h3>\n", title) +
           "<div class=\"sheet\" style=\"--columns:" + std::to_string(columns) +
           (before ? "\" data-names" : "\"") + ">\n";
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (before && i % across == 0) body_ += "<span>" + escape_html(captions[i / across]) + "</span>";
    const std::string alt = escape_html(below ? captions[i] : before ? captions[i / across] : std::string());
    body_ += "<div><img alt=\"" + alt + "\" width=\"" + std::to_string(images[i].width) + "\" height=\"" +
             std::to_string(images[i].height) + "\" src=\"data:image/png;base64," +
             base64(encode_png(images[i])) + "\">" +
             (below ? tag("<span>", "</span>", captions[i]) : std::string()) + "</div>\n";
  }
  body_ += "</div></figure>\n";
}

std::string report::html() const {
  const std::string title = escape_html(title_);
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n<title>" +
         title + "</title>\n<style>" + report_style + "</style>\n</head>\n<body>\n<main>\n<h1>" + title +
         "</h1>\n" + body_ + "</main>\n</body>\n</html>\n";
}

void report::write(const std::filesystem::path& file) const {
  ssl::write_file(file, std::string_view(html()));
}

}  // namespace ssl_example
