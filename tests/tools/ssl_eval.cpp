#include <cmath>
#include <limits>

#include "program.hpp"

namespace ssl::test {
namespace {

finished ssl_eval(const std::string& arguments) { return run_program(SSL_EVAL_PROGRAM, arguments); }

/// Four files of two well separated classes with four features.
struct fixture {
  temporary_folder folder;
  std::string files = "--train " + folder / "x.npy" + " --train-labels " + folder / "y.npy" + " --test " +
                      folder / "xt.npy" + " --test-labels " + folder / "yt.npy";

  fixture() {
    write_part("x", "y", 60, 1);
    write_part("xt", "yt", 20, 2);
  }

  /// Sample j is of class 10 (j even) or -3, near 4 e_0 or 4 e_1.
  void write_part(const std::string& features, const std::string& labels, index n, unsigned seed) const {
    auto x = noise(4 * n, seed);
    std::vector<std::int64_t> y;
    for (index j = 0; j < n; ++j) {
      x[static_cast<std::size_t>(4 * j + j % 2)] += 8;
      y.push_back(j % 2 == 0 ? 10 : -3);
    }
    write_npy(folder / (features + ".npy"), {n, 4}, x);
    write_npy(folder / (labels + ".npy"), {n}, y);
  }
};

}  // namespace

TEST_CASE("tools/ssl_eval: two clear classes are told apart by every classifier") {
  const fixture f;
  for (const std::string probe : {"ridge", "sgd"}) {
    const finished done = ssl_eval(f.files + " --probe " + probe);
    INFO(done.error);
    REQUIRE(done.code == 0);
    CHECK(done.error.empty());
    const auto json = done.json();
    CHECK(json["knn_top1"] == 1.0);
    CHECK(json["knn_top5"] == 1.0);
    CHECK(json["linear_top1"] == 1.0);
    CHECK(json["effective_rank"].get<double>() > 1);
    CHECK(json["effective_rank"].get<double>() < 4.001);
    CHECK(json["alignment"].get<double>() > 0);
    CHECK(json["alignment"].get<double>() < 1);
    CHECK(json["uniformity"].get<double>() < 0);
  }
}

TEST_CASE("tools/ssl_eval: labels that say nothing are guessed at, not known") {
  const fixture f;
  std::vector<std::int32_t> labels;
  for (int j = 0; j < 20; ++j) labels.push_back(j / 2 % 2 == 0 ? 10 : -3);
  write_npy(f.folder / "yt.npy", {20}, labels);
  const auto json = ssl_eval(f.files).json();
  CHECK(json["knn_top1"] == 0.5);
  CHECK(json["linear_top1"] == 0.5);
}

TEST_CASE("tools/ssl_eval: a class that only the test has is never found") {
  const fixture f;
  write_npy(f.folder / "yt.npy", {20}, std::vector<std::int32_t>(20, 77));
  const auto json = ssl_eval(f.files + " --probe none").json();
  CHECK(json["knn_top1"] == 0.0);
  CHECK(json["knn_top5"] == 0.0);
}

TEST_CASE("tools/ssl_eval: without a probe there is no linear accuracy, with few samples no alignment") {
  const fixture f;
  const auto json = ssl_eval(f.files + " --probe none").json();
  CHECK_FALSE(json.contains("linear_top1"));
  CHECK(json.contains("knn_top1"));
  write_npy(f.folder / "x.npy", {2, 4}, std::vector<double>{1, 0, 0, 0, 0, 1, 0, 0});
  write_npy(f.folder / "y.npy", {2}, std::vector<std::int64_t>{10, -3});
  const finished few = ssl_eval(f.files + " --probe none");
  INFO(few.error);
  REQUIRE(few.code == 0);
  CHECK_FALSE(few.json().contains("alignment"));
  CHECK(few.json()["effective_rank"].get<double>() == doctest::Approx(2.0).epsilon(1e-5));
  CHECK(few.json()["uniformity"].get<double>() == doctest::Approx(-4.0).epsilon(1e-12));
}

TEST_CASE("tools/ssl_eval: neighbours and temperature count") {
  const fixture f;
  // With all 60 neighbours at a high temperature both classes have 30 votes: only the closer ones decide.
  const finished sharp = ssl_eval(f.files + " --probe none --knn-k 1"),
                 flat = ssl_eval(f.files + " --probe none --knn-k 60 --knn-temperature 0.5");
  REQUIRE(sharp.code == 0);
  REQUIRE(flat.code == 0);
  CHECK(sharp.json()["knn_top1"] == 1.0);
  CHECK(flat.json()["knn_top1"] == 1.0);
  // Three of a class against one of the other: a majority of four neighbours overrules the nearest one.
  write_npy(f.folder / "x.npy", {4, 2}, std::vector<float>{1, 0, 0, 1, 0.1f, 1, -0.1f, 1});
  write_npy(f.folder / "y.npy", {4}, std::vector<std::int64_t>{1, 2, 2, 2});
  write_npy(f.folder / "xt.npy", {2, 2}, std::vector<float>{1, 0.9f, 1, 0.9f});
  write_npy(f.folder / "yt.npy", {2}, std::vector<std::int64_t>{1, 1});
  CHECK(ssl_eval(f.files + " --probe none --knn-k 1").json()["knn_top1"] == 1.0);
  CHECK(ssl_eval(f.files + " --probe none --knn-k 4 --knn-temperature 10").json()["knn_top1"] == 0.0);
}

TEST_CASE("tools/ssl_eval: float and double files may be mixed") {
  const fixture f;
  const auto before = ssl_eval(f.files).json();
  const auto x = read_npy(f.folder / "xt.npy").as<float>();
  write_npy(f.folder / "xt.npy", {20, 4}, x);
  const finished mixed = ssl_eval(f.files);
  REQUIRE(mixed.code == 0);
  CHECK(mixed.json()["knn_top1"] == before["knn_top1"]);
}

TEST_CASE("tools/ssl_eval: a protocol says what is computed, and its best epoch is a note") {
  const fixture f;
  const auto vicreg = ssl_eval(f.files + " --protocol vicreg").json();
  CHECK(vicreg["protocol"] == "vicreg");
  CHECK_FALSE(vicreg.contains("knn_top1"));
  CHECK(vicreg["linear_top1"] == 1.0);
  CHECK(vicreg["linear_best_epoch_note"]["top1"] == 1.0);
  CHECK(vicreg["linear_best_epoch_note"]["epoch"].get<int>() >= 1);
  const auto nmce = ssl_eval(f.files + " --protocol nmce").json();
  CHECK(nmce["knn_top1"] == 1.0);
  CHECK(nmce["linear_top1"] == 1.0);
  const auto dino = ssl_eval(f.files + " --protocol dino").json();
  CHECK(dino["knn_top1"] == 1.0);
  CHECK_FALSE(dino.contains("linear_top1"));
  const auto ours = ssl_eval(f.files + " --protocol ours").json(), plain = ssl_eval(f.files).json();
  CHECK(ours["linear_top1"] == plain["linear_top1"]);
  CHECK(ours["knn_top1"] == plain["knn_top1"]);
  check_refused(ssl_eval(f.files + " --protocol nobody"), "there is no protocol \"nobody\"");
  check_refused(ssl_eval(f.files + " --protocol dino --knn-k 3"), "--knn-k");
  check_refused(ssl_eval(f.files + " --protocol dino --low-shot 0.1"), "needs a linear probe");
}

TEST_CASE("tools/ssl_eval: intervals, and a paired difference that is called one only where it is") {
  const fixture f;
  write_npy(f.folder / "nx.npy", {60, 3}, noise(180, 5));
  write_npy(f.folder / "nxt.npy", {20, 3}, noise(60, 6));
  const finished done =
      ssl_eval(f.files + " --bootstrap 500 --against " + f.folder / "nx.npy" + " " + f.folder / "nxt.npy");
  INFO(done.error);
  REQUIRE(done.code == 0);
  const auto json = done.json();
  CHECK(json["knn_top1_interval"]["bootstrap"][0] == 1.0);
  CHECK(json["linear_top1_interval"]["exact"][0].get<double>() ==
        doctest::Approx(std::pow(0.025, 1.0 / 20)).epsilon(1e-9));
  CHECK(json["linear_top1_interval"]["wilson"][1] == 1.0);
  CHECK(json["against"]["linear"]["verdict"] == "first better");
  CHECK(json["against"]["linear"]["difference"].get<double>() ==
        doctest::Approx(1 - json["against"]["linear"]["other_top1"].get<double>()));
  const auto same = ssl_eval(f.files + " --against " + f.folder / "x.npy" + " " + f.folder / "xt.npy").json();
  CHECK(same["against"]["knn"]["verdict"] == "undecided");
  CHECK(same["against"]["knn"]["difference"] == 0.0);
  check_refused(ssl_eval(f.files + " --against " + f.folder / "xt.npy" + " " + f.folder / "xt.npy"),
                "has 20 samples, expected the 60 that it is compared with");
  check_refused(ssl_eval(f.files + " --against " + f.folder / "nx.npy" + " " + f.folder / "xt.npy"),
                "has 4 features, expected 3");
}

TEST_CASE("tools/ssl_eval: few labels, clusters, ranks and views") {
  const fixture f;
  auto views = noise(2 * 30 * 4, 3);
  for (std::size_t k = 0; k < 120; ++k) views[k + 120] = views[k] + 0.1 * views[k + 120];
  write_npy(f.folder / "v.npy", {2, 30, 4}, views);
  const finished done = ssl_eval(
      f.files + " --low-shot 0.05,0.5 --low-shot-draws 3 --cluster --rank --views " + f.folder / "v.npy");
  INFO(done.error);
  REQUIRE(done.code == 0);
  const auto json = done.json();
  REQUIRE(json["low_shot"].size() == 2);
  CHECK(json["low_shot"][0]["samples"] == 4);  // 1.5 of 30, a half rounded up
  CHECK(json["low_shot"][1]["samples"] == 30);
  CHECK(json["low_shot"][1]["draws"].size() == 3);
  CHECK(json["low_shot"][1]["top1"] == 1.0);
  CHECK(json["cluster"]["clusters"] == 2);
  CHECK(json["cluster"]["accuracy"] == 1.0);
  CHECK(json["cluster"]["ari"] == 1.0);
  CHECK(json["rank"]["rank_me"].get<double>() > 1);
  CHECK(json["rank"]["alpha_req"].is_null());  // four directions
  CHECK(json["views"]["lidar"].get<double>() > 2);
  CHECK(json["views"]["lidar"].get<double>() < 4.001);
  CHECK(json["views"]["alignment"].get<double>() < 0.2);
  write_npy(f.folder / "v.npy", {30, 4}, noise(120, 3));
  check_refused(ssl_eval(f.files + " --views " + f.folder / "v.npy"),
                "expected 3 axes (views, samples, features)");
  check_refused(ssl_eval(f.files + " --low-shot 0.1,2"), "--low-shot");
  check_refused(ssl_eval(f.files + " --low-shot 0.1 --probe none"),
                "needs a linear probe, which --probe none has not");
  check_refused(ssl_eval(f.files + " --clusters 3"), "--cluster");
}

TEST_CASE("tools/ssl_eval: JSON to a file leaves lines and a table for people, and a table may be a file") {
  const fixture f;
  const finished done = ssl_eval(f.files + " --confusion table --json " + f.folder / "r.json");
  INFO(done.error);
  REQUIRE(done.code == 0);
  CHECK(done.out.find("linear_top1 ") != std::string::npos);
  CHECK(done.out.find("rows: labels, columns: predictions of the linear probe") != std::string::npos);
  const auto json = nlohmann::json::parse(read_text(f.folder / "r.json"));
  CHECK(json["linear_top1"] == 1.0);
  CHECK(json["confusion"]["labels"] == std::vector<int>{-3, 10});
  CHECK(json["confusion"]["recall"] == std::vector<double>{1, 1});
  REQUIRE(ssl_eval(f.files + " --confusion " + f.folder / "m.csv").code == 0);
  CHECK(read_text(f.folder / "m.csv") == "label,-3,10,none\n-3,10,0,0\n10,0,10,0\n");
  check_refused(ssl_eval(f.files + " --confusion table"), "needs --json FILE");
  check_refused(ssl_eval(f.files + " --confusion m.txt"), "expected table or a file that ends in .csv");
  check_refused(ssl_eval(f.files + " --json " + f.folder / "none/r.json"), "cannot be written");
}

TEST_CASE("tools/ssl_eval: a bad file is one sentence that names it") {
  const fixture f;
  const auto refused = [&](const std::string& file, const std::string& what) {
    const finished done = ssl_eval(f.files);
    check_refused(done, what);
    CHECK(done.complains_of(f.folder / file));
    f.write_part("x", "y", 60, 1);
    f.write_part("xt", "yt", 20, 2);
  };
  std::filesystem::remove(f.folder / "x.npy");
  refused("x.npy", "no such file");
  std::filesystem::resize_file(f.folder / "yt.npy", 130);
  refused("yt.npy", "is truncated");
  write_npy(f.folder / "x.npy", {60, 2, 2}, noise(240, 1));
  refused("x.npy", "expected 2 axes (samples, features)");
  write_npy(f.folder / "y.npy", {60, 1}, std::vector<std::int64_t>(60));
  refused("y.npy", "expected 1 axis (samples)");
  write_npy(f.folder / "y.npy", {59}, std::vector<std::int64_t>(59));
  refused("y.npy", "has 59 labels, expected 60");
  write_npy(f.folder / "y.npy", {60}, noise(60, 1));
  refused("y.npy", "has the dtype f8, expected whole numbers");
  write_npy(f.folder / "xt.npy", {20, 3}, noise(60, 1));
  refused("xt.npy", "has 3 features, expected 4");
  write_npy(f.folder / "xt.npy", {1, 4}, noise(4, 1));
  refused("xt.npy", "expected at least two samples");
  auto x = noise(240, 1);
  x[7] = std::numeric_limits<double>::quiet_NaN();
  write_npy(f.folder / "x.npy", {60, 4}, x);
  refused("x.npy", "element 7 is NaN");
  write_raw_npy(f.folder / "x.npy", "{'descr': '<f8', 'fortran_order': True, 'shape': (60, 4), }", 1920);
  refused("x.npy", "is in Fortran order");
  write_raw_npy(f.folder / "y.npy", "{'descr': '|O', 'fortran_order': False, 'shape': (60,), }", 480);
  refused("y.npy", "has an object dtype");
}

TEST_CASE("tools/ssl_eval: a wrong command line is one sentence") {
  const fixture f;
  check_refused(ssl_eval("--train " + f.folder / "x.npy"), "required");
  check_refused(ssl_eval(f.files + " --probe svm"), "svm not in {ridge,sgd,none}");
  check_refused(ssl_eval(f.files + " --knn-k 0"), "--knn-k");
  check_refused(ssl_eval(f.files + " --knn-temperature 0"), "--knn-temperature");
  check_refused(ssl_eval(f.files + " --unknown"), "--unknown");
}

}  // namespace ssl::test
