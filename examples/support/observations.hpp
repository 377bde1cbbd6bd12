#pragma once
/// What an experiment measured, in a file that grows with every finished run, so that an interrupted
/// experiment goes on where it stopped; and means over seeds with their intervals.
///
///     observations results(out / "results.jsonl");
///     for (const std::uint64_t seed : seeds)
///       for (const condition& c : conditions)
///         if (!results.has(c, seed)) results.add(c, seed, {{"knn", accuracy}, {"seconds", time}});
///     results.summary({{"loss", "vicreg"}}, "knn").text(1, true);  // "81.3 ± 1.2 %"
///
/// The file holds one line of JSON for each `add`:
/// {"condition":{"loss":"vicreg","patches":"16"},"seed":1,"measures":{"knn":0.813,"seconds":41.5},"took":41.7}

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ssl/core/finite.hpp"

namespace ssl_example {

/// What distinguishes one run of an experiment from another but for the seed: names and values. The order of
/// the names does not matter for equality; it is kept for display.
using condition = std::vector<std::pair<std::string, std::string>>;

/// Whether every pair of `part` is one of `whole`. The empty part is contained in everything.
bool contains(const condition& whole, const condition& part);

/// The value of a name; empty where the condition has no such name.
std::string value_of(const condition& where, std::string_view name);

/// One measured number.
struct observation {
  condition where;
  std::uint64_t seed = 0;
  std::string measure;
  double value = 0;  // NaN where it was not finite
};

/// A mean over seeds and the 95 % interval of Student's t around it.
struct estimate {
  double mean = ssl::not_a_number<double>();  // NaN where count is 0
  double low = ssl::not_a_number<double>();   // NaN where count < 2
  double high = ssl::not_a_number<double>();
  int count = 0;   // seeds
  int failed = 0;  // seeds left out since their value is not finite

  /// Half the interval's length; NaN where count < 2.
  double half() const { return (high - low) / 2; }
  /// For differences: whether the interval lies on one side of 0. False without an interval.
  bool differs_from_zero() const { return low > 0 || high < 0; }
  /// "0.813 ± 0.012" (a minus before it is −), or "81.3 ± 1.2 %" for a fraction as a percentage; the mean
  /// alone for one seed, "–" for none. Failed seeds are counted behind: "0.813 ± 0.012 (1 failed)".
  std::string text(int digits = 3, bool percent = false) const;
};

/// The estimate from one value a seed.
estimate estimate_of(std::span<const double> values);

/// A part of a contrast: weight times the measure over the conditions that contain `part`.
struct contrast_term {
  double weight = 1;
  condition part;
  std::string measure;
};

/// The runs of an experiment and the file that keeps them. One writer at a time.
class observations {
 public:
  /// Reads what the file holds, if there is one; changes nothing on disk. A last line that a crash cut short
  /// is left out (and from the file at the next `add`). ssl::data_error names file and line where any other
  /// line is not of this format, or holds a condition and seed that an earlier one holds.
  explicit observations(std::filesystem::path file);

  /// Whether `add` was called with this condition and this seed, here or in an earlier process.
  bool has(const condition& where, std::uint64_t seed) const;

  /// Appends all measures of one run, whole or not at all, on disk when this returns. Values that are not
  /// finite become null. ssl::option_error for a run that is there already, no measures, or a name given
  /// twice; ssl::data_error where the file cannot be written.
  void add(const condition& where, std::uint64_t seed,
           const std::vector<std::pair<std::string, double>>& measures);

  std::span<const observation> all() const { return all_; }

  /// Time spent in all runs, those of earlier processes included: each `add` took the time since the one
  /// before it, or since this object was made.
  double seconds() const { return seconds_; }
  const std::filesystem::path& file() const { return file_; }

  /// The measure over all seeds whose condition contains `part`. Where several conditions of one seed do, the
  /// seed counts once, with their mean.
  estimate summary(const condition& part, std::string_view measure) const;

  /// The same over the runs of this very condition.
  estimate of(const condition& where, std::string_view measure) const;

  /// The measure under `a` less that under `b`, paired: the mean over seeds that have both.
  estimate difference(const condition& a, const condition& b, std::string_view measure) const;

  /// sum of weight * measure under each part, paired: the mean over seeds that have all of them.
  estimate contrast(const std::vector<contrast_term>& terms) const;

  /// The values of a name over all conditions, the measures, and the seeds, each once: values and measures in
  /// the order in which they first occur, seeds sorted.
  std::vector<std::string> values(std::string_view name) const;
  std::vector<std::string> measures() const;
  std::vector<std::uint64_t> seeds() const;
  /// Every condition once, in the order of the file.
  std::vector<condition> conditions() const;

 private:
  std::filesystem::path file_;
  std::uintmax_t whole_bytes_ = 0;  // of the file, without a torn last line
  bool end_missing_ = false;        // the last whole line has no newline yet
  std::vector<observation> all_;
  double seconds_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();

  void keep(const condition& where, std::uint64_t seed,
            const std::vector<std::pair<std::string, double>>& measures);
  std::vector<std::pair<std::uint64_t, double>> by_seed(const condition& part,
                                                        std::string_view measure) const;
};

}  // namespace ssl_example
