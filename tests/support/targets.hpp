#pragma once
/// Evaluating losses that see more than the embeddings: targets, directions, memory.

#include "ssl/loss/state.hpp"
#include "support/losses.hpp"

namespace ssl::test {

/// What a batch holds beside z; empty vectors are left out.
struct beside {
  std::vector<double> targets{}, directions{}, state{}, bank{}, places{};
  index direction_columns = 0;  // 0: one for each sample
  rng_key key{};
};

template <class B, LossTerm L>
outcome evaluate_beside(const L& loss, const std::vector<double>& z, batch_shape shape, const beside& more,
                        gram_side side = gram_side::automatic) {
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const auto held = [&](const std::vector<double>& values, index rows, index cols) {
    return values.empty() ? matrix<B>(be, 0, 0) : matrix<B>(be, rows, cols, values);
  };
  const matrix<B> x(be, shape.features, shape.columns(), z);
  const matrix<B> targets = held(more.targets, shape.features, shape.columns());
  const matrix<B> directions = held(more.directions, shape.features,
                                    more.direction_columns > 0 ? more.direction_columns : shape.samples);
  const matrix<B> state = held(more.state, static_cast<index>(more.state.size()), 1);
  const matrix<B> bank =
      held(more.bank, shape.features, static_cast<index>(more.bank.size()) / shape.features);
  const matrix<B> places = held(more.places, 2, static_cast<index>(more.places.size()) / 2);
  matrix<B> dx(be, shape.features, shape.columns(), std::vector<double>(z.size(), 7.0));
  view_batch<B> batch{.z = x.read(), .views = shape.views, .key = more.key};
  if (!more.targets.empty()) batch.targets = targets.read();
  if (!more.directions.empty()) batch.directions = directions.read();
  if (!more.state.empty()) batch.state = state.read();
  if (!more.bank.empty()) batch.bank = bank.read();
  if (!more.places.empty()) batch.places = places.read();
  outcome out;
  const loss_report result = evaluate(ctx, loss, batch, dx(), side);
  out.total = result.total;
  for (const term_value& t : result.terms) out.terms.push_back(t.value);
  out.gradient = dx.get();
  return out;
}

/// The loss against `definition(z, t)`, whose t is constant: on all shapes with targets of their own, and
/// without (unless said not to), where z stands in.
template <class B, LossTerm L, class Definition>
void check_with_targets(const L& loss, const Definition& definition, bool without = true) {
  beside more;
  for (const batch_shape shape : loss_shapes)
    for (const bool own : {true, false}) {
      if (!own && !without) continue;
      INFO(to_string(shape, gram_side::automatic) << std::string(own ? ", targets" : ", no targets"));
      const auto z = test_embeddings(shape);
      const auto held = own ? test_embeddings(shape, 2) : z;
      more.targets = own ? held : std::vector<double>{};
      const naive::embeddings<double> t{held, shape};
      const outcome found = evaluate_beside<B>(loss, z, shape, more);
      CHECK(found.total ==
            doctest::Approx(definition(naive::embeddings<double>{z, shape}, t)).epsilon(tolerance<B>));
      const auto gradient = naive::gradient([&](const auto& e) { return definition(e, t); }, z, shape);
      CHECK(relative_error(found.gradient, gradient) < tolerance<B>);
      if constexpr (std::is_same_v<typename B::scalar, double>) {
        more.targets = held;
        const auto differences = finite_difference(
            [&](const std::vector<double>& x) { return evaluate_beside<B>(loss, x, shape, more).total; }, z);
        CHECK(relative_error(found.gradient, differences) < 1e-7);
      }
    }
}

/// Every column's gradient is orthogonal to it: the loss sees directions only.
template <class B>
void check_orthogonal(const std::vector<double>& gradient, const std::vector<double>& z, batch_shape shape) {
  const auto d = static_cast<std::size_t>(shape.features);
  CHECK(largest(gradient) > 1e-3);
  for (std::size_t j = 0; j < static_cast<std::size_t>(shape.columns()); ++j) {
    double along = 0;
    for (std::size_t i = j * d; i < j * d + d; ++i) along += gradient[i] * z[i];
    CHECK(std::abs(along) < tolerance<B>);
  }
}

/// The square root of the sum of squares of columns [first, first + count).
inline double norm_of(const std::vector<double>& z, index d, index first, index count) {
  double squared = 0;
  for (index k = first * d; k < (first + count) * d; ++k)
    squared += z[static_cast<std::size_t>(k)] * z[static_cast<std::size_t>(k)];
  return std::sqrt(squared);
}

namespace naive {

/// u_v . t_w of sample j, both as they are.
template <class S, class R>
S inner(const embeddings<S>& e, index v, const embeddings<R>& t, index w, index j) {
  S sum{};
  for (index i = 0; i < e.shape.features; ++i) sum += e(v, i, j) * t(w, i, j);
  return sum;
}

/// Mean over samples and ordered pairs of views of the cosine between z_v and t_w.
template <class S>
S mean_cosine(const embeddings<S>& z, const embeddings<double>& targets) {
  const auto u = unit(z);
  const auto t = unit(targets);
  S sum{};
  double count = 0;
  for (index v = 0; v < z.shape.views; ++v)
    for (index w = 0; w < z.shape.views; ++w)
      for (index j = 0; j < z.shape.samples && v != w; ++j, ++count) sum += inner(u, v, t, w, j);
  return sum / count;
}

/// Cross entropy of the views' soft-max at `temperature` against codes (K, A n), pair by pair.
template <class S>
S code_entropy(const embeddings<S>& z, const std::vector<double>& codes, double temperature) {
  const index k = z.shape.features, n = z.shape.samples, views = static_cast<index>(codes.size()) / (k * n);
  S total{};
  for (index a = 0; a < views; ++a)
    for (index v = 0; v < z.shape.views; ++v)
      for (index j = 0; j < n && v != a; ++j) {
        double top = -1e300;
        for (index i = 0; i < k; ++i) top = std::max(top, real_of(z(v, i, j)));
        S mass{};
        for (index i = 0; i < k; ++i) mass += std::exp((z(v, i, j) - top) / temperature);
        for (index i = 0; i < k; ++i)
          total -= codes[static_cast<std::size_t>((a * n + j) * k + i)] *
                   ((z(v, i, j) - top) / temperature - std::log(mass));
      }
  return total / static_cast<double>(views * (z.shape.views - 1) * n);
}

}  // namespace naive

/// Evaluates against `definition(z)`, codes and targets held constant in it.
template <class B, LossTerm L, class Definition>
void check_held(const L& loss, const Definition& definition, const std::vector<double>& z, batch_shape shape,
                const beside& more, double accuracy) {
  const outcome found = evaluate_beside<B>(loss, z, shape, more);
  CHECK(found.total == doctest::Approx(definition(naive::embeddings<double>{z, shape})).epsilon(accuracy));
  CHECK(relative_error(found.gradient, naive::gradient(definition, z, shape)) < accuracy);
}

}  // namespace ssl::test
