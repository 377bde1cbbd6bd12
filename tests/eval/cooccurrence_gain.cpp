#include "ssl/eval/cooccurrence_gain.hpp"

#include <cmath>
#include <numeric>
#include <vector>

#include "ssl/data/patch_corpus.hpp"
#include "ssl/eval/cooccurrence.hpp"
#include "support/backends.hpp"

namespace ssl::test {
namespace {

using doctest::Approx;

/// Moments of embeddings z (d, K) of the types under a law.
struct moments {
  std::vector<double> mean, second, cross;  // E z, E z z^T and E z z'^T, (d) and (d, d)
};

moments moments_of(const joint_law& law, const std::vector<double>& z, index d) {
  const auto size = static_cast<std::size_t>(d * d);
  moments out{std::vector<double>(static_cast<std::size_t>(d)), std::vector<double>(size),
              std::vector<double>(size)};
  const auto at = [&](index type, index k) { return z[static_cast<std::size_t>(type * d + k)]; };
  for (index i = 0; i < law.types(); ++i) {
    for (index a = 0; a < d; ++a) out.mean[static_cast<std::size_t>(a)] += law.marginal(i) * at(i, a);
    for (index a = 0; a < d; ++a)
      for (index b = 0; b < d; ++b) {
        const auto k = static_cast<std::size_t>(a * d + b);
        out.second[k] += law.marginal(i) * at(i, a) * at(i, b);
        for (index j = 0; j < law.types(); ++j) out.cross[k] += law(i, j) * at(i, a) * at(j, b);
      }
  }
  return out;
}

/// VICReg of endlessly many pairs.
double vicreg_limit(const joint_law& law, const std::vector<double>& z, index d, vicreg_weights weights) {
  const moments m = moments_of(law, z, d);
  const double dn = static_cast<double>(d);
  double value = 0;
  for (index a = 0; a < d; ++a)
    for (index b = 0; b < d; ++b) {
      const auto k = static_cast<std::size_t>(a * d + b);
      const double c =
          m.second[k] - m.mean[static_cast<std::size_t>(a)] * m.mean[static_cast<std::size_t>(b)];
      if (a == b)
        value += 2 * weights.invariance / dn * (m.second[k] - m.cross[k]) +
                 weights.variance / dn * std::max(1 - std::sqrt(c), 0.0);
      else
        value += 2 * weights.covariance / dn * c * c;
    }
  return value;
}

/// -R + lambda (1 - E z . z') of endlessly many pairs, on columns brought to length one.
double rate_limit(const joint_law& law, std::vector<double> z, index d, double lambda,
                  double epsilon_squared) {
  for (std::size_t first = 0; first < z.size(); first += static_cast<std::size_t>(d)) {
    double square = 0;
    for (std::size_t k = first; k < first + static_cast<std::size_t>(d); ++k) square += z[k] * z[k];
    for (std::size_t k = first; k < first + static_cast<std::size_t>(d); ++k) z[k] /= std::sqrt(square);
  }
  moments m = moments_of(law, z, d);
  double value = lambda;
  for (index a = 0; a < d; ++a) value -= lambda * m.cross[static_cast<std::size_t>(a * d + a)];
  for (double& x : m.second) x *= static_cast<double>(d) / epsilon_squared;
  for (index a = 0; a < d; ++a) m.second[static_cast<std::size_t>(a * d + a)] += 1;
  for (index a = 0; a < d; ++a) {  // pivots of the elimination
    const auto at = [&](index i, index j) -> double& {
      return m.second[static_cast<std::size_t>(i * d + j)];
    };
    value -= 0.5 * std::log(at(a, a));
    for (index i = a + 1; i < d; ++i)
      for (index j = d; j-- > a;) at(i, j) -= at(i, a) / at(a, a) * at(a, j);
  }
  return value;
}

/// The least value that descent with central differences and a shrinking step finds.
template <class Value>
double descend(const Value& value, std::vector<double> z, int steps) {
  double best = value(z), rate = 0.1;
  for (int k = 0; k < steps && rate > 1e-12; ++k) {
    const auto gradient = finite_difference(value, z, 1e-6);
    auto next = z;
    for (std::size_t i = 0; i < z.size(); ++i) next[i] -= rate * gradient[i];
    const double found = value(next);
    if (found < best) {
      best = found, z = next, rate *= 1.3;
    } else {
      rate *= 0.5;
    }
  }
  return best;
}

/// z times a rotation of its features that makes them equally large in the mean: a Hadamard matrix of 4.
std::vector<double> evened(const std::vector<double>& z) {
  std::vector<double> out(z.size());
  for (std::size_t first = 0; first < z.size(); first += 4)
    for (std::size_t a = 0; a < 4; ++a)
      for (std::size_t b = 0; b < 4; ++b)
        out[first + a] += ((a & b) == 0 || (a & b) == 3 ? 0.5 : -0.5) * z[first + b];
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE(
    "eval/cooccurrence_gain: VICReg's least loss is had by its gain, and by no other embedding", B,
    SSL_DOUBLE_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  for (const joint_law& law : {scene_corpus(8, 6, 3).joint(), ring_corpus(8, 1.2).joint()})
    for (const vicreg_weights weights : {vicreg_weights{}, vicreg_weights{10, 40, 2}}) {
      const auto spectrum = decompose(ctx, law, centring::yes);
      const auto gain = vicreg_gain_of(spectrum.values(), 4, weights);
      const auto z = evened(spectrum.embeddings(4, gain));
      CHECK(vicreg_limit(law, z, 4, weights) == Approx(gain.loss).epsilon(1e-6));
      const auto value = [&](const std::vector<double>& x) { return vicreg_limit(law, x, 4, weights); };
      for (const double distance : {0.1, 1.0}) {
        auto moved = normals(32, 1, 0.7 * distance);
        for (std::size_t k = 0; k < z.size(); ++k) moved[k] += (1 - distance) * z[k];
        CHECK(descend(value, moved, 800) > gain.loss - 1e-6);
      }
    }
}

TEST_CASE_TEMPLATE("eval/cooccurrence_gain: the coding rate's bound is had on a ring and kept elsewhere", B,
                   SSL_DOUBLE_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  const joint_law ring = ring_corpus(8, 1.2).joint(), scenes = scene_corpus(8, 6, 2).joint();
  for (const joint_law* law : {&ring, &scenes})
    for (const double lambda : {0.0, 1.0, 30.0}) {
      const auto spectrum = decompose(ctx, *law);
      const auto gain = coding_rate_gain_of(spectrum.values(), 5, lambda);  // a constant, two pairs
      double sum = 0;
      for (index k = 0; k < 5; ++k) sum += gain(spectrum.values()[static_cast<std::size_t>(k)]);
      CHECK(sum == Approx(1).epsilon(1e-6));
      const auto value = [&](const std::vector<double>& x) { return rate_limit(*law, x, 5, lambda, 0.2); };
      if (law == &ring)
        CHECK(value(spectrum.embeddings(5, gain)) == Approx(gain.loss).scale(1).epsilon(1e-6));
      const double found = descend(value, normals(40, 3), 800);
      CHECK(found > gain.loss - 1e-6);
      if (law == &ring) CHECK(found < gain.loss + 0.02 * std::abs(gain.loss) + 1e-3);
    }
}

TEST_CASE("eval/cooccurrence_gain: gains grow with the eigenvalue and say what they need") {
  const double values[] = {1, 0.8, 0.5, 0.2, 0, -0.1};
  const auto vicreg = vicreg_gain_of(std::span(values).subspan(1), 4);
  const auto rate = coding_rate_gain_of(values, 4, 30);
  for (int k = 1; k < 5; ++k) {
    CHECK(vicreg(values[k]) >= vicreg(values[k + 1]));
    CHECK(rate(values[k]) >= rate(values[k + 1]));
  }
  CHECK(vicreg(values[1]) > 0);
  CHECK(vicreg.slope == 12.5);
  CHECK_THROWS_AS(vicreg_gain_of({}, 4), option_error);
  CHECK_THROWS_AS(vicreg_gain_of(values, 4, {25, 1, 1}), option_error);
  CHECK_THROWS_AS(coding_rate_gain_of(values, 0, 1), option_error);
}

}  // namespace ssl::test
