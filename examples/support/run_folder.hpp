#pragma once
/// What a program left in its folder, read for comparison.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/observations.hpp"
#include "support/run_record.hpp"

namespace ssl_example {

/// The numbers of metrics.jsonl by name, in the order in which they first occur; NaN where a line has none.
struct training_log {
  std::vector<double> step;
  std::vector<std::pair<std::string, std::vector<double>>> columns;

  /// The column of this name; null without one.
  const std::vector<double>* find(std::string_view name) const;
};

/// ssl::data_error names file and line where one is no object with a step. A last line that a crash cut short
/// is left out.
training_log read_training_log(const std::filesystem::path& file);

struct run_folder {
  std::filesystem::path path;
  run_record record;
  training_log log;                             // of a training
  std::optional<observations> results;          // of an experiment
  std::vector<std::filesystem::path> pictures;  // *.png, sorted

  bool is_experiment() const { return record.kind == "experiment"; }
  /// The last folders of the path.
  std::string name(std::size_t depth = 1) const;
};

/// ssl::data_error in one sentence where there is no such folder, or no run in it.
run_folder read_run_folder(const std::filesystem::path& folder);

}  // namespace ssl_example
