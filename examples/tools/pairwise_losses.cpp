// Losses that compare all pairs of samples.

#include "ssl/loss/nt_xent.hpp"
#include "tools/registry.hpp"

namespace ssl_example {

std::vector<loss_entry> pairwise_losses() {
  using namespace ssl;
  const std::string simclr = "arXiv 2002.05709, google-research/simclr";
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
                               "logarithm",
                    .source = simclr,
                    .least_views = 2,
                    .parameters = {temperature(0.5)}},
                   [](const settings& s) { return nt_xent{.temperature = s["temperature"]}; }),
  };
}

}  // namespace ssl_example
