#include "ssl/loss/frobenius.hpp"

#include "ssl/loss/recipes.hpp"
#include "support/losses.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE("loss/frobenius: equals the squared norm of the uncentred second moment", B,
                   SSL_BACKENDS) {
  check_against_definition<B>(frobenius{}, [](const auto& e) { return naive::frobenius(e); });
  check_against_definition<B>(frobenius{.reduction = over_views::sum},
                              [](const auto& e) { return naive::frobenius(e, over_views::sum); });
}

TEST_CASE_TEMPLATE("loss/frobenius: identical samples cost the fourth power of their length", B,
                   SSL_BACKENDS) {
  const batch_shape shape{2, 5, 2};
  std::vector<double> z;
  for (int j = 0; j < 10; ++j) z.insert(z.end(), {3.0, 4.0});
  for (const gram_side side : both_sides)
    CHECK(evaluate_loss<B>(frobenius{}, z, shape, side).total == doctest::Approx(625.0).epsilon(1e-12));
}

TEST_CASE_TEMPLATE(
    "loss/frobenius: homogeneous of degree four, so the gradient along z is four times the value", B,
    SSL_BACKENDS) {
  for (const batch_shape shape : loss_shapes)
    for (const gram_side side : both_sides) {
      INFO(to_string(shape, side));
      const auto z = test_embeddings(shape);
      const outcome found = evaluate_loss<B>(frobenius{}, z, shape, side);
      CHECK(dot(found.gradient, z) == doctest::Approx(4 * found.total).epsilon(tolerance<B>));
    }
}
