#pragma once
/// How a training run is doing, on stderr. A terminal shows one line that is rewritten a few times a second;
/// anything else (a file, a pipe) gets one plain line an epoch.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ssl_example {

struct named_value {
  std::string_view name = {};
  double value = 0;
};

/// What is known after a step. Counts start at 1; `images` is the number seen since the run began.
struct progress_state {
  std::int64_t epoch = 0;
  std::int64_t epochs = 0;
  std::int64_t step = 0;   ///< within the epoch
  std::int64_t steps = 0;  ///< of an epoch
  std::int64_t images = 0;
  std::span<const named_value> terms = {};  ///< the loss, term by term
  std::optional<double> feature_spread = {};
  std::optional<double> effective_rank = {};
  std::optional<double> alignment = {};
  std::optional<double> uniformity = {};
};

/// Reports nothing at all when quiet. Costs a clock reading for a step that is not shown.
class progress {
 public:
  explicit progress(bool quiet = false);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// After each step.
  void step(const progress_state& state);
  /// After the last step of each epoch.
  void epoch(const progress_state& state);
  /// A sentence of its own line, above the live one.
  void note(std::string_view text);
  /// Leaves the live line as it stands, the cursor below it.
  void finish();

 private:
  using clock = std::chrono::steady_clock;

  void show(const progress_state& state);
  std::string describe(const progress_state& state, clock::time_point now);

  bool quiet_;
  bool live_;             // stderr is a terminal
  bool pending_ = false;  // the cursor is on an unfinished line
  clock::time_point shown_at_;
  clock::time_point began_at_;
  std::int64_t shown_images_ = 0;
  double began_steps_ = -1;
  double rate_ = 0;  // images a second, smoothed
  std::string line_;
};

}  // namespace ssl_example
