// MSBReg's terms in their readings. All take --targets and --directions, so that one command line serves the
// family.

#include "ssl/loss/brownian.hpp"
#include "ssl/loss/centroid.hpp"
#include "ssl/loss/singular_value.hpp"
#include "tools/registry.hpp"

namespace ssl_example {

std::vector<loss_entry> msb_losses() {
  using namespace ssl;
  using enum centroid_reading;
  using enum singular_reading;
  const std::string msb = "arXiv 2207.03552, a reading of its abstract and figure";
  const extra_inputs compares{.targets = wants::must, .directions = wants::ignored},
      pushes{.targets = wants::ignored, .directions = wants::must},
      spreads{.targets = wants::ignored, .directions = wants::ignored},
      all{.targets = wants::must, .directions = wants::must};
  const auto centre = [](centroid_reading reading) {
    return [reading](const settings&) { return centroid{.reading = reading}; };
  };
  const auto spread = [](singular_reading reading, bool unbiased = false) {
    return [reading, unbiased](const settings&) {
      return singular_value{.reading = reading, .unbiased = unbiased};
    };
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
      library_loss({.name = "msb_s1",
                    .formula = "mean over views of ||D/N z z^T - I||_F^2, samples of length one",
                    .source = msb,
                    .inputs = spreads},
                   spread(s1)),
      library_loss({.name = "msb_s1_unbiased",
                    .formula = "msb_s1 with ||z z^T||^2 / N^2 replaced by (||z z^T||^2 - N) / (N (N - 1))",
                    .source = msb,
                    .inputs = spreads},
                   spread(s1, true)),
      library_loss(
          {.name = "msb_s1c", .formula = "msb_s1 of centred samples", .source = msb, .inputs = spreads},
          spread(s1_centered)),
      library_loss({.name = "msb_s2",
                    .formula = "mean over views of -1/N times the sum of the singular values",
                    .source = msb,
                    .inputs = spreads},
                   spread(s2)),
      library_loss({.name = "msb_s4",
                    .formula = "mean over views of the sum of squared correlations between features",
                    .source = msb,
                    .inputs = spreads},
                   spread(s4)),
      library_loss({.name = "msb_total",
                    .formula = "centroid + lambda_s * singular + lambda_b * brownian: msb_loo, msb_s1 and "
                               "msb_brownian",
                    .source = msb,
                    .least_views = 2,
                    .inputs = all,
                    .parameters = {{"lambda_s", 0.004}, {"lambda_b", 0.5}}},
                   [](const settings& s) {
                     return centroid{} + s["lambda_s"] * singular_value{} + s["lambda_b"] * brownian{};
                   }),
  };
}

}  // namespace ssl_example
