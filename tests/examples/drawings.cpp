// Heat maps, scatters and lines with intervals, and the plane that a map of features shows.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "ssl/core/error.hpp"
#include "ssl/data/npy.hpp"
#include "support/feature_map.hpp"
#include "support/report.hpp"
#include "support/temporary_folder.hpp"

namespace ex = ssl_example;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("examples/drawings: a heat map's scale covers the finite values") {
  const ex::heat_map map{.rows = {"a", "b"}, .columns = {"c", "d"}, .values = {0.5, missing, -0.25, 1.5}};
  ex::heat_scale scale = ex::scale_of(map, {});
  CHECK(scale.low == -0.25);
  CHECK(scale.high == 1.5);
  CHECK(scale.strength(-0.25) == 0);
  CHECK(scale.strength(1.5) == 1);
  CHECK(scale.strength(0.625) == doctest::Approx(0.5));
  CHECK(scale.strength(7) == 1);

  scale = ex::scale_of(map, {.diverging = true});
  CHECK(scale.low == -1.5);
  CHECK(scale.high == 1.5);
  CHECK(scale.strength(0) == 0);
  CHECK(scale.strength(-0.75) == doctest::Approx(-0.5));

  scale = ex::scale_of(map, {.low = 0.0, .high = 2.0});
  CHECK(scale.strength(1) == doctest::Approx(0.5));
  CHECK(scale.strength(-1) == 0);

  for (const double same : {0.0, 3.0, -3.0}) {
    const ex::heat_map flat{.rows = {"a"}, .columns = {"b"}, .values = {same}};
    for (const bool diverging : {false, true}) {
      const ex::heat_scale s = ex::scale_of(flat, {.diverging = diverging});
      CHECK(s.low < s.high);
      CHECK(std::isfinite(s.strength(same)));
    }
  }
  CHECK(ex::scale_of({}, {}).low < ex::scale_of({}, {}).high);
}

TEST_CASE(
    "examples/drawings: a heat map prints its values where there is room, and none where they are not "
    "finite") {
  const ex::heat_map map{
      .rows = {"<one>", "two"}, .columns = {"c", "d"}, .values = {0.5, missing, -0.25, 1.0}};
  const std::string svg =
      ex::heat_map_svg(map, {.value_label = "share", .percent = true, .digits = 0}, 720, 13);
  CHECK(count(svg, "<title>") == 3);
  CHECK(holds(svg, ">50</text>"));
  CHECK(holds(svg, ">−25</text>"));
  CHECK(holds(svg, "&lt;one&gt;"));
  CHECK_FALSE(holds(svg, "<one>"));
  CHECK_FALSE(holds(svg, "nan"));
  CHECK(holds(svg, ">share</text>"));

  ex::heat_map large;
  for (int i = 0; i < 100; ++i) {
    large.rows.push_back("class " + std::to_string(i));
    for (int j = 0; j < 100; ++j) large.values.push_back(i == j ? 1.0 : 0.0);
  }
  large.columns = large.rows;
  const std::string many = ex::heat_map_svg(large, {}, 340, 11);
  CHECK(many.size() < 50000);
  CHECK_FALSE(holds(many, "<title>"));

  large.values.pop_back();
  CHECK_THROWS_AS(ex::heat_map_svg(large, {}, 720, 13), ssl::shape_error);
  CHECK(holds(ex::heat_map_svg({}, {}, 720, 13), "no values"));
}

TEST_CASE("examples/drawings: intervals are bars at few points and a band at many") {
  ex::series few{.name = "a", .x = {1, 2}, .y = {1, 2}, .low = {0.5, missing}, .high = {1.5, missing}};
  const ex::plot_size size;
  const std::string bars = ex::line_plot_svg({few}, "x", "y", {}, size);
  CHECK(count(bars, "class=\"bars\"") == 1);
  CHECK(holds(bars, "(0.5000 to 1.5000)"));
  ex::series many{.name = "b"};
  for (int i = 0; i < 50; ++i) {
    many.x.push_back(i);
    many.y.push_back(0);
    many.low.push_back(-1);
    many.high.push_back(1);
  }
  const std::string band = ex::line_plot_svg({many}, "x", "y", {}, size);
  CHECK(count(band, "class=\"band\"") == 1);
  CHECK(count(band, "class=\"bars\"") == 0);
  CHECK(count(ex::line_plot_svg({ex::series{.x = {1, 2}, .y = {1, 2}}}, "x", "y", {}, size), "class=\"ba") ==
        0);
  few.low.pop_back();
  CHECK_THROWS_AS(ex::line_plot_svg({few}, "x", "y", {}, size), ssl::shape_error);
}

TEST_CASE("examples/drawings: a scatter draws each finite point in its group's colour, and not too many") {
  ex::scatter_map map{.x = {0, 1, missing}, .y = {0, 1, 1}, .group = {0, 1, 1}, .names = {"a&b", "c"}};
  const std::string svg = ex::scatter_svg(map, 720, 520, 13);
  CHECK(count(svg, "class=\"dots\"") == 2);
  CHECK(count(svg, "h0") == 2);
  CHECK(holds(svg, "a&amp;b"));
  CHECK(holds(ex::scatter_legend(map), "var(--s1)"));
  map.group[0] = 2;
  CHECK_THROWS_AS(ex::scatter_svg(map, 720, 520, 13), ssl::shape_error);
  map.group.pop_back();
  CHECK_THROWS_AS(ex::scatter_svg(map, 720, 520, 13), ssl::shape_error);
  ex::scatter_map large{.names = {"a"}};
  for (int i = 0; i < 20000; ++i) {
    large.x.push_back(std::sin(i));
    large.y.push_back(std::cos(2 * i));
    large.group.push_back(0);
  }
  CHECK(ex::scatter_svg(large, 720, 520, 13).size() < 60000);
  CHECK(holds(ex::scatter_svg({}, 720, 520, 13), "no points"));
}

TEST_CASE("examples/drawings: the plane of largest variance is found") {
  // Variances 9, 4 and 1 along three orthogonal directions of five, off the origin.
  ex::feature_file f{.features = 5};
  const float r = std::sqrt(0.5f);
  for (int i = 0; i < 6; ++i) {
    const float sign = i % 2 == 0 ? 1.0f : -1.0f;
    const float a = i / 2 == 0 ? 3 * sign : 0, b = i / 2 == 1 ? 2 * sign : 0, c = i / 2 == 2 ? sign : 0;
    for (const float v : {r * (a + b) + 7, -r * (a - b), c, 0.0f, 5.0f}) f.values.push_back(v);
    f.labels.push_back(0);
  }
  const ex::principal_plane plane = ex::principal_components(f);
  CHECK(plane.share_x == doctest::Approx(9.0 / 14));
  CHECK(plane.share_y == doctest::Approx(4.0 / 14));
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(std::abs(plane.x[i]) == doctest::Approx(i < 2 ? 3 : 0).epsilon(1e-5));
    CHECK(std::abs(plane.y[i]) == doctest::Approx(i / 2 == 1 ? 2 : 0).epsilon(1e-5));
  }
  CHECK(plane.x[0] == doctest::Approx(-plane.x[1]));

  const ex::principal_plane none =
      ex::principal_components({.values = {1, 1, 1, 1}, .features = 2, .labels = {0, 1}});
  CHECK(none.share_x == 0);
  CHECK(none.x.size() == 2);
}

TEST_CASE("examples/drawings: kNN's confusions are shares of each class") {
  // Class 0 along the first axis, class 2 along the second; a test sample of class 2 lies with class 0.
  const ex::feature_file bank{
      .values = {1, 0, 2, 0.1f, 0, 1, 0.1f, 3}, .features = 2, .labels = {0, 0, 2, 2}};
  const ex::feature_file test{.values = {5, 0, 0, 5, 1, 0.1f}, .features = 2, .labels = {0, 2, 2}};
  const ex::confusion_shares shares = ex::knn_confusion(bank, test);
  REQUIRE(shares.classes == 3);
  CHECK(shares.accuracy == doctest::Approx(2.0 / 3));
  CHECK(shares.values[0] == 1);
  CHECK(std::isnan(shares.values[3]));
  CHECK(shares.values[6] == 0.5);
  CHECK(shares.values[8] == 0.5);
  CHECK_THROWS_AS(ex::knn_confusion({.values = {1}, .features = 1, .labels = {0}}, test), ssl::data_error);
}

TEST_CASE("examples/drawings: features are read at even steps, and broken files are named") {
  const ssl::test::temporary_folder folder;
  const auto x = folder / "x.npy", y = folder / "y.npy";
  std::vector<float> values;
  std::vector<std::int64_t> labels;
  for (int i = 0; i < 10; ++i) {
    values.insert(values.end(), {static_cast<float>(i), 0.0f});
    labels.push_back(i % 3);
  }
  ssl::write_npy<float>(x, std::vector<ssl::index>{10, 2}, values);
  ssl::write_npy<std::int64_t>(y, std::vector<ssl::index>{10}, labels);
  const ex::feature_file part = ex::read_features(x, y, 5);
  CHECK(part.samples() == 5);
  CHECK(part.values[2] == 2);
  CHECK(part.labels == std::vector<int>{0, 2, 1, 0, 2});
  CHECK(ex::read_features(x, y, 100).samples() == 10);
  labels[9] = -1;
  ssl::write_npy<std::int64_t>(y, std::vector<ssl::index>{10}, labels);
  CHECK_THROWS_WITH_AS(ex::read_features(x, y, 100), doctest::Contains("label -1 of sample 9"),
                       ssl::data_error);
  labels.pop_back();
  ssl::write_npy<std::int64_t>(y, std::vector<ssl::index>{9}, labels);
  CHECK_THROWS_AS(ex::read_features(x, y, 100), ssl::data_error);
}
