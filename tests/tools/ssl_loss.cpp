#include <algorithm>
#include <limits>

#include "program.hpp"

namespace ssl::test {
namespace {

/// The program of this build, or another that the environment names.
finished ssl_loss(const std::string& arguments) {
  const char* const other = std::getenv("SSL_LOSS_PROGRAM");
  return run_program(other ? other : SSL_LOSS_PROGRAM, arguments);
}

/// A = sin(0.7 j + 1.3 i + 0.1 i j) and B = A + 0.3 cos(0.5 j - 0.9 i + 0.2 i j), sample j < 8, feature i
/// < 6.
std::vector<double> sines() {
  std::vector<double> z;
  for (int view = 0; view < 2; ++view)
    for (int j = 0; j < 8; ++j)
      for (int i = 0; i < 6; ++i)
        z.push_back(std::sin(0.7 * j + 1.3 * i + 0.1 * i * j) +
                    (view == 0 ? 0.0 : 0.3 * std::cos(0.5 * j - 0.9 * i + 0.2 * i * j)));
  return z;
}

bool near(double found, double expected, double relative) {
  return std::abs(found - expected) <= relative * std::abs(expected);
}

}  // namespace

TEST_CASE("tools/ssl_loss: prints a known value, its terms and the shape") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  const finished f = ssl_loss("--loss vicreg --views " + folder / "z.npy");
  INFO(f.error);
  REQUIRE(f.code == 0);
  CHECK(f.error.empty());
  const auto json = f.json();
  CHECK(json["loss"] == "vicreg");
  CHECK(near(json["value"], 7.7700865281, 1e-10));
  CHECK(near(json["terms"]["inv"], 0.0462597226, 1e-9));
  CHECK(near(json["terms"]["var"], (0.2574377788 + 0.1963172421) / 2, 1e-9));
  CHECK(near(json["terms"]["cov"], 0.4484898403 + 0.4931658613, 1e-9));
  CHECK(json["views"] == 2);
  CHECK(json["samples"] == 8);
  CHECK(json["features"] == 6);
  CHECK(json["side"] == "features");
  CHECK(json.size() == 7);
}

TEST_CASE("tools/ssl_loss: every listed loss runs on both sides and in both precisions, with one result") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {3, 9, 7}, noise(189, 3));
  write_npy(folder / "targets.npy", {3, 9, 7}, noise(189, 4));
  write_npy(folder / "directions.npy", {9, 7}, noise(63, 5));
  write_npy(folder / "queue.npy", {5, 7}, noise(35, 6));
  write_npy(folder / "prototypes.npy", {4, 7}, noise(28, 7));
  const finished list = ssl_loss("--list");
  REQUIRE(list.code == 0);
  std::istringstream lines(list.out);
  int losses = 0;
  std::string loss;
  for (std::string line; std::getline(lines, line);) {
    if (line[0] != ' ') loss = line;
    if (!line.starts_with("  inputs ")) continue;
    ++losses;
    INFO(loss << ":" << line);
    std::string call = "--loss " + loss + " --views " + folder / "z.npy";
    for (const std::string input : {"targets", "directions", "queue", "prototypes"})
      if (line.find("--" + input) != std::string::npos)
        call += " --" + input + " " + folder / (input + ".npy");
    const finished best = ssl_loss(call);
    INFO(best.error);
    REQUIRE(best.code == 0);
    const double value = best.json()["value"];
    CHECK(best.json()["side"] == "features");
    for (const std::string side : {"features", "samples"}) {
      const finished exact = ssl_loss(call + " --side " + side),
                     quick = ssl_loss(call + " --dtype f32 --side " + side);
      REQUIRE(exact.code == 0);
      REQUIRE(quick.code == 0);
      CHECK(exact.json()["side"] == side);
      CHECK(near(exact.json()["value"], value, 1e-12));
      CHECK(near(quick.json()["value"], value, 1e-5));
    }
  }
  CHECK(losses >= 46);
}

TEST_CASE("tools/ssl_loss: every listed loss has its place in the page of the losses") {
  const std::string page = read_text(SSL_LOSSES_PAGE);
  REQUIRE(!page.empty());
  std::istringstream lines(ssl_loss("--list").out);
  for (std::string line; std::getline(lines, line);)
    if (line[0] != ' ') CHECK_MESSAGE(page.find("`" + line) != std::string::npos, line);
}

TEST_CASE("tools/ssl_loss: the names of the golden values and of the methods are listed") {
  const std::string list = "\n" + ssl_loss("--list").out;
  for (const std::string name : {"vicreg",
                                 "vicreg.inv",
                                 "vicreg.var",
                                 "vicreg.cov",
                                 "barlow",
                                 "barlow.on",
                                 "barlow.off",
                                 "ntxent",
                                 "ntxent_multi",
                                 "spectral",
                                 "spectral.part2",
                                 "byol",
                                 "tcr",
                                 "wmse",
                                 "fro",
                                 "align_unif",
                                 "align_unif.unif",
                                 "msb_loo",
                                 "msb_all",
                                 "msb_c2c",
                                 "msb_brownian",
                                 "msb_s1",
                                 "msb_s1_unbiased",
                                 "msb_s1c",
                                 "msb_s2",
                                 "msb_s4",
                                 "msb_total",
                                 "dcl",
                                 "dclw",
                                 "moco",
                                 "swav",
                                 "dino",
                                 "tico",
                                 "simsiam",
                                 "uniform",
                                 "align",
                                 "vibcreg",
                                 "vicregl",
                                 "vicregl_local",
                                 "koleo",
                                 "mmcr",
                                 "emp_ssl",
                                 "co_occurrence",
                                 "vicreg_solo_learn",
                                 "vicreg_paper",
                                 "spectral_official"})
    CHECK_MESSAGE(list.find("\n" + name + "\n  formula ") != std::string::npos, name);
}

TEST_CASE("tools/ssl_loss: the gradient has the shape and type of the views and is the slope of the value") {
  const temporary_folder folder;
  const auto z = noise(2 * 4 * 3, 5), direction = noise(2 * 4 * 3, 6);
  const auto value = [&](double step) {
    auto moved = z;
    for (std::size_t k = 0; k < z.size(); ++k) moved[k] += step * direction[k];
    write_npy(folder / "moved.npy", {2, 4, 3}, moved);
    return ssl_loss("--loss emp_ssl --set lambda=3 --views " + folder / "moved.npy")
        .json()["value"]
        .get<double>();
  };
  write_npy(folder / "z.npy", {2, 4, 3}, z);
  REQUIRE(ssl_loss("--loss emp_ssl --set lambda=3 --views " + folder / "z.npy" + " --grad-out " +
                   folder / "g.npy")
              .code == 0);
  const npy_array gradient = read_npy(folder / "g.npy");
  CHECK(gradient.shape == std::vector<index>{2, 4, 3});
  CHECK(gradient.dtype == npy_dtype{'f', 8});
  const auto g = gradient.as<double>();
  double slope = 0;
  for (std::size_t k = 0; k < z.size(); ++k) slope += g[k] * direction[k];
  CHECK(near(slope, (value(1e-5) - value(-1e-5)) / 2e-5, 1e-7));

  REQUIRE(ssl_loss("--loss fro --dtype f32 --views " + folder / "z.npy" + " --grad-out " + folder / "g.npy")
              .code == 0);
  CHECK(read_npy(folder / "g.npy").dtype == npy_dtype{'f', 4});
}

TEST_CASE("tools/ssl_loss: parameters are taken one by one or several at a time") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  const std::string call = "--loss vicreg --views " + folder / "z.npy";
  const auto plain = ssl_loss(call).json();
  const auto together = ssl_loss(call + " --set inv_weight=1 var_weight=2 cov_weight=0.5");
  const auto apart = ssl_loss(call + " --set inv_weight=1 --set var_weight=2 --set cov_weight=0.5");
  REQUIRE(together.code == 0);
  CHECK(together.out == apart.out);
  const auto& terms = plain["terms"];
  CHECK(together.json()["terms"] == terms);
  CHECK(near(together.json()["value"],
             terms["inv"].get<double>() + 2 * terms["var"].get<double>() + 0.5 * terms["cov"].get<double>(),
             1e-12));
}

TEST_CASE("tools/ssl_loss: parameters give other sources' conventions") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  const auto value = [&](const std::string& arguments) {
    return ssl_loss("--views " + folder / "z.npy" + " --loss " + arguments).json()["value"].get<double>();
  };
  CHECK(near(value("barlow --set unbiased=1 eps=0"), 0.1628384810, 1e-9));
  CHECK(near(value("vicreg_paper"), 19.2244896135, 1e-10));
  CHECK(near(value("vicreg_solo_learn"), 13.4420242897, 1e-10));
  CHECK(near(value("vicregl"), 7.2992586772, 1e-10));
  CHECK(near(value("spectral_official"), -1.6472488341, 1e-10));
  CHECK(near(value("ntxent --set temperature=0.1"), 0.0948368455, 1e-8));
  CHECK(near(value("ntxent_multi --set inside=1"), 1.3074990125, 1e-10));
}

TEST_CASE("tools/ssl_loss: the precision is that of the file unless it is chosen") {
  const temporary_folder folder;
  const auto z = noise(24, 2);
  write_npy(folder / "z.npy", {2, 4, 3}, std::vector<float>(z.begin(), z.end()));
  REQUIRE(ssl_loss("--loss vicreg --views " + folder / "z.npy" + " --grad-out " + folder / "g.npy").code ==
          0);
  CHECK(read_npy(folder / "g.npy").dtype == npy_dtype{'f', 4});
  REQUIRE(
      ssl_loss("--loss vicreg --dtype f64 --views " + folder / "z.npy" + " --grad-out " + folder / "g.npy")
          .code == 0);
  CHECK(read_npy(folder / "g.npy").dtype == npy_dtype{'f', 8});
}

TEST_CASE("tools/ssl_loss: a wrong command line is one sentence") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  const std::string views = " --views " + folder / "z.npy";
  check_refused(ssl_loss("--loss nothing" + views),
                "expected one of vicreg, vicreg.inv, vicreg.var, vicreg.cov, ");
  check_refused(ssl_loss(views), "--loss is missing");
  check_refused(ssl_loss("--loss vicreg"), "--views is missing");
  check_refused(ssl_loss("--loss vicreg --set lambda=1" + views), "expected one of gamma, eps, inv_weight");
  check_refused(ssl_loss("--loss fro --set lambda=1" + views), "has no parameter lambda, expected none");
  check_refused(ssl_loss("--loss vicreg --set gamma" + views), "expected key=value");
  check_refused(ssl_loss("--loss vicreg --set gamma=1x" + views), "--set gamma=1x: expected a finite number");
  check_refused(ssl_loss("--loss vicreg --set gamma=nan" + views),
                "--set gamma=nan: expected a finite number");
  check_refused(ssl_loss("--loss tcr --set eps=0" + views), "expected a finite number above 0");
  check_refused(ssl_loss("--loss dclw --set attached=2" + views), "expected a whole number from 0 to 1");
  check_refused(ssl_loss("--loss dclw --set attached=0.5" + views), "expected a whole number from 0 to 1");
  check_refused(ssl_loss("--loss vicreg --targets t.npy" + views),
                "--targets t.npy: the loss vicreg uses none");
  check_refused(ssl_loss("--loss vicreg --directions t.npy" + views),
                "--directions t.npy: the loss vicreg uses none");
  check_refused(ssl_loss("--loss vicreg --dtype f16" + views), "f16 not in {f32,f64}");
  check_refused(ssl_loss("--loss vicreg --side left" + views), "left not in {auto,features,samples}");
  check_refused(ssl_loss("--loss vicreg --unknown" + views), "--unknown");
}

TEST_CASE("tools/ssl_loss: targets are compared with, and the views where there are none") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  write_npy(folder / "t.npy", {2, 8, 6}, noise(96, 1));
  const std::string call = "--loss byol --views " + folder / "z.npy";
  const auto alone = ssl_loss(call).json(), itself = ssl_loss(call + " --targets " + folder / "z.npy").json(),
             other = ssl_loss(call + " --targets " + folder / "t.npy").json();
  CHECK(near(alone["value"], 0.0712582246, 1e-8));
  CHECK(itself == alone);
  CHECK(other["value"].get<double>() > 1);
}

TEST_CASE("tools/ssl_loss: MoCo's queue is taken at length one") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  std::vector<double> queue;
  for (int m = 0; m < 5; ++m)
    for (int i = 0; i < 6; ++i) queue.push_back((m + 1) * std::sin(2 + 1.1 * m - 0.6 * i));
  write_npy(folder / "q.npy", {5, 6}, queue);
  const finished f = ssl_loss("--loss moco --views " + folder / "z.npy" + " --queue " + folder / "q.npy");
  REQUIRE(f.code == 0);
  CHECK(near(f.json()["value"], 0.0585684046, 2e-9));
}

TEST_CASE("tools/ssl_loss: of one direction, view 0 asks and view 1 answers") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  for (const auto& known : {std::pair{"tico", 0.3558297530}, std::pair{"dino", 0.5831511345}}) {
    const char* const loss = known.first;
    const double value = known.second;
    INFO(loss);
    const std::string call =
        std::string("--loss ") + loss + " --views " + folder / "z.npy" + " --grad-out " + folder / "g.npy";
    const finished f = ssl_loss(call);
    REQUIRE(f.code == 0);
    CHECK(near(f.json()["value"], value, 1e-9));
    const auto g = read_npy(folder / "g.npy").as<double>();
    CHECK(std::any_of(g.begin(), g.begin() + 48, [](double x) { return x != 0; }));
    CHECK(std::all_of(g.begin() + 48, g.end(), [](double x) { return x == 0; }));
    const finished both = ssl_loss(call + " --set both=1");
    REQUIRE(both.code == 0);
    const auto h = read_npy(folder / "g.npy").as<double>();
    CHECK(std::any_of(h.begin() + 48, h.end(), [](double x) { return x != 0; }));
  }
}

TEST_CASE(
    "tools/ssl_loss: SwAV's scores are cosines to the prototypes, and its gradient is that of the views") {
  const temporary_folder folder;
  const auto z = sines();
  const auto direction = noise(96, 8);
  std::vector<double> prototypes;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 6; ++j) prototypes.push_back((k + 1) * std::cos(0.3 + 0.8 * k + 0.4 * j));
  write_npy(folder / "p.npy", {4, 6}, prototypes);
  write_npy(folder / "q.npy", {5, 6}, noise(30, 9));
  const auto value = [&](double step, const std::string& more) {
    auto moved = z;
    // View 1 alone, which does not assign where one view does: codes are held constant.
    for (std::size_t k = 48; k < 96; ++k) moved[k] += step * direction[k];
    write_npy(folder / "z.npy", {2, 8, 6}, moved);
    const finished f = ssl_loss("--loss swav --views " + folder / "z.npy" + " --prototypes " +
                                folder / "p.npy" + more + " --grad-out " + folder / "g.npy");
    INFO(f.error);
    REQUIRE(f.code == 0);
    return f.json()["value"].get<double>();
  };
  for (const std::string& queue : {std::string(), " --queue " + folder / "q.npy"}) {
    const std::string more = queue + " --set assigning=1";
    const double slope = (value(1e-5, more) - value(-1e-5, more)) / 2e-5;
    const double whole = value(0, more);
    if (queue.empty()) CHECK(near(whole, 1.3663174378, 1e-9));
    const auto g = read_npy(folder / "g.npy").as<double>();
    double along = 0;
    for (std::size_t k = 48; k < 96; ++k) along += g[k] * direction[k];
    CHECK(near(along, slope, 1e-6));
  }
  CHECK(near(value(0, ""), 1.0434317839, 1e-9));
  CHECK(value(0, " --queue " + folder / "q.npy") != value(0, ""));

  auto swapped = z;
  std::rotate(swapped.begin(), swapped.begin() + 48, swapped.end());
  write_npy(folder / "z.npy", {2, 8, 6}, swapped);
  const finished f = ssl_loss("--loss swav --set assigning=1 --views " + folder / "z.npy" + " --prototypes " +
                              folder / "p.npy");
  REQUIRE(f.code == 0);
  CHECK(near(f.json()["value"], 0.7205461301, 1e-9));
}

TEST_CASE("tools/ssl_loss: an input that is missing or not used is one sentence") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  const std::string views = " --views " + folder / "z.npy";
  check_refused(ssl_loss("--loss msb_loo" + views), "--targets is missing, the loss msb_loo needs it");
  check_refused(ssl_loss("--loss msb_brownian" + views),
                "--directions is missing, the loss msb_brownian needs it");
  check_refused(ssl_loss("--loss moco" + views), "--queue is missing, the loss moco needs it");
  check_refused(ssl_loss("--loss swav" + views), "--prototypes is missing, the loss swav needs it");
  check_refused(ssl_loss("--loss vicreg --queue q.npy" + views), "--queue q.npy: the loss vicreg uses none");
  check_refused(ssl_loss("--loss ntxent --prototypes p.npy" + views),
                "--prototypes p.npy: the loss ntxent uses none");
  check_refused(ssl_loss("--loss byol --directions g.npy" + views),
                "--directions g.npy: the loss byol uses none");
}

TEST_CASE(
    "tools/ssl_loss: an input of another shape than the views call for is one sentence, and no output") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  const auto refused = [&](const std::string& loss, const std::string& option, const std::string& what) {
    const std::size_t before = folder.files();
    const finished f = ssl_loss("--loss " + loss + " --views " + folder / "z.npy" + " --" + option + " " +
                                folder / "e.npy" + " --grad-out " + folder / "g.npy");
    check_refused(f, what);
    CHECK(f.complains_of(folder / "e.npy"));
    CHECK(folder.files() == before);
  };
  refused("byol", "targets", "no such file");
  write_npy(folder / "e.npy", {2, 8, 5}, noise(80, 1));
  refused("byol", "targets", "has shape (2, 8, 5), expected (2, 8, 6) for views of shape (2, 8, 6)");
  write_npy(folder / "e.npy", {16, 6}, sines());
  refused("byol", "targets", "has shape (16, 6), expected 3 axes (views, samples, features)");
  refused("msb_brownian", "directions", "has shape (16, 6), expected (8, 6)");
  write_npy(folder / "e.npy", {2, 8, 6}, std::vector<std::int32_t>(96));
  refused("byol", "targets", "has the dtype i4, expected f4 or f8");
  auto z = sines();
  z[7] = std::numeric_limits<double>::quiet_NaN();
  write_npy(folder / "e.npy", {2, 8, 6}, z);
  refused("byol", "targets", "element 7 is NaN");
  refused("msb_brownian", "directions", "expected 2 axes (samples, features)");
  write_npy(folder / "e.npy", {4, 5}, noise(20, 1));
  refused("moco", "queue", "has shape (4, 5), expected (4, 6)");
  write_npy(folder / "e.npy", {0, 6}, std::vector<double>{});
  refused("moco", "queue", "has shape (0, 6), expected at least one row");
}

TEST_CASE("tools/ssl_loss: a bad file is one sentence that names it, and no gradient is left behind") {
  const temporary_folder folder;
  const auto refused = [&](const std::string& what) {
    const std::size_t before = folder.files();
    const finished f =
        ssl_loss("--loss vicreg --views " + folder / "z.npy" + " --grad-out " + folder / "g.npy");
    check_refused(f, what);
    CHECK(f.complains_of(folder / "z.npy"));
    CHECK(folder.files() == before);
  };
  refused("no such file");
  std::ofstream(folder / "z.npy") << "not an array";
  refused("is no .npy file");
  std::ofstream(folder / "z.npy") << "";
  refused("is no .npy file");
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  std::filesystem::resize_file(folder / "z.npy", 500);
  refused("is truncated");
  std::filesystem::resize_file(folder / "z.npy", 40);
  refused("is truncated");
  write_npy(folder / "z.npy", {16, 6}, sines());
  refused("has shape (16, 6), expected 3 axes (views, samples, features)");
  write_npy(folder / "z.npy", {2, 1, 48}, sines());
  refused("1 samples, expected at least 2");
  write_npy(folder / "z.npy", {1, 16, 6}, sines());
  refused("1 views, expected at least 2");
  write_npy(folder / "z.npy", {2, 8, 0}, std::vector<double>{});
  refused("0 features, expected at least 1");
  write_npy(folder / "z.npy", {2, 2, 2}, std::vector<std::int64_t>(8));
  refused("has the dtype i8, expected f4 or f8");
  auto z = sines();
  z[50] = std::numeric_limits<double>::quiet_NaN();
  write_npy(folder / "z.npy", {2, 8, 6}, z);
  refused("element 50 is NaN");
  z[50] = std::numeric_limits<double>::infinity();
  write_npy(folder / "z.npy", {2, 8, 6}, z);
  refused("element 50 is infinite");
  z[50] = 1e200;
  write_npy(folder / "z.npy", {2, 8, 6}, z);
  refused("is not finite in f64");
  write_raw_npy(folder / "z.npy", "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2, 2), }", 64);
  refused("is in Fortran order");
  write_raw_npy(folder / "z.npy", "{'descr': '|O', 'fortran_order': False, 'shape': (2, 2, 2), }", 64);
  refused("has an object dtype");
  write_raw_npy(folder / "z.npy", "{'descr': '<U3', 'fortran_order': False, 'shape': (2, 2, 2), }", 96);
  refused("has the dtype <U3");
  write_raw_npy(folder / "z.npy",
                "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4611686018427387904, 2), }", 64);
  refused("is truncated");
}

TEST_CASE("tools/ssl_loss: a gradient that cannot be written is one sentence and nothing on stdout") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  check_refused(ssl_loss("--loss fro --views " + folder / "z.npy" + " --grad-out " + folder / "none/g.npy"),
                folder / "none/g.npy");
  CHECK(folder.files() == 1);
}

TEST_CASE("tools/ssl_loss: an old gradient survives a failed run") {
  const temporary_folder folder;
  write_npy(folder / "z.npy", {2, 8, 6}, sines());
  const std::string call = "--loss fro --views " + folder / "z.npy" + " --grad-out " + folder / "g.npy";
  REQUIRE(ssl_loss(call).code == 0);
  const std::string before = read_text(folder / "g.npy");
  std::filesystem::resize_file(folder / "z.npy", 300);
  CHECK(ssl_loss(call).code == 2);
  CHECK(read_text(folder / "g.npy") == before);
}

TEST_CASE("tools/ssl_loss: help is not a mistake") {
  const finished f = ssl_loss("--help");
  CHECK(f.code == 0);
  CHECK(f.out.find("--grad-out") != std::string::npos);
  CHECK(f.error.empty());
}

}  // namespace ssl::test
