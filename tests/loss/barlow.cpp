#include "ssl/loss/barlow.hpp"

#include "support/golden_table.hpp"
#include "support/losses.hpp"
#include "support/naive_columns.hpp"

namespace ssl::test {
namespace {

/// Both parts by their definition, on columns as they are.
template <class S>
S definition(const naive::embeddings<S>& e, double on, double off) {
  const double n = static_cast<double>(e.shape.samples);
  return naive::over_pairs<S>(e.shape.views, [&](index v, index w) {
    S sum{};
    for (index i = 0; i < e.shape.features; ++i)
      for (index k = 0; k < e.shape.features; ++k) {
        const S c = naive::over_samples(e, v, i, w, k) / n;
        sum += i == k ? on * (1.0 - c) * (1.0 - c) : off * c * c;
      }
    return sum;
  });
}

/// Positive factors, each a float, and shifts, one pair a feature.
std::vector<double> rescaled(std::vector<double> z, index features) {
  for (std::size_t k = 0; k < z.size(); ++k) {
    const auto i = static_cast<double>(static_cast<index>(k) % features);
    z[k] = z[k] * (1 + 0.5 * i) + 2 - i;
  }
  return z;
}

}  // namespace

TEST_CASE_TEMPLATE("loss/cross_correlation: equals its definition on columns as they are, on both sides", B,
                   SSL_BACKENDS) {
  check_against_definition<B>(0.7 * on_diagonal{} + 0.3 * off_diagonal{},
                              [](const auto& e) { return definition(e, 0.7, 0.3); });
}

TEST_CASE_TEMPLATE("loss/barlow: Barlow Twins equals its definition, on both sides", B, SSL_BACKENDS) {
  // With fewer than four samples the standardised features are +1 and -1, and the gradient is rounding
  // errors.
  for (const batch_shape shape : {batch_shape{5, 12, 2}, {12, 5, 2}, {9, 9, 3}, {11, 4, 4}, {4, 11, 3}})
    for (const gram_side side : both_sides) {
      INFO(to_string(shape, side));
      const auto z = test_embeddings(shape);
      const auto check = [&](const auto& loss, const auto& whole) {
        const outcome found = evaluate_loss<B>(loss, z, shape, side);
        CHECK(found.total ==
              doctest::Approx(whole(naive::embeddings<double>{z, shape})).epsilon(tolerance<B>));
        CHECK(relative_error(found.gradient, naive::gradient(whole, z, shape)) < 10 * tolerance<B>);
      };
      check(barlow_official(), [](const auto& e) { return definition(naive::standardized(e), 1, 0.0051); });
      check(barlow_official(0.5), [](const auto& e) { return definition(naive::standardized(e), 1, 0.5); });
      check(barlow_lightly(), [](const auto& e) { return definition(naive::standardized(e), 1, 0.005); });
      check(barlow_solo_learn(),
            [](const auto& e) { return 0.1 * definition(naive::standardized(e), 1, 0.005); });
      check(barlow_vissl(), [](const auto& e) {
        return 0.024 * definition(naive::standardized(e, 1e-5, false, true, true), 1, 0.0051);
      });
      check(barlow_stable_pretraining(),
            [](const auto& e) { return definition(naive::standardized(e, 1e-5, true, false), 1, 0.005); });
    }
}

TEST_CASE_TEMPLATE("loss/barlow: reports both parts, and either alone", B, SSL_BACKENDS) {
  const batch_shape shape{6, 9, 3};
  const auto z = test_embeddings(shape);
  CHECK(term_names(barlow_official()) == std::array<std::string_view, 2>{"on", "off"});
  CHECK(term_weights(barlow_solo_learn()) == std::array<double, 2>{0.1, 0.1 * 5e-3});
  for (const gram_side side : both_sides) {
    const outcome both = evaluate_loss<B>(barlow_official(2.0), z, shape, side);
    const outcome first = evaluate_loss<B>(on(standardized{}, 1 * on_diagonal{}), z, shape, side);
    const outcome second = evaluate_loss<B>(on(standardized{}, 1 * off_diagonal{}), z, shape, side);
    CHECK(both.terms[0] == doctest::Approx(first.total).epsilon(tolerance<B>));
    CHECK(both.terms[1] == doctest::Approx(second.total).epsilon(tolerance<B>));
    CHECK(both.total == both.terms[0] + 2 * both.terms[1]);
    auto sum = second.gradient;
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] = first.gradient[k] + 2 * sum[k];
    CHECK(relative_error(both.gradient, sum) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/barlow: large batches, which are not evaluated in double, agree with double", B,
                   SSL_BACKENDS) {
  using wide = backend<double>;
  for (const batch_shape shape : {batch_shape{700, 90, 2}, {90, 700, 2}, {180, 170, 3}})
    for (const gram_side side : both_sides) {
      INFO(to_string(shape, side));
      const auto z = test_embeddings(shape);
      const outcome exact = evaluate_loss<wide>(barlow_official(0.5), z, shape);
      const outcome found = evaluate_loss<B>(barlow_official(0.5), z, shape, side);
      CHECK(found.terms[0] == doctest::Approx(exact.terms[0]).epsilon(tolerance<B>));
      CHECK(found.terms[1] == doctest::Approx(exact.terms[1]).epsilon(tolerance<B>));
      CHECK(relative_error(found.gradient, exact.gradient) < tolerance<B>);
      // The general way, term by term on standardised columns.
      const auto general =
          on(standardized{}, on_diagonal{} + (0.25 * off_diagonal{} + 0.25 * off_diagonal{}));
      CHECK(relative_error(evaluate_loss<B>(general, z, shape, side).gradient, exact.gradient) <
            tolerance<B>);
    }
}

TEST_CASE_TEMPLATE("loss/barlow: the table's values", B, SSL_DOUBLE_BACKENDS) {
  for (const gram_side side : both_sides) {
    const outcome official = evaluate_loss<B>(barlow_official(), table_views(), table_shape, side);
    CHECK(official.total == doctest::Approx(0.0488473679).epsilon(1e-9));
    CHECK(length_of_view(official.gradient, table_shape, 0) == doctest::Approx(0.02419676).epsilon(1e-7));
    const auto unbiased =
        on(standardized{.epsilon = 0, .unbiased = true}, on_diagonal{} + 0.0051 * off_diagonal{});
    CHECK(evaluate_loss<B>(unbiased, table_views(), table_shape, side).total ==
          doctest::Approx(0.1628384810).epsilon(1e-9));
  }
}

TEST_CASE_TEMPLATE("loss/barlow: a collapsed batch costs the number of features", B, SSL_BACKENDS) {
  for (const gram_side side : both_sides) {
    const outcome found =
        evaluate_loss<B>(barlow_official(), std::vector<double>(7 * 16, 0.75), {7, 8, 2}, side);
    CHECK(found.total == doctest::Approx(7).epsilon(1e-12));
    CHECK(found.terms[1] == 0.0);
    CHECK(largest(found.gradient) == 0.0);
  }
}

TEST_CASE_TEMPLATE("loss/barlow: views that agree, of features that do not, cost nothing", B, SSL_BACKENDS) {
  // Rows 1 to 7 of the 8 x 8 Walsh matrix: centred and orthogonal.
  std::vector<double> z;
  for (int view = 0; view < 2; ++view)
    for (unsigned j = 0; j < 8; ++j)
      for (unsigned i = 1; i < 8; ++i) {
        const unsigned common = i & j;
        z.push_back(((common ^ (common >> 1) ^ (common >> 2)) & 1u) != 0 ? -1.0 : 1.0);
      }
  for (const gram_side side : both_sides) {
    const outcome found =
        evaluate_loss<B>(on(standardized{.epsilon = 0}, on_diagonal{} + off_diagonal{}), z, {7, 8, 2}, side);
    CHECK(std::abs(found.total) < 1e-12);
    CHECK(largest(found.gradient) < 1e-6);
  }
}

TEST_CASE_TEMPLATE("loss/barlow: blind to a positive affine map of any feature of any view", B,
                   SSL_DOUBLE_BACKENDS) {
  const auto loss = on(standardized{.epsilon = 0}, on_diagonal{} + 0.0051 * off_diagonal{});
  for (const batch_shape shape : loss_shapes)
    for (const gram_side side : both_sides) {
      INFO(to_string(shape, side));
      const auto z = test_embeddings(shape);
      auto mapped = rescaled(z, shape.features);
      std::copy(z.begin(), z.begin() + shape.features * shape.samples,
                mapped.begin());  // the first view stays
      const outcome before = evaluate_loss<B>(loss, z, shape, side);
      CHECK(evaluate_loss<B>(loss, mapped, shape, side).total ==
            doctest::Approx(before.total).epsilon(1e-11));
      CHECK(largest(row_sums(before.gradient, shape)) < 1e-12);
    }
}

TEST_CASE_TEMPLATE("loss/barlow: joint normalisation sees the views' relative scale", B,
                   SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{5, 8, 2};
  auto z = test_embeddings(shape);
  const double before = evaluate_loss<B>(barlow_vissl(), z, shape).total;
  for (double& x : z) x = 3 * x + 1;
  CHECK(evaluate_loss<B>(barlow_vissl(), z, shape).total == doctest::Approx(before).epsilon(1e-4));
  for (std::size_t k = z.size() / 2; k < z.size(); ++k) z[k] *= 3;
  CHECK(evaluate_loss<B>(barlow_vissl(), z, shape).total > 1.1 * before);
}

TEST_CASE_TEMPLATE("loss/barlow: permuting the samples moves the gradient along", B, SSL_DOUBLE_BACKENDS) {
  for (const batch_shape shape : loss_shapes)
    for (const gram_side side : both_sides) {
      const auto z = test_embeddings(shape);
      const auto order = reversed(shape.samples);
      const outcome before = evaluate_loss<B>(barlow_official(), z, shape, side);
      const outcome after =
          evaluate_loss<B>(barlow_official(), permute_samples(z, shape, order), shape, side);
      CHECK(after.total == doctest::Approx(before.total).epsilon(1e-11));
      const auto moved = permute_samples(before.gradient, shape, order);
      for (std::size_t k = 0; k < moved.size(); ++k) CHECK(std::abs(moved[k] - after.gradient[k]) < 1e-10);
    }
}

TEST_CASE_TEMPLATE("loss/barlow: features 1e4 times the others do not spoil the rest", B, SSL_BACKENDS) {
  for (const batch_shape shape : {batch_shape{10, 17, 2}, {40, 8, 2}}) {
    auto z = test_embeddings(shape);
    for (std::size_t k = 3; k < z.size(); k += static_cast<std::size_t>(shape.features)) z[k] *= 8192;
    const auto whole = [](const auto& e) { return definition(naive::standardized(e), 1, 0.0051); };
    const auto gradient = naive::gradient(whole, z, shape);
    for (const gram_side side : both_sides) {
      const outcome found = evaluate_loss<B>(barlow_official(), z, shape, side);
      CHECK(found.total == doctest::Approx(whole(naive::embeddings<double>{z, shape})).epsilon(tolerance<B>));
      CHECK(relative_error(found.gradient, gradient) < 10 * tolerance<B>);
    }
  }
}

TEST_CASE_TEMPLATE("loss/barlow: one view has no pair", B, SSL_BACKENDS) {
  const outcome found = evaluate_loss<B>(barlow_official(), test_embeddings({4, 6, 1}), {4, 6, 1});
  CHECK(found.total == 0.0);
  CHECK(largest(found.gradient) == 0.0);
}

}  // namespace ssl::test
