#include "ssl/loss/algebra.hpp"

#include <type_traits>

#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/recipes.hpp"
#include "support/losses.hpp"

namespace ssl::test {

TEST_CASE("loss/algebra: a sum of sums is flat") {
  [[maybe_unused]] constexpr auto left = (invariance{} + variance{}) + covariance{};
  constexpr auto right = invariance{} + (variance{} + covariance{});
  static_assert(std::is_same_v<decltype(left), decltype(right)>);
  static_assert(term_count<decltype(left)> == 3);
  static_assert(term_count<invariance> == 1);
  static_assert(term_count<decltype(2 * invariance{})> == 1);
  CHECK(term_names(right) == std::array<std::string_view, 3>{"inv", "var", "cov"});
}

TEST_CASE("loss/algebra: weights fold") {
  constexpr auto twice = 2 * (3 * invariance{});
  static_assert(std::is_same_v<decltype(twice), const weighted<invariance>>);
  static_assert(twice.weight == 6);
  constexpr auto all = 0.5 * (4 * variance{} + 2 * (covariance{} + 3 * frobenius{}));
  CHECK(term_weights(all) == std::array<double, 3>{2, 1, 3});
  CHECK(term_names(all) == std::array<std::string_view, 3>{"var", "cov", "fro"});
}

TEST_CASE("loss/algebra: a term keeps its parameters inside a sum") {
  constexpr auto loss = invariance{} + 2 * variance{.target = 3};
  CHECK(std::get<1>(terms(loss)).term.target == 3);
}

TEST_CASE("loss/algebra: a weight is data, so sweeping it names one type") {
  CHECK(std::is_same_v<decltype(1 * invariance{} + 2 * variance{}),
                       decltype(3 * invariance{} + 4 * variance{})>);
}

TEST_CASE_TEMPLATE("loss/algebra: a sum's total and gradient are the weighted sums of its terms", B,
                   SSL_BACKENDS) {
  for (const batch_shape shape : loss_shapes)
    for (const gram_side side : both_sides) {
      INFO(to_string(shape, side));
      const auto z = test_embeddings(shape);
      const outcome whole = evaluate_loss<B>(
          2 * invariance{} + 3 * variance{} + 0.5 * covariance{} + 0.25 * frobenius{} + 4 * emp_ssl(5), z,
          shape, side);
      const outcome parts[] = {evaluate_loss<B>(2 * invariance{}, z, shape, side),
                               evaluate_loss<B>(3 * variance{}, z, shape, side),
                               evaluate_loss<B>(0.5 * covariance{}, z, shape, side),
                               evaluate_loss<B>(0.25 * frobenius{}, z, shape, side),
                               evaluate_loss<B>(4 * coding_rate{}, z, shape, side),
                               evaluate_loss<B>(20 * patch_similarity{}, z, shape, side)};
      double total = 0;
      std::vector<double> gradient(z.size());
      REQUIRE(whole.terms.size() == 6);
      for (std::size_t k = 0; k < 6; ++k) {
        CHECK(whole.terms[k] == doctest::Approx(parts[k].terms[0]).epsilon(1e-12));
        total += parts[k].total;
        for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += parts[k].gradient[i];
      }
      CHECK(whole.total == doctest::Approx(total).epsilon(1e-12));
      CHECK(relative_error(whole.gradient, gradient) < tolerance<B> / 10);
    }
}

TEST_CASE_TEMPLATE("loss/algebra: the order of the terms does not matter", B, SSL_BACKENDS) {
  const batch_shape shape{12, 5, 3};
  const auto z = test_embeddings(shape);
  const outcome a = evaluate_loss<B>(invariance{} + variance{} + covariance{} + coding_rate{}, z, shape);
  const outcome b = evaluate_loss<B>(coding_rate{} + covariance{} + variance{} + invariance{}, z, shape);
  for (std::size_t k = 0; k < 4; ++k) CHECK(a.terms[k] == b.terms[3 - k]);
  CHECK(relative_error(a.gradient, b.gradient) < tolerance<B> / 10);
}

TEST_CASE_TEMPLATE("loss/algebra: a weight of zero still reports the term but moves nothing", B,
                   SSL_BACKENDS) {
  const batch_shape shape{6, 7, 2};
  const auto z = test_embeddings(shape);
  const outcome with = evaluate_loss<B>(invariance{} + 0 * covariance{}, z, shape);
  const outcome without = evaluate_loss<B>(invariance{}, z, shape);
  CHECK(with.terms[1] == doctest::Approx(evaluate_loss<B>(covariance{}, z, shape).total).epsilon(1e-12));
  CHECK(with.total == without.total);
  CHECK(relative_error(with.gradient, without.gradient) == 0.0);
}

}  // namespace ssl::test
