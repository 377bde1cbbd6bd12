#pragma once
/// One page that shows what a run did: report.html, complete in itself (no scripts, nothing loaded), for a
/// screen of any width in light or dark, and for paper. Blocks appear in the order they are added; all text
/// is escaped.

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/heat_map.hpp"
#include "support/plot.hpp"
#include "support/png.hpp"
#include "support/scatter.hpp"

namespace ssl_example {

/// Which number of a table column to emphasise.
enum class best { none, highest, lowest };

/// A number worth a tile of its own.
struct key_number {
  std::string label = {};
  std::string value = {};
  std::string note = {};
};

class report {
 public:
  explicit report(std::string title);

  void heading(std::string_view text);
  void paragraph(std::string_view text);
  /// The sentence that a page puts to the test, and who made it.
  void claim(std::string_view text, std::string_view source);
  /// A short word that stands out and the sentence that it sums up.
  void verdict(std::string_view word, std::string_view text);
  /// A paragraph that stands out, for a run that was cut short or a number not to be trusted.
  void notice(std::string_view text);

  /// Large numbers side by side.
  void key_numbers(const std::vector<key_number>& numbers);
  /// Names and values, a configuration for one.
  void key_values(const std::vector<std::pair<std::string, std::string>>& values);

  /// Columns of numbers are aligned on the right; `emphasis[j]` marks the best number of column j, ties
  /// included. Short rows are filled with empty cells.
  void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
             std::string_view caption = {}, const std::vector<best>& emphasis = {});

  void line_plot(std::string_view title, const std::string& x_label, const std::string& y_label,
                 const std::vector<series>& lines, const plot_options& options = {});

  void heat_map(std::string_view title, const ssl_example::heat_map& map, const heat_options& options = {});

  /// Points in the plane, coloured and named by group.
  void scatter(std::string_view title, const scatter_map& map);

  /// Figures between the two calls stand beside each other where the screen is wide enough, drawn small.
  void begin_columns() { body_ += "<div class=\"columns\">\n"; }
  void end_columns() { body_ += "</div>\n"; }

  /// `columns` images a row. As many captions as images stand below them, as many as rows stand before them;
  /// any other number but 0 is an ssl::shape_error. Pixels stay square and sharp at every size.
  void contact_sheet(std::string_view title, const std::vector<rgb_image>& images, int columns,
                     const std::vector<std::string>& captions = {});

  /// A PNG file's bytes as they are, at most as wide as the page.
  void picture(std::string_view title, std::string_view png, std::string_view caption = {});

  /// Everything that was added to another report, its title left out.
  void append(const report& other) { body_ += other.body_; }

  std::string html() const;
  /// The page in a file, whole or not at all. ssl::data_error where the file cannot be written.
  void write(const std::filesystem::path& file) const;

 private:
  std::string title_;
  std::string body_;
};

}  // namespace ssl_example
