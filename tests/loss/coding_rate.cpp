#include "ssl/loss/coding_rate.hpp"

#include "ssl/loss/recipes.hpp"
#include "support/losses.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE("loss/coding_rate: equals half the log-determinant of the unit columns' moment", B,
                   SSL_BACKENDS) {
  // The gradient is what remains of a column after its own direction is taken out. Where the batch is smaller
  // than the space that is little, and float keeps fewer digits of it.
  const double accuracy = ssl::test::by_scalar<B>(1e-4, 1e-11);
  check_against_definition<B>(
      coding_rate{}, [](const auto& e) { return naive::coding_rate(e); }, accuracy);
  check_against_definition<B>(
      coding_rate{.epsilon_squared = 0.04, .reduction = over_views::sum},
      [](const auto& e) { return naive::coding_rate(e, 0.04, over_views::sum); }, accuracy);
}

TEST_CASE_TEMPLATE("loss/coding_rate: a collapsed batch has the smallest rate", B, SSL_BACKENDS) {
  // 1/2 log(1 + alpha n) with alpha n = d / epsilon^2.
  for (const gram_side side : both_sides)
    for (const batch_shape shape : {batch_shape{4, 9, 2}, batch_shape{9, 4, 2}}) {
      const std::vector<double> z(static_cast<std::size_t>(shape.features * shape.columns()), 0.5);
      const outcome found = evaluate_loss<B>(coding_rate{}, z, shape, side);
      const double smallest = 0.5 * std::log(1 + static_cast<double>(shape.features) / 0.2);
      CHECK(found.total == doctest::Approx(-smallest).epsilon(tolerance<B>));
    }
}

TEST_CASE_TEMPLATE("loss/coding_rate: orthonormal samples have the largest rate", B, SSL_BACKENDS) {
  // m/2 log(1 + alpha n / m) with m = min(d, n).
  const batch_shape shape{6, 3, 1};
  std::vector<double> z(18, 0.0);
  for (std::size_t j = 0; j < 3; ++j) z[7 * j] = 2.0 + static_cast<double>(j);
  for (const gram_side side : both_sides) {
    const outcome found = evaluate_loss<B>(coding_rate{}, z, shape, side);
    CHECK(found.total == doctest::Approx(-1.5 * std::log(1 + 6 / (3 * 0.2))).epsilon(tolerance<B>));
    CHECK(largest(found.gradient) < 1e-6);
  }
}

TEST_CASE_TEMPLATE("loss/coding_rate: lies between its bounds", B, SSL_BACKENDS) {
  for (const batch_shape shape : loss_shapes) {
    const double d = static_cast<double>(shape.features), n = static_cast<double>(shape.samples);
    const double m = std::min(d, n),
                 rate = -evaluate_loss<B>(coding_rate{}, test_embeddings(shape), shape).total;
    CHECK(rate > 0.5 * std::log(1 + d / 0.2));
    CHECK(rate < m / 2 * std::log(1 + d / (0.2 * m)));
  }
}

TEST_CASE_TEMPLATE("loss/coding_rate: blind to every column's length", B, SSL_BACKENDS) {
  const batch_shape shape{7, 5, 2};
  const auto z = test_embeddings(shape);
  for (const gram_side side : both_sides) {
    const outcome before = evaluate_loss<B>(coding_rate{}, z, shape, side);
    auto scaled = z;
    for (std::size_t k = 0; k < z.size(); ++k) scaled[k] *= std::ldexp(1.0, static_cast<int>(k / 7) - 4);
    const outcome after = evaluate_loss<B>(coding_rate{}, scaled, shape, side);
    CHECK(after.total == doctest::Approx(before.total).epsilon(1e-12));
    // Each column's gradient is orthogonal to it.
    for (std::size_t j = 0; j < 10; ++j) {
      double along = 0;
      for (std::size_t i = 7 * j; i < 7 * j + 7; ++i) along += before.gradient[i] * z[i];
      CHECK(std::abs(along) < tolerance<B>);
    }
  }
}

TEST_CASE_TEMPLATE("loss/coding_rate: a rotation of the features turns the gradient with it", B,
                   SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{6, 9, 2};
  const double c = std::cos(0.7), s = std::sin(0.7);
  const auto rotate = [&](std::vector<double> z) {  // features 1 and 4
    for (std::size_t k = 0; k < z.size(); k += 6) {
      const double a = z[k + 1], b = z[k + 4];
      z[k + 1] = c * a - s * b;
      z[k + 4] = s * a + c * b;
    }
    return z;
  };
  const auto z = test_embeddings(shape);
  const outcome before = evaluate_loss<B>(coding_rate{}, z, shape);
  const outcome after = evaluate_loss<B>(coding_rate{}, rotate(z), shape);
  CHECK(after.total == doctest::Approx(before.total).epsilon(1e-12));
  CHECK(relative_error(after.gradient, rotate(before.gradient)) < 1e-11);
}

TEST_CASE_TEMPLATE("loss/coding_rate: a column of zeros stays one and gives finite numbers", B,
                   SSL_BACKENDS) {
  const batch_shape shape{3, 4, 1};
  auto z = normals(12, 4);
  for (std::size_t k = 3; k < 6; ++k) z[k] = 0;
  for (const gram_side side : both_sides) {
    const outcome found = evaluate_loss<B>(coding_rate{}, z, shape, side);
    CHECK(std::isfinite(found.total));
    for (const double g : found.gradient) CHECK(std::isfinite(g));
    for (std::size_t k = 3; k < 6; ++k) CHECK(found.gradient[k] == 0.0);
  }
}
