// Losses and gradients against the golden values of another implementation, where a folder of them is at
// hand: the environment variable SSL_GOLDEN_DIR names it. It holds
//     manifest.json        of which only "grad_rows" is read: the samples whose gradients grads.npy holds
//     values.tsv           case, loss, term, value
//     <case>/x.npy         the views (V, N, D)
//     <case>/grads.npy     gradients (L, V, rows, D)
//     <case>/losses.tsv    index in grads.npy, loss, whether the gradient is defined, its norm, and the
//     relative
//                          errors of the other implementation's own float32 value and gradient
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "ssl/data/npy.hpp"
#include "ssl/loss/frobenius.hpp"
#include "ssl/loss/recipes.hpp"
#include "support/losses.hpp"

namespace ssl::test {
namespace {

struct golden_loss {
  std::string name;
  std::map<std::string, double> values;  // by term, and "loss"
  bool gradient_defined = true;
  std::vector<double> gradient;  // (D, V * rows)
  double f32_value_error = 0, f32_gradient_error = 0;
};

struct golden_case {
  std::string name;
  batch_shape shape;
  std::vector<double> x;    // (D, V * N)
  std::vector<index> rows;  // the samples in `gradient`
  std::vector<golden_loss> losses;
};

std::string text_of(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  return {bytes.begin(), bytes.end()};
}

/// "grad_rows" of a case in a manifest without blanks: the numbers of the list, or nothing for null.
std::vector<index> gradient_rows(const std::string& manifest, const std::string& name) {
  const std::string key = "\"grad_rows\":";
  const auto place = manifest.find("\"name\":\"" + name + "\"");
  REQUIRE(place != std::string::npos);
  const auto start = manifest.find(key, place) + key.size();
  std::vector<index> rows;
  if (manifest[start] != '[') return rows;
  std::string list = manifest.substr(start + 1, manifest.find(']', start) - start - 1);
  std::replace(list.begin(), list.end(), ',', ' ');
  std::istringstream numbers(list);
  for (index row = 0; numbers >> row;) rows.push_back(row);
  return rows;
}

std::vector<golden_case> golden_cases(const std::filesystem::path& folder) {
  std::string manifest = text_of(folder / "manifest.json");
  std::erase_if(manifest, [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; });
  std::map<std::string, std::map<std::string, std::map<std::string, double>>> values;
  std::vector<golden_case> cases;
  std::istringstream lines(text_of(folder / "values.tsv"));
  for (std::string name, loss, term, number;
       std::getline(lines, name, '\t') && std::getline(lines, loss, '\t') &&
       std::getline(lines, term, '\t') && std::getline(lines, number);) {
    if (cases.empty() || cases.back().name != name) cases.push_back({name, {}, {}, {}, {}});
    values[name][loss][term] = std::stod(number);
  }
  for (golden_case& c : cases) {
    const npy_array x = read_npy(folder / c.name / "x.npy"), grads = read_npy(folder / c.name / "grads.npy");
    require_rank(x, 3, "(views, samples, features)");
    require_rank(grads, 4, "(losses, views, samples, features)");
    c.shape = {x.shape[2], x.shape[1], x.shape[0]};
    c.x = x.as<double>();
    c.rows = gradient_rows(manifest, c.name);
    if (c.rows.empty())
      for (index j = 0; j < c.shape.samples; ++j) c.rows.push_back(j);
    const auto all = grads.as<double>();
    const std::size_t size = static_cast<std::size_t>(c.shape.views * c.shape.features) * c.rows.size();
    std::istringstream table(text_of(folder / c.name / "losses.tsv"));
    std::size_t at = 0;
    int defined = 0;
    std::string norm, value_error, gradient_error;  // numbers, or "nan" and "inf", which streams do not read
    for (golden_loss loss; table >> at >> loss.name >> defined >> norm >> value_error >> gradient_error;) {
      loss.f32_value_error = std::stod(value_error);
      loss.f32_gradient_error = std::stod(gradient_error);
      loss.values = values[c.name][loss.name];
      loss.gradient_defined = defined != 0;
      REQUIRE((at + 1) * size <= all.size());
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(at * size);
      loss.gradient.assign(first, first + static_cast<std::ptrdiff_t>(size));
      c.losses.push_back(loss);
    }
  }
  return cases;
}

/// The losses of the library under the names and parameters of the golden values.
template <class B>
std::optional<outcome> evaluate_named(const std::string& name, const golden_case& c, gram_side side) {
  const auto with = [&](const auto& loss) { return evaluate_loss<B>(loss, c.x, c.shape, side); };
  if (name == "vicreg") return with(vicreg_official());
  if (name == "vicreg@w")
    return with(invariance{} + 2 * variance{.target = 1.5, .epsilon = 1e-3} + 0.04 * covariance{});
  if (name == "vicreg.inv") return with(invariance{});
  if (name == "vicreg.var") return with(variance{});
  if (name == "vicreg.cov") return with(covariance{});
  if (name == "tcr") return with(coding_rate{.epsilon_squared = 0.25});
  if (name == "tcr@eps") return with(coding_rate{.epsilon_squared = 0.04});
  if (name == "fro") return with(frobenius{});
  return std::nullopt;
}

double value_of(const golden_loss& loss) {
  return loss.values.contains("loss") ? loss.values.at("loss") : loss.values.begin()->second;
}

double norm(const std::vector<double>& z) { return std::sqrt(dot(z, z)); }

double relative_difference(double found, double expected) {
  return found == expected ? 0.0 : std::abs(found - expected) / std::abs(expected);
}

/// ||found - expected|| / ||expected|| over the samples that `expected` has. The coding rate's gradient is a
/// projection, so where it is zero (a collapsed batch) both sides hold rounding errors: hence the lower
/// bound.
double gradient_error(const std::vector<double>& found, const golden_loss& loss, const golden_case& c) {
  std::vector<double> difference;
  const auto d = static_cast<std::size_t>(c.shape.features);
  std::size_t k = 0;
  for (index v = 0; v < c.shape.views; ++v)
    for (const index row : c.rows)
      for (std::size_t i = 0; i < d; ++i, ++k)
        difference.push_back(found[static_cast<std::size_t>(v * c.shape.samples + row) * d + i] -
                             loss.gradient[k]);
  const double error = norm(difference), least = loss.name.starts_with("tcr") ? 1e-5 : 0.0;
  return error == 0 ? 0.0 : error / std::max(norm(loss.gradient), least);
}

template <class Body>
void for_each_golden(const Body& body) {
  const char* folder = std::getenv("SSL_GOLDEN_DIR");
  if (folder == nullptr || *folder == '\0') {
    MESSAGE("SSL_GOLDEN_DIR is not set: there are no golden values to compare with");
    return;
  }
  int compared = 0;
  for (const golden_case& c : golden_cases(folder))
    for (const golden_loss& loss : c.losses)
      for (const gram_side side : both_sides) compared += body(c, loss, side) ? 1 : 0;
  MESSAGE(compared << " evaluations compared");
  CHECK(compared > 0);
}

/// What float arithmetic may cost: four times the other implementation's error; and, because its error of a
/// value is sometimes zero by luck, no less than one rounding of the value.
struct float_bounds {
  double value, gradient;
};
float_bounds bounds_of(const golden_loss& loss) {
  // Exact zeros have no relative error: std::max(bound, NaN) is the bound.
  return {std::max(0x1p-24, 4 * loss.f32_value_error), std::max(0.0, 4 * loss.f32_gradient_error)};
}

}  // namespace

TEST_CASE("loss/golden: double agrees to ten digits, value, terms and gradient, on both sides") {
  for_each_golden([](const golden_case& c, const golden_loss& loss, gram_side side) {
    const auto found = evaluate_named<backend<double>>(loss.name, c, side);
    if (!found) return false;
    INFO(c.name << ", " << loss.name << ", " << to_string(c.shape, side));
    CHECK(relative_difference(found->total, value_of(loss)) < 1e-10);
    if (loss.gradient_defined) CHECK(gradient_error(found->gradient, loss, c) < 1e-10);
    if (loss.values.contains("inv") && loss.values.contains("var")) {
      CHECK(relative_difference(found->terms[0], loss.values.at("inv")) < 1e-10);
      CHECK(relative_difference(found->terms[1], loss.values.at("var")) < 1e-10);
      CHECK(relative_difference(found->terms[2], loss.values.at("cov")) < 1e-10);
    }
    return true;
  });
}

TEST_CASE(
    "loss/golden: float errs at most four times as much as another float implementation, on both sides") {
  for_each_golden([](const golden_case& c, const golden_loss& loss, gram_side side) {
    const auto found = evaluate_named<backend<float>>(loss.name, c, side);
    if (!found) return false;
    INFO(c.name << ", " << loss.name << ", " << to_string(c.shape, side));
    const float_bounds bounds = bounds_of(loss);
    CHECK(relative_difference(found->total, value_of(loss)) <= bounds.value);
    if (loss.gradient_defined) CHECK(gradient_error(found->gradient, loss, c) <= bounds.gradient);
    return true;
  });
}

}  // namespace ssl::test
