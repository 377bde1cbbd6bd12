#include "ssl/loss/patch_similarity.hpp"

#include "ssl/loss/recipes.hpp"
#include "support/losses.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE_TEMPLATE("loss/patch_similarity: equals minus the mean cosine to the mean patch", B, SSL_BACKENDS) {
  check_against_definition<B>(patch_similarity{}, [](const auto& e) { return naive::patch_similarity(e); });
}

TEST_CASE_TEMPLATE("loss/patch_similarity: agreeing patches reach minus one, whatever their lengths", B,
                   SSL_BACKENDS) {
  const batch_shape shape{5, 3, 4};
  const auto view = normals(15, 8);
  std::vector<double> z;
  for (int v = 0; v < 4; ++v)
    for (const double x : view) z.push_back(std::ldexp(x, v));
  const outcome found = evaluate_loss<B>(patch_similarity{}, z, shape);
  CHECK(found.total == doctest::Approx(-1.0).epsilon(tolerance<B>));
  CHECK(largest(found.gradient) < 1e-6);
}

TEST_CASE_TEMPLATE("loss/patch_similarity: random directions give about one over the root of their number", B,
                   SSL_BACKENDS) {
  const batch_shape shape{256, 40, 16};
  const outcome found = evaluate_loss<B>(patch_similarity{}, normals(256 * 40 * 16, 6), shape);
  CHECK(found.total == doctest::Approx(-0.25).epsilon(0.01));
}

TEST_CASE_TEMPLATE("loss/patch_similarity: two views give the root of (1 + cosine) / 2", B, SSL_BACKENDS) {
  // Angles of 60 degrees.
  const batch_shape shape{2, 2, 2};
  const double h = std::sqrt(3.0) / 2;
  const std::vector<double> z{1, 0, 0, 1, 0.5, h, -h, 0.5};
  CHECK(evaluate_loss<B>(patch_similarity{}, z, shape).total ==
        doctest::Approx(-std::sqrt(0.75)).epsilon(tolerance<B>));
}

TEST_CASE_TEMPLATE("loss/patch_similarity: every column's gradient is orthogonal to it", B, SSL_BACKENDS) {
  const batch_shape shape{6, 4, 3};
  const auto z = test_embeddings(shape);
  const outcome found = evaluate_loss<B>(patch_similarity{}, z, shape);
  CHECK(largest(found.gradient) > 1e-3);
  for (std::size_t j = 0; j < 12; ++j) {
    double along = 0;
    for (std::size_t i = 6 * j; i < 6 * j + 6; ++i) along += found.gradient[i] * z[i];
    CHECK(std::abs(along) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/patch_similarity: opposite patches give finite numbers", B, SSL_BACKENDS) {
  const outcome found = evaluate_loss<B>(patch_similarity{}, {1, 0, 0, 1, -1, 0, 0, -1}, {2, 2, 2});
  CHECK(found.total == 0.0);
  CHECK(largest(found.gradient) == 0.0);
}
