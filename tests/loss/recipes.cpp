#include "ssl/loss/recipes.hpp"

#include "support/losses.hpp"

namespace ssl::test {
namespace {

/// Two views of eight samples with six features, sample j and feature i:
///     A = sin(0.7 j + 1.3 i + 0.1 i j),  B = A + 0.3 cos(0.5 j - 0.9 i + 0.2 i j).
/// Double-precision values of the published formulas on A and B follow, to ten digits.
constexpr batch_shape shape{6, 8, 2};

std::vector<double> sines() {
  std::vector<double> z;
  for (int view = 0; view < 2; ++view)
    for (int j = 0; j < 8; ++j)
      for (int i = 0; i < 6; ++i) {
        const double a = std::sin(0.7 * j + 1.3 * i + 0.1 * i * j);
        z.push_back(view == 0 ? a : a + 0.3 * std::cos(0.5 * j - 0.9 * i + 0.2 * i * j));
      }
  return z;
}

double norm_of_first_view(const std::vector<double>& dz) {
  double squared = 0;
  for (std::size_t k = 0; k < dz.size() / 2; ++k) squared += dz[k] * dz[k];
  return std::sqrt(squared);
}

/// Equal to all printed digits.
bool matches(double found, double printed) { return std::abs(found - printed) < 6e-11; }

}  // namespace

TEST_CASE_TEMPLATE("loss/recipes: VICReg's terms have their known values, on both sides", B,
                   SSL_DOUBLE_BACKENDS) {
  for (const gram_side side : both_sides) {
    const outcome found = evaluate_loss<B>(vicreg_official(), sines(), shape, side);
    REQUIRE(found.terms.size() == 3);
    CHECK(matches(found.terms[0], 0.0462597226));
    CHECK(matches(found.terms[1], (0.2574377788 + 0.1963172421) / 2));
    CHECK(matches(found.terms[2], 0.4484898403 + 0.4931658613));
  }
}

TEST_CASE_TEMPLATE("loss/recipes: each convention of VICReg has its known value", B, SSL_DOUBLE_BACKENDS) {
  for (const gram_side side : both_sides) {
    const outcome official = evaluate_loss<B>(vicreg_official(), sines(), shape, side);
    CHECK(matches(official.total, 7.7700865281));
    CHECK(matches(norm_of_first_view(official.gradient), 2.4351595626));
    CHECK(matches(evaluate_loss<B>(vicreg_solo_learn(), sines(), shape, side).total, 13.4420242897));
    CHECK(matches(evaluate_loss<B>(vicreg_paper(), sines(), shape, side).total, 19.2244896135));
    CHECK(matches(evaluate_loss<B>(vicreg_vicregl(), sines(), shape, side).total, 7.2992586772));
  }
}

TEST_CASE_TEMPLATE("loss/recipes: float finds the same values", B, SSL_BACKENDS) {
  for (const gram_side side : both_sides) {
    const outcome found = evaluate_loss<B>(vicreg_official(), sines(), shape, side);
    CHECK(found.total == doctest::Approx(7.7700865281).epsilon(1e-6));
    CHECK(norm_of_first_view(found.gradient) == doctest::Approx(2.4351595626).epsilon(1e-6));
  }
}

TEST_CASE_TEMPLATE(
    "loss/recipes: a collapsed batch costs VICReg 24.75, and 49.5 where the variances are summed", B,
    SSL_BACKENDS) {
  const std::vector<double> z(static_cast<std::size_t>(6 * 16), 0.5);
  for (const gram_side side : both_sides) {
    CHECK(evaluate_loss<B>(vicreg_official(), z, shape, side).total == doctest::Approx(24.75).epsilon(1e-12));
    CHECK(evaluate_loss<B>(vicreg_solo_learn(), z, shape, side).total ==
          doctest::Approx(49.5).epsilon(1e-12));
    CHECK(evaluate_loss<B>(vicreg_paper(), z, shape, side).total == doctest::Approx(49.5).epsilon(1e-12));
    CHECK(evaluate_loss<B>(vicreg_vicregl(), z, shape, side).total == doctest::Approx(24.75).epsilon(1e-12));
  }
}

TEST_CASE_TEMPLATE("loss/recipes: VICReg equals its definition for two to four views", B, SSL_BACKENDS) {
  check_against_definition<B>(vicreg_official(), [](const auto& e) {
    return 25.0 * naive::invariance(e) + 25.0 * naive::variance(e) + naive::covariance(e);
  });
}

TEST_CASE_TEMPLATE("loss/recipes: EMP-SSL equals its definition for two to four views", B, SSL_BACKENDS) {
  check_against_definition<B>(
      emp_ssl(), [](const auto& e) { return naive::coding_rate(e) + 200.0 * naive::patch_similarity(e); });
  check_against_definition<B>(emp_ssl(3, 0.5), [](const auto& e) {
    return naive::coding_rate(e, 0.5) + 3.0 * naive::patch_similarity(e);
  });
}

TEST_CASE("loss/recipes: a preset's terms carry its names and weights") {
  CHECK(term_names(emp_ssl()) == std::array<std::string_view, 2>{"tcr", "sim"});
  CHECK(term_weights(emp_ssl(50)) == std::array<double, 2>{1, 50});
  CHECK(term_names(vicreg_official()) == std::array<std::string_view, 3>{"inv", "var", "cov"});
  CHECK(term_weights(vicreg_official()) == std::array<double, 3>{25, 25, 1});
}

}  // namespace ssl::test
