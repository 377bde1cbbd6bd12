#include "ssl/loss/any_loss.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "ssl/loss/contrastive_recipes.hpp"
#include "ssl/loss/recipes.hpp"
#include "ssl/loss/tico.hpp"
#include "ssl/train/collapse.hpp"
#include "support/targets.hpp"

namespace ssl::test {
namespace {

template <class B>
void check_same(const any_loss<B>& any, const auto& loss) {
  const batch_shape shape{6, 7, 2};
  const auto z = test_embeddings(shape);
  for (const gram_side side : both_sides) {
    const outcome expected = evaluate_loss<B>(loss, z, shape, side);
    const outcome found = evaluate_loss<B>(any, z, shape, side);
    CHECK(found.total == expected.total);
    CHECK(found.terms == expected.terms);
    CHECK(found.gradient == expected.gradient);
  }
  const auto names = term_names(loss);
  CHECK(term_names(any) == std::vector<std::string_view>(names.begin(), names.end()));
  const auto weights = term_weights(loss);
  CHECK(term_weights(any) == std::vector<double>(weights.begin(), weights.end()));
  CHECK(values_of(any) == term_count<std::remove_cvref_t<decltype(loss)>>);
}

}  // namespace

TEST_CASE_TEMPLATE("loss/any_loss: is the loss inside, to the bit, and can be given another", B,
                   SSL_BACKENDS) {
  any_loss<B> any = vicreg_official();
  check_same<B>(any, vicreg_official());
  any = 3 * simclr(0.2);
  check_same<B>(any, 3 * simclr(0.2));
}

TEST_CASE_TEMPLATE("loss/any_loss: a loss that remembers keeps its state", B, SSL_BACKENDS) {
  const tico inside{};
  const any_loss<B> any = inside;
  const batch_shape shape{5, 8, 2};
  const index count = state_size(inside, shape);
  REQUIRE(state_size(any, shape) == count);
  const auto z = test_embeddings(shape), other = test_embeddings(shape, 3);
  const auto after = [&](const auto& loss) {
    workspace<B> work;
    auto ctx = work.ctx();
    const matrix<B> x(work.backend(), shape.features, shape.columns(), z);
    const matrix<B> t(work.backend(), shape.features, shape.columns(), other);
    matrix<B> state(work.backend(), count, 1, std::vector<double>(static_cast<std::size_t>(count), 9.0));
    start_state(ctx, loss, shape, {.seed = 1}, state());
    const view_batch<B> batch{
        .z = x.read(), .views = shape.views, .targets = t.read(), .state = state.read()};
    update_state(ctx, loss, batch, state());
    return state.get();
  };
  CHECK(after(any) == after(inside));
}

TEST_CASE_TEMPLATE("loss/any_loss: a collapse is seen through it", B, SSL_DOUBLE_BACKENDS) {
  const auto loss = simclr(0.5);
  const any_loss<B> any = loss;
  const batch_shape shape{4, 16, 2};
  const auto z = std::vector<double>(static_cast<std::size_t>(shape.features * shape.columns()), 0.5);
  const outcome found = evaluate_loss<B>(any, z, shape);
  const loss_report values{found.total, {{"ntxent", found.total, 1}}};
  const health state{.feature_spread = 0.01};
  const auto expected = collapse_signs(loss, values, shape, state),
             signs = collapse_signs(any, values, shape, state);
  REQUIRE(signs.size() == 2);
  REQUIRE(expected.size() == signs.size());
  for (std::size_t k = 0; k < signs.size(); ++k) CHECK(signs[k].text() == expected[k].text());
}

TEST_CASE_TEMPLATE("loss/any_loss: values of another length are refused in a sentence", B,
                   SSL_DOUBLE_BACKENDS) {
  workspace<B> work;
  auto ctx = work.ctx();
  const any_loss<B> any = simclr(0.5);
  const batch_shape shape{4, 6, 2};
  const matrix<B> x(work.backend(), 4, 12, test_embeddings(shape));
  matrix<B> dx(work.backend(), 4, 12, std::vector<double>(48));
  const scratch_scope scope(ctx);
  const auto values = ctx.take_accumulator(1, 1);
  CHECK_THROWS_WITH_AS(value_and_gradient(ctx, any, view_batch<B>{x.read(), 2}, values, dx()),
                       "ssl::value_and_gradient: values is 1x1; it must be 1x12 for any_loss", shape_error);
}

}  // namespace ssl::test
