#pragma once
/// An experiment from its runs to its page:
///
///     experiment_page page(o.out, {.title = "Number of patches", .claim = "...", .source = "arXiv
///     2304.03977, figure 3",
///                                  .program = "patch_count", .options = option_values(app),
///                                  .backend = describe_backend(be)});
///     page.measure(conditions, seeds, [&](const condition& c, std::uint64_t seed) { return measures; });
///     page.table({"loss", "patches"}, {{.measure = "knn", .title = "kNN", .digits = 1, .percent = true}});
///     page.line_plot("Accuracy against patches", {.measure = "knn", .percent = true}, "patches", "loss");
///     page.conclude(outcome::holds, "More patches are better up to 20.");
///     page.write();
///
/// The folder then holds results.jsonl, run.json and report.html. All cells, points and colours are means
/// over seeds; intervals are Student's, 95 %.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/observations.hpp"
#include "support/output_dir.hpp"
#include "support/report.hpp"

namespace ssl_example {

struct experiment_info {
  std::string title = {};
  std::string claim = {};    // the sentence under test
  std::string source = {};   // where it is made: "arXiv 2304.03977, figure 3"
  std::string what = {};     // what was run, in a few sentences
  std::string program = {};  // by which it is made again
  condition options = {};    // its command line, see option_values
  std::string backend = {};  // what computed, in a line
};

/// What the runs say of the claim.
enum class outcome { open, holds, in_part, not_here };

/// "not decided", "holds", "holds in part", "does not show at this scale".
const char* to_text(outcome o);

/// A measure and how to write it.
struct shown_measure {
  std::string measure = {};
  std::string title = {};  // the measure's name where empty
  int digits = 3;
  bool percent = false;  // fractions shown as percentages
  best emphasis = best::none;
};

class experiment_page {
 public:
  /// Opens the folder and what an earlier process left in it. ssl::option_error where that was run with other
  /// options, which would mix the results of two experiments; the seeds, and options that change no result
  /// (out, seeds, quiet, threads, workers, backend), may differ.
  experiment_page(const std::filesystem::path& folder, experiment_info info);
  /// The same with results that are somebody else's and outlive the page.
  experiment_page(const std::filesystem::path& folder, experiment_info info, observations& results);

  observations& results() { return results_; }
  const observations& results() const { return results_; }
  const output_dir& folder() const { return folder_; }

  using measures = std::vector<std::pair<std::string, double>>;
  using runner = std::function<measures(const condition&, std::uint64_t)>;

  /// Every condition with every seed that the results lack, seed by seed, with a line on stderr for each
  /// unless quiet. Stops between two runs after Ctrl-C: false then, and the page says what is missing.
  bool measure(const std::vector<condition>& conditions, std::span<const std::uint64_t> seeds,
               const runner& run, bool quiet = false);

  // --- blocks, in the order of the calls; `part` restricts each to the conditions that contain it
  // -----------

  /// Anything else: headings, paragraphs, contact sheets.
  report& blocks() { return blocks_; }

  /// One row for each combination of the keys' values that occurs, one column for each measure.
  void table(const std::vector<std::string>& keys, const std::vector<shown_measure>& columns,
             std::string_view caption = {}, const condition& part = {});
  /// One measure: a row for each value of one key, a column for each of another. Percentages have their sign
  /// in the caption, which begins with the measure's title.
  void cross_table(const std::string& row_key, const std::string& column_key, const shown_measure& what,
                   std::string_view caption = {}, const condition& part = {});
  /// Each value of the key against `reference`, another value of it: paired over seeds, and whether that is a
  /// difference.
  void differences(const std::string& key, const std::string& reference, const shown_measure& what,
                   std::string_view caption = {}, const condition& part = {});
  /// The measure against a key whose values are numbers, a line for each value of `line_key` (one line where
  /// that is empty), with intervals. `others` are drawn as they are. ssl::option_error where a value of x_key
  /// is no number.
  void line_plot(std::string_view title, const shown_measure& what, const std::string& x_key,
                 const std::string& line_key, plot_options options = {}, const condition& part = {},
                 const std::vector<series>& others = {});
  /// The measure over two keys. `options.row_label`, `column_label` and `value_label` are the names of keys
  /// and measure where empty.
  void heat_map(std::string_view title, const shown_measure& what, const std::string& row_key,
                const std::string& column_key, heat_options options = {}, const condition& part = {});

  /// The sentence that the page begins with.
  void conclude(outcome o, std::string_view sentence);

  /// report.html and run.json. Says on stdout where.
  void write();

 private:
  experiment_page(const std::filesystem::path& folder, experiment_info info, observations* results);
  std::vector<std::string> values(const std::string& key, const condition& part) const;
  std::string record() const;

  output_dir folder_;
  experiment_info info_;
  std::unique_ptr<observations> own_;
  observations& results_;
  std::string started_;
  report blocks_;
  outcome outcome_ = outcome::open;
  std::string conclusion_;
  std::string missing_;
};

}  // namespace ssl_example
