// The file of an experiment's results, and intervals over seeds.
#include "support/observations.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "ssl/core/error.hpp"
#include "support/temporary_folder.hpp"

namespace ex = ssl_example;

namespace {

struct fresh_file {
  ssl::test::temporary_folder folder;
  std::filesystem::path path = folder / "run" / "results.jsonl";

  void write(const std::string& text) const {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  std::string read() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

const ex::condition vicreg{{"loss", "vicreg"}, {"patches", "16"}};
const std::string first =
    R"({"condition":{"loss":"vicreg","patches":"16"},"seed":1,"measures":{"knn":0.5,"linear":0.75}})";
const std::string second =
    R"({"condition":{"loss":"byol","patches":"16"},"seed":18446744073709551615,"measures":{"knn":null}})";

std::string message_of(const std::filesystem::path& path) {
  return ssl::test::message([&] { const ex::observations broken(path); });
}

}  // namespace

TEST_CASE("examples/observations: an experiment goes on where it stopped") {
  const fresh_file file;
  {
    ex::observations results(file.path);
    CHECK(results.all().empty());
    CHECK_FALSE(std::filesystem::exists(file.path));
    results.add(vicreg, 1, {{"knn", 0.5}, {"linear", 0.75}});
    results.add({{"loss", "byol"}, {"patches", "16"}}, ~std::uint64_t{0}, {{"knn", std::nan("")}});
  }
  const std::string text = file.read();
  CHECK(text.starts_with(first.substr(0, first.size() - 1) + ",\"took\":"));
  CHECK(text.find("\n" + second.substr(0, second.size() - 1) + ",\"took\":") != std::string::npos);
  CHECK(text.ends_with("}\n"));
  ex::observations results(file.path);
  CHECK(results.has(vicreg, 1));
  CHECK(results.has({{"patches", "16"}, {"loss", "vicreg"}}, 1));
  CHECK_FALSE(results.has(vicreg, 2));
  CHECK_FALSE(results.has({{"loss", "vicreg"}}, 1));
  CHECK(results.has({{"loss", "byol"}, {"patches", "16"}}, ~std::uint64_t{0}));
  REQUIRE(results.all().size() == 3);
  CHECK(results.all()[1].measure == "linear");
  CHECK(results.all()[1].value == 0.75);
  CHECK(std::isnan(results.all()[2].value));
  CHECK(results.values("loss") == std::vector<std::string>{"vicreg", "byol"});
  CHECK(results.measures() == std::vector<std::string>{"knn", "linear"});
  CHECK(results.seeds() == std::vector<std::uint64_t>{1, ~std::uint64_t{0}});
  CHECK(results.conditions().size() == 2);
}

TEST_CASE("examples/observations: time adds up over the processes of an experiment") {
  const fresh_file file;
  const std::string start = first.substr(0, first.size() - 1), end = second.substr(0, second.size() - 1);
  file.write(start + ",\"took\":40.5}\n" + end + ",\"took\":2}\n");
  ex::observations results(file.path);
  CHECK(results.seconds() == doctest::Approx(42.5));
  results.add(vicreg, 2, {{"knn", 1}});
  CHECK(results.seconds() >= 42.5);
  CHECK(results.seconds() < 52.5);
}

TEST_CASE("examples/observations: a line that a crash cut short is dropped, whatever its length") {
  const fresh_file file;
  for (std::size_t cut = 0; cut < second.size(); ++cut) {
    const std::string torn = first + "\n" + second.substr(0, cut);
    file.write(torn);
    ex::observations results(file.path);
    REQUIRE(results.all().size() == 2);
    REQUIRE(file.read() == torn);  // reading changes nothing
    results.add(vicreg, 2, {{"knn", 1}});
    REQUIRE(ex::observations(file.path).all().size() == 3);
  }
}

TEST_CASE("examples/observations: a last line without a newline counts") {
  const fresh_file file;
  file.write(first);
  ex::observations results(file.path);
  CHECK(results.has(vicreg, 1));
  results.add(vicreg, 2, {{"knn", 1}});
  results.add(vicreg, 3, {{"knn", 1}});
  CHECK(ex::observations(file.path).all().size() == 4);
}

TEST_CASE("examples/observations: a broken file is refused with its line") {
  const fresh_file file;
  const auto starts = [&](int line) { return file.path.string() + ", line " + std::to_string(line) + ": "; };
  file.write(first + "\n{\"condition\n" + second + "\n");
  CHECK(message_of(file.path) == starts(2) + "this is no line of JSON");
  file.write(first + "\n" + first + "\n");
  CHECK(message_of(file.path) == starts(2) + "a second result for loss vicreg, patches 16, seed 1");
  file.write("{\"step\":1}\n");
  CHECK(message_of(file.path) == starts(1) + "expected an object with condition, seed and measures");
  file.write(R"({"condition":{},"seed":-1,"measures":{"a":1}})");
  CHECK(message_of(file.path) == starts(1) + "seed is not a whole number");
  file.write(R"({"condition":{"a":1},"seed":1,"measures":{"a":1}})");
  CHECK(message_of(file.path) == starts(1) + "a value of condition is not a text");
  file.write(R"({"condition":{},"seed":1,"measures":{"a":"b"}})");
  CHECK(message_of(file.path) == starts(1) + "a measure is neither a number nor null");
}

TEST_CASE("examples/observations: what makes no sense is not added") {
  const fresh_file file;
  ex::observations results(file.path);
  results.add(vicreg, 1, {{"knn", 1}});
  CHECK_THROWS_AS(results.add(vicreg, 1, {{"linear", 1}}), ssl::option_error);
  CHECK_THROWS_AS(results.add(vicreg, 2, {}), ssl::option_error);
  CHECK_THROWS_AS(results.add(vicreg, 2, {{"knn", 1}, {"knn", 2}}), ssl::option_error);
  CHECK_THROWS_AS(results.add({{"a", "1"}, {"a", "2"}}, 2, {{"knn", 1}}), ssl::option_error);
  CHECK(ex::observations(file.path).all().size() == 1);
  file.write("");  // a folder that turned into something else
  std::filesystem::remove_all(file.path.parent_path());
  std::ofstream(file.path.parent_path()) << "a file";
  CHECK_THROWS_AS(ex::observations(file.path).add(vicreg, 1, {{"knn", 1}}), ssl::data_error);
}

TEST_CASE("examples/observations: the interval is Student's") {
  // Mean 2, standard deviation 1, so half the interval is 4.3026527 / sqrt(3).
  const double values[] = {1, 2, 3};
  const ex::estimate e = ex::estimate_of(values);
  CHECK(e.mean == doctest::Approx(2));
  CHECK(e.count == 3);
  CHECK(e.half() == doctest::Approx(2.4841377).epsilon(1e-6));
  CHECK(e.low == doctest::Approx(2 - 2.4841377).epsilon(1e-6));
  CHECK(e.text(2) == "2.00 ± 2.48");
  CHECK_FALSE(e.differs_from_zero());

  const double one[] = {0.8134, std::nan("")};
  const ex::estimate single = ex::estimate_of(one);
  CHECK(single.count == 1);
  CHECK(std::isnan(single.low));
  CHECK_FALSE(single.differs_from_zero());
  CHECK(single.text(1, true) == "81.3 % (1 failed)");
  CHECK(ex::estimate_of({}).text() == "–");
}

TEST_CASE("examples/observations: a seed counts once, and differences are paired") {
  const fresh_file file;
  ex::observations results(file.path);
  const auto add = [&](const char* loss, const char* patches, std::uint64_t seed, double knn) {
    results.add({{"loss", loss}, {"patches", patches}}, seed, {{"knn", knn}});
  };
  // The seeds differ much, the losses by 0.1 in each.
  add("vicreg", "4", 1, 0.3);
  add("vicreg", "16", 1, 0.5);
  add("vicreg", "16", 2, 0.8);
  add("byol", "16", 2, 0.7);
  add("byol", "16", 1, 0.41);
  add("byol", "16", 3, 0.9);
  const ex::estimate both = results.summary({{"loss", "vicreg"}}, "knn");
  CHECK(both.count == 2);
  CHECK(both.mean == doctest::Approx((0.4 + 0.8) / 2));
  CHECK(results.summary({}, "knn").count == 3);
  CHECK(results.of({{"patches", "16"}, {"loss", "vicreg"}}, "knn").mean == doctest::Approx(0.65));
  CHECK(results.of({{"loss", "vicreg"}}, "knn").count == 0);
  CHECK(results.summary({{"loss", "simclr"}}, "knn").count == 0);
  CHECK(results.summary({{"loss", "byol"}}, "linear").count == 0);
  const ex::estimate paired = results.difference({{"loss", "vicreg"}, {"patches", "16"}},
                                                 {{"loss", "byol"}, {"patches", "16"}}, "knn");
  CHECK(paired.count == 2);
  CHECK(paired.mean == doctest::Approx(0.095));
  CHECK(paired.half() == doctest::Approx(12.7062047 * 0.005).epsilon(1e-5));
  CHECK(paired.differs_from_zero());
}

TEST_CASE("examples/observations: contrasts are paired over the seeds that have all their terms") {
  const fresh_file file;
  ex::observations results(file.path);
  const ex::condition near{{"trained on", "here"}}, far{{"trained on", "there"}};
  results.add(near, 1, {{"here", 0.8}, {"there", 0.5}});
  results.add(near, 2, {{"here", 0.6}, {"there", 0.2}});
  results.add(near, 3, {{"here", 0.6}});
  results.add(far, 1, {{"here", 0.7}, {"there", 0.9}});
  results.add(far, 2, {{"here", 0.3}, {"there", 0.6}});
  // (near - far) here, half of it, and (far - near) there: 0.05 + 0.4 and 0.15 + 0.4.
  const ex::estimate e =
      results.contrast({{0.5, near, "here"}, {-0.5, far, "here"}, {1, far, "there"}, {-1, near, "there"}});
  CHECK(e.count == 2);
  CHECK(e.mean == doctest::Approx(0.5));
  CHECK(e.half() == doctest::Approx(12.7062047 * 0.05).epsilon(1e-5));
  CHECK(results.contrast({{1, near, "here"}}).count == 3);
}
