#pragma once
/// Values over two keys as coloured cells, inline SVG. The colour is one hue, stronger for larger values (two
/// hues around zero), laid over the page's own background, so that one drawing serves light, dark and print.

#include <optional>
#include <string>
#include <vector>

namespace ssl_example {

struct heat_map {
  std::vector<std::string> rows = {};     // r names
  std::vector<std::string> columns = {};  // c names
  std::vector<double> values = {};        // (r, c), row by row; an empty cell where not finite
};

struct heat_options {
  std::string row_label = {};      ///< what the rows are
  std::string column_label = {};   ///< what the columns are
  std::string value_label = {};    ///< what the colour means, with its unit
  bool percent = false;            ///< values are fractions, shown as percentages
  int digits = 2;                  ///< decimals of the values in the cells
  bool diverging = false;          ///< zero is the middle of the scale: two hues
  std::optional<double> low = {};  ///< of the scale; the smallest value where not given
  std::optional<double> high = {};
};

/// Which values the scale begins and ends with.
struct heat_scale {
  double low = 0, high = 1;
  bool diverging = false;

  /// How strong the colour of a value is, -1 to 1: negative ones in the second hue, 0 nothing at all. Values
  /// outside the scale get its end.
  double strength(double value) const;
};

/// The scale of the finite values and of the options: never empty, symmetric around zero if diverging.
heat_scale scale_of(const heat_map& map, const heat_options& options);

/// An <svg> element. Cells show their values where there is room for them. ssl::shape_error unless `values`
/// holds rows * columns numbers.
std::string heat_map_svg(const heat_map& map, const heat_options& options, double width, double font);

}  // namespace ssl_example
