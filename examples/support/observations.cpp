#include "support/observations.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/eval/interval.hpp"
#include "support/format.hpp"

namespace ssl_example {
namespace {

using json = nlohmann::ordered_json;

struct run_line {
  condition where;
  std::uint64_t seed = 0;
  std::vector<std::pair<std::string, double>> measures;
  double took = 0;
};

/// Empty where the text is no JSON at all; ssl::data_error without a place where it is JSON of another kind.
std::optional<run_line> parse(const std::string& text) {
  const json line = json::parse(text, nullptr, false);
  if (line.is_discarded()) return {};
  const auto expect = [](bool ok, const char* what) {
    if (!ok) throw ssl::data_error(what);
  };
  expect(line.is_object() && line.contains("condition") && line.contains("seed") && line.contains("measures"),
         "expected an object with condition, seed and measures");
  expect(line["condition"].is_object(), "condition is not an object");
  expect(line["seed"].is_number_unsigned(), "seed is not a whole number");
  expect(line["measures"].is_object() && !line["measures"].empty(), "measures is not an object with numbers");
  run_line run{{}, line["seed"].get<std::uint64_t>(), {}, 0};
  if (const auto took = line.find("took"); took != line.end()) {
    expect(took->is_number(), "took is not a number");
    run.took = took->get<double>();
  }
  for (const auto& [name, value] : line["condition"].items()) {
    expect(value.is_string(), "a value of condition is not a text");
    run.where.emplace_back(name, value.get<std::string>());
  }
  for (const auto& [name, value] : line["measures"].items()) {
    expect(value.is_number() || value.is_null(), "a measure is neither a number nor null");
    run.measures.emplace_back(name, value.is_null() ? ssl::not_a_number<double>() : value.get<double>());
  }
  return run;
}

bool equal(const condition& a, const condition& b) { return a.size() == b.size() && contains(a, b); }

std::string text_of(const condition& where, std::uint64_t seed) {
  std::string text;
  for (const auto& [name, value] : where) text += name + " " + value + ", ";
  return text + "seed " + std::to_string(seed);
}

template <class Pairs>
void require_unique(const Pairs& pairs) {
  for (auto a = pairs.begin(); a != pairs.end(); ++a)
    if (std::any_of(pairs.begin(), a, [&](const auto& b) { return b.first == a->first; }))
      throw ssl::option_error("observations: the name '" + a->first + "' is given twice");
}

template <class T, class U>
void add_once(std::vector<T>& to, const U& value) {
  if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
}

}  // namespace

bool contains(const condition& whole, const condition& part) {
  return std::all_of(part.begin(), part.end(), [&](const auto& pair) {
    return std::find(whole.begin(), whole.end(), pair) != whole.end();
  });
}

std::string value_of(const condition& where, std::string_view name) {
  const auto found =
      std::find_if(where.begin(), where.end(), [&](const auto& pair) { return pair.first == name; });
  return found == where.end() ? std::string() : found->second;
}

estimate estimate_of(std::span<const double> values) {
  std::vector<double> finite;
  for (const double v : values)
    if (ssl::is_finite(v)) finite.push_back(v);
  estimate e;
  e.count = static_cast<int>(finite.size());
  e.failed = static_cast<int>(values.size() - finite.size());
  if (e.count == 1) e.mean = finite.front();
  if (e.count < 2) return e;
  const ssl::interval around = ssl::mean_interval(finite);
  e.mean = around.estimate;
  e.low = around.low;
  e.high = around.high;
  return e;
}

std::string estimate::text(int digits, bool percent) const {
  const double unit = percent ? 100.0 : 1.0;
  std::string text = fixed(unit * mean, digits);
  if (count >= 2) text += " ± " + fixed(unit * half(), digits);
  if (text.starts_with('-')) text.replace(0, 1, "−");
  if (percent && count > 0) text += " %";
  if (failed > 0) text += " (" + std::to_string(failed) + " failed)";
  return text;
}

observations::observations(std::filesystem::path file) : file_(std::move(file)) {
  std::error_code unknown;
  if (!std::filesystem::exists(file_, unknown)) return;
  std::ifstream in(file_, std::ios::binary);
  if (!in) throw ssl::data_error(file_.string() + ": these results cannot be read");
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const bool complete = !in.eof();  // a newline follows
    const auto fail = [&](const std::string& what) -> ssl::data_error {
      return ssl::data_error(file_.string() + ", line " + std::to_string(number) + ": " + what);
    };
    std::optional<run_line> run;
    try {
      run = parse(line);
    } catch (const ssl::data_error& e) {
      throw fail(e.what());
    }
    if (!run) {
      if (!complete) return;
      throw fail("this is no line of JSON");
    }
    if (has(run->where, run->seed)) throw fail("a second result for " + text_of(run->where, run->seed));
    keep(run->where, run->seed, run->measures);
    seconds_ += run->took;
    whole_bytes_ += line.size() + (complete ? 1 : 0);
    end_missing_ = !complete;
  }
}

bool observations::has(const condition& where, std::uint64_t seed) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const observation& o) { return o.seed == seed && equal(o.where, where); });
}

void observations::keep(const condition& where, std::uint64_t seed,
                        const std::vector<std::pair<std::string, double>>& measures) {
  for (const auto& [name, value] : measures)
    all_.push_back({where, seed, name, ssl::is_finite(value) ? value : ssl::not_a_number<double>()});
}

void observations::add(const condition& where, std::uint64_t seed,
                       const std::vector<std::pair<std::string, double>>& measures) {
  require_unique(where);
  require_unique(measures);
  if (measures.empty()) throw ssl::option_error("observations: no measures for " + text_of(where, seed));
  if (has(where, seed))
    throw ssl::option_error("observations: " + file_.string() + " has a result for " + text_of(where, seed) +
                            " already");
  json line = {{"condition", json::object()}, {"seed", seed}, {"measures", json::object()}};
  for (const auto& [name, value] : where) line["condition"][name] = value;
  for (const auto& [name, value] : measures)
    line["measures"][name] = ssl::is_finite(value) ? json(value) : json(nullptr);
  const auto now = std::chrono::steady_clock::now();
  const double took = std::chrono::duration<double>(now - last_).count();
  line["took"] = std::round(1e3 * took) / 1e3;
  const std::string text =
      (end_missing_ ? "\n" : "") + line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";

  std::error_code problem;
  if (file_.has_parent_path()) std::filesystem::create_directories(file_.parent_path(), problem);
  if (std::filesystem::exists(file_, problem) && std::filesystem::file_size(file_, problem) != whole_bytes_)
    std::filesystem::resize_file(file_, whole_bytes_, problem);
  errno = 0;
  std::ofstream out;
  if (!problem) {
    out.open(file_, std::ios::binary | std::ios::app);
    out << text << std::flush;
    if (!out) problem.assign(errno, std::generic_category());
  }
  if (problem || !out) {
    // The part that was written is cut off by the next `add`, or dropped as torn by the next process.
    throw ssl::data_error(file_.string() + ": these results cannot be written (" + problem.message() + ")");
  }
  whole_bytes_ += text.size();
  end_missing_ = false;
  last_ = now;
  seconds_ += took;
  keep(where, seed, measures);
}

std::vector<std::pair<std::uint64_t, double>> observations::by_seed(const condition& part,
                                                                    std::string_view measure) const {
  std::map<std::uint64_t, std::pair<double, int>> sums;
  for (const observation& o : all_) {
    if (o.measure != measure || !contains(o.where, part)) continue;
    auto& [sum, count] = sums[o.seed];
    sum += o.value;
    ++count;
  }
  std::vector<std::pair<std::uint64_t, double>> means;
  for (const auto& [seed, sum] : sums) means.emplace_back(seed, sum.first / sum.second);
  return means;
}

estimate observations::summary(const condition& part, std::string_view measure) const {
  std::vector<double> values;
  for (const auto& [seed, value] : by_seed(part, measure)) values.push_back(value);
  return estimate_of(values);
}

estimate observations::of(const condition& where, std::string_view measure) const {
  std::vector<double> values;
  for (const observation& o : all_)
    if (o.measure == measure && equal(o.where, where)) values.push_back(o.value);
  return estimate_of(values);
}

estimate observations::difference(const condition& a, const condition& b, std::string_view measure) const {
  return contrast({{1, a, std::string(measure)}, {-1, b, std::string(measure)}});
}

estimate observations::contrast(const std::vector<contrast_term>& terms) const {
  std::map<std::uint64_t, std::pair<double, std::size_t>> sums;  // and how many terms a seed has
  for (const contrast_term& t : terms)
    for (const auto& [seed, value] : by_seed(t.part, t.measure)) {
      sums[seed].first += t.weight * value;
      ++sums[seed].second;
    }
  std::vector<double> values;
  for (const auto& [seed, sum] : sums)
    if (sum.second == terms.size()) values.push_back(sum.first);
  return estimate_of(values);
}

std::vector<std::string> observations::values(std::string_view name) const {
  std::vector<std::string> found;
  for (const observation& o : all_)
    for (const auto& [key, value] : o.where)
      if (key == name) add_once(found, value);
  return found;
}

std::vector<std::string> observations::measures() const {
  std::vector<std::string> found;
  for (const observation& o : all_) add_once(found, o.measure);
  return found;
}

std::vector<std::uint64_t> observations::seeds() const {
  std::vector<std::uint64_t> found;
  for (const observation& o : all_) add_once(found, o.seed);
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<condition> observations::conditions() const {
  std::vector<condition> found;
  for (const observation& o : all_)
    if (std::none_of(found.begin(), found.end(), [&](const condition& c) { return equal(c, o.where); }))
      found.push_back(o.where);
  return found;
}

}  // namespace ssl_example
