// Losses that compare with a network that gets no gradient: --targets, or the views themselves held constant.

#include "ssl/loss/byol.hpp"
#include "ssl/loss/simsiam.hpp"
#include "tools/registry.hpp"

namespace ssl_example {

std::vector<loss_entry> target_losses() {
  using namespace ssl;
  return {
      library_loss({.name = "byol",
                    .formula = "mean over ordered pairs of views of 2 - 2 cos(view, other target)",
                    .source = "arXiv 2006.07733, google-deepmind/deepmind-research",
                    .least_views = 2,
                    .inputs = {.targets = wants::maybe}},
                   [](const settings&) { return byol{}; }),
      library_loss({.name = "simsiam",
                    .formula = "mean over ordered pairs of views of -cos(view, other target)",
                    .source = "arXiv 2011.10566, facebookresearch/simsiam",
                    .least_views = 2,
                    .inputs = {.targets = wants::maybe}},
                   [](const settings&) { return simsiam{}; }),
  };
}

}  // namespace ssl_example
