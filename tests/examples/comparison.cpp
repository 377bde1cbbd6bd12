// Which runs are one group, what differs between groups, and what a run's folder may hold.
#include "support/comparison.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "ssl/core/error.hpp"
#include "support/temporary_folder.hpp"

namespace ex = ssl_example;

namespace {

ex::run_folder training(const std::string& folder, const std::string& program, ex::condition options,
                        std::uint64_t seed, double linear) {
  ex::run_folder run;
  run.path = folder;
  run.record.program = program;
  run.record.options = std::move(options);
  run.record.seeds = {seed};
  run.record.results = {{{{"representation", "trained"}, {"patches", "4"}}, {{"linear", linear}}}};
  run.log.step = {1, 2};
  run.log.columns = {{"loss", {2, 1}}, {"inv", {1, 0.5}}};
  return run;
}

std::vector<const ex::run_folder*> pointers(const std::vector<ex::run_folder>& runs) {
  std::vector<const ex::run_folder*> all;
  for (const auto& run : runs) all.push_back(&run);
  return all;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("examples/comparison: runs that differ in the seed only are one group") {
  const std::vector<ex::run_folder> runs{
      training("out/a1", "vicreg", {{"epochs", "2"}, {"batch", "8"}}, 1, 0.5),
      training("out/b", "vicreg", {{"epochs", "4"}, {"batch", "8"}}, 1, 0.7),
      training("out/a2", "vicreg", {{"epochs", "2"}, {"batch", "8"}}, 2, 0.6)};
  const auto groups = ex::group_runs(pointers(runs));
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].label == "epochs 2");
  CHECK(groups[1].label == "epochs 4");
  CHECK(groups[0].runs.size() == 2);
  const ex::estimate e =
      ex::result_of(groups[0], {{"representation", "trained"}, {"patches", "4"}}, "linear");
  CHECK(e.count == 2);
  CHECK(e.mean == doctest::Approx(0.55));

  const std::string html = ex::compare(runs, "").html();
  CHECK(holds(html, "3 runs compared"));
  CHECK(holds(html, "55.0 ± 63.5 %"));
  CHECK(holds(html, "best\">70.0 %"));
  CHECK(holds(html, "<dt>batch</dt><dd>8</dd>"));
  CHECK_FALSE(holds(html, "<dt>epochs</dt>"));
  CHECK(holds(html, "Loss of inv"));
}

TEST_CASE("examples/comparison: an option that one program has is no difference") {
  std::vector<ex::run_folder> runs{training("a", "vicreg", {{"epochs", "2"}, {"variance", "25"}}, 1, 0.5),
                                   training("b", "byol", {{"epochs", "2"}}, 1, 0.5)};
  auto groups = ex::group_runs(pointers(runs));
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].label == "vicreg");
  CHECK(groups[1].label == "byol");
  CHECK(ex::differing_options({&runs[0].record, &runs[1].record}).empty());
  const std::string html = ex::compare(runs, "").html();
  CHECK(holds(html, "Of vicreg:"));
  CHECK(holds(html, "<dt>variance</dt>"));

  // Labels that would be long are folders.
  for (auto& run : runs)
    run.record.options.emplace_back("data", "a rather long place on disk, " + run.path.string());
  groups = ex::group_runs(pointers(runs));
  CHECK(groups[0].label == "a");
}

TEST_CASE("examples/comparison: runs of one experiment share a table, condition by condition") {
  const ssl::test::temporary_folder parent;
  const auto experiment = [&](const std::string& folder, double knn) {
    ex::run_folder run;
    run.path = parent / folder;
    std::filesystem::create_directories(run.path);
    run.record.kind = "experiment";
    run.record.program = "patches";
    run.record.claim = "more is better";
    run.record.conclusion = "found in " + folder;
    run.record.options = {{"data", "a rather long place on disk, " + folder}};
    run.results.emplace(run.path / "results.jsonl");
    for (const std::uint64_t seed : {1U, 2U}) {
      run.results->add({{"bag", "1"}}, seed, {{"knn", knn}});
      run.results->add({{"bag", "4"}}, seed, {{"knn", 2 * knn}});
    }
    return run;
  };
  std::vector<ex::run_folder> runs;
  runs.push_back(experiment("cifar/patches", 0.25));
  runs.push_back(experiment("tiny/patches/", 0.125));
  const auto groups = ex::group_runs(pointers(runs));
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].label == "cifar/patches");
  CHECK(groups[1].label == "tiny/patches");

  const std::string html = ex::compare(runs, "").html();
  CHECK(holds(html, "found in cifar/patches"));
  CHECK(holds(html, "found in tiny/patches"));
  CHECK(html.find("more is better") == html.rfind("more is better"));
  const auto place = [&](const std::string& part) { return html.find(part); };
  const auto first = place("0.250 ± 0.000"), second = place("0.125 ± 0.000"), third = place("0.500 ± 0.000");
  REQUIRE(third != std::string::npos);
  CHECK(first < second);
  CHECK(second < third);
}

TEST_CASE("examples/comparison: a folder that is no run is refused in a sentence") {
  const ssl::test::temporary_folder parent;
  const auto folder = parent / "run";
  const auto message = [&] { return ssl::test::message([&] { ex::read_run_folder(folder); }); };
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name, std::ios::trunc) << text;
  };
  CHECK(message() == folder.string() + ": there is no such folder");
  std::filesystem::create_directories(folder);
  CHECK(message() == folder.string() + ": is not the folder of a run, it has no run.json");
  write("run.json", R"({"kind":"training","program":"vicreg","options":{}})");
  CHECK(message() == "");
  write("metrics.jsonl",
        "{\"step\":1,\"loss\":2,\"warning\":\"a sign\"}\n{\"step\":2,\"loss\":null,\"rank\":3}\n{\"st");
  const ex::run_folder run = ex::read_run_folder(folder);
  REQUIRE(run.log.step.size() == 2);
  CHECK(run.name() == "run");
  CHECK(run.log.columns.size() == 2);
  CHECK(std::isnan((*run.log.find("loss"))[1]));
  CHECK(std::isnan((*run.log.find("rank"))[0]));
  CHECK(run.log.find("warning") == nullptr);
  write("metrics.jsonl", "{\"step\":1}\n{\"loss\":2}\n");
  CHECK(message() == (folder / "metrics.jsonl").string() + ", line 2: expected an object with a step");
  write("metrics.jsonl", "{\"step\":1}\n{\"st\n{\"step\":2}\n");
  CHECK(message() == (folder / "metrics.jsonl").string() + ", line 2: this is no JSON");
  write("run.json", R"({"kind":"experiment","program":"patches","options":{}})");
  write("results.jsonl", "{}\n");
  CHECK(message() == (folder / "results.jsonl").string() +
                         ", line 1: expected an object with condition, seed and measures");
}
