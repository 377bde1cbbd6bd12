#include "ssl/loss/spectral.hpp"

#include "support/golden_table.hpp"
#include "support/losses.hpp"
#include "support/naive_columns.hpp"

namespace ssl::test {
namespace {

template <class S>
S definition(const naive::embeddings<S>& e, double attraction = 1, double repulsion = 1) {
  const double n = static_cast<double>(e.shape.samples);
  return naive::over_pairs<S>(e.shape.views, [&](index v, index w) {
    S sum{};
    for (index j = 0; j < e.shape.samples; ++j)
      for (index k = 0; k < e.shape.samples; ++k) {
        const S s = naive::over_features(e, v, j, w, k);
        sum += j == k ? -2 * attraction / n * s : repulsion / (n * (n - 1)) * s * s;
      }
    return sum;
  });
}

template <class S>
naive::embeddings<S> shortened(naive::embeddings<S> e, double radius) {
  for (index v = 0; v < e.shape.views; ++v)
    for (index j = 0; j < e.shape.samples; ++j) {
      const S length = std::sqrt(naive::over_features(e, v, j, v, j));
      if (naive::real_of(length) < radius) continue;
      for (index i = 0; i < e.shape.features; ++i) e(v, i, j) *= radius / length;
    }
  return e;
}

}  // namespace

TEST_CASE_TEMPLATE("loss/spectral: equals its definition, on both sides", B, SSL_BACKENDS) {
  check_against_definition<B>(spectral{}, [](const auto& e) { return definition(e); });
  check_against_definition<B>(spectral{0.25, 3}, [](const auto& e) { return definition(e, 0.25, 3); });
}

TEST_CASE_TEMPLATE("loss/spectral: on clipped columns, of which some are shorter than the radius", B,
                   SSL_BACKENDS) {
  for (const double mu : {1.0, 4.0, 10.0})
    check_against_definition<B>(spectral_official(mu),
                                [mu](const auto& e) { return definition(shortened(e, std::sqrt(mu))) / mu; });
}

TEST_CASE_TEMPLATE("loss/spectral: clipping leaves short columns as they are", B, SSL_BACKENDS) {
  const std::vector<double> z{0.5, 0, 0, 0.25, 3, 4, -6, 8};
  const outcome plain = evaluate_loss<B>(spectral{}, {0.5, 0, 0, 0.25, 0.6, 0.8, -0.6, 0.8}, {2, 2, 2});
  const outcome found = evaluate_loss<B>(on(clipped{}, spectral{}), z, {2, 2, 2});
  CHECK(found.total == doctest::Approx(plain.total).epsilon(tolerance<B>));
  for (std::size_t k = 0; k < 4; ++k)
    CHECK(found.gradient[k] == doctest::Approx(plain.gradient[k]).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("loss/spectral: the gradient of a clipped column is orthogonal to it", B, SSL_BACKENDS) {
  const batch_shape shape{6, 9, 2};
  auto z = test_embeddings(shape);
  for (double& x : z) x *= 8;
  const outcome found = evaluate_loss<B>(spectral_official(), z, shape);
  for (std::size_t j = 0; j < 18; ++j) {
    double along = 0, length = 0;
    for (std::size_t i = 0; i < 6; ++i) {
      along += z[j * 6 + i] * found.gradient[j * 6 + i];
      length += z[j * 6 + i] * z[j * 6 + i];
    }
    CHECK(std::abs(along) / std::sqrt(length) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/spectral: the table's values", B, SSL_DOUBLE_BACKENDS) {
  for (const gram_side side : both_sides) {
    const outcome official = evaluate_loss<B>(spectral_official(), table_views(), table_shape, side);
    CHECK(official.total == doctest::Approx(-1.6472488341).epsilon(1e-10));
    CHECK(length_of_view(official.gradient, table_shape, 0) == doctest::Approx(0.11433482).epsilon(1e-7));
  }
}

TEST_CASE_TEMPLATE("loss/spectral: a collapse costs -2 + mu, as the loss states", B, SSL_BACKENDS) {
  for (const gram_side side : both_sides)
    for (const double mu : {1.0, 4.0}) {
      const batch_shape shape{7, 8, 3};
      const auto loss = spectral_official(mu);
      const outcome found = evaluate_loss<B>(loss, std::vector<double>(7 * 24, 2.0), shape, side);
      CHECK(found.total == doctest::Approx(-2 + mu).epsilon(tolerance<B>));
      const auto stated = collapse_values(loss, shape, 2 * std::sqrt(7.0));
      CHECK(found.terms[0] == doctest::Approx(stated[0].value).epsilon(tolerance<B>));
      CHECK(found.terms[1] == doctest::Approx(stated[1].value).epsilon(tolerance<B>));
    }
}

TEST_CASE_TEMPLATE("loss/spectral: orthogonal samples that agree over the views cost -2 |z|^2", B,
                   SSL_BACKENDS) {
  std::vector<double> z(32);
  for (std::size_t j = 0; j < 8; ++j) z[j * 4 + j % 4] = 3;
  for (const gram_side side : both_sides)
    CHECK(evaluate_loss<B>(spectral{}, z, {4, 4, 2}, side).total == doctest::Approx(-18).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("loss/spectral: large batches, which are not evaluated in double, agree with double", B,
                   SSL_BACKENDS) {
  for (const batch_shape shape : {batch_shape{700, 90, 2}, {90, 700, 2}, {180, 170, 3}})
    for (const gram_side side : both_sides) {
      INFO(to_string(shape, side));
      auto z = test_embeddings(shape);
      const outcome exact = evaluate_loss<backend<double>>(spectral_official(), z, shape);
      const outcome found = evaluate_loss<B>(spectral_official(), z, shape, side);
      CHECK(found.terms[0] == doctest::Approx(exact.terms[0]).epsilon(tolerance<B>));
      CHECK(found.terms[1] == doctest::Approx(exact.terms[1]).epsilon(tolerance<B>));
      CHECK(relative_error(found.gradient, exact.gradient) < tolerance<B>);
    }
}

TEST_CASE_TEMPLATE("loss/spectral: turning the embeddings changes nothing", B, SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{2, 7, 3};
  const auto z = test_embeddings(shape);
  auto turned = z;
  for (std::size_t k = 0; k < z.size(); k += 2) {
    turned[k] = 0.6 * z[k] - 0.8 * z[k + 1];
    turned[k + 1] = 0.8 * z[k] + 0.6 * z[k + 1];
  }
  CHECK(evaluate_loss<B>(spectral{}, turned, shape).total ==
        doctest::Approx(evaluate_loss<B>(spectral{}, z, shape).total).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("loss/spectral: the co-occurrence form is an affine function of the factorisation's error",
                   B, SSL_DOUBLE_BACKENDS) {
  // Two views, uniform over n samples, the joint distribution on the diagonal: p(x, x') / (p(x) p(x')) is n
  // there and 0 elsewhere. Without the diagonal, which the loss leaves out, E (w s - ratio)^2 is, but for a
  // constant, -2 w E[s_jj] + w^2 E[s_jk^2].
  const double w = 3;
  const batch_shape shape{5, 6, 2};
  const auto z = test_embeddings(shape);
  const naive::embeddings<double> e{z, shape};
  double error = 0;
  for (index j = 0; j < 6; ++j)
    for (index k = 0; k < 6; ++k) {
      const double s = naive::over_features(e, 0, j, 1, k);
      error += j == k ? -2 * w * s / 6 : w * w * s * s / 30;
    }
  CHECK(2 * w * evaluate_loss<B>(co_occurrence(w), z, shape).total == doctest::Approx(error).epsilon(1e-12));
}

}  // namespace ssl::test
