#include <algorithm>
#include <set>

#include "experiments/support/learner.hpp"

namespace ssl_example {

namespace {

/// The recipe's numbers by name; tells of those that nobody asked for.
class numbers {
 public:
  explicit numbers(const training_recipe& recipe) : recipe_(recipe) {}

  double operator()(const std::string& name, double otherwise) {
    asked_.insert(name);
    const auto found = recipe_.weights.find(name);
    return found == recipe_.weights.end() ? otherwise : found->second;
  }
  void check() const {
    for (const auto& [name, value] : recipe_.weights)
      if (!asked_.contains(name))
        throw ssl::option_error("the loss " + recipe_.loss + " has no number called '" + name + "'");
  }

 private:
  const training_recipe& recipe_;
  std::set<std::string> asked_;
};

/// The loss, and MSBReg's regularisers (arXiv 2207.03552) where they weigh anything.
template <ssl::LossTerm L>
ssl::any_loss<backend> regularised(const L& loss, numbers& of, double singular = 0, double brownian = 0) {
  const double s = of("singular", singular), b = of("brownian", brownian);
  of.check();
  if (s == 0 && b == 0) return loss;
  return loss + s * ssl::singular_value{} + b * ssl::brownian{};
}

}  // namespace

const std::vector<std::string>& known_losses() {
  static const std::vector<std::string> names{"emp_ssl",  "vicreg", "barlow_twins", "simclr",
                                              "spectral", "byol",   "simsiam",      "msbreg"};
  return names;
}

ssl::targets_of targets_of_loss(const std::string& loss) {
  if (loss == "byol" || loss == "msbreg") return ssl::targets_of::delayed;
  return loss == "simsiam" ? ssl::targets_of::itself : ssl::targets_of::nothing;
}

ssl::any_loss<backend> make_loss(const training_recipe& recipe) {
  numbers of(recipe);
  const std::string& name = recipe.loss;
  if (name == "emp_ssl") {
    const double lambda = of("lambda", 100), eps2 = of("eps2", 0.2);
    return regularised(ssl::emp_ssl(lambda, eps2), of);
  }
  if (name == "vicreg") {
    const double s = of("invariance", 25), v = of("variance", 25), c = of("covariance", 1);
    return regularised(s * ssl::invariance{} + v * ssl::variance{} + c * ssl::covariance{}, of);
  }
  if (name == "barlow_twins") return regularised(ssl::barlow_official(), of);
  if (name == "simclr") {
    const double t = of("temperature", 0.2);
    return regularised(1 * ssl::nt_xent{.temperature = t}, of);
  }
  if (name == "spectral") return regularised(ssl::spectral(), of);
  if (name == "byol") return regularised(1 * ssl::byol{}, of);
  if (name == "simsiam") return regularised(1 * ssl::simsiam{}, of);
  if (name == "msbreg") return regularised(1 * ssl::centroid{}, of, 0.004, 0.5);
  std::string known;
  for (const auto& one : known_losses()) known += (known.empty() ? "" : ", ") + one;
  throw ssl::option_error("no loss is called '" + name + "', expected one of " + known);
}

}  // namespace ssl_example
