#pragma once
/// The losses that ssl_loss knows: one entry each, with its formula, parameters, source, and how it is
/// evaluated. A new loss is one more `loss_entry::of(...)` in `known_losses`.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "ssl/backend/eigen.hpp"
#include "ssl/loss/evaluate.hpp"
#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/recipes.hpp"

namespace ssl_example {

/// A number in at most six digits.
inline std::string short_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

/// A number that --set may change. Values lie in [least, infinity), or above it where `open`.
struct parameter {
  std::string name;
  double value = 0;  // the default
  double least = -std::numeric_limits<double>::infinity();
  bool open = false;
};

/// The parameters of one loss with the values of one run.
class settings {
 public:
  explicit settings(const std::vector<parameter>& known) : values_(known) {}

  double operator[](std::string_view name) const {
    for (const parameter& p : values_)
      if (p.name == name) return p.value;
    throw ssl::option_error("no parameter is called " + std::string(name));
  }

  /// Takes "key=value". ssl::option_error names the loss, what is wrong and what is known.
  void set(const std::string& loss, const std::string& assignment) {
    const auto middle = assignment.find('=');
    const std::string key = assignment.substr(0, middle);
    if (middle == std::string::npos)
      throw ssl::option_error("--set " + assignment + " has no '=', expected key=value");
    for (parameter& p : values_)
      if (p.name == key) {
        p.value = number(p, assignment.substr(middle + 1));
        return;
      }
    std::string known;
    for (const parameter& p : values_) known += (known.empty() ? "" : ", ") + p.name;
    throw ssl::option_error("--set " + assignment + ": the loss " + loss + " has no parameter " + key +
                            ", expected " + (known.empty() ? "none" : "one of " + known));
  }

 private:
  static double number(const parameter& p, const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    const bool whole = !text.empty() && *end == '\0' && std::isfinite(value);
    if (!whole || value < p.least || (p.open && value == p.least))
      throw ssl::option_error(
          "--set " + p.name + "=" + text + ": expected a finite number" +
          (std::isfinite(p.least) ? (p.open ? " above " : " of at least ") + short_text(p.least) : ""));
    return value;
  }

  std::vector<parameter> values_;
};

/// One evaluation: z (D, V N) and dz alike, in the scalar T.
template <class T>
struct loss_call {
  using backend = ssl::eigen_backend<T>;
  ssl::context<backend>& ctx;
  ssl::view_batch<backend> z;
  ssl::view<backend> dz;
  ssl::gram_side side = ssl::gram_side::automatic;
};

struct loss_entry {
  std::string name, formula, source;
  std::vector<parameter> parameters;
  ssl::index least_views = 1;
  std::function<ssl::loss_report(const settings&, const loss_call<float>&)> in_float;
  std::function<ssl::loss_report(const settings&, const loss_call<double>&)> in_double;

  /// `make(settings)` gives the loss as an expression of the library.
  template <class Make>
  static loss_entry of(std::string name, std::string formula, std::string source, ssl::index least_views,
                       std::vector<parameter> parameters, Make make) {
    const auto evaluate = [make]<class T>(const settings& s, const loss_call<T>& call) {
      auto ctx = call.ctx;
      return ssl::evaluate(ctx, make(s), call.z, call.dz, call.side);
    };
    return {std::move(name), std::move(formula), std::move(source), std::move(parameters),
            least_views,     evaluate,           evaluate};
  }

  template <class T>
  ssl::loss_report evaluate(const settings& s, const loss_call<T>& call) const {
    if constexpr (std::is_same_v<T, float>) {
      return in_float(s, call);
    } else {
      return in_double(s, call);
    }
  }
};

inline std::vector<loss_entry> known_losses() {
  using namespace ssl;
  const parameter gamma{"gamma", 1, 0}, eps{"eps", 1e-4, 0};
  const std::string paper = "arXiv 2105.04906, facebookresearch/vicreg";
  std::vector<loss_entry> all;
  all.push_back(loss_entry::of(
      "vicreg", "inv_weight * inv + var_weight * var + cov_weight * cov", paper, 2,
      {gamma, eps, {"inv_weight", 25}, {"var_weight", 25}, {"cov_weight", 1}}, [](const settings& s) {
        return s["inv_weight"] * invariance{} +
               s["var_weight"] * variance{.target = s["gamma"], .epsilon = s["eps"]} +
               s["cov_weight"] * covariance{};
      }));
  all.push_back(loss_entry::of("vicreg.inv", "mean over pairs of views of mean (x - y)^2", paper, 2, {},
                               [](const settings&) { return 1 * invariance{}; }));
  all.push_back(loss_entry::of(
      "vicreg.var", "mean over views and features of max(0, gamma - sqrt(variance + eps))", paper, 1,
      {gamma, eps},
      [](const settings& s) { return 1 * variance{.target = s["gamma"], .epsilon = s["eps"]}; }));
  all.push_back(loss_entry::of("vicreg.cov",
                               "sum over the two views, mean over pairs, of sum of C_ij^2, i != j, over D",
                               paper, 2, {}, [](const settings&) { return 1 * covariance{}; }));
  all.push_back(loss_entry::of(
      "tcr", "mean over views of -1/2 logdet(I + D / (N eps^2) z z^T), samples of length one",
      "arXiv 2201.10000", 1, {{"eps", 0.5, 0, true}},
      [](const settings& s) { return 1 * coding_rate{.epsilon_squared = s["eps"] * s["eps"]}; }));
  all.push_back(loss_entry::of("fro", "mean over views of ||z z^T||_F^2 / N^2", "arXiv 2206.02574", 1, {},
                               [](const settings&) { return 1 * frobenius{}; }));
  all.push_back(loss_entry::of(
      "emp_ssl",
      "tcr with eps^2 = eps2, plus lambda * sim, sim = -mean cosine of a patch to its image's mean",
      "arXiv 2304.03977, tsb0601/EMP-SSL", 1, {{"lambda", 200}, {"eps2", 0.2, 0, true}},
      [](const settings& s) { return ssl::emp_ssl(s["lambda"], s["eps2"]); }));
  return all;
}

/// The entry of that name. ssl::option_error lists the known names.
inline const loss_entry& find_loss(const std::vector<loss_entry>& all, const std::string& name) {
  std::string known;
  for (const loss_entry& entry : all) {
    if (entry.name == name) return entry;
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  throw ssl::option_error((name.empty() ? "--loss is missing" : "--loss " + name + " is not known") +
                          ", expected one of " + known);
}

/// Name, formula, parameters with defaults, and source of every loss.
inline std::string describe(const std::vector<loss_entry>& all) {
  std::string text;
  for (const loss_entry& entry : all) {
    text += entry.name + "\n  formula     " + entry.formula + "\n  parameters  ";
    if (entry.parameters.empty()) text += "none";
    for (std::size_t k = 0; k < entry.parameters.size(); ++k)
      text += (k == 0 ? "" : ", ") + entry.parameters[k].name + " = " + short_text(entry.parameters[k].value);
    text += "\n  source      " + entry.source + "\n";
  }
  return text;
}

}  // namespace ssl_example
