#pragma once
/// Where and when a program runs, for its report.

#include <string>

namespace ssl_example {

/// The processor and how many of its threads this process may use: "AMD EPYC 9575F, 2 threads".
std::string machine_text();

/// Now, in UTC: "2024-05-31T16:20:05Z".
std::string utc_now();

/// The library's version: "0.5.0".
std::string library_version();

}  // namespace ssl_example
