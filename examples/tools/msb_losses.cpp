// MSBReg's terms in their readings. All take --targets and --directions, so that one command line serves the
// family.

#include "ssl/loss/brownian.hpp"
#include "ssl/loss/centroid.hpp"
#include "tools/registry.hpp"

namespace ssl_example {

std::vector<loss_entry> msb_losses() {
  using namespace ssl;
  using enum centroid_reading;
  const std::string msb = "arXiv 2207.03552, a reading of its abstract and figure";
  const extra_inputs compares{.targets = wants::must, .directions = wants::ignored},
      pushes{.targets = wants::ignored, .directions = wants::must};
  const auto centre = [](centroid_reading reading) {
    return [reading](const settings&) { return centroid{.reading = reading}; };
  };
  return {
      library_loss({.name = "msb_loo",
                    .formula = "mean of 2 - 2 cos(view, mean of the other views' unit targets)",
                    .source = msb,
                    .least_views = 2,
                    .inputs = compares},
                   centre(leave_one_out)),
      library_loss({.name = "msb_all",
                    .formula = "mean of 2 - 2 cos(view, mean of all unit targets)",
                    .source = msb,
                    .inputs = compares},
                   centre(all_targets)),
      library_loss({.name = "msb_c2c",
                    .formula = "mean of 1 - cos(mean of the unit views, mean of the unit targets)",
                    .source = msb,
                    .inputs = compares},
                   centre(centroid_to_centroid)),
      library_loss({.name = "msb_brownian",
                    .formula = "mean of cos(view, direction of its sample)",
                    .source = msb,
                    .inputs = pushes},
                   [](const settings&) { return brownian{}; }),
  };
}

}  // namespace ssl_example
