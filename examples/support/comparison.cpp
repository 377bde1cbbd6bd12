#include "support/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "support/feature_map.hpp"
#include "support/format.hpp"

namespace ssl_example {
namespace {

using table_rows = std::vector<std::vector<std::string>>;
constexpr long most_test = 1000, most_bank = 5000;  // samples of a confusion matrix
constexpr long most_mapped = 3000;                  // samples of a map
constexpr std::uintmax_t most_picture_bytes = 8000000;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

bool has_option(const run_record& r, const std::string& name) {
  return std::any_of(r.options.begin(), r.options.end(), [&](const auto& o) { return o.first == name; });
}

template <class T>
void add_once(std::vector<T>& to, const T& value) {
  if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
}

/// Decimals that give the largest of these three significant digits.
int digits_for(const std::vector<estimate>& values) {
  double most = 0;
  for (const estimate& e : values)
    if (ssl::is_finite(e.mean)) most = std::max(most, std::abs(e.mean));
  return most > 0 ? std::clamp(2 - static_cast<int>(std::floor(std::log10(most))), 0, 6) : 3;
}

/// "2024-05-31T16:20:05Z" as "2024-05-31 16:20 UTC".
std::string when(const std::string& started) {
  if (started.size() != 20 || started[10] != 'T') return started;
  return started.substr(0, 10) + " " + started.substr(11, 5) + " UTC";
}

std::string seeds_of(const run_group& g) {
  std::vector<std::uint64_t> seeds;
  for (const run_folder* run : g.runs)
    seeds.insert(seeds.end(), run->record.seeds.begin(), run->record.seeds.end());
  std::sort(seeds.begin(), seeds.end());
  seeds.erase(std::unique(seeds.begin(), seeds.end()), seeds.end());
  std::vector<std::string> texts;
  for (const std::uint64_t seed : seeds) texts.push_back(std::to_string(seed));
  return joined(texts);
}

/// Rows become columns; the first column's names stand above them.
void transpose(std::vector<std::string>& header, table_rows& rows) {
  std::vector<std::string> across{header.front()};
  table_rows down(header.size() - 1);
  for (const auto& row : rows) across.push_back(row.front());
  for (std::size_t j = 1; j < header.size(); ++j) {
    down[j - 1].push_back(header[j]);
    for (const auto& row : rows) down[j - 1].push_back(row[j]);
  }
  header = std::move(across);
  rows = std::move(down);
}

/// A table of those columns in which rows differ; what is common to all rows stands in a list before it.
void split_table(report& page, const std::vector<std::string>& header, const table_rows& rows,
                 std::size_t keys) {
  std::vector<std::pair<std::string, std::string>> common;
  std::vector<std::size_t> kept;
  for (std::size_t j = 0; j < header.size(); ++j) {
    const bool same =
        std::all_of(rows.begin(), rows.end(), [&](const auto& row) { return row[j] == rows[0][j]; });
    if (j < keys || !same)
      kept.push_back(j);
    else if (!rows[0][j].empty())
      common.emplace_back(header[j], rows[0][j]);
  }
  page.key_values(common);
  if (kept.size() == keys && rows.size() == 1) return;
  std::vector<std::string> head;
  table_rows cells(rows.size());
  for (const std::size_t j : kept) {
    head.push_back(header[j]);
    for (std::size_t i = 0; i < rows.size(); ++i) cells[i].push_back(rows[i][j]);
  }
  page.table(head, cells);
}

// --- trainings
// ----------------------------------------------------------------------------------------------

/// The sizes of bags that a representation was measured with in any group, numbers first.
std::vector<std::string> bag_sizes(const std::vector<run_group>& groups) {
  std::vector<std::string> sizes;
  for (const run_group& g : groups)
    for (const run_folder* run : g.runs)
      for (const result_row& row : run->record.results)
        if (const std::string size = value_of(row.where, "patches"); !size.empty()) add_once(sizes, size);
  const auto number = [](const std::string& text) {
    return text.find_first_not_of("0123456789") == std::string::npos ? std::stol(text.substr(0, 9)) : -1;
  };
  std::sort(sizes.begin(), sizes.end(), [&](const std::string& a, const std::string& b) {
    return std::pair(number(a), a) < std::pair(number(b), b);
  });
  return sizes;
}

condition of(const std::string& representation, const std::string& patches) {
  return {{"representation", representation}, {"patches", patches}};
}

void result_table(report& page, const std::vector<run_group>& groups, const std::string& measure,
                  const std::string& title) {
  const std::vector<std::string> sizes = bag_sizes(groups);
  std::vector<std::string> header{"run"};
  for (const std::string& size : sizes) header.push_back(size == "1" ? "1 patch" : size);
  table_rows rows;
  std::vector<std::vector<std::string>> untrained;
  bool any = false;
  for (const char* representation : {"trained", "untrained"})
    for (const run_group& g : groups) {
      std::vector<std::string> cells;
      bool found = false;
      for (const std::string& size : sizes) {
        const estimate e = result_of(g, of(representation, size), measure);
        cells.push_back(e.count > 0 || e.failed > 0 ? e.text(1, true) : "");
        found = found || e.count > 0;
      }
      any = any || found;
      if (!found) continue;
      cells.insert(cells.begin(), g.label);
      if (representation == std::string("trained"))
        rows.push_back(cells);
      else
        untrained.push_back(cells);
    }
  if (!any) return;
  // Often all runs began alike.
  const bool alike = std::all_of(untrained.begin(), untrained.end(), [&](const auto& row) {
    return std::equal(row.begin() + 1, row.end(), untrained.front().begin() + 1);
  });
  for (std::size_t i = 0; i < untrained.size() && !(alike && i > 0); ++i) {
    untrained[i][0] = alike ? "untrained" : untrained[i][0] + ", untrained";
    rows.push_back(untrained[i]);
  }
  std::string caption = title + " by patches averaged: test accuracy";
  if (std::any_of(groups.begin(), groups.end(), [](const run_group& g) { return g.runs.size() > 1; }))
    caption += ", mean over seeds and 95 % interval";
  caption += ".";
  std::vector<std::string> raw;
  for (const run_group& g : groups) {
    const estimate e = result_of(g, {{"representation", "raw pixels"}}, measure);
    if (e.count > 0) add_once(raw, e.text(1, true));
  }
  if (!raw.empty()) caption += " Raw pixels: " + joined(raw) + ".";
  std::vector<best> emphasis(header.size(), best::highest);
  page.table(header, rows, caption, emphasis);
}

void accuracy_plot(report& page, const std::vector<run_group>& groups, const std::string& measure,
                   const std::string& title) {
  std::vector<series> lines;
  for (const run_group& g : groups) {
    series s{.name = g.label};
    for (const std::string& size : bag_sizes(groups)) {
      if (size.find_first_not_of("0123456789") != std::string::npos) continue;
      const estimate e = result_of(g, of("trained", size), measure);
      if (e.count == 0) continue;
      s.x.push_back(std::stod(size));
      s.y.push_back(e.mean);
      s.low.push_back(e.low);
      s.high.push_back(e.high);
    }
    if (s.x.size() > 1) lines.push_back(std::move(s));
  }
  if (!lines.empty())
    page.line_plot(title + " against the number of patches averaged", "patches per image", "test accuracy",
                   lines, {.log_x = true, .percent = true});
}

/// Each group against the first, paired over the seeds that both have.
void difference_table(report& page, const std::vector<run_group>& groups) {
  const auto by_seed = [](const run_group& g, const condition& where) {
    std::map<std::uint64_t, double> values;
    for (const run_folder* run : g.runs)
      for (const result_row& row : run->record.results)
        if (row.where == where)
          for (const auto& [name, value] : row.measures)
            if (name == "linear" && !run->record.seeds.empty()) values[run->record.seeds.front()] = value;
    return values;
  };
  // The last size, the largest bag, that all have.
  std::string size;
  for (const std::string& s : bag_sizes(groups))
    if (std::all_of(groups.begin(), groups.end(),
                    [&](const run_group& g) { return result_of(g, of("trained", s), "linear").count > 0; }))
      size = s;
  table_rows rows;
  const auto first = by_seed(groups.front(), of("trained", size));
  for (std::size_t i = 1; i < groups.size() && !size.empty(); ++i) {
    std::vector<double> values;
    for (const auto& [seed, value] : by_seed(groups[i], of("trained", size)))
      if (const auto same = first.find(seed); same != first.end()) values.push_back(value - same->second);
    const estimate e = estimate_of(values);
    if (e.count < 2) continue;
    rows.push_back({groups[i].label, (e.mean > 0 ? "+" : "") + e.text(1, true), std::to_string(e.count),
                    !e.differs_from_zero() ? "undecided"
                    : e.low > 0            ? "higher"
                                           : "lower"});
  }
  if (rows.empty()) return;
  page.table(
      {"run", "linear accuracy less that of " + groups.front().label, "seeds", "verdict"}, rows,
      (size == "whole image" ? "On whole images" : "With bags of " + size) +
          std::string(
              ". Paired over seeds; a difference is called one where its 95 % interval leaves out 0."));
}

/// One column of the logs, a line for each group: the mean over its seeds, and a band from the lowest to the
/// highest.
void curve(report& page, const std::vector<run_group>& groups, const std::string& column,
           const std::string& title, const std::string& y_label, const plot_options& options = {}) {
  std::vector<series> lines;
  for (const run_group& g : groups) {
    std::map<double, std::vector<double>> values;
    std::size_t logs = 0;
    for (const run_folder* run : g.runs) {
      const auto* found = run->log.find(column);
      if (!found) continue;
      ++logs;
      for (std::size_t i = 0; i < found->size(); ++i) values[run->log.step[i]].push_back((*found)[i]);
    }
    series s{.name = g.label};
    for (const auto& [step, all] : values) {
      if (all.size() != logs) continue;  // a run that ended early
      const auto [low, high] = std::minmax_element(all.begin(), all.end());
      double sum = 0;
      for (const double v : all) sum += v;
      s.x.push_back(step);
      s.y.push_back(sum / static_cast<double>(all.size()));
      s.low.push_back(*low);
      s.high.push_back(*high);
    }
    if (logs < 2) {
      s.low.clear();
      s.high.clear();
    }
    if (s.x.size() > 1) lines.push_back(std::move(s));
  }
  if (lines.empty()) return;
  page.line_plot(title, "step", y_label, lines, options);
}

/// The names of a log that are terms of its loss.
std::vector<std::string> loss_terms(const run_group& g) {
  static const std::set<std::string> others{
      "epoch",          "rate",       "loss",   "feature_spread", "participation_ratio",
      "effective_rank", "uniformity", "length", "alignment",      "images_per_second",
      "seconds"};
  std::vector<std::string> terms;
  for (const auto& [name, values] : g.runs.front()->log.columns)
    if (!others.contains(name)) terms.push_back(name);
  return terms;
}

void curves(report& page, const std::vector<run_group>& groups) {
  if (std::all_of(groups.begin(), groups.end(),
                  [](const run_group& g) { return g.runs.front()->log.step.size() < 2; }))
    return;  // no line has two points
  page.heading("Training");
  if (std::any_of(groups.begin(), groups.end(), [](const run_group& g) { return g.runs.size() > 1; }))
    page.paragraph("Means over seeds; bars and bands reach from the lowest of them to the highest.");
  // Losses of other terms are other quantities: a plot for each kind.
  std::map<std::vector<std::string>, std::vector<run_group>> kinds;
  for (const run_group& g : groups)
    if (!g.runs.front()->log.step.empty()) kinds[loss_terms(g)].push_back(g);
  for (const auto& [terms, of_kind] : kinds)
    curve(page, of_kind, "loss", "Loss" + (terms.empty() ? std::string() : " of " + joined(terms)), "value");
  curve(page, groups, "effective_rank", "Effective rank of the projections", "directions");
  curve(page, groups, "feature_spread", "Feature spread of the projections", "1 is healthy, 0 a collapse",
        {.y_min = 0.0});
  curve(page, groups, "alignment", "Alignment of the views", "lower is better");
  curve(page, groups, "uniformity", "Uniformity of the projections", "lower is better");
}

std::string class_name(const run_record& r, int c) {
  const auto i = static_cast<std::size_t>(c);
  return i < r.classes.size() ? r.classes[i] : std::to_string(c);
}

/// Maps and confusion matrices of the first run of each group that left its features.
void features(report& page, const std::vector<run_group>& groups) {
  std::vector<std::pair<std::string, scatter_map>> maps;
  std::vector<std::pair<std::string, heat_map>> confusions;
  for (const run_group& g : groups) {
    const std::filesystem::path& folder = g.runs.front()->path;
    std::error_code unknown;
    const auto there = [&](const char* name) { return std::filesystem::exists(folder / name, unknown); };
    if (!there("test_features.npy") || !there("test_labels.npy")) continue;
    const std::string label =
        g.label + (g.runs.size() > 1 ? ", seed " + seeds_of({g.label, {g.runs.front()}}) : "");
    const feature_file all =
        read_features(folder / "test_features.npy", folder / "test_labels.npy", most_mapped);
    const int classes = all.labels.empty() ? 0 : *std::max_element(all.labels.begin(), all.labels.end()) + 1;
    std::vector<std::string> names;
    for (int c = 0; c < classes; ++c) names.push_back(class_name(g.record(), c));
    principal_plane plane = principal_components(all);
    maps.emplace_back(label,
                      scatter_map{.x = std::move(plane.x),
                                  .y = std::move(plane.y),
                                  .group = all.labels,
                                  .names = names,
                                  .x_label = "first component, " + percent(plane.share_x) + " of variance",
                                  .y_label = "second, " + percent(plane.share_y)});
    if (!there("train_features.npy") || !there("train_labels.npy")) continue;
    const confusion_shares shares =
        knn_confusion(read_features(folder / "train_features.npy", folder / "train_labels.npy", most_bank),
                      read_features(folder / "test_features.npy", folder / "test_labels.npy", most_test));
    names.clear();
    for (int c = 0; c < shares.classes; ++c) names.push_back(class_name(g.record(), c));
    confusions.emplace_back(label + ": " + percent(shares.accuracy),
                            heat_map{.rows = names, .columns = names, .values = shares.values});
  }
  if (maps.empty()) return;
  page.heading("Test features");
  page.paragraph(
      "The features that each run left, of up to " + std::to_string(most_mapped) +
      " test images, on the two directions in which they vary most (principal components of the centred "
      "features).");
  const bool several = maps.size() > 1;
  double most = 0;  // one scale for all
  for (const auto& [label, map] : confusions)
    for (const double v : map.values)
      if (v > most) most = v;
  if (several) page.begin_columns();
  for (const auto& [label, map] : maps) page.scatter(label, map);
  if (several) page.end_columns();
  if (confusions.empty()) return;
  page.paragraph("Which class is taken for which by kNN (cosine, k = 20, temperature 0.07), of up to " +
                 std::to_string(most_test) + " test images among up to " + std::to_string(most_bank) +
                 " training images.");
  if (several) page.begin_columns();
  for (const auto& [label, map] : confusions)
    page.heat_map(label, map,
                  {.row_label = "class",
                   .column_label = "taken for",
                   .value_label = "share of the class",
                   .percent = true,
                   .digits = 0,
                   .low = 0.0,
                   .high = most});
  if (several) page.end_columns();
}

void pictures(report& page, const std::vector<run_folder>& runs) {
  bool any = false;
  for (const run_folder& run : runs)
    for (const std::filesystem::path& file : run.pictures) {
      std::error_code unknown;
      if (std::filesystem::file_size(file, unknown) > most_picture_bytes || unknown) continue;
      if (!std::exchange(any, true)) page.heading("Pictures");
      std::ifstream in(file, std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      page.picture(run.name() + ": " + file.stem().string(), bytes);
    }
}

void trainings(report& page, const std::vector<run_group>& groups) {
  page.heading("Results");
  const std::pair<const char*, const char*> measures[] = {{"linear", "Linear (ridge) on embeddings"},
                                                          {"knn", "kNN on embeddings"},
                                                          {"linear_projection", "Linear on projections"},
                                                          {"knn_projection", "kNN on projections"}};
  accuracy_plot(page, groups, "linear", "Linear accuracy");
  for (const auto& [measure, title] : measures) result_table(page, groups, measure, title);
  if (groups.size() > 1) difference_table(page, groups);
  curves(page, groups);
  features(page, groups);
}

// --- experiments
// --------------------------------------------------------------------------------------------

/// A run under the name that it has on the page.
struct named_run {
  std::string label;
  const run_folder* run;
  const observations& results() const { return *run->results; }
};

/// All measures of the runs of one program: condition after condition, and the runs that have it under each
/// other.
void measure_table(report& page, const std::vector<named_run>& runs) {
  std::vector<condition> conditions;
  std::vector<std::string> keys, measures;
  std::set<std::size_t> seeds;
  for (const named_run& r : runs) {
    for (const condition& c : r.results().conditions()) {
      add_once(conditions, c);
      for (const auto& [name, value] : c) add_once(keys, name);
    }
    for (const std::string& m : r.results().measures()) add_once(measures, m);
    seeds.insert(r.results().seeds().size());
  }
  std::vector<std::pair<const condition*, const named_run*>> cells;
  for (const condition& c : conditions)
    for (const named_run& r : runs) {
      const auto own = r.results().conditions();
      if (std::find(own.begin(), own.end(), c) != own.end()) cells.emplace_back(&c, &r);
    }
  if (cells.empty()) return;

  std::vector<std::string> header = keys;
  if (runs.size() > 1) header.push_back("run");
  table_rows rows;
  for (const auto& [where, r] : cells) {
    auto& row = rows.emplace_back();
    for (const std::string& key : keys) row.push_back(value_of(*where, key));
    if (runs.size() > 1) row.push_back(r->label);
  }
  for (const std::string& measure : measures) {
    header.push_back(measure);
    std::vector<estimate> column;
    for (const auto& [where, r] : cells) column.push_back(r->results().of(*where, measure));
    const int digits = digits_for(column);
    for (std::size_t i = 0; i < column.size(); ++i)
      rows[i].push_back(column[i].count + column[i].failed > 0 ? column[i].text(digits) : "");
  }
  if (header.size() > 7 && rows.size() <= 6) transpose(header, rows);
  const std::size_t count = *seeds.begin();
  page.table(header, rows,
             seeds.size() > 1 ? "Mean over the seeds of each run and 95 % interval."
                              : "Mean over " + std::to_string(count) +
                                    (count == 1 ? " seed." : " seeds and 95 % interval."));
}

/// Program by program, what its runs claim and found.
void experiments(report& page, const std::vector<run_group>& groups) {
  std::vector<std::string> programs;
  std::map<std::string, std::vector<named_run>> runs_of;
  for (const run_group& g : groups)
    for (const run_folder* run : g.runs) {
      add_once(programs, run->record.program);
      runs_of[run->record.program].push_back({g.runs.size() > 1 ? run->name() : g.label, run});
    }
  for (const std::string& program : programs) {
    const std::vector<named_run>& runs = runs_of[program];
    const run_record& first = runs.front().run->record;
    page.heading(first.title.empty() ? program : first.title);
    if (!first.claim.empty()) page.claim(first.claim, first.source);
    for (const named_run& r : runs) {
      const run_record& record = r.run->record;
      if (runs.size() > 1) page.paragraph("Run: " + r.label + ".");
      if (!record.stopped.empty()) page.notice(record.stopped);
      if (!record.conclusion.empty()) page.verdict(record.verdict, record.conclusion);
    }
    measure_table(page, runs);
  }
}

/// The options in which no runs differ: those that all have, then those of each program alone.
void configuration(report& page, const std::vector<const run_record*>& records,
                   const std::vector<std::string>& differing) {
  const auto list = [&](const run_record& r, const auto& wanted) {
    std::vector<std::pair<std::string, std::string>> values;
    for (const auto& option : r.options)
      if (std::find(differing.begin(), differing.end(), option.first) == differing.end() &&
          option.first != "seed" && option.first != "seeds" && wanted(option.first))
        values.push_back(option);
    return values;
  };
  const auto everywhere = [&](const std::string& name) {
    return std::all_of(records.begin(), records.end(),
                       [&](const run_record* r) { return has_option(*r, name); });
  };
  page.heading("Configuration");
  page.key_values(list(*records.front(), everywhere));
  std::set<std::string> done;
  for (const run_record* r : records) {
    const auto own = list(*r, [&](const std::string& name) { return !everywhere(name); });
    if (own.empty() || !done.insert(r->program).second) continue;
    page.paragraph("Of " + r->program + ":");
    page.key_values(own);
  }
}

}  // namespace

std::vector<std::string> differing_options(const std::vector<const run_record*>& records) {
  std::vector<std::string> names, differing;
  for (const run_record* r : records)
    for (const auto& [name, value] : r->options)
      if (name != "seed" && name != "seeds") add_once(names, name);
  for (const std::string& name : names) {
    std::set<std::string> values;
    for (const run_record* r : records)
      if (has_option(*r, name)) values.insert(value_of(r->options, name));
    if (values.size() > 1) differing.push_back(name);
  }
  return differing;
}

std::vector<run_group> group_runs(const std::vector<const run_folder*>& runs) {
  const auto without_seed = [](condition options) {
    std::erase_if(options, [](const auto& o) { return o.first == "seed" || o.first == "seeds"; });
    return options;
  };
  std::vector<run_group> groups;
  for (const run_folder* run : runs) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const run_group& g) {
      return g.record().kind == run->record.kind && g.record().program == run->record.program &&
             without_seed(g.record().options) == without_seed(run->record.options);
    });
    if (same == groups.end())
      groups.push_back({"", {run}});
    else
      same->runs.push_back(run);
  }
  std::vector<const run_record*> records;
  std::set<std::string> programs, labels;
  for (const run_group& g : groups) {
    records.push_back(&g.record());
    programs.insert(g.record().program);
  }
  const std::vector<std::string> differing = differing_options(records);
  bool clear = true;  // every label is short and there is none twice
  for (run_group& g : groups) {
    std::vector<std::string> parts;
    if (programs.size() > 1 || differing.empty()) parts.push_back(g.record().program);
    for (const std::string& name : differing)
      if (has_option(g.record(), name)) parts.push_back(name + " " + value_of(g.record().options, name));
    g.label = joined(parts);
    clear = clear && g.label.size() <= 32 && labels.insert(g.label).second;
  }
  for (std::size_t depth = 1; !clear; ++depth) {
    labels.clear();
    bool whole = true;  // no path has more to it
    for (run_group& g : groups) {
      const std::string before = std::exchange(g.label, g.runs.front()->name(depth));
      labels.insert(g.label);
      whole = whole && g.label == before;
    }
    clear = labels.size() == groups.size() || whole;
  }
  return groups;
}

estimate result_of(const run_group& group, const condition& where, const std::string& measure) {
  std::vector<double> values;
  for (const run_folder* run : group.runs)
    for (const result_row& row : run->record.results)
      if (row.where == where)
        for (const auto& [name, value] : row.measures)
          if (name == measure) values.push_back(value);
  return estimate_of(values);
}

report compare(const std::vector<run_folder>& runs, const std::string& title) {
  std::vector<const run_folder*> trained, tried;
  std::vector<const run_record*> records;
  for (const run_folder& run : runs) {
    (run.is_experiment() ? tried : trained).push_back(&run);
    records.push_back(&run.record);
  }
  const std::vector<run_group> of_trainings = group_runs(trained), of_experiments = group_runs(tried);
  std::vector<run_group> groups = of_trainings;
  groups.insert(groups.end(), of_experiments.begin(), of_experiments.end());

  report page(title.empty() ? std::to_string(runs.size()) + (runs.size() == 1 ? " run" : " runs compared")
                            : title);
  for (const run_folder& run : runs) {
    if (!run.is_experiment() && !run.record.stopped.empty())
      page.notice(run.name() + " ended early: " + run.record.stopped + ".");
    for (const std::string& warning : run.record.warnings)
      page.notice(run.name() + ", warning at " + warning + ".");
  }

  const std::vector<std::string> differing = differing_options(records);
  std::vector<std::string> header{"run", "program"};
  header.insert(header.end(), differing.begin(), differing.end());
  header.push_back("seeds");
  header.push_back("folders");
  table_rows rows;
  for (const run_group& g : groups) {
    std::vector<std::string> row{g.label, g.record().program}, folders;
    for (const std::string& name : differing) row.push_back(value_of(g.record().options, name));
    row.push_back(seeds_of(g));
    for (const run_folder* run : g.runs) folders.push_back(run->name());
    row.push_back(joined(folders));
    rows.push_back(row);
  }
  const bool downwards = header.size() > 6 && groups.size() <= 4;  // many options of few runs
  if (downwards) transpose(header, rows);
  page.table(header, rows,
             std::string("What differs. Runs that differ in the seed only are one ") +
                 (downwards ? "column." : "row."));

  if (!of_trainings.empty()) trainings(page, of_trainings);
  experiments(page, of_experiments);
  pictures(page, runs);

  configuration(page, records, differing);
  page.heading("Circumstances");
  header = {"folder",     "seeds",   "started", "wall time", "patches/s",
            "parameters", "version", "backend", "compiler",  "machine"};
  rows.clear();
  for (const run_folder& run : runs) {
    const run_record& r = run.record;
    rows.push_back({run.name(), seeds_of({"", {&run}}), when(r.started), duration(r.seconds),
                    r.patches_per_second > 0 ? count(r.patches_per_second) : "",
                    r.parameters > 0 ? count(static_cast<double>(r.parameters)) : "", r.version, r.backend,
                    r.compiler, r.machine});
  }
  split_table(page, header, rows, 4);
  return page;
}

}  // namespace ssl_example
