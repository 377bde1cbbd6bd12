#pragma once
/// What --profile shows: the time of a training by operation, on stdout and in the report.

#include <string>
#include <vector>

#include "ssl/backend/profile.hpp"
#include "support/report.hpp"

namespace ssl_example {

/// The profile of a training and what it is measured by.
struct profile_summary {
  std::vector<ssl::profile::row> rows;  // the longest first; empty without --profile
  double seconds = 0;                   // of the training, what is outside the verbs included
  double product_speed = 0;             // flops a second of a large product of floats
};

inline const std::vector<std::string> profile_columns{"operation", "on",      "calls",      "seconds",
                                                      "share",     "GFLOP/s", "of product", "GB/s"};

/// The longest operations, the others as one row, what is outside the verbs, and the sum.
std::vector<std::vector<std::string>> profile_cells(const profile_summary& summary, std::size_t longest = 30);

/// A table on stdout.
void print_profile(const profile_summary& summary);

/// The same in the report.
void report_profile(report& page, const profile_summary& summary);

}  // namespace ssl_example
