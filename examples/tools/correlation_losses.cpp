// Losses that are functions of the moments of two views.

#include "ssl/loss/barlow.hpp"
#include "ssl/loss/spectral.hpp"
#include "tools/registry.hpp"

namespace ssl_example {

namespace {

/// One type for the whole and for its parts: less to compile, and the evaluation of both parts together.
auto barlow_twins(const settings& s, double on_weight, double off_weight) {
  return ssl::on(ssl::standardized{.epsilon = s["eps"], .unbiased = s["unbiased"] != 0},
                 on_weight * ssl::on_diagonal{} + off_weight * ssl::off_diagonal{});
}

}  // namespace

std::vector<loss_entry> correlation_losses() {
  using namespace ssl;
  const parameter eps{"eps", 1e-5, 0}, unbiased = flag("unbiased", false);
  const std::string barlow = "arXiv 2103.03230, facebookresearch/barlowtwins";
  const std::string haochen = "arXiv 2106.04156, jhaochenz/spectral_contrastive_learning";
  return {
      library_loss(
          {.name = "barlow",
           .formula = "on + lambda * off, C = a^T b / N of standardised features, mean over pairs of "
                      "views",
           .source = barlow,
           .least_views = 2,
           .parameters = {{"lambda", 0.0051}, eps, unbiased}},
          [](const settings& s) { return barlow_twins(s, 1, s["lambda"]); }),
      library_loss({.name = "barlow.on",
                    .formula = "sum_i (1 - C_ii)^2",
                    .source = barlow,
                    .least_views = 2,
                    .parameters = {eps, unbiased}},
                   [](const settings& s) { return barlow_twins(s, 1, 0); }),
      library_loss({.name = "barlow.off",
                    .formula = "sum of C_ij^2, i != j",
                    .source = barlow,
                    .least_views = 2,
                    .parameters = {eps, unbiased}},
                   [](const settings& s) { return barlow_twins(s, 0, 1); }),
      library_loss({.name = "spectral",
                    .formula = "part1 + part2, part1 = -2/N sum z_i.z'_i, part2 = mean over i != j of "
                               "(z_i.z'_j)^2, mean over pairs of views",
                    .source = haochen + ", without its clipping",
                    .least_views = 2},
                   [](const settings&) { return spectral{}; }),
      library_loss({.name = "spectral.part2", .formula = "part2 alone", .source = haochen, .least_views = 2},
                   [](const settings&) { return spectral{.attraction = 0}; }),
      library_loss({.name = "spectral_official",
                    .formula = "spectral of samples no longer than sqrt(mu), divided by mu",
                    .source = haochen,
                    .least_views = 2,
                    .parameters = {{"mu", 1, 0, true}}},
                   [](const settings& s) { return ssl::spectral_official(s["mu"]); }),
      library_loss({.name = "co_occurrence",
                    .formula = "-1/N sum z_i.z'_i + w/2 part2",
                    .source = "arXiv 2206.08954",
                    .least_views = 2,
                    .parameters = {{"w", 1, 0}}},
                   [](const settings& s) { return ssl::co_occurrence(s["w"]); }),
  };
}

}  // namespace ssl_example
