#include "ssl/loss/sinkhorn.hpp"

#include "support/targets.hpp"

namespace ssl::test {
namespace {

template <class B>
std::vector<double> assigned(const sinkhorn& how, const std::vector<double>& scores, index k, index n) {
  workspace<B> work;
  auto ctx = work.ctx();
  matrix<B> q(work.backend(), k, n, scores);
  how.assign(ctx, q());
  return q.get();
}

/// As the paper's listing goes, with one shift for all, in long double.
std::vector<double> listing(const sinkhorn& how, const std::vector<double>& scores, index k, index n) {
  std::vector<long double> q(scores.begin(), scores.end());
  const long double most = *std::max_element(q.begin(), q.end());
  for (auto& x : q) x = std::exp((x - most) / static_cast<long double>(how.epsilon));
  const auto at = [&](index i, index j) -> long double& { return q[static_cast<std::size_t>(j * k + i)]; };
  for (int step = 0; step < how.iterations; ++step) {
    for (index i = 0; i < k; ++i) {
      long double sum = 0;
      for (index j = 0; j < n; ++j) sum += at(i, j);
      for (index j = 0; j < n; ++j) at(i, j) /= sum * static_cast<long double>(k);
    }
    for (index j = 0; j < n; ++j) {
      long double sum = 0;
      for (index i = 0; i < k; ++i) sum += at(i, j);
      for (index i = 0; i < k; ++i) at(i, j) /= sum;
    }
  }
  return {q.begin(), q.end()};
}

/// Scores in [-1, 1].
std::vector<double> scores_of(index count, unsigned seed) {
  auto s = normals(count, seed);
  for (double& x : s) x = static_cast<double>(static_cast<float>(std::tanh(x)));
  return s;
}

}  // namespace

TEST_CASE_TEMPLATE("loss/sinkhorn: equals the paper's listing", B, SSL_BACKENDS) {
  constexpr bool is_float = std::is_same_v<typename B::scalar, float>;
  for (const auto& size : {std::pair<index, index>{5, 12}, {12, 5}, {40, 300}, {1, 3}, {3, 1}})
    for (const int iterations : {1, 2, 3, 10})
      for (const double epsilon : {1.0, 0.05, 0.02}) {
        const index k = size.first, n = size.second;
        INFO(k << "x" << n << ", " << iterations << " iterations, epsilon " << epsilon);
        const sinkhorn how{.epsilon = epsilon, .iterations = iterations};
        const auto scores = scores_of(k * n, 3);
        CHECK(relative_error(assigned<B>(how, scores, k, n), listing(how, scores, k, n)) <
              (is_float ? 1e-6 / epsilon : 1e-11));
      }
}

TEST_CASE_TEMPLATE("loss/sinkhorn: columns sum to one, and in the end every row has its share", B,
                   SSL_BACKENDS) {
  const auto q = assigned<B>({.iterations = 300}, scores_of(6 * 30, 4), 6, 30);
  for (index j = 0; j < 30; ++j) {
    double sum = 0;
    for (index i = 0; i < 6; ++i) sum += q[static_cast<std::size_t>(j * 6 + i)];
    CHECK(sum == doctest::Approx(1.0).epsilon(1e-6));
  }
  for (index i = 0; i < 6; ++i) {
    double sum = 0;
    for (index j = 0; j < 30; ++j) sum += q[static_cast<std::size_t>(j * 6 + i)];
    CHECK(sum == doctest::Approx(5.0).epsilon(1e-4));
  }
}

TEST_CASE_TEMPLATE("loss/sinkhorn: a small epsilon and large scores leave finite assignments", B,
                   SSL_BACKENDS) {
  for (const double epsilon : {0.01, 0.001, 1e-4})
    for (const double scale : {1.0, 50.0}) {
      auto scores = scores_of(7 * 20, 5);
      for (double& s : scores) s *= scale;
      for (std::size_t j = 0; j < 20; ++j) scores[7 * j + 3] -= 2 * scale;  // a prototype that nothing likes
      const auto q = assigned<B>({.epsilon = epsilon}, scores, 7, 20);
      for (std::size_t j = 0; j < 20; ++j) {
        double sum = 0;
        for (std::size_t i = 0; i < 7; ++i) sum += q[7 * j + i];
        CHECK(sum == doctest::Approx(1.0).epsilon(1e-5));
      }
    }
}

TEST_CASE("loss/sinkhorn: no iterations are refused") {
  CHECK_THROWS_WITH_AS(assigned<backend<double>>({.iterations = 0}, {1, 2}, 2, 1),
                       "ssl::sinkhorn: iterations is 0, expected at least 1", option_error);
}

}  // namespace ssl::test
