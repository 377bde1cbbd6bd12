// The golden losses that compare all pairs of samples.
#include "ssl/loss/contrastive_recipes.hpp"
#include "support/golden.hpp"

namespace ssl::test {

template <class B>
std::optional<golden_outcome> golden_pairwise(const std::string& name, const golden_case& c, gram_side side) {
  const auto with = [&](const auto& loss) { return evaluate_golden<B>(loss, c, side); };
  if (name == "ntxent") return with(nt_xent{.over = contrast::pairs_of_views});
  if (name == "ntxent@t") return with(nt_xent{.temperature = 0.1, .over = contrast::pairs_of_views});
  if (name == "ntxent_multi") return with(nt_xent{});
  if (name == "ntxent_multi@t") return with(nt_xent{.temperature = 0.1});
  if (name == "align_unif") return with(align_uniform());
  if (name == "align_unif.unif") return with(uniformity{});
  return std::nullopt;
}

SSL_TEST_GOLDEN_FAMILY(golden_pairwise)

}  // namespace ssl::test
