#pragma once
/// Line plots as inline SVG. Colours come from CSS variables of the page (--s0 ... --s6 for series, --b0 ...
/// --b2 for baselines), so that one drawing serves light, dark and print.

#include <optional>
#include <string>
#include <vector>

namespace ssl_example {

/// One line. Points whose x or y is not finite are left out and interrupt it.
struct series {
  std::string name = {};
  std::vector<double> x = {};  // (n)
  std::vector<double> y = {};  // (n)
  bool dashed = false;         ///< a baseline: grey and dashed
  /// Intervals around y, bars at few points and a band at many: (n) each or empty; none at a point where not
  /// finite.
  std::vector<double> low = {}, high = {};
};

struct plot_options {
  bool log_x = false;    ///< octaves; points with x <= 0 are left out
  bool percent = false;  ///< y holds fractions, shown as percentages
  std::optional<double> y_min = {};
  std::optional<double> y_max = {};
};

/// Pixels of the drawing, and whether the names of the series stand at the ends of their lines.
struct plot_size {
  double width = 720;
  double height = 380;
  double font = 13;
  bool direct_labels = true;
};

/// An <svg> element. Nothing to draw gives empty axes that say so. ssl::shape_error where x and y of a series
/// differ in length.
std::string line_plot_svg(const std::vector<series>& lines, const std::string& x_label,
                          const std::string& y_label, const plot_options& options, const plot_size& size);

/// The names of the series, each with a sample of its line; empty for fewer than one name.
std::string legend_html(const std::vector<series>& lines);

/// Short names and few lines: direct labels fit beside a wide drawing.
bool direct_labels_fit(const std::vector<series>& lines);

}  // namespace ssl_example
