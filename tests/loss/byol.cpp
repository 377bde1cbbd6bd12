#include "ssl/loss/byol.hpp"

#include <limits>

#include "ssl/loss/simsiam.hpp"
#include "support/targets.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE("loss/byol: equals 2 - 2 cos between every view and the others' targets", B,
                   SSL_BACKENDS) {
  check_with_targets<B>(byol{},
                        [](const auto& z, const auto& t) { return 2.0 - 2.0 * naive::mean_cosine(z, t); });
}

TEST_CASE_TEMPLATE("loss/byol: SimSiam is minus the same cosine, a quarter of BYOL as released", B,
                   SSL_BACKENDS) {
  check_with_targets<B>(simsiam{}, [](const auto& z, const auto& t) { return -naive::mean_cosine(z, t); });
  const auto z = test_embeddings({5, 7, 2});
  auto quarter = evaluate_loss<B>(byol_official(), z, {5, 7, 2}).gradient;
  for (double& g : quarter) g /= 4;
  CHECK(relative_error(evaluate_loss<B>(simsiam{}, z, {5, 7, 2}).gradient, quarter) < tolerance<B>);
}

TEST_CASE_TEMPLATE("loss/byol: wide columns, whose sums run in the scalar, agree as well", B, SSL_BACKENDS) {
  for (const batch_shape shape : {batch_shape{131, 3, 2}, batch_shape{528, 2, 3}}) {
    const auto z = test_embeddings(shape), t = test_embeddings(shape, 2);
    const auto definition = [&](const auto& e) {
      return 2.0 - 2.0 * naive::mean_cosine(e, naive::embeddings<double>{t, shape});
    };
    const outcome found = evaluate_beside<B>(byol{}, z, shape, {.targets = t});
    CHECK(found.total ==
          doctest::Approx(definition(naive::embeddings<double>{z, shape})).epsilon(tolerance<B>));
    CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/byol: reference values of two views", B, SSL_BACKENDS) {
  const auto z = reference_embeddings();
  const double digits = ssl::test::by_scalar<B>(1e-6, 1e-9);
  CHECK(evaluate_loss<B>(byol{}, z, reference_shape).total == doctest::Approx(0.0712582246).epsilon(digits));
  CHECK(evaluate_loss<B>(byol_official(), z, reference_shape).total ==
        doctest::Approx(2 * 0.0712582246).epsilon(digits));
  CHECK(evaluate_loss<B>(simsiam{}, z, reference_shape).total ==
        doctest::Approx(-0.9643708877).epsilon(digits));
}

TEST_CASE_TEMPLATE("loss/byol: a collapse is the optimum, 0, and -1 of SimSiam", B, SSL_BACKENDS) {
  const batch_shape shape{3, 4, 3};
  std::vector<double> z;
  for (int k = 0; k < 12; ++k) z.insert(z.end(), {0.5, -1.25, 2.0});
  const outcome found = evaluate_loss<B>(byol{}, z, shape);
  CHECK(std::abs(found.total) < 1e-15 + ssl::test::by_scalar<B>(3e-7, 0.0));
  CHECK(largest(found.gradient) < 1e-2 * tolerance<B>);
  CHECK(evaluate_loss<B>(simsiam{}, z, shape).total == doctest::Approx(-1.0).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("loss/byol: lengths do not matter, and the gradient is orthogonal to every column", B,
                   SSL_BACKENDS) {
  const batch_shape shape{6, 4, 3};
  auto z = test_embeddings(shape);
  auto t = test_embeddings(shape, 4);
  const outcome a = evaluate_beside<B>(byol{}, z, shape, {.targets = t});
  check_orthogonal<B>(a.gradient, z, shape);
  for (double& x : z) x = std::ldexp(x, 9);
  for (double& x : t) x = std::ldexp(x, -7);
  const outcome b = evaluate_beside<B>(byol{}, z, shape, {.targets = t});
  CHECK(b.total == doctest::Approx(a.total).epsilon(1e-6));
  auto shorter = a.gradient;
  for (double& g : shorter) g = std::ldexp(g, -9);
  CHECK(relative_error(b.gradient, shorter) < tolerance<B>);
}

TEST_CASE_TEMPLATE("loss/byol: zero, tiny and huge columns give finite numbers, a NaN does not hide", B,
                   SSL_BACKENDS) {
  const batch_shape shape{5, 3, 2};
  for (const double scale : {0.0, 1e-20, 1e-9, 1e9, 1e16}) {
    auto z = test_embeddings(shape);
    for (double& x : z) x *= scale;
    const outcome found = evaluate_loss<B>(byol{}, z, shape);
    CHECK(std::isfinite(found.total));
    for (const double g : found.gradient) CHECK(std::isfinite(g));
  }
  auto z = test_embeddings(shape);
  z[7] = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(evaluate_loss<B>(byol{}, z, shape).total));
}

TEST_CASE_TEMPLATE("loss/byol: one view has nothing to predict", B, SSL_BACKENDS) {
  const auto z = test_embeddings({5, 4, 1});
  const outcome found = evaluate_loss<B>(byol{}, z, {5, 4, 1});
  CHECK(found.total == 0.0);
  CHECK(largest(found.gradient) == 0.0);
}
