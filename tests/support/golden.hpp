#pragma once
/// Golden values of another implementation: the cases of a folder, and the losses of the library under the
/// names and parameters of those cases, family by family (tests/loss/golden_*.cpp). The folder holds
///     manifest.json        of which only "grad_rows" is read: the samples whose gradients grads.npy holds
///     values.tsv           case, loss, term, value
///     <case>/x.npy         the views (V, N, D)
///     <case>/t.npy, g.npy  targets (V, N, D) and directions (N, D), where some loss of the case wants them
///     <case>/grads.npy     gradients (L, V, rows, D)
///     <case>/losses.tsv    index in grads.npy, loss, whether the gradient is defined, its norm, and the
///                          relative errors of the other implementation's own float32 value and gradient

#include <map>
#include <optional>

#include "support/eigen_instances.hpp"
#include "support/losses.hpp"

namespace ssl::test {

struct golden_loss {
  std::string name;
  std::map<std::string, double> values;  // by term, and "loss"
  bool gradient_defined = true;
  std::vector<double> gradient;  // (D, V * rows)
  double f32_value_error = 0, f32_gradient_error = 0;
};

struct golden_case {
  std::string name;
  batch_shape shape;
  std::vector<double> x;           // (D, V * N)
  std::vector<double> targets;     // (D, V * N), or empty
  std::vector<double> directions;  // (D, N), or empty
  std::vector<index> rows;         // the samples in `gradient`
  std::vector<golden_loss> losses;
};

struct golden_outcome {
  double total = 0;
  std::map<std::string, double> terms;  // unweighted
  std::vector<double> gradient;
};

/// The loss on the case's views. `aside` passes targets and directions on.
template <class B, LossTerm L>
golden_outcome evaluate_golden(const L& loss, const golden_case& c, gram_side side, bool aside = false) {
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const matrix<B> x(be, c.shape.features, c.shape.columns(), c.x);
  matrix<B> dx(be, c.shape.features, c.shape.columns(), std::vector<double>(c.x.size(), 7.0));
  view_batch<B> batch{.z = x.read(), .views = c.shape.views};
  std::optional<matrix<B>> targets, directions;
  if (aside) {
    REQUIRE(!c.targets.empty());
    targets.emplace(be, c.shape.features, c.shape.columns(), c.targets);
    directions.emplace(be, c.shape.features, c.shape.samples, c.directions);
    batch.targets = targets->read();
    batch.directions = directions->read();
  }
  golden_outcome out;
  const loss_report result = evaluate(ctx, loss, batch, dx(), side);
  out.total = result.total;
  for (const term_value& t : result.terms) out.terms[t.name] = t.value;
  out.gradient = dx.get();
  return out;
}

/// The loss of that name, or nothing where the family has none. Defined for both scalars of the CPU backend.
template <class B>
std::optional<golden_outcome> golden_moments(const std::string& name, const golden_case&, gram_side);
template <class B>
std::optional<golden_outcome> golden_pairwise(const std::string& name, const golden_case&, gram_side);
template <class B>
std::optional<golden_outcome> golden_msb(const std::string& name, const golden_case&, gram_side);

#define SSL_TEST_GOLDEN_FAMILY(family)                                                                   \
  template std::optional<golden_outcome> family<backend<double>>(const std::string&, const golden_case&, \
                                                                 gram_side);                             \
  template std::optional<golden_outcome> family<backend<float>>(const std::string&, const golden_case&,  \
                                                                gram_side);

}  // namespace ssl::test
