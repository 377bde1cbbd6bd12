// The golden losses that compare with a network without gradient, and MSBReg's terms.
#include "ssl/loss/brownian.hpp"
#include "ssl/loss/byol.hpp"
#include "ssl/loss/centroid.hpp"
#include "ssl/loss/singular_value.hpp"
#include "support/golden.hpp"

namespace ssl::test {

template <class B>
std::optional<golden_outcome> golden_msb(const std::string& name, const golden_case& c, gram_side side) {
  using enum centroid_reading;
  using enum singular_reading;
  const auto alone = [&](const auto& loss) { return evaluate_golden<B>(loss, c, side); };
  const auto with = [&](const auto& loss) { return evaluate_golden<B>(loss, c, side, true); };
  if (name == "byol") return alone(byol{});
  if (name == "msb_loo") return with(centroid{.reading = leave_one_out});
  if (name == "msb_all") return with(centroid{.reading = all_targets});
  if (name == "msb_c2c") return with(centroid{.reading = centroid_to_centroid});
  if (name == "msb_brownian") return with(brownian{});
  if (name == "msb_s1") return alone(singular_value{});
  if (name == "msb_s1_unbiased") return alone(singular_value{.unbiased = true});
  if (name == "msb_s1c") return alone(singular_value{.reading = s1_centered});
  if (name == "msb_s2") return alone(singular_value{.reading = s2});
  if (name == "msb_s4") return alone(singular_value{.reading = s4});
  if (name == "msb_total") return with(centroid{} + 0.004 * singular_value{} + 0.5 * brownian{});
  return std::nullopt;
}

SSL_TEST_GOLDEN_FAMILY(golden_msb)

}  // namespace ssl::test
