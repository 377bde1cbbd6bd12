#include "ssl/loss/standardized.hpp"

#include "ssl/loss/barlow.hpp"
#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/invariance.hpp"
#include "support/losses.hpp"
#include "support/naive_columns.hpp"

namespace ssl::test {
namespace {

/// t of the change alone.
template <class B>
std::vector<double> standardize(const standardized& change, const std::vector<double>& z, batch_shape shape) {
  workspace<B> work;
  auto ctx = work.ctx();
  const matrix<B> x(work.backend(), shape.features, shape.columns(), z),
      t(work.backend(), shape.features, shape.columns());
  scratch_scope scope(ctx);
  change.forward(ctx, view_batch<B>{x.read(), shape.views}, t());
  return t.get();
}

}  // namespace

TEST_CASE_TEMPLATE("loss/standardized: every feature of every view has mean 0 and variance 1", B,
                   SSL_BACKENDS) {
  const batch_shape shape{6, 40, 2};
  const auto t = standardize<B>(standardized{.epsilon = 0}, test_embeddings(shape), shape);
  auto squares = t;
  for (double& x : squares) x *= x;
  CHECK(largest(row_sums(t, shape)) < 100 * tolerance<B>);
  for (const double s : row_sums(squares, shape)) CHECK(s == doctest::Approx(40).epsilon(tolerance<B>));
}

TEST_CASE_TEMPLATE("loss/standardized: a loss on standardised columns is the loss of the definition", B,
                   SSL_BACKENDS) {
  // A weight that differs from view to view and a sum that is not centred, so that no part of the backward
  // pass is zero by luck.
  const auto inner = frobenius{} + 3 * invariance{};
  const auto definition = []<class S>(const naive::embeddings<S>& t) {
    return naive::frobenius(t) + 3.0 * naive::invariance(t);
  };
  const auto check = [&](standardized change, bool many) {
    for (const batch_shape shape : loss_shapes) {
      if (many && shape.samples < 4) continue;
      const auto z = test_embeddings(shape);
      const auto whole = [&]<class S>(const naive::embeddings<S>& e) {
        return definition(
            naive::standardized(e, change.epsilon, change.unbiased, change.epsilon_in_root, change.joint));
      };
      const outcome found = evaluate_loss<B>(on(change, inner), z, shape);
      INFO(to_string(shape, gram_side::automatic));
      CHECK(found.total == doctest::Approx(whole(naive::embeddings<double>{z, shape})).epsilon(tolerance<B>));
      CHECK(relative_error(found.gradient, naive::gradient(whole, z, shape)) < 10 * tolerance<B>);
    }
  };
  // Without epsilon two samples are +1 and -1 whatever they were, and the gradient is rounding errors.
  check(standardized{}, true);
  check(standardized{.epsilon = 0.3}, false);
  check(standardized{.epsilon = 0.3, .unbiased = true}, false);
  check(standardized{.epsilon = 0.3, .epsilon_in_root = false}, false);
  check(standardized{.epsilon = 0.2, .unbiased = true, .epsilon_in_root = false}, false);
  check(standardized{.joint = true}, true);
  check(standardized{.epsilon = 0, .unbiased = true, .joint = true}, true);
}

TEST_CASE_TEMPLATE("loss/standardized: a constant feature becomes 0 and is not moved", B, SSL_BACKENDS) {
  const batch_shape shape{4, 9, 2};
  auto z = test_embeddings(shape);
  for (std::size_t k = 2; k < z.size(); k += 4) z[k] = 0.3;
  for (const standardized change :
       {standardized{}, standardized{.epsilon = 0}, standardized{.epsilon_in_root = false},
        standardized{.epsilon = 0, .epsilon_in_root = false}, standardized{.epsilon = 0, .joint = true}}) {
    const auto t = standardize<B>(change, z, shape);
    const outcome found = evaluate_loss<B>(on(change, frobenius{}), z, shape);
    for (std::size_t k = 2; k < z.size(); k += 4) {
      CHECK(t[k] == 0.0);
      CHECK(found.gradient[k] == 0.0);
    }
  }
}

TEST_CASE_TEMPLATE("loss/standardized: a large mean does not drown a small spread", B, SSL_BACKENDS) {
  const batch_shape shape{1, 4, 1};  // 4096 +- 1/8 is exact in float
  const auto t = standardize<B>(standardized{.epsilon = 0}, {4096.125, 4095.875, 4096.125, 4095.875}, shape);
  CHECK(t == std::vector<double>{1, -1, 1, -1});
}

}  // namespace ssl::test
