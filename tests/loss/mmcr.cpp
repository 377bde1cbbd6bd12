#include "ssl/loss/mmcr.hpp"

#include "support/losses.hpp"
#include "support/naive_columns.hpp"

namespace ssl::test {

TEST_CASE_TEMPLATE("loss/mmcr: the nuclear norm of the centroids, of which two are known", B, SSL_BACKENDS) {
  // Unit columns (1, 0), (0, 1) | (0.6, 0.8), (0, 1): centroids (0.8, 0.4), (0, 1); their singular values sum
  // to sqrt(|C|^2 + 2 |det C|).
  const outcome found = evaluate_loss<B>(mmcr{}, {2, 0, 0, 1, 3, 4, 0, 5}, {2, 2, 2});
  CHECK(found.total == doctest::Approx(-std::sqrt(0.8 * 0.8 + 0.4 * 0.4 + 1 + 2 * 0.8)).epsilon(1e-7));
}

TEST_CASE_TEMPLATE("loss/mmcr: the gradient is that of the value", B, SSL_DOUBLE_BACKENDS) {
  for (const batch_shape shape : {batch_shape{5, 12, 2}, {12, 5, 3}, {4, 11, 4}, {3, 7, 1}}) {
    INFO(to_string(shape, gram_side::automatic));
    const auto z = test_embeddings(shape);
    const auto value = [&](const std::vector<double>& x) { return evaluate_loss<B>(mmcr{}, x, shape).total; };
    CHECK(relative_error(evaluate_loss<B>(3 * mmcr{}, z, shape).gradient,
                         finite_difference([&](const std::vector<double>& x) { return 3 * value(x); }, z)) <
          1e-7);
  }
}

TEST_CASE_TEMPLATE("loss/mmcr: float agrees with double", B, SSL_BACKENDS) {
  const batch_shape shape{20, 30, 4};
  const auto z = test_embeddings(shape);
  const outcome exact = evaluate_loss<backend<double>>(mmcr{}, z, shape),
                found = evaluate_loss<B>(mmcr{}, z, shape);
  CHECK(found.total == doctest::Approx(exact.total).epsilon(tolerance<B>));
  CHECK(relative_error(found.gradient, exact.gradient) < tolerance<B>);
}

TEST_CASE_TEMPLATE("loss/mmcr: best where views agree on orthogonal directions, worse at a collapse", B,
                   SSL_BACKENDS) {
  const batch_shape shape{4, 4, 3};
  std::vector<double> spread(48), same(48);
  for (std::size_t j = 0; j < 12; ++j) {
    spread[4 * j + j % 4] = 2;
    same[4 * j] = 2;
  }
  CHECK(evaluate_loss<B>(mmcr{}, spread, shape).total == doctest::Approx(-4).epsilon(1e-12));
  CHECK(evaluate_loss<B>(mmcr{}, same, shape).total == doctest::Approx(-2).epsilon(1e-12));
  CHECK(mmcr{}.collapsed(shape, 1).value == -2.0);
}

}  // namespace ssl::test
