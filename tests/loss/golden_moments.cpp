// The golden losses that are functions of second moments.
#include "ssl/loss/barlow.hpp"
#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/recipes.hpp"
#include "ssl/loss/spectral.hpp"
#include "ssl/loss/w_mse.hpp"
#include "support/golden.hpp"

namespace ssl::test {

template <class B>
std::optional<golden_outcome> golden_moments(const std::string& name, const golden_case& c, gram_side side) {
  const auto with = [&](const auto& loss) { return evaluate_golden<B>(loss, c, side); };
  if (name == "vicreg") return with(vicreg_official());
  if (name == "vicreg@w")
    return with(invariance{} + 2 * variance{.target = 1.5, .epsilon = 1e-3} + 0.04 * covariance{});
  if (name == "vicreg.inv") return with(invariance{});
  if (name == "vicreg.var") return with(variance{});
  if (name == "vicreg.cov") return with(covariance{});
  if (name == "barlow") return with(barlow_official());
  if (name == "barlow@w") return with(barlow_official(0.1));
  // With the other part at weight 0: together they are evaluated in double where the batch is small, without
  // rounding the standardised features, which alone costs float 1e-5 of this nearly vanishing value.
  if (name == "barlow.on") return with(on(standardized{}, on_diagonal{} + 0 * off_diagonal{}));
  if (name == "barlow.off") return with(on(standardized{}, off_diagonal{}));
  if (name == "tcr") return with(coding_rate{.epsilon_squared = 0.25});
  if (name == "tcr@eps") return with(coding_rate{.epsilon_squared = 0.04});
  if (name == "fro") return with(frobenius{});
  if (name == "spectral") return with(spectral{});
  if (name == "spectral.part2") return with(spectral{.attraction = 0});
  if (name == "wmse") return with(w_mse{.epsilon = 1e-3});
  if (name == "wmse@e") return with(w_mse{.epsilon = 0.1});
  return std::nullopt;
}

SSL_TEST_GOLDEN_FAMILY(golden_moments)

}  // namespace ssl::test
