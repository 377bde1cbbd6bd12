#include "ssl/loss/tico.hpp"

#include "support/targets.hpp"

namespace ssl::test {
namespace {

/// C of the batch's views 0 (or all) after the state `before`.
template <class S>
std::vector<S> moment_of(const tico& loss, const naive::embeddings<S>& z, const std::vector<double>& before) {
  const auto u = naive::unit(z);
  const index d = z.shape.features, views = loss.both ? z.shape.views : 1;
  std::vector<S> c(before.begin(), before.end());
  for (index i = 0; i < d; ++i)
    for (index k = 0; k < d; ++k) {
      S sum{};
      for (index v = 0; v < views; ++v)
        for (index j = 0; j < z.shape.samples; ++j) sum += u(v, i, j) * u(v, k, j);
      S& entry = c[static_cast<std::size_t>(i * d + k)];
      entry =
          loss.momentum * entry + (1 - loss.momentum) * sum / static_cast<double>(views * z.shape.samples);
    }
  return c;
}

template <class S, class C>
S tico_value(const tico& loss, const naive::embeddings<S>& z, const naive::embeddings<double>& targets,
             const std::vector<C>& c) {
  const auto u = naive::unit(z);
  const auto t = naive::unit(targets);
  const index d = z.shape.features, n = z.shape.samples, views = loss.both ? z.shape.views : 1;
  S agreement{}, pushed{};
  double pairs = 0;
  for (index v = 0; v < views; ++v) {
    for (index w = loss.both ? 0 : 1; w < (loss.both ? z.shape.views : 2); ++w)
      for (index j = 0; j < n && w != v; ++j, ++pairs) agreement += naive::inner(u, v, t, w, j);
    for (index j = 0; j < n; ++j)
      for (index i = 0; i < d; ++i)
        for (index k = 0; k < d; ++k)
          pushed += u(v, i, j) * c[static_cast<std::size_t>(i * d + k)] * u(v, k, j);
  }
  return 1.0 - agreement / pairs + loss.rho * pushed / static_cast<double>(views * n);
}

/// A symmetric matrix of floats.
std::vector<double> some_moment(index d) {
  auto c = normals(d * d, 6, 0.1);
  for (index i = 0; i < d; ++i)
    for (index k = 0; k <= i; ++k)
      c[static_cast<std::size_t>(i * d + k)] = c[static_cast<std::size_t>(k * d + i)] =
          static_cast<double>(static_cast<float>(c[static_cast<std::size_t>(i * d + k)]));
  return c;
}

constexpr tico kinds[] = {{}, {.attached = true}, {.both = true}, {.attached = true, .both = true}};

}  // namespace

TEST_CASE_TEMPLATE("loss/tico: equals its definition, detached and attached, one view and all", B,
                   SSL_BACKENDS) {
  for (const tico& loss : kinds)
    for (const batch_shape shape : loss_shapes) {
      INFO(to_string(shape, gram_side::automatic)
           << ", attached " << loss.attached << ", both " << loss.both);
      const auto z = test_embeddings(shape), held = test_embeddings(shape, 2),
                 state = some_moment(shape.features);
      const naive::embeddings<double> t{held, shape};
      const auto fixed = moment_of(loss, naive::embeddings<double>{z, shape}, state);
      const beside more{.targets = held, .state = state};
      const outcome found = evaluate_beside<B>(loss, z, shape, more);
      const auto definition = [&](const auto& e) {
        return loss.attached ? tico_value(loss, e, t, moment_of(loss, e, state))
                             : tico_value(loss, e, t, fixed);
      };
      CHECK(found.total ==
            doctest::Approx(definition(naive::embeddings<double>{z, shape})).epsilon(tolerance<B>));
      CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) < tolerance<B>);
      if (loss.attached && std::is_same_v<typename B::scalar, double>)
        CHECK(relative_error(found.gradient, finite_difference(
                                                 [&](const std::vector<double>& x) {
                                                   return evaluate_beside<B>(loss, x, shape, more).total;
                                                 },
                                                 z)) < 1e-7);
    }
}

TEST_CASE_TEMPLATE("loss/tico: reference value of the first step", B, SSL_BACKENDS) {
  const outcome found = evaluate_beside<B>(tico{}, reference_embeddings(), reference_shape,
                                           {.state = std::vector<double>(36, 0.0)});
  CHECK(found.total == doctest::Approx(0.3558297530).epsilon(by_scalar<B>(1e-6, 1e-9)));
  CHECK(norm_of(found.gradient, 6, 8, 8) == 0.0);  // the target's view
}

TEST_CASE_TEMPLATE("loss/tico: a collapse gives rho once the running moment has seen it", B, SSL_BACKENDS) {
  const batch_shape shape{3, 4, 2};
  std::vector<double> z, state;
  const double u[] = {2.0 / 3, -1.0 / 3, 2.0 / 3};
  for (int k = 0; k < 8; ++k) z.insert(z.end(), {2.0, -1.0, 2.0});
  for (const double x : u)
    for (const double y : u) state.push_back(x * y);
  for (const tico& loss : kinds) {
    const outcome found = evaluate_beside<B>(loss, z, shape, {.state = state});
    CHECK(found.total == doctest::Approx(8.0).epsilon(1e-6));
    CHECK(loss.collapsed(shape, 3).value == 8.0);
    CHECK(largest(found.gradient) < 10 * tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("loss/tico: update moves the running moment on, evaluating does not", B, SSL_BACKENDS) {
  const batch_shape shape{4, 5, 2};
  for (const tico& loss : {tico{}, tico{.both = true}}) {
    workspace<B> work;
    auto ctx = work.ctx();
    B& be = work.backend();
    const auto host = test_embeddings(shape);
    const matrix<B> z(be, 4, 10, host);
    matrix<B> state(be, state_size(loss, shape), 1), dz(be, 4, 10);
    start_state(ctx, loss, shape, {}, state());
    const view_batch<B> batch{.z = z.read(), .views = 2, .state = state.read()};
    std::vector<double> expected(16, 0.0);
    for (int step = 0; step < 3; ++step) {
      const auto before = state.get();
      const double value = evaluate(ctx, loss, batch, dz()).total;
      CHECK(evaluate(ctx, loss, batch, dz()).total == value);
      CHECK(state.get() == before);
      update_state(ctx, loss, batch, state());
      expected = moment_of(loss, naive::embeddings<double>{host, shape}, expected);
      CHECK(relative_error(state.get(), expected) < tolerance<B>);
    }
  }
}

TEST_CASE_TEMPLATE("loss/tico: one view, and tiny and huge columns", B, SSL_BACKENDS) {
  CHECK(evaluate_beside<B>(tico{}, test_embeddings({3, 4, 1}), {3, 4, 1},
                           {.state = std::vector<double>(9, 0.0)})
            .total == 0.0);
  for (const double scale : {1e-9, 1e9}) {
    auto z = test_embeddings({3, 4, 2});
    for (double& x : z) x *= scale;
    const outcome found = evaluate_beside<B>(tico{}, z, {3, 4, 2}, {.state = std::vector<double>(9, 0.0)});
    CHECK(std::isfinite(found.total));
    for (const double g : found.gradient) CHECK(std::isfinite(g));
  }
}

}  // namespace ssl::test
