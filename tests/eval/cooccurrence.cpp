#include "ssl/eval/cooccurrence.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ssl/data/patch_corpus.hpp"
#include "ssl/loss/spectral.hpp"
#include "support/losses.hpp"

namespace ssl::test {
namespace {

using doctest::Approx;

/// A law of few types that is no mixture of products: its spectrum has negative values.
joint_law uneven_law() { return {4, {1, 5, 0, 2, 5, 1, 3, 0, 0, 3, 1, 4, 2, 0, 4, 2}}; }

double error_of(const joint_law& law, const std::vector<double>& table, double w) {
  double error = 0;
  for (index j = 0; j < law.types(); ++j)
    for (index i = 0; i < law.types(); ++i) {
      const double gap = w * table[static_cast<std::size_t>(j * law.types() + i)] - law.ratio(i, j);
      error += law.marginal(i) * law.marginal(j) * gap * gap;
    }
  return error;
}

double squared_ratio(const joint_law& law) {
  return error_of(law, std::vector<double>(law.table().size(), 0.0), 1);
}

}  // namespace

TEST_CASE("eval/cooccurrence: L_C is 2 w L_S and a constant for any embeddings") {
  for (const joint_law& law : {scene_corpus(9, 4).joint(), ring_corpus(7).joint(), uneven_law()})
    for (const double w : {0.5, 1.0, 3.0})
      for (const index d : {1, 3, 12}) {
        const auto z = normals(d * law.types(), 3);
        CHECK(factorisation_error(law, z, w) ==
              Approx(2 * w * spectral_loss(law, z, w) + squared_ratio(law)).epsilon(1e-12));
      }
}

TEST_CASE("eval/cooccurrence: the gradient of L_S is that of finite differences") {
  for (const joint_law& law : {scene_corpus(6, 3).joint(), uneven_law()}) {
    const auto z = normals(3 * law.types(), 4);
    const auto differences =
        finite_difference([&](const std::vector<double>& x) { return spectral_loss(law, x, 2); }, z);
    CHECK(relative_error(spectral_gradient(law, z, 2), differences) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("eval/cooccurrence: functions are orthonormal and their sum is the ratio", B,
                   SSL_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  for (const centring centre : {centring::no, centring::yes})
    for (const joint_law& law : {scene_corpus(9, 4).joint(), ring_corpus(8).joint(), uneven_law()}) {
      const auto spectrum = decompose(ctx, law, centre);
      const index n = law.types();
      CHECK(std::is_sorted(spectrum.values().rbegin(), spectrum.values().rend()));
      for (index a = 0; a < n; ++a)
        for (index b = 0; b < n; ++b) {
          double product = 0, ratio = centre == centring::yes ? 1.0 : 0.0;
          for (index k = 0; k < n; ++k) {
            product += law.marginal(k) * spectrum.function(a, k) * spectrum.function(b, k);
            ratio += spectrum.values()[static_cast<std::size_t>(k)] * spectrum.function(k, a) *
                     spectrum.function(k, b);
          }
          CHECK(product == Approx(a == b ? 1.0 : 0.0).scale(1).epsilon(1e-10));
          CHECK(ratio == Approx(law.ratio(a, b)).scale(1).epsilon(1e-10));
        }
    }
}

TEST_CASE_TEMPLATE("eval/cooccurrence: the optimum has no gradient, and its L_C is the tail of eigenvalues",
                   B, SSL_DOUBLE_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  for (const joint_law& law : {scene_corpus(9, 4).joint(), ring_corpus(8).joint(), uneven_law()}) {
    const auto spectrum = decompose(ctx, law);
    CHECK(spectrum.square() == Approx(squared_ratio(law)).epsilon(1e-10));
    for (const double w : {1.0, 4.0})
      for (const index d : {1, 2, 3, 6, 11}) {
        CAPTURE(d);
        const auto z = spectrum.embeddings(d, w);
        CHECK(largest(spectral_gradient(law, z, w)) < 1e-12);
        CHECK(factorisation_error(law, z, w) == Approx(spectrum.tail(d)).scale(1).epsilon(1e-12));
        CHECK(spectral_loss(law, z, w) == Approx(spectrum.minimum(d, w)).epsilon(1e-12));
        // Nothing near it is better.
        for (const unsigned seed : {5U, 6U, 7U}) {
          auto moved = normals(d * law.types(), seed, 0.05);
          for (std::size_t k = 0; k < z.size(); ++k) moved[k] += z[k];
          CHECK(spectral_loss(law, moved, w) > spectrum.minimum(d, w));
        }
      }
  }
}

TEST_CASE_TEMPLATE("eval/cooccurrence: with as many dimensions as scenes the similarity is the ratio", B,
                   SSL_DOUBLE_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  const joint_law law = scene_corpus(14, 5).joint();
  const auto spectrum = decompose(ctx, law);
  CHECK(spectrum.values()[0] == Approx(1));
  CHECK(spectrum.tail(5) < 1e-20);
  CHECK(spectrum.tail(4) > 1e-6);
  auto similarity = inner_products(spectrum.embeddings(5, 2.5), 14);
  for (double& s : similarity) s *= 2.5;
  CHECK(relative_error(similarity, law.ratios()) < 1e-10);
}

TEST_CASE_TEMPLATE("eval/cooccurrence: no table of rank d is closer to the ratio where the law is a mixture",
                   B, SSL_DOUBLE_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  const joint_law law = scene_corpus(7, 6).joint();
  const auto spectrum = decompose(ctx, law);
  for (const index d : {1, 3}) {
    // x^T y of rank d, starting at the optimum and away from it, y solved for x: least squares may only lower
    // the error, and must not get below the tail.
    for (const double distance : {0.0, 0.3, 3.0}) {
      auto x = normals(d * 7, 9, distance), y = spectrum.embeddings(d);
      for (std::size_t k = 0; k < x.size(); ++k) x[k] += y[k];
      for (int step = 0; step < 4000; ++step) {
        for (auto* moving : {&x, &y}) {
          const auto& other = moving == &x ? y : x;
          std::vector<double> gradient(x.size());
          double curvature = 0;
          for (index j = 0; j < 7; ++j)
            for (index i = 0; i < 7; ++i) {
              double s = 0;
              for (index k = 0; k < d; ++k)
                s += (*moving)[static_cast<std::size_t>(i * d + k)] *
                     other[static_cast<std::size_t>(j * d + k)];
              for (index k = 0; k < d; ++k)
                gradient[static_cast<std::size_t>(i * d + k)] +=
                    law.marginal(j) * (s - law.ratio(i, j)) * other[static_cast<std::size_t>(j * d + k)];
            }
          for (index j = 0; j < 7; ++j)
            for (index k = 0; k < d; ++k)
              curvature += law.marginal(j) * std::pow(other[static_cast<std::size_t>(j * d + k)], 2);
          for (std::size_t k = 0; k < x.size(); ++k) (*moving)[k] -= gradient[k] / curvature;
        }
      }
      double error = 0;
      for (index j = 0; j < 7; ++j)
        for (index i = 0; i < 7; ++i) {
          double s = -law.ratio(i, j);
          for (index k = 0; k < d; ++k)
            s += x[static_cast<std::size_t>(i * d + k)] * y[static_cast<std::size_t>(j * d + k)];
          error += law.marginal(i) * law.marginal(j) * s * s;
        }
      CHECK(error > spectrum.tail(d) * (1 - 1e-9));
      if (distance == 0) CHECK(error == Approx(spectrum.tail(d)).epsilon(1e-9));
    }
  }
}

TEST_CASE_TEMPLATE("eval/cooccurrence: centred embeddings lose only the constant", B, SSL_DOUBLE_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  const joint_law law = scene_corpus(9, 5).joint();
  const auto plain = decompose(ctx, law), middle = decompose(ctx, law, centring::yes);
  for (index k = 0; k < 4; ++k)
    CHECK(middle.values()[static_cast<std::size_t>(k)] ==
          Approx(plain.values()[static_cast<std::size_t>(k + 1)]).epsilon(1e-10));
  const auto z = middle.embeddings(3);
  CHECK(relative_error(minus_mean(law, z), z) < 1e-10);
  auto shifted = z;
  for (std::size_t k = 0; k < z.size(); ++k) shifted[k] += static_cast<double>(k % 3);
  CHECK(relative_error(minus_mean(law, shifted), z) < 1e-10);
}

TEST_CASE_TEMPLATE("eval/cooccurrence: types that never occur get the embedding 0", B, SSL_DOUBLE_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  const joint_law law(3, {2, 0, 1, 0, 0, 0, 1, 0, 3});
  for (const centring centre : {centring::no, centring::yes}) {
    const auto spectrum = decompose(ctx, law, centre);
    const auto z = spectrum.embeddings(2);
    CHECK(z[2] == 0);
    CHECK(z[3] == 0);
    CHECK(std::isfinite(largest(z)));
    if (centre == centring::no) CHECK(factorisation_error(law, z) == Approx(spectrum.tail(2)).scale(1));
  }
}

TEST_CASE_TEMPLATE(
    "eval/cooccurrence: the library's loss on a batch that holds every pair as often as the law says", B,
    SSL_DOUBLE_BACKENDS) {
  // Counts of ordered pairs as columns of the two views.
  const int count[3][3] = {{4, 2, 1}, {2, 3, 0}, {1, 0, 5}};
  std::vector<double> table;
  std::vector<index> left, right;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      table.push_back(count[i][j]);
      left.insert(left.end(), static_cast<std::size_t>(count[i][j]), i);
      right.insert(right.end(), static_cast<std::size_t>(count[i][j]), j);
    }
  const joint_law law(3, table);
  const index n = static_cast<index>(left.size()), d = 2;
  const double w = 1.7, samples = static_cast<double>(n);
  const auto z = normals(d * 3, 8);
  std::vector<double> batch;
  auto types = left;
  types.insert(types.end(), right.begin(), right.end());
  for (const index t : types)
    for (index k = 0; k < d; ++k) batch.push_back(z[static_cast<std::size_t>(t * d + k)]);

  // Negatives are pairs of different columns: n^2 E_{p p} less the diagonal, which is n E_p(i,j), over n (n -
  // 1).
  const auto s = inner_products(z, 3);
  double attraction = 0, diagonal = 0, all = 0;
  for (index j = 0; j < 3; ++j)
    for (index i = 0; i < 3; ++i) {
      const double product = s[static_cast<std::size_t>(3 * j + i)];
      attraction -= law(i, j) * product;
      diagonal += law(i, j) * product * product;
      all += law.marginal(i) * law.marginal(j) * product * product;
    }
  const double expected = attraction + 0.5 * w * (samples * all - diagonal) / (samples - 1);
  const outcome found = evaluate_loss<B>(co_occurrence(w), batch, {d, n, 2});
  CHECK(found.total == Approx(expected).epsilon(1e-12));
  CHECK(spectral_loss(law, z, w) == Approx(attraction + 0.5 * w * all).epsilon(1e-12));
}

}  // namespace ssl::test
