// Losses that compare all pairs of samples.

#include "ssl/loss/contrastive_recipes.hpp"
#include "ssl/loss/koleo.hpp"
#include "tools/registry.hpp"

namespace ssl_example {

std::vector<loss_entry> pairwise_losses() {
  using namespace ssl;
  const std::string simclr = "arXiv 2002.05709, google-research/simclr";
  const std::string decoupled = "arXiv 2110.06848, lightly since its pull request 1827";
  const std::string sphere = "arXiv 2005.10242, SsnL/align_uniform";
  const parameter alpha{"alpha", 2, 0, true}, t{"t", 2, 0, true};
  const auto temperature = [](double value) { return parameter{"temperature", value, 0, true}; };
  return {
      library_loss({.name = "ntxent",
                    .formula = "mean over pairs of views of the cross entropy of 2N cosines / temperature, "
                               "self left out, to the other view",
                    .source = simclr,
                    .least_views = 2,
                    .parameters = {temperature(0.5)}},
                   [](const settings& s) {
                     return nt_xent{.temperature = s["temperature"], .over = contrast::pairs_of_views};
                   }),
      library_loss({.name = "ntxent_multi",
                    .formula = "the same over all V N columns at once, mean over the positives outside the "
                               "logarithm; inside = 1: their sum inside it",
                    .source = simclr,
                    .least_views = 2,
                    .parameters = {temperature(0.5), flag("inside", false)}},
                   [](const settings& s) {
                     return nt_xent{.temperature = s["temperature"],
                                    .place = s["inside"] != 0 ? positives::inside : positives::outside};
                   }),
      library_loss({.name = "dcl",
                    .formula = "ntxent with the positive left out of the sum, mean of the two directions and "
                               "over pairs of views",
                    .source = decoupled,
                    .least_views = 2,
                    .parameters = {temperature(0.1)}},
                   [](const settings& s) { return dcl(s["temperature"]); }),
      library_loss({.name = "dclw",
                    .formula = "dcl with positives weighted by 2 - N softmax(cos / sigma), constants unless "
                               "attached = 1",
                    .source = decoupled,
                    .least_views = 2,
                    .parameters = {temperature(0.1), {"sigma", 0.5, 0, true}, flag("attached", false)}},
                   [](const settings& s) {
                     return weighted_decoupled_contrastive{.temperature = s["temperature"],
                                                           .sigma = s["sigma"],
                                                           .attached = s["attached"] != 0};
                   }),
      library_loss({.name = "align",
                    .formula = "mean over pairs of views of |x - y|^alpha, samples of length one",
                    .source = sphere,
                    .least_views = 2,
                    .parameters = {alpha}},
                   [](const settings& s) { return alignment{.alpha = s["alpha"]}; }),
      library_loss(
          {.name = "uniform",
           .formula = "mean over views of log mean_{i<j} exp(-t |x_i - x_j|^2), samples of length one",
           .source = sphere,
           .parameters = {t}},
          [](const settings& s) { return uniformity{.t = s["t"]}; }),
      library_loss({.name = "align_unif",
                    .formula = "align + unif",
                    .source = sphere,
                    .least_views = 2,
                    .parameters = {alpha, t}},
                   [](const settings& s) { return align_uniform(s["alpha"], s["t"]); }),
      library_loss(
          {.name = "align_unif.unif", .formula = "the same as uniform", .source = sphere, .parameters = {t}},
          [](const settings& s) { return uniformity{.t = s["t"]}; }),
      library_loss(
          {.name = "koleo",
           .formula = "mean over views of -mean log(|x_i - its nearest neighbour| + eps), samples of "
                      "length one",
           .source = "arXiv 1806.03198, facebookresearch/dinov2",
           .parameters = {{"eps", 1e-8, 0, true}}},
          [](const settings& s) { return koleo{.epsilon = s["eps"]}; }),
  };
}

}  // namespace ssl_example
