#pragma once
/// The page that compares runs: what differs between them, results side by side, curves over each other, maps
/// of their features, and the circumstances of each.

#include <string>
#include <vector>

#include "support/report.hpp"
#include "support/run_folder.hpp"

namespace ssl_example {

/// Runs that differ in the seed only.
struct run_group {
  std::string label;                    // short, unlike those of the other groups
  std::vector<const run_folder*> runs;  // at least one
  const run_record& record() const { return runs.front()->record; }
};

/// Names of the options in which records differ, in the order of the records. An option that only some
/// programs have counts where those that have it disagree.
std::vector<std::string> differing_options(const std::vector<const run_record*>& records);

/// The runs by program and options. A group is labelled by what distinguishes it, or, where that would be
/// long, by the end of its first folder's path that is unlike those of the others.
std::vector<run_group> group_runs(const std::vector<const run_folder*>& runs);

/// Mean over a group's runs of one measure in one condition of their results.
estimate result_of(const run_group& group, const condition& where, const std::string& measure);

/// The whole page. ssl::data_error where a run's features are broken.
report compare(const std::vector<run_folder>& runs, const std::string& title);

}  // namespace ssl_example
