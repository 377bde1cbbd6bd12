#include "ssl/exec/spectrum.hpp"

#include <cmath>

#include "support/backends.hpp"

namespace {

using doctest::Approx;

/// The matrix of the golden values, features in rows: A_ij = sin(0.7 i + 1.3 j + 0.1 i j), sample i, feature
/// j.
std::vector<double> golden() {
  std::vector<double> out;
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 6; ++j) out.push_back(std::sin(0.7 * i + 1.3 * j + 0.1 * i * j));
  return out;
}

template <class B>
std::vector<double> values(ssl::index d, ssl::index n, const std::vector<double>& x) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> features(work.backend(), d, n, x);
  return ssl::singular_values(ctx, features.read());
}

/// d x n of rank k: k orthogonal directions of given strengths. Rows and columns are cosines of a discrete
/// transform.
std::vector<double> with_spectrum(ssl::index d, ssl::index n, const std::vector<double>& strengths) {
  std::vector<double> out(static_cast<std::size_t>(d * n), 0.0);
  const auto wave = [](ssl::index k, ssl::index i, ssl::index size) {
    const double m = static_cast<double>(size);
    return std::sqrt((k == 0 ? 1 : 2) / m) *
           std::cos(3.14159265358979323846 * (static_cast<double>(i) + 0.5) * static_cast<double>(k) / m);
  };
  for (std::size_t k = 0; k < strengths.size(); ++k)
    for (ssl::index j = 0; j < n; ++j)
      for (ssl::index i = 0; i < d; ++i)
        out[static_cast<std::size_t>(i + j * d)] +=
            strengths[k] * wave(static_cast<ssl::index>(k), i, d) * wave(static_cast<ssl::index>(k), j, n);
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("exec/spectrum: effective rank of the golden matrix", B, SSL_BACKENDS) {
  const double tolerance = ssl::test::by_scalar<B>(1e-6, 1e-8);
  CHECK(ssl::effective_rank(values<B>(6, 8, golden())) == Approx(3.97219285).epsilon(tolerance));
}

TEST_CASE_TEMPLATE(
    "exec/spectrum: known singular values come back, from either side and through several tiles", B,
    SSL_BACKENDS) {
  const std::vector<double> strengths{5, 3, 2, 0.5};
  for (const auto& [d, n] :
       {std::pair<ssl::index, ssl::index>{12, 5000}, {5000, 12}, {4, 9}, {9, 4}, {7, 7}}) {
    auto found = values<B>(d, n, with_spectrum(d, n, strengths));
    REQUIRE(static_cast<ssl::index>(found.size()) == std::min(d, n));
    found.resize(4);
    CHECK(ssl::test::relative_error(found, strengths) < ssl::test::tolerance<B>);
  }
}

TEST_CASE("exec/spectrum: equal values count fully, one value counts as one") {
  const std::vector<double> equal(64, 0.3), one{2, 0, 0};
  CHECK(ssl::effective_rank(equal, 0) == Approx(64));
  CHECK(ssl::participation_ratio(equal) == Approx(64));
  CHECK(ssl::effective_rank(one, 0) == Approx(1));
  CHECK(ssl::participation_ratio(one) == Approx(1));
  CHECK(ssl::participation_ratio(std::vector<double>{2, 1}) == Approx(25.0 / 17.0));
}

TEST_CASE("exec/spectrum: eps inflates the effective rank as it does in published code") {
  std::vector<double> values(512, 0.0);
  std::fill(values.begin(), values.begin() + 64, 1.0);
  CHECK(ssl::effective_rank(values) == Approx(64.05).epsilon(1e-4));
  CHECK(ssl::effective_rank(values, 1e-5) == Approx(67.5).epsilon(1e-3));
}

TEST_CASE("exec/spectrum: nothing at all has rank zero") {
  const std::vector<double> nothing(5, 0.0);
  CHECK(ssl::effective_rank(nothing) == 0);
  CHECK(ssl::participation_ratio(nothing) == 0);
}

TEST_CASE_TEMPLATE("exec/spectrum: NaNs and empty inputs are told in a sentence", B, SSL_BACKENDS) {
  CHECK_THROWS_AS(values<B>(2, 3, {1, 2, std::nan(""), 4, 5, 6}), ssl::numeric_error);
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> one(work.backend(), 3, 1, {1, 2, 3});
  CHECK_THROWS_WITH_AS(ssl::singular_values(ctx, one.read().columns(0, 0)),
                       "ssl::singular_values: x is 3x0, expected at least one column and one row",
                       ssl::shape_error);
}
