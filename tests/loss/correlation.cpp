#include "ssl/loss/correlation.hpp"

#include "support/losses.hpp"
#include "support/naive_columns.hpp"

namespace ssl::test {
namespace {

template <class S>
S definition(const naive::embeddings<S>& z, over_views how = over_views::pair_sum) {
  const auto e = naive::standardized(z, 0);
  const double d = static_cast<double>(e.shape.features), n = static_cast<double>(e.shape.samples);
  return naive::combine<S>(how, e.shape.views, [&](index v) {
    S sum{};
    for (index i = 0; i < e.shape.features; ++i)
      for (index k = 0; k < e.shape.features; ++k) {
        const S r = naive::over_samples(e, v, i, v, k) / n;
        if (i != k) sum += r * r / (d * d);
      }
    return sum;
  });
}

}  // namespace

TEST_CASE_TEMPLATE("loss/correlation: equals the mean of the squared correlations, on both sides", B,
                   SSL_BACKENDS) {
  for (const batch_shape shape : {batch_shape{5, 12, 2}, {12, 5, 2}, {9, 9, 3}, {11, 4, 4}, {4, 11, 3}})
    for (const gram_side side : both_sides)
      for (const over_views how : {over_views::pair_sum, over_views::mean}) {
        INFO(to_string(shape, side));
        const auto z = test_embeddings(shape);
        const auto whole = [&](const auto& e) { return definition(e, how); };
        const outcome found =
            evaluate_loss<B>(on(standardized{.epsilon = 0}, correlation{how}), z, shape, side);
        CHECK(found.total ==
              doctest::Approx(whole(naive::embeddings<double>{z, shape})).epsilon(tolerance<B>));
        CHECK(relative_error(found.gradient, naive::gradient(whole, z, shape)) < 10 * tolerance<B>);
      }
}

TEST_CASE_TEMPLATE("loss/correlation: blind to shift and scale of any feature", B, SSL_DOUBLE_BACKENDS) {
  const auto loss = on(standardized{.epsilon = 0}, correlation{});
  for (const batch_shape shape : {batch_shape{5, 12, 2}, {12, 5, 2}})
    for (const gram_side side : both_sides) {
      const auto z = test_embeddings(shape);
      auto mapped = z;
      for (std::size_t k = 0; k < z.size(); ++k) {
        const double i = static_cast<double>(static_cast<index>(k) % shape.features);
        mapped[k] = (1 + i) * z[k] - 3 * i;
      }
      const outcome before = evaluate_loss<B>(loss, z, shape, side);
      CHECK(evaluate_loss<B>(loss, mapped, shape, side).total ==
            doctest::Approx(before.total).epsilon(1e-11));
      CHECK(largest(row_sums(before.gradient, shape)) < 1e-13);
    }
}

TEST_CASE_TEMPLATE("loss/correlation: equal features cost all but the diagonal, a collapse nothing", B,
                   SSL_BACKENDS) {
  const auto loss = on(standardized{.epsilon = 0}, correlation{over_views::mean});
  const std::vector<double> equal{1, 1, 1, -2, -2, -2, 0.5, 0.5, 0.5, 4, 4, 4};
  for (const gram_side side : both_sides) {
    CHECK(evaluate_loss<B>(loss, equal, {3, 4, 1}, side).total ==
          doctest::Approx(6.0 / 9).epsilon(tolerance<B>));
    const outcome none = evaluate_loss<B>(loss, std::vector<double>(24, 0.3), {3, 4, 2}, side);
    CHECK(none.total == 0.0);
    CHECK(largest(none.gradient) == 0.0);
  }
  CHECK(collapse_values(loss, batch_shape{3, 4, 2})[0].value == 0.0);
}

TEST_CASE_TEMPLATE("loss/correlation: VIbCReg is VICReg with it", B, SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{6, 9, 2};
  const auto z = test_embeddings(shape);
  const naive::embeddings<double> e{z, shape};
  CHECK(evaluate_loss<B>(vibcreg(), z, shape).total ==
        doctest::Approx(25 * naive::invariance(e) + 25 * naive::variance(e, 1, 1e-4, over_views::sum) +
                        200 * definition(e))
            .epsilon(1e-12));
  CHECK(term_names(vibcreg()) == std::array<std::string_view, 3>{"inv", "var", "cor"});
}

}  // namespace ssl::test
