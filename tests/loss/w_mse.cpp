#include "ssl/loss/w_mse.hpp"

#include <algorithm>
#include <set>

#include "ssl/loss/frobenius.hpp"
#include "support/golden_table.hpp"
#include "support/losses.hpp"
#include "support/naive_columns.hpp"

namespace ssl::test {
namespace {

/// t = L^-1 (z - mean) over all samples, by the Cholesky factor, entry by entry.
template <class S>
naive::embeddings<S> whitened_by_hand(naive::embeddings<S> e, double epsilon) {
  const index d = e.shape.features, n = e.shape.samples;
  for (index v = 0; v < e.shape.views; ++v) {
    std::vector<S> l(static_cast<std::size_t>(d * d));
    const auto at = [&](index i, index k) -> S& { return l[static_cast<std::size_t>(i + k * d)]; };
    for (index i = 0; i < d; ++i) {
      S mean{};
      for (index j = 0; j < n; ++j) mean += e(v, i, j) / static_cast<double>(n);
      for (index j = 0; j < n; ++j) e(v, i, j) -= mean;
    }
    for (index k = 0; k < d; ++k)
      for (index i = k; i < d; ++i) {
        S sum = (1 - epsilon) / static_cast<double>(n - 1) * naive::over_samples(e, v, i, v, k) +
                (i == k ? epsilon : 0);
        for (index m = 0; m < k; ++m) sum -= at(i, m) * at(k, m);
        at(i, k) = i == k ? std::sqrt(sum) : sum / at(k, k);
      }
    for (index j = 0; j < n; ++j)
      for (index i = 0; i < d; ++i) {
        for (index m = 0; m < i; ++m) e(v, i, j) -= at(i, m) * e(v, m, j);
        e(v, i, j) /= at(i, i);
      }
  }
  return e;
}

template <class S>
S definition(const naive::embeddings<S>& z, double epsilon) {
  const auto e = whitened_by_hand(z, epsilon);
  return naive::over_pairs<S>(e.shape.views, [&](index v, index w) {
    S sum{};
    for (index j = 0; j < e.shape.samples; ++j)
      sum += 2.0 - 2.0 * naive::over_features(e, v, j, w, j) /
                       std::sqrt(naive::over_features(e, v, j, v, j) * naive::over_features(e, w, j, w, j));
    return sum / static_cast<double>(e.shape.samples);
  });
}

template <class B>
std::vector<double> whiten(const whitened& change, const std::vector<double>& z, batch_shape shape,
                           rng_key key = {}) {
  workspace<B> work;
  auto ctx = work.ctx();
  const matrix<B> x(work.backend(), shape.features, shape.columns(), z),
      t(work.backend(), shape.features, shape.columns());
  scratch_scope scope(ctx);
  change.forward(ctx, view_batch<B>{.z = x.read(), .views = shape.views, .key = key}, t());
  return t.get();
}

}  // namespace

TEST_CASE_TEMPLATE("loss/whitened: every view has mean 0 and covariance I", B, SSL_BACKENDS) {
  for (const batch_shape shape : {batch_shape{6, 40, 2}, {300, 700, 1}}) {
    const naive::embeddings<double> t{whiten<B>(whitened{}, test_embeddings(shape), shape), shape};
    CHECK(largest(row_sums(t.z, shape)) < 1000 * tolerance<B>);
    const double n = static_cast<double>(shape.samples);
    for (index v = 0; v < shape.views; ++v)
      for (index i = 0; i < std::min<index>(shape.features, 20); ++i)
        for (index k = 0; k <= i; ++k)
          CHECK(std::abs(naive::over_samples(t, v, i, v, k) / (n - 1) - (i == k ? 1 : 0)) <
                10 * tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/whitened: a loss on decorrelated columns is the loss of the definition", B,
                   SSL_BACKENDS) {
  const auto inner = frobenius{} + 3 * invariance{};
  for (const double epsilon : {0.0, 1e-3, 0.2})
    for (const batch_shape shape : {batch_shape{5, 12, 2}, {12, 5, 2}, {9, 9, 3}, {4, 11, 3}, {6, 2, 2}}) {
      if (epsilon < (shape.samples <= shape.features ? 0.1 : 0.0)) continue;
      INFO(to_string(shape, gram_side::automatic));
      const auto z = test_embeddings(shape);
      const auto whole = [&](const auto& e) {
        const auto t = whitened_by_hand(e, epsilon);
        return naive::frobenius(t) + 3.0 * naive::invariance(t);
      };
      const outcome found = evaluate_loss<B>(on(whitened{epsilon}, inner), z, shape);
      CHECK(found.total == doctest::Approx(whole(naive::embeddings<double>{z, shape})).epsilon(tolerance<B>));
      CHECK(relative_error(found.gradient, naive::gradient(whole, z, shape)) < 10 * tolerance<B>);
    }
}

TEST_CASE_TEMPLATE("loss/w_mse: equals its definition", B, SSL_BACKENDS) {
  for (const batch_shape shape : {batch_shape{5, 12, 2}, {4, 11, 3}, {3, 9, 4}, {7, 5, 2}})
    for (const double epsilon : {0.0, 0.1}) {
      if (epsilon == 0 && shape.samples <= shape.features) continue;
      INFO(to_string(shape, gram_side::automatic));
      const auto z = test_embeddings(shape);
      const auto whole = [&](const auto& e) { return definition(e, epsilon); };
      const outcome found = evaluate_loss<B>(w_mse{.epsilon = epsilon}, z, shape);
      CHECK(found.total == doctest::Approx(whole(naive::embeddings<double>{z, shape})).epsilon(tolerance<B>));
      CHECK(relative_error(found.gradient, naive::gradient(whole, z, shape)) < 10 * tolerance<B>);
      if constexpr (std::is_same_v<typename B::scalar, double>) {
        const auto differences = finite_difference(
            [&](const std::vector<double>& x) {
              return evaluate_loss<B>(w_mse{.epsilon = epsilon}, x, shape).total;
            },
            z);
        CHECK(relative_error(found.gradient, differences) < 1e-6);
      }
    }
}

TEST_CASE_TEMPLATE("loss/w_mse: the table's value", B, SSL_DOUBLE_BACKENDS) {
  CHECK(evaluate_loss<B>(w_mse{}, table_views(3), {3, 8, 2}).total ==
        doctest::Approx(0.0216794535).epsilon(1e-9));
}

TEST_CASE_TEMPLATE("loss/w_mse: large batches, which are not evaluated in double, agree with double", B,
                   SSL_BACKENDS) {
  const batch_shape shape{300, 400, 2};
  const auto z = test_embeddings(shape);
  const outcome exact = evaluate_loss<backend<double>>(w_mse{.epsilon = 0.01}, z, shape);
  const outcome found = evaluate_loss<B>(w_mse{.epsilon = 0.01}, z, shape);
  CHECK(found.total == doctest::Approx(exact.total).epsilon(tolerance<B>));
  CHECK(relative_error(found.gradient, exact.gradient) <
        100 * tolerance<B>);  // the features' scales differ 150-fold
}

TEST_CASE_TEMPLATE(
    "loss/w_mse: blind, view by view, to shifts and lower triangular maps of positive diagonal", B,
    SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{3, 9, 2};
  const auto z = test_embeddings(shape);
  auto mapped = z;
  for (std::size_t k = 0; k < 27; k += 3) {
    mapped[k + 2] = 4 + 0.5 * z[k] - 2 * z[k + 1] + 3 * z[k + 2];
    mapped[k + 1] = -1 + z[k] + 0.25 * z[k + 1];
    mapped[k] = 2 * z[k];
  }
  const double before = evaluate_loss<B>(w_mse{}, z, shape).total;
  CHECK(evaluate_loss<B>(w_mse{}, mapped, shape).total == doctest::Approx(before).epsilon(1e-11));
  auto turned = z;  // and not to a rotation
  for (std::size_t k = 0; k < 27; k += 3) std::swap(turned[k], turned[k + 1]);
  CHECK(std::abs(evaluate_loss<B>(w_mse{}, turned, shape).total - before) > 1e-3);
}

TEST_CASE_TEMPLATE("loss/w_mse: the gradient has no mean over the samples", B, SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{4, 11, 3};
  CHECK(largest(row_sums(evaluate_loss<B>(w_mse{}, test_embeddings(shape), shape).gradient, shape)) < 1e-13);
}

TEST_CASE_TEMPLATE(
    "loss/w_mse: equal views cost nothing, a collapse with epsilon costs 2, without it is no number", B,
    SSL_BACKENDS) {
  const batch_shape shape{4, 9, 2};
  auto z = test_embeddings(shape);
  std::copy(z.begin(), z.begin() + 36, z.begin() + 36);
  CHECK(evaluate_loss<B>(w_mse{}, z, shape).total == 0.0);
  const std::vector<double> same(72, 0.3);
  CHECK(evaluate_loss<B>(w_mse{.epsilon = 1e-3}, same, shape).total == doctest::Approx(2).epsilon(1e-12));
  CHECK(collapse_values(on(whitened{1e-3}, cosine_distance{}), shape)[0].value == 2.0);
  const outcome failed = evaluate_loss<B>(w_mse{}, same, shape);
  CHECK(std::isnan(failed.total));
  CHECK(std::isnan(failed.gradient[0]));
}

TEST_CASE_TEMPLATE("loss/whitened: sub-batches are whitened one by one in a permutation that the views share",
                   B, SSL_BACKENDS) {
  const batch_shape shape{2, 12, 2};
  auto z = test_embeddings(shape);
  std::copy(z.begin(), z.begin() + 24, z.begin() + 24);
  const auto change = whitened{.sub_batch = 4};
  const rng_key key{9, 3};
  const naive::embeddings<double> t{whiten<B>(change, z, shape, key), shape};
  for (std::size_t k = 0; k < 24; ++k) CHECK(t.z[k] == t.z[k + 24]);
  // The sub-batch of sample 0 is the one set of four whose own whitening gives what was found.
  int fitting = 0;
  for (index a = 1; a < 12; ++a)
    for (index b = a + 1; b < 12; ++b)
      for (index c = b + 1; c < 12; ++c) {
        const index set[4] = {0, a, b, c};
        std::vector<double> some, expected;
        for (const index j : set)
          for (index i = 0; i < 2; ++i)
            some.push_back(z[static_cast<std::size_t>(2 * j + i)]), expected.push_back(t(0, i, j));
        if (relative_error(whiten<B>(whitened{}, some, {2, 4, 1}), expected) < 10 * tolerance<B>) ++fitting;
      }
  CHECK(fitting == 1);
  CHECK(whiten<B>(change, z, shape, key) == t.z);
  CHECK(whiten<B>(change, z, shape, {9, 4}) != t.z);
  CHECK(whiten<B>(whitened{.sub_batch = 4, .draw = 1}, z, shape, key) != t.z);
  CHECK(whiten<B>(whitened{.sub_batch = 12}, z, shape, key) == whiten<B>(whitened{}, z, shape, key));
}

TEST_CASE_TEMPLATE("loss/w_mse: with sub-batches and several permutations the gradient is that of the value",
                   B, SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{3, 12, 3};
  const auto z = test_embeddings(shape);
  const w_mse loss{.epsilon = 0.05, .sub_batch = 6, .iterations = 3};
  const outcome found = evaluate_loss<B>(loss, z, shape);
  const auto differences = finite_difference(
      [&](const std::vector<double>& x) { return evaluate_loss<B>(loss, x, shape).total; }, z);
  CHECK(relative_error(found.gradient, differences) < 1e-7);
  double mean = 0;
  for (index k = 0; k < 3; ++k)
    mean += evaluate_loss<B>(on(whitened{0.05, 6, k}, cosine_distance{}), z, shape).total / 3;
  CHECK(found.total == doctest::Approx(mean).epsilon(1e-13));
}

TEST_CASE_TEMPLATE("loss/whitened: sub-batches must divide the samples", B, SSL_BACKENDS) {
  CHECK_THROWS_WITH_AS(evaluate_loss<B>(w_mse{.sub_batch = 5}, test_embeddings({2, 12, 2}), {2, 12, 2}),
                       "ssl::whitened: sub-batches of 5 do not divide 12 samples", shape_error);
}

}  // namespace ssl::test
