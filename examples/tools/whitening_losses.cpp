// Losses that whiten or decorrelate, and those that count directions.

#include "ssl/loss/correlation.hpp"
#include "ssl/loss/mmcr.hpp"
#include "ssl/loss/w_mse.hpp"
#include "tools/registry.hpp"

namespace ssl_example {

std::vector<loss_entry> whitening_losses() {
  using namespace ssl;
  return {
      library_loss(
          {.name = "wmse",
           .formula = "mean over pairs of views of 2 - 2 cos of the samples whitened by the Cholesky "
                      "factor of (1 - e) C + e I",
           .source = "arXiv 2007.06346, htdt/self-supervised",
           .least_views = 2,
           .parameters = {{"e", 1e-3, 0, false, false, 1},
                          {"sub_batch", 0, 0, false, true},
                          {"iterations", 1, 1, false, true}}},
          [](const settings& s) {
            return w_mse{.epsilon = s["e"],
                         .sub_batch = static_cast<ssl::index>(s["sub_batch"]),
                         .iterations = static_cast<ssl::index>(s["iterations"])};
          }),
      library_loss(
          {.name = "vibcreg",
           .formula = "inv_weight * inv + var_weight * var + cor_weight * cor, var summed over views, "
                      "cor = sum over the two views of mean of R_ij^2, i != j, over D^2",
           .source = "arXiv 2109.00783, vturrisi/solo-learn",
           .least_views = 2,
           .parameters = {{"inv_weight", 25}, {"var_weight", 25}, {"cor_weight", 200}}},
          [](const settings& s) {
            return s["inv_weight"] * invariance{} + s["var_weight"] * variance{.reduction = over_views::sum} +
                   s["cor_weight"] * on(standardized{.epsilon = 0}, correlation{});
          }),
      library_loss({.name = "mmcr",
                    .formula = "minus the nuclear norm of the images' mean unit views",
                    .source = "arXiv 2303.03307"},
                   [](const settings&) { return mmcr{}; }),
  };
}

}  // namespace ssl_example
