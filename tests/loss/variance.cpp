#include "ssl/loss/variance.hpp"

#include "ssl/loss/recipes.hpp"
#include "support/losses.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE("loss/variance: equals the mean hinge on the standard deviations", B, SSL_BACKENDS) {
  check_against_definition<B>(variance{}, [](const auto& e) { return naive::variance(e); });
}

TEST_CASE_TEMPLATE("loss/variance: target, epsilon and reduction do what they say", B, SSL_BACKENDS) {
  check_against_definition<B>(variance{.target = 1.5, .epsilon = 1e-2, .reduction = over_views::sum},
                              [](const auto& e) { return naive::variance(e, 1.5, 1e-2, over_views::sum); });
  check_against_definition<B>(variance{.reduction = over_views::pair_sum}, [](const auto& e) {
    return naive::variance(e, 1.0, 1e-4, over_views::pair_sum);
  });
}

TEST_CASE_TEMPLATE("loss/variance: zero once every feature spreads past the target", B, SSL_BACKENDS) {
  const outcome found = evaluate_loss<B>(variance{}, normals(5 * 40, 2, 3.0), {5, 20, 2});
  CHECK(found.total == 0.0);
  CHECK(largest(found.gradient) == 0.0);
}

TEST_CASE_TEMPLATE("loss/variance: a collapsed batch costs target minus the root of epsilon and is not moved",
                   B, SSL_BACKENDS) {
  const outcome found = evaluate_loss<B>(variance{}, std::vector<double>(3 * 8, 0.25), {3, 4, 2});
  CHECK(found.total == doctest::Approx(0.99).epsilon(1e-12));
  CHECK(largest(found.gradient) == 0.0);
}

TEST_CASE_TEMPLATE("loss/variance: a constant feature adds its share alone", B, SSL_BACKENDS) {
  const batch_shape shape{4, 6, 2};
  auto z = normals(48, 9, 5.0);  // spread past the target
  for (std::size_t k = 2; k < z.size(); k += 4) z[k] = -1.5;
  const outcome found = evaluate_loss<B>(variance{}, z, shape);
  CHECK(found.total == doctest::Approx(0.99 / 4).epsilon(1e-12));
  CHECK(largest(found.gradient) == 0.0);
}

TEST_CASE_TEMPLATE("loss/variance: near a collapse the slope is bounded by epsilon", B, SSL_BACKENDS) {
  const batch_shape shape{1, 2, 1};
  const outcome found = evaluate_loss<B>(variance{}, {0x1p-20, -0x1p-20}, shape);
  const double slope = 0x1p-20 / std::sqrt(0x1p-39 + 1e-4);
  CHECK(found.gradient[0] == doctest::Approx(-slope).epsilon(tolerance<B>));
  CHECK(found.gradient[1] == doctest::Approx(slope).epsilon(tolerance<B>));
}

TEST_CASE_TEMPLATE("loss/variance: blind to a shift of any feature, and its gradient keeps the mean", B,
                   SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{6, 5, 2};
  const auto z = test_embeddings(shape);
  const outcome before = evaluate_loss<B>(variance{}, z, shape);
  auto shifted = z;
  for (std::size_t k = 0; k < z.size(); ++k) shifted[k] += static_cast<double>(k % 6) - 2.0;
  const outcome after = evaluate_loss<B>(variance{}, shifted, shape);
  CHECK(after.total == doctest::Approx(before.total).epsilon(1e-12));
  CHECK(relative_error(after.gradient, before.gradient) < 1e-12);
  CHECK(largest(row_sums(before.gradient, shape)) < 1e-15);
}

TEST_CASE_TEMPLATE("loss/variance: a large mean does not drown a small spread", B, SSL_BACKENDS) {
  // Features 4096 +- 1/8: exact in float, while 4096^2 + 1/64 is not.
  const batch_shape shape{3, 2, 1};
  const std::vector<double> z{4096.125, -4096.125, 0.125, 4095.875, -4095.875, -0.125};
  const double expected = 1 - std::sqrt(0.03125 + 1e-4);
  CHECK(evaluate_loss<B>(variance{}, z, shape).total == doctest::Approx(expected).epsilon(1e-12));
}
