#pragma once
/// run.json: what a program was asked for and what came out, for programs that compare runs.
///
///     {"kind":"training","program":"vicreg","title":"VICReg","options":{"data":"cifar10:...","epochs":"8",...},
///      "seeds":[1],"version":"0.5.0","backend":"eigen: AVX-512 ...","compiler":"GCC 12.2.0",
///      "machine":"AMD ..., 2
///      threads","started":"2024-05-31T16:20:05Z","seconds":84.1,"patches_per_second":2130,
///      "parameters":...,"stopped":"","warnings":[],
///      "results":[{"condition":{"representation":"trained","patches":"16"},"measures":{"knn":0.813,...}},...]}

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/observations.hpp"

namespace ssl_example {

/// Measures of one row of a results table. NaN: not measured, or not finite.
struct result_row {
  condition where;
  std::vector<std::pair<std::string, double>> measures;
};

struct run_record {
  std::string kind = "training";  // or "experiment": its results stand in results.jsonl beside
  std::string program = {}, title = {};
  condition options = {};  // every option of the command line but the seed, as text
  std::vector<std::uint64_t> seeds = {};
  std::string version = {}, backend = {}, compiler = {}, machine = {};
  std::string started = {};                                            // UTC
  double seconds = 0;                                                  // wall time
  double patches_per_second = 0;                                       // of the training; 0: none
  std::int64_t parameters = 0;                                         // of the networks; 0: unknown
  std::string claim = {}, source = {}, verdict = {}, conclusion = {};  // of an experiment
  std::string stopped = {};               // why it ended early; empty where it did not
  std::vector<std::string> classes = {};  // their names, where the images have any
  std::vector<std::string> warnings = {};
  std::vector<result_row> results = {};  // of a training
};

/// The record as a file that a person can read.
std::string to_json(const run_record& record);

/// ssl::data_error names the file, and the line or the entry, where it is missing, no JSON, or not of this
/// format. Entries that this version does not know are ignored.
run_record read_run_record(const std::filesystem::path& file);

}  // namespace ssl_example
