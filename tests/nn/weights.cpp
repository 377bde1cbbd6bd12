#include "ssl/nn/weights.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "ssl/nn/batch_norm.hpp"
#include "ssl/nn/chain.hpp"
#include "ssl/nn/linear.hpp"
#include "support/layers.hpp"
#include "support/temporary_folder.hpp"

using ssl::test::layer_probe;
using ssl::test::message;
using ssl::test::temporary_folder;

namespace {

auto net(ssl::index width = 3) { return ssl::linear{.out = width} | ssl::batch_norm{.relu = true}; }

std::string bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

TEST_CASE_TEMPLATE("nn/weights: what is saved is loaded, and nothing else is left behind", B, SSL_BACKENDS) {
  const temporary_folder dir;
  layer_probe<decltype(net()), B> a(net(), {4, 1, 1}, 2, 1), b(net(), {4, 1, 1}, 2, 2);
  a.forward(ssl::test::normals(8, 1));  // moves the running statistics
  ssl::save_weights(dir / "w", a.net());
  ssl::save_weights(dir / "w", a.net());  // over an old one
  CHECK(a.params() != b.params());
  ssl::load_weights(dir / "w", b.net());
  CHECK(a.params() == b.params());
  CHECK(dir.entries() == 1);
  CHECK(bytes(dir / "w").starts_with("bagssl-weights 1\nscalar f"));
}

TEST_CASE("nn/weights: a file in float loads into a network in double") {
  const temporary_folder dir;
  layer_probe<decltype(net()), ssl::test::backend<float>> a(net(), {4, 1, 1}, 2, 1);
  layer_probe<decltype(net()), ssl::test::backend<double>> b(net(), {4, 1, 1}, 2, 2);
  ssl::save_weights(dir / "w", a.net());
  ssl::load_weights(dir / "w", b.net());
  CHECK(a.params() == b.params());
}

TEST_CASE_TEMPLATE("nn/weights: a file that does not fit is refused and changes nothing", B, SSL_BACKENDS) {
  const temporary_folder dir;
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
  CHECK(message(load) != "");
  write(path, "PK\3\4");
  CHECK(message(load) == path + ": not a file of weights, version 1");
  CHECK(a.params() == params);
  write(path, good);
  CHECK(message(load) == "");
}

TEST_CASE_TEMPLATE("nn/weights: an unwritable place is an error and leaves no file", B, SSL_BACKENDS) {
  const temporary_folder dir;
  layer_probe<decltype(net()), B> a(net(), {4, 1, 1}, 2);
  const std::string nowhere = dir / "missing/w";
  CHECK(message([&] { ssl::save_weights(nowhere, a.net()); }) == nowhere + ": cannot be written");
  std::filesystem::create_directories(dir / "taken/inside");
  const std::string taken = dir / "taken";
  CHECK(
      message([&] { ssl::save_weights(taken, a.net()); }).starts_with(taken + ": cannot be put in place: "));
  CHECK(!std::filesystem::exists(taken + ".part"));
}
