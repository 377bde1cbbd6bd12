#include "ssl/loss/uniformity.hpp"

#include "ssl/loss/contrastive_recipes.hpp"
#include "support/contrast.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE("loss/uniformity: equals the logarithm of the mean Gaussian of the distances", B,
                   SSL_BACKENDS) {
  check_against_definition<B>(uniformity{}, [](const auto& e) { return naive::uniformity(e, 2); });
  check_against_definition<B>(uniformity{.t = 0.5, .reduction = over_views::sum},
                              [](const auto& e) { return naive::uniformity(e, 0.5, over_views::sum); });
}

TEST_CASE_TEMPLATE("loss/uniformity: sharp potentials neither underflow nor lose the gradient", B,
                   SSL_BACKENDS) {
  for (const double t : {19.9, 20.1, 100.0, 400.0})
    check_low_temperature<B>(
        uniformity{.t = t}, [=](const auto& e) { return naive::uniformity(e, t); }, 0.5 / t);
}

TEST_CASE_TEMPLATE("loss/uniformity: reference values", B, SSL_BACKENDS) {
  const auto both = reference_embeddings();
  const std::vector<double> a(both.begin(), both.begin() + 48), b(both.begin() + 48, both.end());
  CHECK(evaluate_loss<B>(uniformity{}, a, {6, 8, 1}).total ==
        doctest::Approx(-2.7371602690).epsilon(digits<B>));
  CHECK(evaluate_loss<B>(uniformity{}, b, {6, 8, 1}).total ==
        doctest::Approx(-2.7948742148).epsilon(digits<B>));
  const outcome found = evaluate_loss<B>(align_uniform(), both, {6, 8, 2});
  CHECK(found.terms[0] == doctest::Approx(0.0712582246).epsilon(digits<B>));
  CHECK(found.terms[1] == doctest::Approx((-2.7371602690 - 2.7948742148) / 2).epsilon(digits<B>));
}

TEST_CASE_TEMPLATE("loss/uniformity: a collapsed view has zero and is not moved", B, SSL_BACKENDS) {
  for (const batch_shape shape : {batch_shape{5, 8, 2}, batch_shape{3, 32, 1}}) {
    std::vector<double> z(static_cast<std::size_t>(shape.features * shape.columns()));
    const auto one = normals(shape.features, 3);
    for (std::size_t k = 0; k < z.size(); ++k) z[k] = one[k % one.size()];
    for (const double t : {2.0, 50.0}) {
      const outcome found = evaluate_loss<B>(uniformity{.t = t}, z, shape);
      CHECK(found.total == 0.0);
      CHECK(largest(found.gradient) <
            1e-25);  // the mean of equal numbers may differ from them in the last place
    }
  }
}

TEST_CASE_TEMPLATE("loss/uniformity: a tight cluster keeps its digits", B, SSL_BACKENDS) {
  const batch_shape shape{6, 9, 2};
  auto z = normals(108, 2);
  for (auto& x : z) x = static_cast<double>(static_cast<float>(1.0 + 0x1p-9 * x));
  const outcome found = evaluate_loss<B>(uniformity{}, z, shape);
  const auto definition = [](const auto& e) { return naive::uniformity(e, 2); };
  // Rounding the unit columns to float moves differences of 2^-9 by about 2^-15.
  const double bound = ssl::test::by_scalar<B>(2e-4, 1e-10);
  CHECK(found.total == doctest::Approx(definition(naive::embeddings<double>{z, shape})).epsilon(bound));
  CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) < bound);
}

TEST_CASE_TEMPLATE("loss/uniformity: opposite pairs, orthonormal samples", B, SSL_BACKENDS) {
  CHECK(evaluate_loss<B>(uniformity{}, {3, 0, -2, 0}, {2, 2, 1}).total ==
        doctest::Approx(-8.0).epsilon(tolerance<B>));
  std::vector<double> z(16, 0.0);
  for (std::size_t j = 0; j < 4; ++j) z[5 * j] = 1 + static_cast<double>(j);
  const outcome found = evaluate_loss<B>(uniformity{.t = 3}, z, {4, 4, 1});
  CHECK(found.total == doctest::Approx(-6.0).epsilon(tolerance<B>));
}

TEST_CASE_TEMPLATE("loss/uniformity: blind to lengths, to the samples' order and to rotations", B,
                   SSL_BACKENDS) {
  check_symmetries<B>(uniformity{});
  check_symmetries<B>(uniformity{.t = 30});
}

TEST_CASE_TEMPLATE("loss/uniformity: many pairs in float as in double", B, ssl::test::backend<float>) {
  const batch_shape shape{24, 240, 2};
  auto z = test_embeddings(shape);
  for (std::size_t k = 0; k < 50 * 24; ++k) z[k + 100 * 24] = z[k];
  for (const double t : {2.0, 19.0, 21.0, 100.0}) {
    INFO("t " << t);
    const double bound = std::max(2e-6, 4e-7 * t);
    const outcome found = evaluate_loss<B>(uniformity{.t = t}, z, shape);
    const outcome exact = evaluate_loss<backend<double>>(uniformity{.t = t}, z, shape);
    CHECK(std::abs(found.total - exact.total) <= bound * std::max(1.0, std::abs(exact.total)));
    CHECK(relative_error(found.gradient, exact.gradient) < bound);
  }
  // Tight clusters, as a batch just before it collapses has them.
  for (std::size_t k = 0; k < z.size(); ++k) z[k] = (k % 24 == 3 ? 4.0 : 0.0) + 0x1p-8 * z[k];
  const outcome found = evaluate_loss<B>(uniformity{}, z, shape);
  const outcome exact = evaluate_loss<backend<double>>(uniformity{}, z, shape);
  CHECK(found.total == doctest::Approx(exact.total).epsilon(2e-4));
  CHECK(relative_error(found.gradient, exact.gradient) < 2e-4);
}

TEST_CASE_TEMPLATE("loss/uniformity: in tiles as in whole", B, SSL_BACKENDS) {
  const batch_shape shape{16, 300, 2};  // too many pairs for double
  const auto z = test_embeddings(shape);
  for (const double t : {2.0, 40.0}) {
    const outcome whole = evaluate_loss<B>(uniformity{.t = t}, z, shape);
    for (const ssl::index memory : {ssl::index{1}, ssl::index{300 * 300}}) {
      const outcome tiles = evaluate_loss<B>(uniformity{.t = t, .memory = memory}, z, shape);
      CHECK(tiles.total == doctest::Approx(whole.total).epsilon(tolerance<B>));
      CHECK(relative_error(tiles.gradient, whole.gradient) < tolerance<B>);
    }
  }
}
