#include "ssl/loss/invariance.hpp"

#include "ssl/loss/recipes.hpp"
#include "support/losses.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE("loss/invariance: equals the mean over pairs of views of the mean squared difference", B,
                   SSL_BACKENDS) {
  check_against_definition<B>(invariance{}, [](const auto& e) { return naive::invariance(e); });
  check_against_definition<B>(3.0 * invariance{.per_feature = false},
                              [](const auto& e) { return 3.0 * naive::invariance(e, false); });
}

TEST_CASE_TEMPLATE("loss/invariance: identical views cost nothing and are not moved", B, SSL_BACKENDS) {
  const batch_shape shape{5, 6, 3};
  const auto view = normals(30, 3);
  std::vector<double> z;
  for (int v = 0; v < 3; ++v) z.insert(z.end(), view.begin(), view.end());
  const outcome found = evaluate_loss<B>(invariance{}, z, shape);
  CHECK(found.total == 0.0);
  CHECK(largest(found.gradient) == 0.0);
}

TEST_CASE_TEMPLATE("loss/invariance: one view has nothing to agree with", B, SSL_BACKENDS) {
  const outcome found = evaluate_loss<B>(invariance{}, normals(12, 1), {3, 4, 1});
  CHECK(found.total == 0.0);
  CHECK(largest(found.gradient) == 0.0);
}

TEST_CASE_TEMPLATE("loss/invariance: two views pull each other with opposite force", B, SSL_BACKENDS) {
  const batch_shape shape{4, 5, 2};
  const outcome found = evaluate_loss<B>(invariance{}, normals(40, 5), shape);
  for (std::size_t k = 0; k < 20; ++k)
    CHECK(found.gradient[k] == doctest::Approx(-found.gradient[k + 20]).epsilon(tolerance<B>));
}

TEST_CASE_TEMPLATE("loss/invariance: a shared shift of all views changes nothing", B, SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{4, 5, 3};
  auto z = normals(60, 5);
  const outcome before = evaluate_loss<B>(invariance{}, z, shape);
  for (std::size_t k = 0; k < z.size(); ++k) z[k] += 3.0 + static_cast<double>(k % 20);
  const outcome after = evaluate_loss<B>(invariance{}, z, shape);
  CHECK(after.total == doctest::Approx(before.total).epsilon(1e-12));
  CHECK(relative_error(after.gradient, before.gradient) < 1e-12);
}

TEST_CASE_TEMPLATE("loss/invariance: small differences on a large mean keep their digits", B, SSL_BACKENDS) {
  // 1000 +- 2^-10 is exact in float; its square is not.
  const batch_shape shape{2, 3, 2};
  std::vector<double> z(12, 1000.0);
  for (std::size_t k = 0; k < 6; ++k) z[k] += 0x1p-10;
  CHECK(evaluate_loss<B>(invariance{}, z, shape).total == doctest::Approx(0x1p-20).epsilon(1e-14));
}
