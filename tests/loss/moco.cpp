#include "ssl/loss/moco.hpp"

#include "support/targets.hpp"

namespace ssl::test {
namespace {

/// Columns of length one.
std::vector<double> unit_columns(std::vector<double> x, index d) {
  for (index j = 0; j < static_cast<index>(x.size()) / d; ++j) {
    const double length = norm_of(x, d, j, 1);
    for (index i = 0; i < d; ++i) x[static_cast<std::size_t>(j * d + i)] /= length;
  }
  return x;
}

/// The definition, without a shift of the exponents; queues (d, K) one after the other.
template <class S>
S find_the_key(const naive::embeddings<S>& z, const naive::embeddings<double>& targets,
               const std::vector<double>& queues, index size, double temperature, bool both) {
  const auto u = naive::unit(z);
  const auto t = naive::unit(targets);
  const index d = z.shape.features;
  S total{};
  double count = 0;
  for (index v = 0; v < (both ? z.shape.views : 1); ++v)
    for (index w = both ? 0 : 1; w < (both ? z.shape.views : 2); ++w) {
      if (v == w) continue;
      for (index j = 0; j < z.shape.samples; ++j, ++count) {
        const S score = naive::inner(u, v, t, w, j) / temperature;
        S others{};
        for (index k = 0; k < size; ++k) {
          S product{};
          for (index i = 0; i < d; ++i)
            product += u(v, i, j) * queues[static_cast<std::size_t>(((both ? w : 0) * size + k) * d + i)];
          others += std::exp(product / temperature - score);
        }
        total += std::log(1.0 + others);
      }
    }
  return total / count;
}

template <class B>
std::vector<double> started(const moco& loss, batch_shape shape, rng_key key = {5, 0}) {
  workspace<B> work;
  auto ctx = work.ctx();
  matrix<B> block(work.backend(), state_size(loss, shape), 1);
  start_state(ctx, loss, shape, key, block());
  return block.get();
}

/// The state after a batch whose keys are `keys`.
template <class B>
std::vector<double> moved(const moco& loss, batch_shape shape, const std::vector<double>& keys,
                          const std::vector<double>& state) {
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const matrix<B> z(be, shape.features, shape.columns(), test_embeddings(shape, 7)),
      t(be, shape.features, shape.columns(), keys), block(be, static_cast<index>(state.size()), 1, state);
  update_state(ctx, loss, view_batch<B>{.z = z.read(), .views = shape.views, .targets = t.read()}, block());
  return block.get();
}

}  // namespace

TEST_CASE_TEMPLATE("loss/moco: equals its definition, in one direction and in all", B, SSL_BACKENDS) {
  constexpr bool is_float = std::is_same_v<typename B::scalar, float>;
  for (const batch_shape shape : loss_shapes)
    for (const bool both : {false, true})
      for (const index size : {index{1}, index{7}, index{130}}) {
        const moco loss{.temperature = 0.5, .queue = size, .both = both};
        const auto state = started<B>(loss, shape);
        const auto z = test_embeddings(shape), t = test_embeddings(shape, 2);
        const auto definition = [&](const auto& e) {
          return find_the_key(e, naive::embeddings<double>{t, shape}, state, size, 0.5, both);
        };
        const outcome found = evaluate_beside<B>(loss, z, shape, {.targets = t, .state = state});
        CHECK(found.total == doctest::Approx(definition(naive::embeddings<double>{z, shape}))
                                 .epsilon(is_float ? 2e-6 : 1e-11));
        CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) <
              (is_float ? 5e-6 : 1e-11));
        if (!is_float && size == 7)
          CHECK(relative_error(
                    found.gradient,
                    finite_difference(
                        [&](const std::vector<double>& x) {
                          return evaluate_beside<B>(loss, x, shape, {.targets = t, .state = state}).total;
                        },
                        z)) < 1e-7);
      }
}

TEST_CASE_TEMPLATE("loss/moco: a bank of many blocks gives what one block gives", B, SSL_BACKENDS) {
  // 2^18 / 4096 = 64 columns a block, 200 columns in all.
  const batch_shape shape{3, 4096, 2};
  const moco loss{.queue = 200};
  const auto state = started<B>(loss, shape);
  const auto z = test_embeddings(shape);
  const double whole = find_the_key(naive::embeddings<double>{z, shape}, naive::embeddings<double>{z, shape},
                                    state, 200, 0.2, false);
  CHECK(evaluate_beside<B>(loss, z, shape, {.state = state}).total ==
        doctest::Approx(whole).epsilon(by_scalar<B>(1e-6, 1e-11)));
}

TEST_CASE_TEMPLATE("loss/moco: reference value and size of the gradient", B, SSL_BACKENDS) {
  std::vector<double> queue;
  for (int m = 0; m < 5; ++m)
    for (int j = 0; j < 6; ++j) queue.push_back(std::sin(2 + 1.1 * m - 0.6 * j));
  queue = unit_columns(queue, 6);
  queue.push_back(0);
  const outcome found =
      evaluate_beside<B>(moco{.queue = 5}, reference_embeddings(), reference_shape, {.state = queue});
  const double digits = by_scalar<B>(1e-5, 2e-9);
  CHECK(found.total == doctest::Approx(0.0585684046).epsilon(digits));
  CHECK(norm_of(found.gradient, 6, 0, 8) == doctest::Approx(0.03332094).epsilon(by_scalar<B>(1e-5, 2e-7)));
  CHECK(norm_of(found.gradient, 6, 8, 8) == 0.0);
}

TEST_CASE_TEMPLATE("loss/moco: at a low temperature the numbers stay finite and right", B, SSL_BACKENDS) {
  const batch_shape shape{3, 5, 2};
  for (const double temperature : {0.07, 0.005, 0.001}) {
    const moco loss{.temperature = temperature, .queue = 9};
    auto state = started<B>(loss, shape);
    auto z = test_embeddings(shape);
    for (std::size_t i = 0; i < 3; ++i) z[15 + i] = -z[i];  // the worst positive: its key is opposite
    const outcome found = evaluate_beside<B>(loss, z, shape, {.state = state});
    const auto definition = [&](const auto& e) {
      return find_the_key(e, naive::embeddings<double>{z, shape}, state, 9, temperature, false);
    };
    // The definition overflows where the sum does not: only above e^709.
    if (temperature > 0.004) {
      CHECK(found.total == doctest::Approx(definition(naive::embeddings<double>{z, shape}))
                               .epsilon(by_scalar<B>(1e-5, 1e-10)));
      CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) <
            by_scalar<B>(4e-7 / temperature, 1e-9));
    }
    CHECK(std::isfinite(found.total));
    for (const double g : found.gradient) CHECK(std::isfinite(g));
  }
}

TEST_CASE_TEMPLATE("loss/moco: a collapse, queue included, gives ln(K + 1)", B, SSL_BACKENDS) {
  const batch_shape shape{3, 4, 2};
  std::vector<double> z, state;
  for (int k = 0; k < 8; ++k) z.insert(z.end(), {2.0, -1.0, 2.0});
  for (int k = 0; k < 11; ++k) state.insert(state.end(), {2.0 / 3, -1.0 / 3, 2.0 / 3});
  state.push_back(0);
  const outcome found = evaluate_beside<B>(moco{.queue = 11}, z, shape, {.state = state});
  CHECK(found.total == doctest::Approx(std::log(12.0)).epsilon(1e-6));
  CHECK(found.total == doctest::Approx(moco{.queue = 11}.collapsed(shape, 3).value).epsilon(1e-6));
  CHECK(largest(found.gradient) < tolerance<B>);
}

TEST_CASE_TEMPLATE("loss/moco: queues start as different random directions that the key fixes", B,
                   SSL_BACKENDS) {
  const batch_shape shape{8, 4, 2};
  const moco loss{.queue = 50, .both = true};
  const auto state = started<B>(loss, shape);
  REQUIRE(state.size() == 2 * 50 * 8 + 1);
  CHECK(state.back() == 0.0);
  for (index j = 0; j < 100; ++j) CHECK(norm_of(state, 8, j, 1) == doctest::Approx(1.0).epsilon(1e-6));
  CHECK(state == started<B>(loss, shape));
  CHECK(state != started<B>(loss, shape, {6, 0}));
  CHECK(std::vector<double>(state.begin(), state.begin() + 400) !=
        std::vector<double>(state.begin() + 400, state.begin() + 800));
}

TEST_CASE_TEMPLATE("loss/moco: keys go round the end of the queue, whatever its size", B, SSL_BACKENDS) {
  for (const index size : {index{3}, index{4}, index{5}, index{7}, index{8}, index{9}, index{20}}) {
    const batch_shape shape{2, 5, 2};
    const moco loss{.queue = size};
    auto state = started<B>(loss, shape);
    std::vector<double> expected(state.begin(), state.end() - 1);
    index place = 0;
    for (unsigned step = 0; step < 4; ++step) {
      const auto keys = test_embeddings(shape, 10 + step);
      const auto unit = unit_columns(keys, 2);
      state = moved<B>(loss, shape, keys, state);
      for (std::size_t j = 0; j < 5; ++j, place = (place + 1) % size)
        for (std::size_t i = 0; i < 2; ++i)
          expected[2 * static_cast<std::size_t>(place) + i] = unit[2 * (5 + j) + i];
      CHECK(state.back() == static_cast<double>(place));
      CHECK(relative_error({state.begin(), state.end() - 1}, expected) < tolerance<B>);
    }
  }
}

TEST_CASE_TEMPLATE("loss/moco: every view's keys go to its own queue", B, SSL_BACKENDS) {
  const batch_shape shape{2, 3, 2};
  const moco loss{.queue = 3, .both = true};
  const auto keys = test_embeddings(shape, 4);
  const auto state = moved<B>(loss, shape, keys, started<B>(loss, shape));
  CHECK(relative_error({state.begin(), state.end() - 1}, unit_columns(keys, 2)) < tolerance<B>);
  CHECK(state.back() == 0.0);
}

TEST_CASE("loss/moco: a queue without places is refused, one view asks nothing") {
  CHECK_THROWS_WITH_AS(started<backend<double>>(moco{.queue = 0}, {3, 4, 2}),
                       "ssl::moco: queue is 0, expected 1 to 2^24", option_error);
  CHECK(evaluate_loss<backend<double>>(moco{}, test_embeddings({3, 4, 1}), {3, 4, 1}).total == 0.0);
}

}  // namespace ssl::test
