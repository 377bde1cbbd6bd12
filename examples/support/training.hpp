#pragma once
/// Training as the example programs do it: with progress, a log, a guard and Ctrl-C.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/finite.hpp"
#include "support/backend.hpp"
#include "support/experiment.hpp"
#include "support/metrics.hpp"
#include "support/progress.hpp"

namespace ssl_example {

/// Times every operation while it lives, if it is asked to.
class timed_operations {
 public:
  timed_operations(backend& be, bool wanted, profile_summary& to) : be_(be), to_(to), on_(wanted) {
    if (on_) ssl::record_operations(be_, &times_);
  }
  ~timed_operations() { stop(); }
  timed_operations(const timed_operations&) = delete;
  timed_operations& operator=(const timed_operations&) = delete;

  void stop() {
    if (!std::exchange(on_, false)) return;
    to_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    ssl::record_operations(be_, nullptr);
    to_.rows = times_.rows();
  }

 private:
  backend& be_;
  profile_summary& to_;
  bool on_;
  ssl::profile times_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Trains with progress on stderr and a line of JSON for each record in metrics.jsonl. A sign of a collapse
/// is told once, and stands in each line that has it. Ctrl-C and a guard that finds the run dead end it
/// early; `summary.stopped` then says why. False where there is nothing to measure: no step was made, or the
/// weights are no longer finite.
template <class Trainer>
bool train_with_progress(Trainer& trainer, const ssl::any_split& data, const experiment_options& options,
                         const output_dir& out, run_summary& summary) {
  if (interrupted()) {
    summary.stopped = "stopped by Ctrl-C before the first step";
    return false;
  }
  progress live(options.quiet);
  metrics_writer log(out / "metrics.jsonl");
  ssl::guard watch;
  summary.computes_with = describe_backend(trainer.encoder().backend());
  live.note(summary.computes_with);
  timed_operations timed(trainer.encoder().backend(), options.compute.profile, summary.profile);
  trainer.run(data.train, [&](const ssl::step_record& r) {
    summary.log.push_back(r);
    std::vector<named_value> terms;
    for (const auto& term : r.loss.terms) terms.push_back({term.name, term.value});
    const index per_epoch = r.steps / r.epochs;
    const progress_state state{.epoch = r.epoch + 1,
                               .epochs = r.epochs,
                               .step = (r.step - 1) % per_epoch + 1,
                               .steps = per_epoch,
                               .images = r.step * options.batch,
                               .terms = terms,
                               .feature_spread = r.projections.feature_spread,
                               .effective_rank = r.projections.effective_rank,
                               .alignment = r.projections.alignment,
                               .uniformity = r.projections.uniformity};
    if (r.step % per_epoch == 0) {
      live.epoch(state);
    } else {
      live.step(state);
    }
    std::vector<metric> line{
        {"step", r.step}, {"epoch", r.epoch + 1}, {"rate", r.rate}, {"loss", r.loss.total}};
    for (const auto& term : r.loss.terms) line.emplace_back(term.name, term.value);
    for (auto& [name, value] : named_health(r.projections)) line.emplace_back(name, value);
    line.emplace_back("images_per_second", r.images_per_second);
    line.emplace_back("seconds", r.seconds);
    if (!r.signs.empty()) line.emplace_back("warning", joined(r.signs));
    log.write(line);
    for (const std::string& warning : watch.warnings(r.signs, r.step)) {
      live.note(warning);
      summary.warnings.push_back(warning);
    }
    if (const auto cause = watch.inspect(r.loss, r.projections, r.step, r.signs)) summary.stopped = *cause;
    if (interrupted())
      summary.stopped =
          "stopped by Ctrl-C after step " + std::to_string(r.step) + " of " + std::to_string(r.steps);
    return summary.stopped.empty();
  });
  timed.stop();
  if (options.compute.profile) summary.profile.product_speed = product_speed(trainer.encoder().backend());
  live.finish();
  if (!summary.log.empty()) {
    summary.training_seconds = summary.log.back().seconds;
    summary.patches_per_second = static_cast<double>(summary.log.back().step) * options.batch *
                                 options.patches / std::max(summary.training_seconds, 1e-9);
  }
  const auto finite = [](auto& network) {
    const to_host weights(network.backend(), network.params());
    return std::all_of(weights.values.begin(), weights.values.end(),
                       [](float w) { return ssl::is_finite(w); });
  };
  return !summary.log.empty() && finite(trainer.encoder()) && finite(trainer.projector());
}

/// The networks that an earlier run left in a folder.
template <class Trainer>
void load_networks(Trainer& trainer, const std::filesystem::path& folder) {
  ssl::load_weights((folder / "encoder.weights").string(), trainer.encoder());
  ssl::load_weights((folder / "projector.weights").string(), trainer.projector());
}

/// Everything that a run leaves: features and labels are there already; the weights, the table on stdout, the
/// report. Returns the exit code: 1 where the guard ended the run.
template <class Trainer>
int finish(Trainer& trainer, run_summary& summary, const experiment_options& options,
           const ssl::any_split& data, index patch_side, std::chrono::steady_clock::time_point start,
           const output_dir& out) {
  ssl::save_weights((out / "encoder.weights").string(), trainer.encoder());
  ssl::save_weights((out / "projector.weights").string(), trainer.projector());
  summary.parameters = trainer.encoder().params().rows + trainer.projector().params().rows;
  summary.patch_side = patch_side;
  for (index i = 0; i < std::min<index>(10, data.train.size()); ++i) {
    auto& row = summary.boxes.emplace_back();
    for (index v = 0; v < 7; ++v) row.push_back(trainer.views().sampler({.seed = options.seed}, i, v));
  }
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  summary.computes_with = describe_backend(trainer.encoder().backend());
  summary.classes = data.class_names;
  print_results(summary.results);
  if (!summary.profile.rows.empty()) print_profile(summary.profile);
  write_record(summary, options, out);
  write_report(summary, options, data, out);
  std::printf("report: %s\n", (out / "report.html").c_str());
  if (summary.stopped.empty() || interrupted()) return 0;
  std::fprintf(stderr, "%s\n", summary.stopped.c_str());
  return 1;
}

}  // namespace ssl_example
