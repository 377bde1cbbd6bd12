// Losses and gradients against the golden values of another implementation, where a folder of them is at
// hand: the environment variable SSL_GOLDEN_DIR names it. support/golden.hpp says what it holds.
#include "support/golden.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "ssl/data/npy.hpp"

namespace ssl::test {
namespace {

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
    if (cases.empty() || cases.back().name != name) cases.push_back({name, {}, {}, {}, {}, {}, {}});
    values[name][loss][term] = std::stod(number);
  }
  for (golden_case& c : cases) {
    const npy_array x = read_npy(folder / c.name / "x.npy"), grads = read_npy(folder / c.name / "grads.npy");
    require_rank(x, 3, "(views, samples, features)");
    require_rank(grads, 4, "(losses, views, samples, features)");
    c.shape = {x.shape[2], x.shape[1], x.shape[0]};
    c.x = x.as<double>();
    if (std::filesystem::exists(folder / c.name / "t.npy")) {
      c.targets = read_npy(folder / c.name / "t.npy").as<double>();
      c.directions = read_npy(folder / c.name / "g.npy").as<double>();
    }
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
std::optional<golden_outcome> evaluate_named(const std::string& name, const golden_case& c, gram_side side) {
  for (const auto family : {golden_moments<B>, golden_pairwise<B>, golden_msb<B>})
    if (auto found = family(name, c, side)) return found;
  return std::nullopt;
}

double value_of(const golden_loss& loss) {
  return loss.values.contains("loss") ? loss.values.at("loss") : loss.values.begin()->second;
}

double norm(const std::vector<double>& z) { return std::sqrt(dot(z, z)); }

/// ||found - expected|| over the samples that `expected` has.
double gradient_error(const std::vector<double>& found, const golden_loss& loss, const golden_case& c) {
  std::vector<double> difference;
  const auto d = static_cast<std::size_t>(c.shape.features);
  std::size_t k = 0;
  for (index v = 0; v < c.shape.views; ++v)
    for (const index row : c.rows)
      for (std::size_t i = 0; i < d; ++i, ++k)
        difference.push_back(found[static_cast<std::size_t>(v * c.shape.samples + row) * d + i] -
                             loss.gradient[k]);
  return norm(difference);
}

/// Whether the loss is made of numbers of size one (cosines, correlations), whatever the embeddings' size.
/// Where such numbers cancel, both implementations hold their rounding errors and nothing else.
bool has_size_one(const golden_loss& loss) {
  return !loss.name.starts_with("vicreg") && !loss.name.starts_with("fro") &&
         !loss.name.starts_with("spectral");
}
bool vanishes(double size, const golden_loss& loss) { return has_size_one(loss) && size < 1e-9; }

/// The error that is allowed where `expected` is the right value, or the size of the right gradient.
double double_bound(double expected, const golden_loss& loss) {
  return std::max(1e-10 * std::abs(expected), vanishes(std::abs(expected), loss) ? 0x1p-48 : 0.0);
}
/// Ten digits of a value, of which a few roundings of a number of size one may be left.
double double_value_bound(double expected, const golden_loss& loss) {
  return std::max(double_bound(expected, loss), has_size_one(loss) ? 0x1p-50 : 0.0);
}

/// body(case, loss, outcome) for every golden loss on both sides; every one must be known.
template <class B, class Body>
void for_each_golden(const Body& body) {
  const char* folder = std::getenv("SSL_GOLDEN_DIR");
  if (folder == nullptr || *folder == '\0') {
    MESSAGE("SSL_GOLDEN_DIR is not set: there are no golden values to compare with");
    return;
  }
  int compared = 0;
  std::set<std::string> unknown;
  for (const golden_case& c : golden_cases(folder))
    for (const golden_loss& loss : c.losses)
      for (const gram_side side : both_sides) {
        INFO(c.name << ", " << loss.name << ", " << to_string(c.shape, side));
        if (const auto found = evaluate_named<B>(loss.name, c, side)) {
          body(c, loss, *found);
          ++compared;
        } else {
          unknown.insert(loss.name);
        }
      }
  for (const std::string& name : unknown) FAIL_CHECK("no loss of the library is called " << name);
  MESSAGE(compared << " evaluations compared");
  CHECK(compared > 0);
}

constexpr double float_rounding = 0x1p-24;

/// What float arithmetic may cost: four times the other implementation's error; and, because that error is
/// sometimes small by luck, no less than one rounding of the value, or four of a number of size one where
/// such numbers cancel.
double float_value_bound(const golden_loss& loss) {
  const double size = std::abs(value_of(loss));
  // Exact zeros have no relative error: std::max(bound, NaN) is the bound.
  double bound = std::max(float_rounding, 4 * loss.f32_value_error) * size;
  if (vanishes(size, loss)) bound = std::max(bound, 4 * float_rounding);
  return bound;
}
double float_gradient_bound(const golden_loss& loss) {
  const double size = norm(loss.gradient);
  const double bound = std::max(0.0, 4 * loss.f32_gradient_error) * size;
  return vanishes(size, loss) ? std::max(bound, 4 * float_rounding) : bound;
}

}  // namespace

TEST_CASE("loss/golden: double agrees to ten digits, value, terms and gradient, on both sides") {
  for_each_golden<backend<double>>(
      [](const golden_case& c, const golden_loss& loss, const golden_outcome& found) {
        const auto check_value = [&](double value, double expected) {
          CHECK(std::abs(value - expected) <= double_value_bound(expected, loss));
        };
        check_value(found.total, value_of(loss));
        if (loss.gradient_defined)
          CHECK(gradient_error(found.gradient, loss, c) <= double_bound(norm(loss.gradient), loss));
        for (const auto& expected : loss.values) {
          const std::string& term = expected.first;
          if (term == "loss") continue;
          INFO(term);
          REQUIRE(found.terms.contains(term));
          check_value(found.terms.at(term), expected.second);
        }
      });
}

TEST_CASE(
    "loss/golden: float errs at most four times as much as another float implementation, on both sides") {
  for_each_golden<backend<float>>(
      [](const golden_case& c, const golden_loss& loss, const golden_outcome& found) {
        CHECK(std::abs(found.total - value_of(loss)) <= float_value_bound(loss));
        if (loss.gradient_defined)
          CHECK(gradient_error(found.gradient, loss, c) <= float_gradient_bound(loss));
      });
}

}  // namespace ssl::test
