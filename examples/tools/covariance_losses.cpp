// Losses that are functions of the second moments of single views.

#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/recipes.hpp"
#include "tools/registry.hpp"

namespace ssl_example {

std::vector<loss_entry> covariance_losses() {
  using namespace ssl;
  const parameter gamma{"gamma", 1, 0}, eps{"eps", 1e-4, 0};
  const std::string vicreg = "arXiv 2105.04906, facebookresearch/vicreg";
  return {
      library_loss({.name = "vicreg",
                    .formula = "inv_weight * inv + var_weight * var + cov_weight * cov",
                    .source = vicreg,
                    .least_views = 2,
                    .parameters = {gamma, eps, {"inv_weight", 25}, {"var_weight", 25}, {"cov_weight", 1}}},
                   [](const settings& s) {
                     return s["inv_weight"] * invariance{} +
                            s["var_weight"] * variance{.target = s["gamma"], .epsilon = s["eps"]} +
                            s["cov_weight"] * covariance{};
                   }),
      library_loss({.name = "vicreg.inv",
                    .formula = "mean over pairs of views of mean (x - y)^2",
                    .source = vicreg,
                    .least_views = 2},
                   [](const settings&) { return invariance{}; }),
      library_loss({.name = "vicreg.var",
                    .formula = "mean over views and features of max(0, gamma - sqrt(variance + eps))",
                    .source = vicreg,
                    .parameters = {gamma, eps}},
                   [](const settings& s) { return variance{.target = s["gamma"], .epsilon = s["eps"]}; }),
      library_loss({.name = "vicreg.cov",
                    .formula = "sum over the two views, mean over pairs, of sum of C_ij^2, i != j, over D",
                    .source = vicreg,
                    .least_views = 2},
                   [](const settings&) { return covariance{}; }),
      library_loss({.name = "vicreg_paper",
                    .formula = "vicreg with inv summed over features and var summed over views",
                    .source = "arXiv 2105.04906, as its formulas read",
                    .least_views = 2},
                   [](const settings&) { return ssl::vicreg_paper(); }),
      library_loss({.name = "vicreg_solo_learn",
                    .formula = "vicreg with var summed over views",
                    .source = "vturrisi/solo-learn",
                    .least_views = 2},
                   [](const settings&) { return ssl::vicreg_solo_learn(); }),
      library_loss({.name = "vicregl",
                    .formula = "vicreg with cov averaged over views, the global criterion",
                    .source = "arXiv 2210.01571, facebookresearch/VICRegL",
                    .least_views = 2},
                   [](const settings&) { return ssl::vicreg_vicregl(); }),
      library_loss(
          {.name = "tcr",
           .formula = "mean over views of -1/2 logdet(I + D / (N eps^2) z z^T), samples of length one",
           .source = "arXiv 2201.10000",
           .parameters = {{"eps", 0.5, 0, true}}},
          [](const settings& s) { return coding_rate{.epsilon_squared = s["eps"] * s["eps"]}; }),
      library_loss(
          {.name = "fro", .formula = "mean over views of ||z z^T||_F^2 / N^2", .source = "arXiv 2206.02574"},
          [](const settings&) { return frobenius{}; }),
      library_loss({.name = "emp_ssl",
                    .formula = "tcr with eps^2 = eps2, plus lambda * sim, sim = -mean cosine of a patch to "
                               "its image's mean",
                    .source = "arXiv 2304.03977, tsb0601/EMP-SSL",
                    .parameters = {{"lambda", 200}, {"eps2", 0.2, 0, true}}},
                   [](const settings& s) { return ssl::emp_ssl(s["lambda"], s["eps2"]); }),
  };
}

}  // namespace ssl_example
