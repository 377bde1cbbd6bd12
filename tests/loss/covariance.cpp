#include "ssl/loss/covariance.hpp"

#include "ssl/loss/recipes.hpp"
#include "support/losses.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE("loss/covariance: equals the sum of the squared off-diagonal covariances", B,
                   SSL_BACKENDS) {
  check_against_definition<B>(covariance{}, [](const auto& e) { return naive::covariance(e); });
}

TEST_CASE_TEMPLATE("loss/covariance: the reductions over the views do what they say", B, SSL_BACKENDS) {
  check_against_definition<B>(covariance{.reduction = over_views::mean},
                              [](const auto& e) { return naive::covariance(e, over_views::mean); });
  check_against_definition<B>(0.5 * covariance{.reduction = over_views::sum},
                              [](const auto& e) { return 0.5 * naive::covariance(e, over_views::sum); });
}

TEST_CASE_TEMPLATE("loss/covariance: zero for features that do not covary, on both sides", B, SSL_BACKENDS) {
  // Rows 1 to 7 of the 8 x 8 Walsh matrix: centred and orthogonal.
  const batch_shape shape{7, 8, 1};
  std::vector<double> z;
  for (unsigned j = 0; j < 8; ++j)
    for (unsigned i = 1; i < 8; ++i) {
      const unsigned common = i & j;
      z.push_back(((common ^ (common >> 1) ^ (common >> 2)) & 1u) != 0 ? -1.0 : 1.0);
    }
  for (const gram_side side : both_sides) {
    const outcome found = evaluate_loss<B>(covariance{}, z, shape, side);
    CHECK(std::abs(found.total) < 1e-12);
    CHECK(largest(found.gradient) < 1e-6);
  }
}

TEST_CASE_TEMPLATE("loss/covariance: two equal features cost their squared variance", B, SSL_BACKENDS) {
  // Samples -1, 0, 1 in both features: variance and covariance 1; d = 2 leaves C_01^2 + C_10^2 over 2.
  const batch_shape shape{2, 3, 1};
  for (const gram_side side : both_sides)
    CHECK(evaluate_loss<B>(covariance{.reduction = over_views::mean}, {-1, -1, 0, 0, 1, 1}, shape, side)
              .total == doctest::Approx(1.0).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("loss/covariance: a collapsed batch costs nothing and is not moved", B, SSL_BACKENDS) {
  for (const gram_side side : both_sides) {
    const outcome found = evaluate_loss<B>(covariance{}, std::vector<double>(12 * 8, 0.75), {12, 4, 2}, side);
    CHECK(found.total == 0.0);
    CHECK(largest(found.gradient) == 0.0);
  }
}

TEST_CASE_TEMPLATE("loss/covariance: blind to a shift of any feature, and its gradient keeps the mean", B,
                   SSL_DOUBLE_BACKENDS) {
  for (const batch_shape shape : loss_shapes)
    for (const gram_side side : both_sides) {
      INFO(to_string(shape, side));
      const auto z = test_embeddings(shape);
      const outcome before = evaluate_loss<B>(covariance{}, z, shape, side);
      auto shifted = z;
      for (std::size_t k = 0; k < z.size(); ++k)
        shifted[k] += 1.0 + static_cast<double>(static_cast<ssl::index>(k) % shape.features);
      const outcome after = evaluate_loss<B>(covariance{}, shifted, shape, side);
      CHECK(after.total == doctest::Approx(before.total).epsilon(1e-11));
      CHECK(relative_error(after.gradient, before.gradient) < 1e-10);
      CHECK(largest(row_sums(before.gradient, shape)) < 1e-12 * largest(before.gradient));
    }
}

TEST_CASE_TEMPLATE("loss/covariance: scales with the fourth power of the embeddings", B, SSL_BACKENDS) {
  const batch_shape shape{12, 5, 2};
  const auto z = test_embeddings(shape);
  for (const gram_side side : both_sides)
    for (const double scale : {0x1p-20, 0x1p20}) {
      auto scaled = z;
      for (double& x : scaled) x *= scale;
      const outcome a = evaluate_loss<B>(covariance{}, z, shape, side);
      const outcome b = evaluate_loss<B>(covariance{}, scaled, shape, side);
      CHECK(b.total / std::pow(scale, 4) == doctest::Approx(a.total).epsilon(tolerance<B>));
      for (double& g : scaled) g = 0;
      for (std::size_t k = 0; k < z.size(); ++k) scaled[k] = b.gradient[k] / std::pow(scale, 3);
      CHECK(relative_error(scaled, a.gradient) < tolerance<B>);
    }
}
