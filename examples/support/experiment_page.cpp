#include "support/experiment_page.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <locale>
#include <optional>
#include <sstream>

#include "ssl/core/error.hpp"
#include "support/backend_options.hpp"
#include "support/cli.hpp"
#include "support/format.hpp"
#include "support/machine.hpp"
#include "support/run_record.hpp"

namespace ssl_example {
namespace {

std::optional<double> number(const std::string& text) {
  std::istringstream in(text);
  in.imbue(std::locale::classic());
  double value = 0;
  if (in >> value && in.eof()) return value;
  return {};
}

condition with(condition part, const std::string& key, const std::string& value) {
  part.emplace_back(key, value);
  return part;
}

std::string title_of(const shown_measure& m) { return m.title.empty() ? m.measure : m.title; }

std::string text_of(const condition& where) {
  std::string text;
  for (const auto& [name, value] : where) text += (text.empty() ? "" : ", ") + name + " " + value;
  return text;
}

bool changes_no_result(const std::string& option) {
  for (const char* name : {"out", "seed", "seeds", "quiet", "threads", "workers", "backend"})
    if (option == name) return true;
  return false;
}

/// Whether two values of an option are one: "0,4e-05" is "0,0.00004".
bool same_value(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const std::string_view x = a.substr(0, a.find(',')), y = b.substr(0, b.find(','));
    if (x != y) {
      const auto first = number(std::string(x)), second = number(std::string(y));
      if (!first || !second || *first != *second) return false;
    }
    a.remove_prefix(std::min(a.size(), x.size() + 1));
    b.remove_prefix(std::min(b.size(), y.size() + 1));
  }
  return true;
}

void require_same_options(const condition& before, const condition& now, const output_dir& folder) {
  for (const auto& option : now) {
    const auto old = std::find_if(before.begin(), before.end(),
                                  [&](const auto& other) { return other.first == option.first; });
    if (changes_no_result(option.first) || (old != before.end() && same_value(old->second, option.second)))
      continue;
    throw ssl::option_error(folder.path().string() + ": holds results with --" + option.first + " " +
                            (old != before.end() ? old->second : "unknown") + ", asked for " + option.second +
                            "; give another folder to --out, or the same options to go on");
  }
}

}  // namespace

const char* to_text(outcome o) {
  switch (o) {
    case outcome::holds:
      return "holds";
    case outcome::in_part:
      return "holds in part";
    case outcome::not_here:
      return "does not show at this scale";
    default:
      return "not decided";
  }
}

experiment_page::experiment_page(const std::filesystem::path& folder, experiment_info info)
    : experiment_page(folder, std::move(info), nullptr) {}

experiment_page::experiment_page(const std::filesystem::path& folder, experiment_info info,
                                 observations& results)
    : experiment_page(folder, std::move(info), &results) {}

experiment_page::experiment_page(const std::filesystem::path& folder, experiment_info info,
                                 observations* results)
    : folder_(folder),
      info_(std::move(info)),
      own_(results ? nullptr : std::make_unique<observations>(folder_ / "results.jsonl")),
      results_(results ? *results : *own_),
      started_(utc_now()),
      blocks_(info_.title) {
  const std::filesystem::path file = folder_ / "run.json";
  std::error_code unknown;
  if (std::filesystem::exists(file, unknown)) {
    const run_record before = read_run_record(file);
    if (!results_.all().empty()) {
      require_same_options(before.options, info_.options, folder_);
      started_ = before.started;
    }
  }
  folder_.write("run.json", record());
}

bool experiment_page::measure(const std::vector<condition>& conditions, std::span<const std::uint64_t> seeds,
                              const runner& run, bool quiet) {
  std::vector<std::pair<const condition*, std::uint64_t>> missing;
  for (const std::uint64_t seed : seeds)
    for (const condition& c : conditions)
      if (!results_.has(c, seed)) missing.emplace_back(&c, seed);
  const std::size_t all = conditions.size() * seeds.size(), done = all - missing.size();
  if (!quiet && done > 0 && !missing.empty())
    std::fprintf(stderr, "%zu of %zu runs are done already\n", done, all);
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const auto& [where, seed] = missing[i];
    if (!quiet) {
      const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      const double left =
          i == 0 ? -1 : spent / static_cast<double>(i) * static_cast<double>(missing.size() - i);
      std::fprintf(stderr, "[%zu/%zu] %s%sseed %llu%s\n", done + i + 1, all, text_of(*where).c_str(),
                   where->empty() ? "" : ", ", static_cast<unsigned long long>(seed),
                   left < 0 ? "" : (", " + duration(left) + " left").c_str());
    }
    const measures found = run(*where, seed);
    if (interrupted()) {  // what was cut short is no result
      missing_ = std::to_string(missing.size() - i) + " of " + std::to_string(all) +
                 " runs are missing: the experiment was stopped; started again, it goes on from here.";
      return false;
    }
    results_.add(*where, seed, found);
  }
  return true;
}

std::vector<std::string> experiment_page::values(const std::string& key, const condition& part) const {
  std::vector<std::string> found;
  for (const observation& o : results_.all()) {
    if (!contains(o.where, part)) continue;
    for (const auto& [name, value] : o.where)
      if (name == key && std::find(found.begin(), found.end(), value) == found.end()) found.push_back(value);
  }
  if (std::all_of(found.begin(), found.end(), [](const std::string& v) { return number(v).has_value(); }))
    std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
      return std::pair(*number(a), a) < std::pair(*number(b), b);
    });
  return found;
}

void experiment_page::table(const std::vector<std::string>& keys, const std::vector<shown_measure>& columns,
                            std::string_view caption, const condition& part) {
  std::vector<std::string> header = keys;
  std::vector<best> emphasis(keys.size(), best::none);
  for (const shown_measure& m : columns) {
    header.push_back(title_of(m));
    emphasis.push_back(m.emphasis);
  }
  std::vector<condition> rows{part};
  for (const std::string& key : keys) {
    std::vector<condition> more;
    for (const condition& row : rows)
      for (const std::string& value : values(key, row)) more.push_back(with(row, key, value));
    rows = std::move(more);
  }
  std::vector<std::vector<std::string>> cells;
  for (const condition& row : rows) {
    auto& line = cells.emplace_back();
    for (const std::string& key : keys) line.push_back(value_of(row, key));
    for (const shown_measure& m : columns)
      line.push_back(results_.summary(row, m.measure).text(m.digits, m.percent));
  }
  blocks_.table(header, cells, caption, emphasis);
}

void experiment_page::cross_table(const std::string& row_key, const std::string& column_key,
                                  const shown_measure& what, std::string_view caption,
                                  const condition& part) {
  const std::vector<std::string> columns = values(column_key, part);
  std::vector<std::string> header{row_key + " \\ " + column_key};
  header.insert(header.end(), columns.begin(), columns.end());
  std::vector<std::vector<std::string>> cells;
  for (const std::string& row : values(row_key, part)) {
    auto& line = cells.emplace_back(std::vector<std::string>{row});
    for (const std::string& column : columns) {
      std::string text = results_.summary(with(with(part, row_key, row), column_key, column), what.measure)
                             .text(what.digits, what.percent);
      if (const auto unit = text.find(" %"); unit != std::string::npos)
        text.erase(unit, 2);  // in the caption
      line.push_back(text);
    }
  }
  std::vector<best> emphasis(columns.size() + 1, what.emphasis);
  emphasis.front() = best::none;
  std::string below = title_of(what) + (what.percent ? ", %." : ".");
  if (!caption.empty()) below += " " + std::string(caption);
  blocks_.table(header, cells, below, emphasis);
}

void experiment_page::differences(const std::string& key, const std::string& reference,
                                  const shown_measure& what, std::string_view caption,
                                  const condition& part) {
  std::vector<std::vector<std::string>> cells;
  for (const std::string& value : values(key, part)) {
    if (value == reference) continue;
    const estimate d = results_.difference(with(part, key, value), with(part, key, reference), what.measure);
    const bool up = d.low > 0;
    cells.push_back({value, (d.mean > 0 ? "+" : "") + d.text(what.digits, what.percent),
                     std::to_string(d.count),
                     !d.differs_from_zero() ? "undecided"
                     : up                   ? "higher"
                                            : "lower"});
  }
  blocks_.table({key, title_of(what) + " less that of " + reference, "seeds", "verdict"}, cells,
                caption.empty()
                    ? "Paired over seeds; a difference is called one where its 95 % interval leaves out 0."
                    : caption);
}

void experiment_page::line_plot(std::string_view title, const shown_measure& what, const std::string& x_key,
                                const std::string& line_key, plot_options options, const condition& part,
                                const std::vector<series>& others) {
  std::vector<series> lines;
  for (const std::string& line : line_key.empty() ? std::vector<std::string>{""} : values(line_key, part)) {
    const condition of_line = line_key.empty() ? part : with(part, line_key, line);
    series s{.name = line};
    for (const std::string& x : values(x_key, of_line)) {
      const std::optional<double> at = number(x);
      if (!at)
        throw ssl::option_error("experiment page: the value '" + x + "' of " + x_key +
                                " is no number, and cannot be an axis");
      const estimate e = results_.summary(with(of_line, x_key, x), what.measure);
      s.x.push_back(*at);
      s.y.push_back(e.mean);
      s.low.push_back(e.low);
      s.high.push_back(e.high);
    }
    lines.push_back(std::move(s));
  }
  lines.insert(lines.end(), others.begin(), others.end());
  options.percent = options.percent || what.percent;
  blocks_.line_plot(title, x_key, title_of(what), lines, options);
}

void experiment_page::heat_map(std::string_view title, const shown_measure& what, const std::string& row_key,
                               const std::string& column_key, heat_options options, const condition& part) {
  ssl_example::heat_map map{.rows = values(row_key, part), .columns = values(column_key, part)};
  for (const std::string& row : map.rows)
    for (const std::string& column : map.columns)
      map.values.push_back(
          results_.summary(with(with(part, row_key, row), column_key, column), what.measure).mean);
  if (options.row_label.empty()) options.row_label = row_key;
  if (options.column_label.empty()) options.column_label = column_key;
  if (options.value_label.empty()) options.value_label = title_of(what);
  if (what.percent) options.percent = true;
  options.digits = what.digits;
  blocks_.heat_map(title, map, options);
}

void experiment_page::conclude(outcome o, std::string_view sentence) {
  outcome_ = o;
  conclusion_ = sentence;
}

std::string experiment_page::record() const {
  return to_json({.kind = "experiment",
                  .program = info_.program,
                  .title = info_.title,
                  .options = info_.options,
                  .seeds = results_.seeds(),
                  .version = library_version(),
                  .backend = std::string(backend_name()) + ": " + info_.backend,
                  .compiler = compiler_text(),
                  .machine = machine_text(),
                  .started = started_,
                  .seconds = results_.seconds(),
                  .claim = info_.claim,
                  .source = info_.source,
                  .verdict = conclusion_.empty() ? "" : to_text(outcome_),
                  .conclusion = conclusion_,
                  .stopped = missing_});
}

void experiment_page::write() {
  report page(info_.title);
  if (!info_.claim.empty()) page.claim(info_.claim, info_.source);
  if (!missing_.empty()) page.notice(missing_);
  if (!conclusion_.empty()) page.verdict(to_text(outcome_), conclusion_);
  if (!info_.what.empty()) page.paragraph(info_.what);
  page.append(blocks_);

  std::string seeds;
  for (const std::uint64_t seed : results_.seeds())
    seeds += (seeds.empty() ? "" : ", ") + std::to_string(seed);
  page.heading("Configuration");
  auto values = info_.options;
  std::erase_if(values, [](const auto& o) { return o.first == "seed" || o.first == "seeds"; });
  page.key_values(values);
  page.key_values({{"program", info_.program},
                   {"seeds", seeds},
                   {"runs", std::to_string([&] {
                      std::size_t runs = 0;
                      for (const condition& c : results_.conditions())
                        for (const std::uint64_t seed : results_.seeds()) runs += results_.has(c, seed);
                      return runs;
                    }())},
                   {"version", library_version()},
                   {"backend", std::string(backend_name()) + ": " + info_.backend},
                   {"compiler", compiler_text()},
                   {"machine", machine_text()},
                   {"started", started_},
                   {"wall time", duration(results_.seconds())}});
  page.write(folder_ / "report.html");
  folder_.write("run.json", record());
  std::printf("report: %s\n", (folder_ / "report.html").c_str());
}

}  // namespace ssl_example
