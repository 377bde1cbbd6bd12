#include "ssl/loss/collapse.hpp"

#include "ssl/loss/alignment.hpp"
#include "ssl/loss/barlow.hpp"
#include "ssl/loss/byol.hpp"
#include "ssl/loss/centroid.hpp"
#include "ssl/loss/decoupled.hpp"
#include "ssl/loss/dino.hpp"
#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/koleo.hpp"
#include "ssl/loss/moco.hpp"
#include "ssl/loss/nt_xent.hpp"
#include "ssl/loss/on.hpp"
#include "ssl/loss/recipes.hpp"
#include "ssl/loss/simsiam.hpp"
#include "ssl/loss/spectral.hpp"
#include "ssl/loss/state.hpp"
#include "ssl/loss/swav.hpp"
#include "ssl/loss/tico.hpp"
#include "ssl/loss/uniformity.hpp"
#include "ssl/loss/w_mse.hpp"
#include "support/losses.hpp"

namespace ssl::test {
namespace {

/// The loss of z once what it remembers has seen z for long.
template <class B, LossTerm L>
std::vector<double> settled_values(const L& loss, const std::vector<double>& z, batch_shape shape) {
  workspace<B> work;
  auto ctx = work.ctx();
  B& be = work.backend();
  const matrix<B> x(be, shape.features, shape.columns(), z), dx(be, shape.features, shape.columns()),
      state(be, state_size(loss, shape), 1);
  view_batch<B> batch{x.read(), shape.views};
  batch.state = state.read();
  start_state(ctx, loss, shape, {1, 0}, state());
  if (state_size(loss, shape) > 0)
    for (int k = 0; k < 300; ++k) update_state(ctx, loss, batch, state());
  std::vector<double> values;
  for (const term_value& term : evaluate(ctx, loss, batch, dx()).terms) values.push_back(term.value);
  return values;
}

/// What the terms state is what they are worth where every column is this one.
template <class B, LossTerm L>
void check_column(const L& loss, batch_shape shape, const std::vector<double>& column) {
  std::vector<double> z;
  for (index j = 0; j < shape.columns(); ++j) z.insert(z.end(), column.begin(), column.end());
  const auto stated = collapse_values(loss, shape, std::sqrt(dot(column, column)));
  const auto found = settled_values<B>(loss, z, shape);
  REQUIRE(stated.size() == found.size());
  for (std::size_t k = 0; k < stated.size(); ++k) {
    INFO(term_names(loss)[k] << " of " << to_string(shape, gram_side::automatic) << ", columns like "
                             << column[0]);
    CHECK(std::abs(found[k] - stated[k].value) <= tolerance<B> * std::max(1.0, std::abs(stated[k].value)));
  }
}

constexpr batch_shape collapsed_shapes[] = {{5, 12, 2}, {12, 5, 2}, {9, 9, 3}, {4, 2, 4}};

/// On any column, at several scales and shapes.
template <class B, LossTerm L>
void check_collapse(const L& loss) {
  for (const batch_shape shape : collapsed_shapes)
    for (const double scale : {0.01, 1.0, 30.0})
      check_column<B>(loss, shape, normals(shape.features, 3, scale));
}

/// On equal scores.
template <class B, LossTerm L>
void check_scores(const L& loss) {
  for (const batch_shape shape : collapsed_shapes)
    for (const double score : {0.0, 0.7, -20.0})
      check_column<B>(loss, shape, std::vector<double>(static_cast<std::size_t>(shape.features), score));
}

struct silent {
  using kind = loss_kind;
  static constexpr std::string_view name = "silent";
  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx&, double, view_batch<B>, accumulator_view<B>, view<B>) const {}
};

/// A change that keeps to itself what it makes of equal columns.
struct unknown {
  using kind = columns_kind;
};

}  // namespace

TEST_CASE_TEMPLATE("loss/collapse: the terms of second moments and unit columns state what they are worth", B,
                   SSL_BACKENDS) {
  check_collapse<B>(vicreg_official());
  check_collapse<B>(vicreg_paper());
  check_collapse<B>(vicreg_vicregl());
  check_collapse<B>(variance{.target = 2, .epsilon = 0.25, .reduction = over_views::pair_sum});
  check_collapse<B>(variance{.target = 0.1, .epsilon = 0.25});
  check_collapse<B>(emp_ssl());
  check_collapse<B>(coding_rate{.epsilon_squared = 0.5, .reduction = over_views::sum});
  check_collapse<B>(frobenius{});
  check_collapse<B>(frobenius{.reduction = over_views::sum});
  check_collapse<B>(on(unit_length{}, frobenius{} + 2 * covariance{}));
}

TEST_CASE_TEMPLATE("loss/collapse: soft-max losses over the batch state the logarithm of their choices", B,
                   SSL_BACKENDS) {
  check_collapse<B>(nt_xent{});
  check_collapse<B>(nt_xent{.temperature = 0.1, .over = contrast::pairs_of_views});
  check_collapse<B>(nt_xent{.temperature = 2, .place = positives::inside});
  check_collapse<B>(nt_xent{.over = contrast::pairs_of_views, .place = positives::inside});
  check_collapse<B>(decoupled_contrastive{} + weighted_decoupled_contrastive{});
  check_collapse<B>(decoupled_contrastive{.temperature = 0.5, .over = contrast::all_views});
  check_collapse<B>(
      weighted_decoupled_contrastive{.sigma = 2, .attached = true, .over = contrast::all_views});
}

TEST_CASE_TEMPLATE("loss/collapse: what a change makes of equal columns counts", B, SSL_BACKENDS) {
  check_collapse<B>(barlow_official());
  check_collapse<B>(barlow_vissl());
  check_collapse<B>(spectral{});
  check_collapse<B>(spectral_official());
  check_collapse<B>(spectral_official(10));
  check_collapse<B>(w_mse{.epsilon = 1e-3});
}

TEST_CASE_TEMPLATE("loss/collapse: losses that remember state what they are worth once they have seen it", B,
                   SSL_BACKENDS) {
  check_collapse<B>(moco{.queue = 8});
  check_collapse<B>(moco{.temperature = 0.07, .queue = 5, .both = true});
  check_collapse<B>(tico{});
  check_collapse<B>(tico{.momentum = 0.5, .rho = 20, .attached = true, .both = true});
  check_scores<B>(dino{});
  check_scores<B>(dino{.temperature = 1, .teaching = 0} + swav{});
  check_scores<B>(swav{.temperature = 0.5, .assigning = 0});
}

TEST_CASE_TEMPLATE("loss/collapse: losses of distances state their value at distance zero", B, SSL_BACKENDS) {
  check_collapse<B>(uniformity{} + uniformity{.t = 3, .reduction = over_views::sum});
  check_collapse<B>(koleo{} + koleo{.epsilon = 0.5, .reduction = over_views::sum});
}

TEST_CASE_TEMPLATE("loss/collapse: a collapse is the optimum of losses that only attract", B, SSL_BACKENDS) {
  check_collapse<B>(byol_official() + simsiam{});
  for (const auto reading : {centroid_reading::leave_one_out, centroid_reading::all_targets,
                             centroid_reading::centroid_to_centroid})
    check_collapse<B>(centroid{reading});
  for (const collapse_value& at : collapse_values(byol{} + simsiam{} + centroid{}, {6, 10, 2}))
    CHECK(at.best);
}

TEST_CASE("loss/collapse: values stand in the order of the names, whatever the weights and the nesting") {
  const auto loss = 3 * (variance{} + 2 * on(unit_length{}, frobenius{} + coding_rate{})) + silent{};
  const auto values = collapse_values(loss, {6, 10, 2});
  REQUIRE(values.size() == 4);
  CHECK(values[0].value == doctest::Approx(0.99));
  CHECK(values[0].formula == "target - sqrt(epsilon)");
  CHECK_FALSE(values[0].best);
  CHECK(values[1].value == doctest::Approx(1));
  CHECK(values[2].value == doctest::Approx(-0.5 * std::log(31.0)));
  CHECK(std::isnan(values[3].value));
}

TEST_CASE("loss/collapse: a length that nobody knows leaves no constant, and a minimum is marked as one") {
  CHECK(std::isnan(collapse_values(frobenius{}, {6, 10, 2})[0].value));
  CHECK(collapse_values(frobenius{}, {6, 10, 2}, 2.0)[0].value == doctest::Approx(16));
  CHECK(std::isnan(on_columns<unknown, frobenius>{}.part_collapsed({6, 10, 2}, 2.0)[0].value));
  CHECK(collapse_values(covariance{}, {6, 10, 2})[0].best);
  CHECK(collapse_values(patch_similarity{}, {6, 10, 2})[0].best);
  CHECK_FALSE(collapse_values(coding_rate{}, {6, 10, 2})[0].best);
}

}  // namespace ssl::test
