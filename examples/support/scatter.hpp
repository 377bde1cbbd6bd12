#pragma once
/// Points in the plane, coloured by class, as inline SVG: a map of embeddings.

#include <string>
#include <vector>

namespace ssl_example {

struct scatter_map {
  std::vector<double> x = {}, y = {};      // (n); points that are not finite are left out
  std::vector<int> group = {};             // (n), into `names`
  std::vector<std::string> names = {};     // of the groups
  std::string x_label = {}, y_label = {};  // with units
  bool same_unit = true;                   ///< one unit is as long on both axes
};

/// At most this many points are drawn, taken at even steps of the list.
constexpr int most_scatter_points = 3000;

/// An <svg> element. Up to twenty groups are named where their points lie. ssl::shape_error where x, y and
/// group differ in length or a point's group has no name.
std::string scatter_svg(const scatter_map& map, double width, double height, double font);

/// The names of the groups, each with its colour.
std::string scatter_legend(const scatter_map& map);

}  // namespace ssl_example
