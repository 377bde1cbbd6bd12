#pragma once
/// Evaluating a loss in a test: inputs and results are plain vectors of doubles, whatever the backend.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ssl/loss/evaluate.hpp"
#include "support/backends.hpp"
#include "support/naive_loss.hpp"

namespace ssl::test {

struct outcome {
  double total = 0;
  std::vector<double> terms;  // unweighted
  std::vector<double> gradient;
};

inline constexpr gram_side both_sides[] = {gram_side::features, gram_side::samples};

/// Wide, tall, square and smallest batches; more and fewer than eight features; two, three and four views.
inline constexpr batch_shape loss_shapes[] = {{5, 12, 2}, {12, 5, 2}, {9, 9, 3},
                                              {11, 4, 4}, {4, 11, 3}, {10, 2, 2}};

inline std::string to_string(batch_shape s, gram_side side) {
  return std::to_string(s.features) + " features, " + std::to_string(s.samples) + " samples, " +
         std::to_string(s.views) + " views, " +
         (side == gram_side::features  ? "feature side"
          : side == gram_side::samples ? "sample side"
                                       : "automatic");
}

/// The loss of z (d, V n) and its gradient.
template <class B, LossTerm L>
outcome evaluate_loss(const L& loss, const std::vector<double>& z, batch_shape shape,
                      gram_side side = gram_side::automatic) {
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const matrix<B> x(be, shape.features, shape.columns(), z);
  matrix<B> dx(be, shape.features, shape.columns(), std::vector<double>(z.size(), 7.0));
  outcome out;
  const loss_report result = evaluate(ctx, loss, view_batch<B>{x.read(), shape.views}, dx(), side);
  out.total = result.total;
  for (const term_value& t : result.terms) out.terms.push_back(t.value);
  out.gradient = dx.get();
  return out;
}

/// Test embeddings whose entries are floats, so that every scalar sees the same numbers. Features differ in
/// mean and spread, about half of them spread less than one.
inline std::vector<double> test_embeddings(batch_shape shape, unsigned seed = 1) {
  auto z = normals(shape.features * shape.columns(), seed);
  for (std::size_t k = 0; k < z.size(); ++k) {
    const auto feature = static_cast<double>(static_cast<index>(k) % shape.features);
    z[k] = static_cast<double>(static_cast<float>(z[k] * (0.4 + 0.2 * feature) + 0.3 * feature - 0.5));
  }
  return z;
}

/// The loss against its definition on all of `loss_shapes`, on both sides: value, complex-step gradient, and,
/// in double, central differences of the loss itself.
template <class B, LossTerm L, class Definition>
void check_against_definition(const L& loss, const Definition& definition, double accuracy = tolerance<B>) {
  for (const batch_shape shape : loss_shapes) {
    const auto z = test_embeddings(shape);
    const double value = definition(naive::embeddings<double>{z, shape});
    const auto gradient = naive::gradient(definition, z, shape);
    for (const gram_side side : both_sides) {
      INFO(to_string(shape, side));
      const outcome found = evaluate_loss<B>(loss, z, shape, side);
      CHECK(found.total == doctest::Approx(value).epsilon(tolerance<B>));
      CHECK(relative_error(found.gradient, gradient) < accuracy);
      if constexpr (std::is_same_v<typename B::scalar, double>) {
        const auto differences = finite_difference(
            [&](const std::vector<double>& x) { return evaluate_loss<B>(loss, x, shape, side).total; }, z);
        CHECK(relative_error(found.gradient, differences) < 1e-7);
      }
    }
  }
}

/// Sums over the samples of one view's rows: d numbers a view.
inline std::vector<double> row_sums(const std::vector<double>& z, batch_shape shape) {
  std::vector<double> sums(static_cast<std::size_t>(shape.features * shape.views));
  for (std::size_t k = 0; k < z.size(); ++k) {
    const index i = static_cast<index>(k) % shape.features, column = static_cast<index>(k) / shape.features;
    sums[static_cast<std::size_t>(column / shape.samples * shape.features + i)] += z[k];
  }
  return sums;
}

/// The largest magnitude.
inline double largest(const std::vector<double>& z) {
  double most = 0;
  for (const double x : z) most = std::max(most, std::abs(x));
  return most;
}

/// Column j of every view moves to `order[j]`.
inline std::vector<double> permute_samples(const std::vector<double>& z, batch_shape shape,
                                           const std::vector<index>& order) {
  std::vector<double> out(z.size());
  for (index v = 0; v < shape.views; ++v)
    for (index j = 0; j < shape.samples; ++j)
      for (index i = 0; i < shape.features; ++i) {
        const index from = (v * shape.samples + j) * shape.features + i;
        const index to = (v * shape.samples + order[static_cast<std::size_t>(j)]) * shape.features + i;
        out[static_cast<std::size_t>(to)] = z[static_cast<std::size_t>(from)];
      }
  return out;
}

/// The samples in reverse.
inline std::vector<index> reversed(index samples) {
  std::vector<index> order(static_cast<std::size_t>(samples));
  for (index j = 0; j < samples; ++j) order[static_cast<std::size_t>(j)] = samples - 1 - j;
  return order;
}

inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

/// The embeddings A and B of a table of reference values: eight samples, six features, two views.
inline std::vector<double> reference_embeddings() {
  std::vector<double> a, b;
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 6; ++j) {
      a.push_back(std::sin(0.7 * i + 1.3 * j + 0.1 * i * j));
      b.push_back(a.back() + 0.3 * std::cos(0.5 * i - 0.9 * j + 0.2 * i * j));
    }
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline constexpr batch_shape reference_shape{6, 8, 2};

}  // namespace ssl::test
