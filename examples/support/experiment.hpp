#pragma once
/// What the example trainers share around their recipe, whatever the backend: the options, the images, the
/// results and the report.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ssl/ssl.hpp"
#include "support/backend_options.hpp"
#include "support/cli.hpp"
#include "support/data_source.hpp"
#include "support/observations.hpp"
#include "support/output_dir.hpp"
#include "support/profile_table.hpp"

namespace ssl_example {

using ssl::index;

/// The command line of a trainer; a recipe sets its own defaults before `add_options`.
struct experiment_options : data_options {
  std::string out = "out";
  int epochs = 8;
  int batch = 100;
  int patches = 8;      // views of an image in a step
  double scale = 0.25;  // share of the image's area
  double rate = 0.3;    // peak learning rate
  std::vector<index> widths = {32, 64, 128, 256};
  std::vector<index> projector = {1024, 512};
  std::vector<int> eval_patches = {1, 4, 16, 64, 256};
  int train_images = 0;  // the first training images; 0: all
  int test_images = 0;   // the first test images; 0: all
  int eval_images = 0;   // training images that the evaluation uses as its bank; 0: all
  int workers = 0;       // threads that read batches ahead; 0: the backend gathers its images itself
  backend_options compute;
  bool quiet = false;
  std::string program, started;  // which program, and when it began, in UTC
  condition settings;            // the command line as it was read: option_values
};

void add_options(CLI::App& app, experiment_options& options);

/// Batch, epochs, seed and workers as a trainer takes them.
ssl::run_options run_options_of(const experiment_options& options);

/// The images that the options name. ssl::data_error unless they are square and have labels to be judged by,
/// ssl::option_error where there are fewer than a batch needs.
ssl::any_split load_images(const experiment_options& options);

/// How many images classifiers learn from: all that have labels, or the first --eval-images of them.
index bank_size(const ssl::any_split& data, const experiment_options& options);

/// Accuracy of one representation: both classifiers, on embeddings and on projections (negative: not
/// measured).
struct measurement {
  std::string name;
  int patches = 0;  // 0: the whole image at once
  double knn = -1, linear = -1, knn_projection = -1, linear_projection = -1;
};

/// The monitor's numbers under the names of metrics.jsonl.
std::vector<std::pair<std::string, double>> named_health(const ssl::health& health);

/// The signs as one line.
std::string joined(const std::vector<ssl::collapse_sign>& signs);

/// What a run leaves for its report.
struct run_summary {
  std::string title, explanation;
  std::vector<ssl::step_record> log;
  std::vector<measurement> results;
  std::string stopped;                // why it ended early; empty where it did not
  std::vector<std::string> warnings;  // signs of a collapse, each when it first showed
  double training_seconds = 0, seconds = 0;
  index parameters = 0, patch_side = 0;
  std::vector<std::vector<ssl::box>> boxes;  // of the first images' patches, to be shown
  double patches_per_second = 0;
  std::string computes_with;         // the backend, in a line
  std::vector<std::string> classes;  // their names, where they have any
  profile_summary profile;           // of the training, where --profile asks for it
};

/// run.json: the command line, the results and the circumstances as data, see run_record.hpp.
void write_record(const run_summary& summary, const experiment_options& options, const output_dir& out);

/// report.html, complete in itself.
void write_report(const run_summary& summary, const experiment_options& options, const ssl::any_split& data,
                  const output_dir& out);

/// What the images are, in a sentence.
std::string describe(const ssl::any_split& data, const experiment_options& options);

/// One line a measurement, for the terminal.
void print_results(const std::vector<measurement>& results);

}  // namespace ssl_example
