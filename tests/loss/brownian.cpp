#include "ssl/loss/brownian.hpp"

#include <limits>

#include "support/targets.hpp"

namespace ssl::test {
namespace {

constexpr brownian per_view{.scope = brownian_scope::view}, per_batch{.scope = brownian_scope::batch};

index count_of(const brownian& loss, batch_shape shape) {
  return loss.scope == brownian_scope::image  ? shape.samples
         : loss.scope == brownian_scope::view ? shape.columns()
                                              : 1;
}

/// Mean of u . r, r at length one and in turn.
template <class S>
S mean_push(const naive::embeddings<S>& z, const std::vector<double>& directions, index count) {
  const index d = z.shape.features;
  const auto u = naive::unit(z);
  S sum{};
  for (index v = 0; v < z.shape.views; ++v)
    for (index j = 0; j < z.shape.samples; ++j) {
      const index k = (v * z.shape.samples + j) % count;
      const double length = norm_of(directions, d, k, 1);
      for (index i = 0; i < d; ++i)
        sum += u(v, i, j) * directions[static_cast<std::size_t>(k * d + i)] / length;
    }
  return sum / static_cast<double>(z.shape.columns());
}

/// The documented draw.
std::vector<double> drawn(rng_key key, index d, index count, index samples) {
  std::vector<double> out;
  for (index k = 0; k < count; ++k) {
    random_stream stream(key, k % samples, k / samples, purpose::direction);
    for (index i = 0; i < d; ++i) out.push_back(static_cast<double>(stream.normal()));
  }
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("loss/brownian: the mean push of given directions, per image, per view and per batch", B,
                   SSL_BACKENDS) {
  for (const brownian& loss : {brownian{}, per_view, per_batch})
    for (const batch_shape shape : loss_shapes) {
      const index count = count_of(loss, shape);
      auto r = normals(shape.features * count, 4);
      for (double& x : r) x = static_cast<double>(static_cast<float>(x));
      const auto z = test_embeddings(shape);
      const beside more{.directions = r, .direction_columns = count};
      const outcome found = evaluate_beside<B>(loss, z, shape, more);
      const auto definition = [&](const auto& e) { return mean_push(e, r, count); };
      CHECK(std::abs(found.total - definition(naive::embeddings<double>{z, shape})) < tolerance<B>);
      CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) < tolerance<B>);
      check_orthogonal<B>(found.gradient, z, shape);
      if constexpr (std::is_same_v<typename B::scalar, double>)
        CHECK(relative_error(found.gradient, finite_difference(
                                                 [&](const std::vector<double>& x) {
                                                   return evaluate_beside<B>(loss, x, shape, more).total;
                                                 },
                                                 z)) < 1e-7);
    }
}

TEST_CASE_TEMPLATE("loss/brownian: without directions it draws the documented ones from the step's key", B,
                   SSL_BACKENDS) {
  const rng_key key{.seed = 77, .epoch = 5};
  for (const brownian& loss : {brownian{}, per_view, per_batch})
    for (const batch_shape shape : {batch_shape{5, 3, 2}, batch_shape{130, 4, 3}}) {
      const auto z = test_embeddings(shape);
      const index count = count_of(loss, shape);
      const auto r = drawn(key, shape.features, count, shape.samples);
      const outcome found = evaluate_beside<B>(loss, z, shape, {.key = key});
      const auto definition = [&](const auto& e) { return mean_push(e, r, count); };
      CHECK(std::abs(found.total - definition(naive::embeddings<double>{z, shape})) < 2e-6);
      CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) < 2e-5);
    }
}

TEST_CASE_TEMPLATE("loss/brownian: another step's key draws other directions, the same key the same", B,
                   SSL_BACKENDS) {
  const batch_shape shape{6, 5, 2};
  const auto z = test_embeddings(shape);
  const auto of = [&](rng_key key) {
    return evaluate_beside<B>(brownian{}, z, shape, {.key = key}).gradient;
  };
  CHECK(of({1, 2}) == of({1, 2}));
  CHECK(relative_error(of({1, 2}), of({1, 3})) > 0.1);
  CHECK(relative_error(of({1, 2}), of({2, 2})) > 0.1);
}

TEST_CASE_TEMPLATE("loss/brownian: the gradient is zero in the mean over directions", B,
                   SSL_DOUBLE_BACKENDS) {
  const batch_shape shape{4, 3, 2};
  const auto z = test_embeddings(shape);
  std::vector<double> mean(z.size());
  double value = 0, size = 0;
  constexpr int steps = 2000;
  for (unsigned step = 0; step < steps; ++step) {
    const outcome found = evaluate_beside<B>(brownian{}, z, shape, {.key = {9, step}});
    for (std::size_t k = 0; k < z.size(); ++k) mean[k] += found.gradient[k] / steps;
    value += found.total / steps, size = std::max(size, largest(found.gradient));
  }
  CHECK(largest(mean) < 0.1 * size);
  CHECK(std::abs(value) < 0.02);
}

TEST_CASE_TEMPLATE("loss/brownian: a wrong number of directions is told", B, SSL_BACKENDS) {
  const batch_shape shape{4, 3, 2};
  CHECK_THROWS_WITH_AS(
      evaluate_beside<B>(per_view, test_embeddings(shape), shape, {.directions = normals(12, 1)}),
      "ssl::brownian: the directions are 4x3; they must be 4x6", shape_error);
}

TEST_CASE_TEMPLATE("loss/brownian: zero, tiny and huge columns give finite numbers, a NaN does not hide", B,
                   SSL_BACKENDS) {
  const batch_shape shape{5, 3, 2};
  for (const double scale : {0.0, 1e-20, 1e-9, 1e9}) {
    auto z = test_embeddings(shape);
    for (double& x : z) x *= scale;
    const outcome found = evaluate_beside<B>(brownian{}, z, shape, {});
    CHECK(std::isfinite(found.total));
    for (const double g : found.gradient) CHECK(std::isfinite(g));
  }
  auto z = test_embeddings(shape);
  z[7] = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(evaluate_beside<B>(brownian{}, z, shape, {}).total));
}

}  // namespace ssl::test
