#pragma once
/// Checks that the losses on pairwise similarities share.

#include <algorithm>
#include <cmath>

#include "support/losses.hpp"
#include "support/naive_contrast.hpp"

namespace ssl::test {

/// Printed digits of a reference value.
template <class B>
inline constexpr double digits = by_scalar<B>(2e-6, 1e-9);

inline double norm_of_view(const std::vector<double>& gradient, batch_shape shape, index view) {
  double sum = 0;
  const auto size = static_cast<std::size_t>(shape.features * shape.samples);
  for (std::size_t k = 0; k < size; ++k) {
    const double g = gradient[static_cast<std::size_t>(view) * size + k];
    sum += g * g;
  }
  return std::sqrt(sum);
}

/// The loss against its definition: value, complex-step gradient, and, in double, central differences.
/// Float's products carry an error of about 1e-7, which the temperature divides.
template <class B, LossTerm L, class Definition>
void check_contrast(const L& loss, const Definition& definition, double temperature) {
  constexpr bool is_float = std::is_same_v<typename B::scalar, float>;
  const double bound = is_float ? std::max(2e-6, 4e-7 / temperature) : 1e-11;
  for (const batch_shape shape : loss_shapes) {
    INFO(to_string(shape, gram_side::automatic));
    const auto z = test_embeddings(shape);
    const outcome found = evaluate_loss<B>(loss, z, shape);
    const double value = definition(naive::embeddings<double>{z, shape});
    CHECK(std::abs(found.total - value) < bound * std::max(1.0, std::abs(value)));
    CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) < bound);
    if constexpr (!is_float) {
      const auto differences = finite_difference(
          [&](const std::vector<double>& x) { return evaluate_loss<B>(loss, x, shape).total; }, z);
      CHECK(relative_error(found.gradient, differences) < 1e-6);
    }
  }
}

/// Clusters and opposite columns, where exponents span all of [-2 / temperature, 0]: value and gradient
/// against the definition in double.
template <class B, LossTerm L, class Definition>
void check_low_temperature(const L& loss, const Definition& definition, double temperature) {
  INFO("temperature " << temperature);
  constexpr bool is_float = std::is_same_v<typename B::scalar, float>;
  for (const batch_shape shape : {batch_shape{3, 7, 2}, batch_shape{3, 5, 3}}) {
    auto z = test_embeddings(shape, 9);
    const auto column = [&](index j) { return z.begin() + static_cast<std::ptrdiff_t>(3 * j); };
    std::copy(column(0), column(1), column(1));                                    // twins
    std::transform(column(0), column(1), column(2), [](double x) { return -x; });  // opposites
    std::transform(column(0), column(1), column(shape.samples),
                   [](double x) { return -x; });  // a bad positive
    const outcome found = evaluate_loss<B>(loss, z, shape);
    const double value = definition(naive::embeddings<double>{z, shape});
    const double bound = is_float ? 4e-7 / temperature : 1e-11;
    CHECK(std::abs(found.total - value) < bound * std::max(1.0, std::abs(value)));
    CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) < bound);
  }
}

/// Lengths do not matter and gradients are orthogonal to their columns; permuting the samples permutes the
/// gradient; a rotation of the features turns it.
template <class B, LossTerm L>
void check_symmetries(const L& loss) {
  for (const batch_shape shape : {batch_shape{7, 5, 2}, batch_shape{4, 6, 3}}) {
    const auto d = static_cast<std::size_t>(shape.features);
    const auto z = test_embeddings(shape);
    const outcome before = evaluate_loss<B>(loss, z, shape);
    CHECK(largest(before.gradient) > 1e-4);
    auto scaled = z;
    for (std::size_t k = 0; k < z.size(); ++k) scaled[k] *= std::ldexp(1.0, static_cast<int>(k / d) - 4);
    const outcome after = evaluate_loss<B>(loss, scaled, shape);
    CHECK(after.total == doctest::Approx(before.total).epsilon(1e-12));
    for (std::size_t j = 0; j * d < z.size(); ++j) {
      double along = 0, length = 0;
      for (std::size_t i = d * j; i < d * j + d; ++i)
        along += before.gradient[i] * z[i], length += z[i] * z[i];
      CHECK(std::abs(along) < tolerance<B> * std::sqrt(length) * std::max(1.0, largest(before.gradient)));
    }
    const auto order = reversed(shape.samples);
    const outcome permuted = evaluate_loss<B>(loss, permute_samples(z, shape, order), shape);
    CHECK(permuted.total == doctest::Approx(before.total).epsilon(tolerance<B>));
    CHECK(relative_error(permuted.gradient, permute_samples(before.gradient, shape, order)) <
          2 * tolerance<B>);
    const double c = std::cos(0.7), s = std::sin(0.7);
    const auto rotate = [&](std::vector<double> x) {  // features 0 and 2
      for (std::size_t k = 0; k < x.size(); k += d) {
        const double a = x[k], b = x[k + 2];
        x[k] = c * a - s * b;
        x[k + 2] = s * a + c * b;
      }
      return x;
    };
    const outcome turned = evaluate_loss<B>(loss, rotate(z), shape);
    CHECK(turned.total == doctest::Approx(before.total).epsilon(tolerance<B>));
    CHECK(relative_error(turned.gradient, rotate(before.gradient)) < 2 * tolerance<B>);
  }
}

/// More pairs than are evaluated in double: clusters, opposites and bad positives; float against double,
/// which the checks above hold to the definition.
template <class B, class Make>
void check_many_pairs(const Make& make) {
  for (const batch_shape shape : {batch_shape{12, 160, 2}, batch_shape{5, 160, 3}}) {
    const auto d = static_cast<std::size_t>(shape.features);
    auto z = test_embeddings(shape, 5);
    for (std::size_t k = 0; k < 40 * d; ++k) z[k + 40 * d] = (k / d % 2 == 0 ? 1 : -1) * z[k];
    for (std::size_t k = 0; k < 20 * d; ++k) z[k + 160 * d] = -z[k];
    for (const double temperature : {0.5, 0.1, 0.0251, 0.0249, 0.005}) {
      INFO("temperature " << temperature);
      const outcome found = evaluate_loss<B>(make(temperature), z, shape);
      const outcome exact = evaluate_loss<backend<double>>(make(temperature), z, shape);
      const double bound = by_scalar<B>(std::max(2e-6, 4e-7 / temperature), 1e-12);
      CHECK(std::abs(found.total - exact.total) <= bound * std::max(1.0, std::abs(exact.total)));
      CHECK(relative_error(found.gradient, exact.gradient) < bound);
    }
  }
}

/// The loss of `make(temperature, memory)` with memory for everything and for the narrowest tiles.
template <class B, class Make>
void check_tiles(const Make& make) {
  using T = typename B::scalar;
  const batch_shape shape{16, 90, 3};  // 270 columns: 16 tiles of 16 and one of 14; too many for double
  const auto z = test_embeddings(shape);
  for (const double temperature : {0.5, 0.1, 0.01, 0.002}) {
    INFO("temperature " << temperature);
    const outcome whole = evaluate_loss<B>(make(temperature, index{1} << 30), z, shape);
    const outcome tiles = evaluate_loss<B>(make(temperature, 1), z, shape);
    const double bound = std::is_same_v<T, float> ? 4e-7 / temperature : 1e-11;
    CHECK(tiles.total == doctest::Approx(whole.total).epsilon(bound));
    CHECK(relative_error(tiles.gradient, whole.gradient) < bound);
  }

  const batch_shape large{3, 300, 3};
  const index needed = 900 * 900 * static_cast<index>(sizeof(T));
  const auto high_water = [&](index memory) {
    workspace<B> work;
    auto ctx = work.ctx();
    const matrix<B> x(work.backend(), 3, 900, test_embeddings(large)), dx(work.backend(), 3, 900);
    evaluate(ctx, make(0.1, memory), view_batch<B>{x.read(), 3}, dx());
    return work.scratch().high_water();
  };
  CHECK(high_water(needed) > needed);
  CHECK(high_water(needed / 20) < needed / 5);
}

}  // namespace ssl::test
