#include "ssl/nn/weights.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/linear.hpp"
#include "support/layers.hpp"

namespace fs = std::filesystem;
using ssl::test::layer_probe;

namespace {

/// A folder of its own, removed in the end.
struct folder {
  fs::path path;
  explicit folder(const char* name)
      : path(fs::temp_directory_path() / (name + std::to_string(std::random_device{}()))) {
    fs::create_directories(path);
  }
  ~folder() { fs::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
};

auto net(ssl::index width = 3) { return ssl::linear{.out = width} | ssl::batch_norm{.relu = true}; }

std::string bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

template <class F>
std::string message(const F& f) {
  try {
    f();
  } catch (const ssl::data_error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE_TEMPLATE("nn/weights: what is saved is loaded, and nothing else is left behind", B, SSL_BACKENDS) {
  const folder dir("ssl_test_weights_round");
  layer_probe<decltype(net()), B> a(net(), {4, 1, 1}, 2, 1), b(net(), {4, 1, 1}, 2, 2);
  a.forward(ssl::test::normals(8, 1));  // moves the running statistics
  ssl::save_weights(dir / "w", a.net());
  ssl::save_weights(dir / "w", a.net());  // over an old one
  CHECK(a.params() != b.params());
  ssl::load_weights(dir / "w", b.net());
  CHECK(a.params() == b.params());
  CHECK(std::distance(fs::directory_iterator(dir.path), fs::directory_iterator{}) == 1);
  CHECK(bytes(dir / "w").starts_with("bagssl-weights 1\nscalar f"));
}

TEST_CASE("nn/weights: a file in float loads into a network in double") {
  const folder dir("ssl_test_weights_scalar");
  layer_probe<decltype(net()), ssl::test::backend<float>> a(net(), {4, 1, 1}, 2, 1);
  layer_probe<decltype(net()), ssl::test::backend<double>> b(net(), {4, 1, 1}, 2, 2);
  ssl::save_weights(dir / "w", a.net());
  ssl::load_weights(dir / "w", b.net());
  CHECK(a.params() == b.params());
}

TEST_CASE_TEMPLATE("nn/weights: a file that does not fit is refused and changes nothing", B, SSL_BACKENDS) {
  const folder dir("ssl_test_weights_wrong");
  const std::string path = dir / "w";
  layer_probe<decltype(net()), B> a(net(), {4, 1, 1}, 2), wide(net(5), {4, 1, 1}, 2);
  const auto params = a.params();
  const auto load = [&] { ssl::load_weights(path, a.net()); };

  CHECK(message(load) == path + ": cannot be opened");
  ssl::save_weights(path, wide.net());
  CHECK(message(load) == path +
                             ": the file has the segment \"0.weight 5 4 0\", the network expects \"0.weight "
                             "3 4 0\" (name, rows, columns, offset)");
  ssl::save_weights(path, a.net());
  const std::string good = bytes(path);
  write(path, good.substr(0, good.size() - 1));
  CHECK(message(load).find(": the file ends after ") != std::string::npos);
  write(path, good + "x");
  CHECK(message(load).find(": there are bytes after ") != std::string::npos);
  write(path, good.substr(0, 40));
  CHECK(message(load) != "no error");
  write(path, "PK\3\4");
  CHECK(message(load) == path + ": not a file of weights, version 1");
  CHECK(a.params() == params);
  write(path, good);
  CHECK(message(load) == "no error");
}

TEST_CASE_TEMPLATE("nn/weights: an unwritable place is an error and leaves no file", B, SSL_BACKENDS) {
  const folder dir("ssl_test_weights_place");
  layer_probe<decltype(net()), B> a(net(), {4, 1, 1}, 2);
  const std::string nowhere = dir / "missing/w";
  CHECK(message([&] { ssl::save_weights(nowhere, a.net()); }) == nowhere + ": cannot be written");
  fs::create_directories(dir.path / "taken/inside");
  const std::string taken = dir / "taken";
  CHECK(
      message([&] { ssl::save_weights(taken, a.net()); }).starts_with(taken + ": cannot be put in place: "));
  CHECK(!fs::exists(taken + ".part"));
}
