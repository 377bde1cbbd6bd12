// The page of an experiment: what it computes from results, and when it refuses to mix two experiments.
#include "support/experiment_page.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "ssl/core/error.hpp"
#include "support/run_record.hpp"
#include "support/temporary_folder.hpp"

namespace ex = ssl_example;

namespace {

const ex::experiment_info info{.title = "Patches & losses",
                               .claim = "More patches are better.",
                               .source = "arXiv 0000.00000, table 1",
                               .what = "Nothing was trained.",
                               .program = "patches",
                               .options = {{"data", "synthetic"}, {"epochs", "2"}, {"seeds", "1,2"}},
                               .backend = "none"};
const std::uint64_t seeds[] = {1, 2};

std::vector<ex::condition> grid() {
  std::vector<ex::condition> all;
  for (const char* loss : {"vicreg", "byol"})
    for (const char* patches : {"16", "2", "4"}) all.push_back({{"loss", loss}, {"patches", patches}});
  return all;
}

ex::experiment_page::measures accuracy(const ex::condition& where, std::uint64_t seed) {
  const double patches = std::stod(ex::value_of(where, "patches"));
  const double loss = ex::value_of(where, "loss") == "vicreg" ? 0.1 : 0.0;
  return {{"knn", 0.5 + loss + patches / 100 + 0.002 * static_cast<double>(seed)}};
}

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool holds(const std::string& page, const char* text) { return page.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("examples/experiment_page: means and intervals reach the page, sorted as numbers") {
  const ssl::test::temporary_folder folder;
  ex::experiment_page page(folder.path(), info);
  CHECK(page.measure(grid(), seeds, accuracy, true));
  const ex::shown_measure knn{
      .measure = "knn", .title = "kNN", .digits = 1, .percent = true, .emphasis = ex::best::highest};
  page.table({"loss", "patches"}, {knn});
  page.cross_table("loss", "patches", knn);
  page.differences("loss", "byol", knn);
  page.line_plot("Against patches", knn, "patches", "loss", {.log_x = true});
  page.heat_map("Over both", knn, "loss", "patches");
  CHECK_THROWS_AS(page.line_plot("", knn, "loss", ""), ssl::option_error);
  page.conclude(ex::outcome::holds, "It was made so.");
  page.write();

  const std::string html = read(folder / "report.html");
  CHECK(holds(html, "Patches &amp; losses"));
  CHECK(holds(html, "More patches are better.<cite>arXiv 0000.00000, table 1</cite>"));
  CHECK(holds(html, "<strong>holds</strong> It was made so."));
  // Student's bound of one degree is 12.706, the standard error of two values 0.002 apart 0.001.
  CHECK(holds(html, "best\">76.3 ± 1.3 %</td>"));
  const std::string head = html.substr(html.find("loss \\ patches"), 300);
  const auto two = head.find(">2<"), four = head.find(">4<"), sixteen = head.find(">16<");
  CHECK(sixteen != std::string::npos);
  CHECK(two < four);
  CHECK(four < sixteen);
  CHECK(holds(html, "+10.0 ± 0.0 %"));
  CHECK(holds(html, ">higher<"));

  const ex::run_record record = ex::read_run_record(folder / "run.json");
  CHECK(record.kind == "experiment");
  CHECK(record.options == info.options);
  CHECK(record.seeds == std::vector<std::uint64_t>{1, 2});
  CHECK(record.verdict == "holds");
}

TEST_CASE("examples/experiment_page: an experiment goes on with its own options and no others") {
  const ssl::test::temporary_folder folder;
  int runs = 0;
  const auto counted = [&](const ex::condition& where, std::uint64_t seed) {
    ++runs;
    return accuracy(where, seed);
  };
  ex::experiment_page(folder.path(), info).measure(grid(), std::span(seeds).first(1), counted, true);
  CHECK(runs == 6);
  ex::experiment_info more = info;
  more.options = {{"data", "synthetic"}, {"epochs", "2"}, {"seeds", "1,2,3"}};
  ex::experiment_page(folder.path(), more).measure(grid(), seeds, counted, true);
  CHECK(runs == 12);
  more.options[1].second = "2.0";  // the same number in other letters
  CHECK_NOTHROW(ex::experiment_page(folder.path(), more));
  for (const char* other : {"2,2", "two", ""}) {
    more.options[1].second = other;
    CHECK_THROWS_AS(ex::experiment_page(folder.path(), more), ssl::option_error);
  }
  more.options[1].second = "4";
  CHECK_THROWS_WITH_AS(ex::experiment_page(folder.path(), more),
                       doctest::Contains("holds results with --epochs 2.0, asked for 4"), ssl::option_error);
  std::filesystem::remove(folder / "results.jsonl");
  ex::experiment_page(folder.path(), more);
}

TEST_CASE("examples/run_record: what is written is read, and what is broken is named") {
  const ssl::test::temporary_folder folder;
  const std::filesystem::path file = folder / "run.json";
  const ex::run_record record{.program = "vicreg",
                              .title = "VICReg",
                              .options = {{"data", "synthetic"}, {"epochs", "8"}},
                              .seeds = {7},
                              .seconds = 1.5,
                              .warnings = {"step 20: a \"sign\""},
                              .results = {{{{"representation", "trained"}}, {{"knn", 0.5}}}}};
  std::ofstream(file) << to_json(record);
  const ex::run_record again = ex::read_run_record(file);
  CHECK(to_json(again) == to_json(record));
  CHECK(again.results.front().measures.front().second == 0.5);

  const auto message = [&](const std::string& text) {
    std::ofstream(file, std::ios::trunc) << text;
    return ssl::test::message([&] { ex::read_run_record(file); });
  };
  const std::string name = file.string();
  CHECK(message("{\"kind\":\n\"training\"\n") == name + ", line 3: this is no JSON");
  CHECK(message("[]") == name + " is not an object");
  CHECK(message("{\"kind\":\"training\",\"program\":1}") == name + ", entry 'program' is not a text");
  CHECK(message("{\"kind\":\"training\"}") == name + " has no entry 'program'");
  CHECK(message(R"({"kind":"walk","program":"a","options":{}})") ==
        name + ", entry 'kind' is 'walk', expected training or experiment");
  CHECK(
      message(
          R"({"kind":"training","program":"a","options":{},"results":[{"condition":{},"measures":{"a":"b"}}]})") ==
      name + ", entry 'results', element 1, entry 'measures', entry 'a' is not a number");
  std::filesystem::remove(file);
  CHECK_THROWS_AS(ex::read_run_record(file), ssl::data_error);
}
