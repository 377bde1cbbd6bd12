#include "ssl/loss/state.hpp"

#include "ssl/loss/invariance.hpp"
#include "ssl/loss/on.hpp"
#include "support/losses.hpp"

namespace ssl::test {
namespace {

/// Counts the steps and remembers the last batch's first column: value = the count.
struct remembers {
  using kind = loss_kind;
  static constexpr std::string_view name = "remembers";
  double first_count = 0;

  constexpr index state_size(batch_shape s) const { return 1 + s.features; }

  template <class Ctx, class B = typename Ctx::backend>
  void start(Ctx& ctx, batch_shape, rng_key, view<B> state) const {
    fill(ctx.be, slice(state, 0, 1), static_cast<typename B::scalar>(first_count));
  }
  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double, view_batch<B> z, accumulator_view<B> value, view<B>) const {
    map_reduce(ctx.be, value, fn::plus{}, fn::cast<double>{}, slice(z.state, 0, 1));
  }
  template <class Ctx, class B = typename Ctx::backend>
  void update(Ctx& ctx, view_batch<B> z, view<B> state) const {
    const auto count = slice(state, 0, 1);
    map(ctx.be, count, plus_one<typename B::scalar>{}, count);
    map(ctx.be, slice(state, 1, z.features()), fn::identity<typename B::scalar>{}, z.z.columns(0, 1));
  }

  template <class T>
  struct plus_one {
    SSL_FN T operator()(T x) const { return x + T{1}; }
  };
};

struct remembers_directions : remembers {
  static constexpr bool unit_norm = true;
};

}  // namespace

TEST_CASE_TEMPLATE("loss/state: each term of a sum has its own slice, read by add and moved on by update", B,
                   SSL_BACKENDS) {
  using T = typename B::scalar;
  const auto loss = remembers{3} + 2 * invariance{} + remembers_directions{{8}};
  const batch_shape shape{2, 3, 2};
  REQUIRE(state_size(loss, shape) == 6);
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const std::vector<double> z{3, 4, 1, 0, 0, 1, 1, 1, 2, 2, 5, 5};
  const matrix<B> x(be, 2, 6, z), block(be, 6, 1, std::vector<double>(6, 9.0));
  matrix<B> dz(be, 2, 6);

  start_state(ctx, loss, shape, {}, block());
  CHECK(block.get() == std::vector<double>{3, 0, 0, 8, 0, 0});

  const view_batch<B> batch{.z = x.read(), .views = 2, .state = block.read()};
  CHECK(evaluate(ctx, loss, batch, dz()).terms[0].value == 3.0);
  CHECK(evaluate(ctx, loss, batch, dz()).terms[2].value == 8.0);  // evaluating changes nothing

  update_state(ctx, loss, batch, block());
  CHECK(block.get() == std::vector<double>{4, 3, 4, 9, static_cast<double>(static_cast<T>(0.6)),
                                           static_cast<double>(static_cast<T>(0.8))});
  CHECK(evaluate(ctx, loss, batch, dz()).terms[2].value == 9.0);
}

TEST_CASE("loss/state: a loss that remembers says so when it gets no block") {
  using B = backend<double>;
  workspace<B> work;
  auto ctx = work.ctx();
  const matrix<B> x(work.backend(), 2, 4, {1, 2, 3, 4, 5, 6, 7, 8});
  matrix<B> dz(work.backend(), 2, 4);
  CHECK_THROWS_WITH_AS(
      evaluate(ctx, remembers{}, view_batch<B>{x.read(), 2}, dz()),
      "ssl::value_and_gradient: the state is 0x0; this loss needs 3x1, see ssl::state_size and "
      "ssl::start_state",
      shape_error);
}

TEST_CASE("loss/state: targets must have the shape of z") {
  using B = backend<double>;
  workspace<B> work;
  auto ctx = work.ctx();
  const matrix<B> x(work.backend(), 2, 4, {1, 2, 3, 4, 5, 6, 7, 8}), t(work.backend(), 2, 2, {1, 2, 3, 4});
  matrix<B> dz(work.backend(), 2, 4);
  CHECK_THROWS_AS(
      evaluate(ctx, invariance{}, view_batch<B>{.z = x.read(), .views = 2, .targets = t.read()}, dz()),
      shape_error);
}

}  // namespace ssl::test
