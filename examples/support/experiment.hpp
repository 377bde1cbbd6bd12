#pragma once
/// What the example trainers share around their recipe: the options, training with progress and a log, the
/// evaluation of bags of patches, and the report.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ssl/data/npy.hpp"
#include "ssl/ssl.hpp"
#include "support/cli.hpp"
#include "support/data_source.hpp"
#include "support/eigen_products.hpp"
#include "support/metrics.hpp"
#include "support/output_dir.hpp"
#include "support/progress.hpp"

namespace ssl_example {

using backend = ssl::eigen_backend<float>;
using ssl::index;

/// The command line of a trainer; a recipe sets its own defaults before `add_options`.
struct experiment_options {
  std::string data = "synthetic";
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
  std::uint64_t seed = 1;
  int threads = 0;
  bool quiet = false;
};

void add_options(CLI::App& app, experiment_options& options);

/// The images that the options name. ssl::data_error unless they are square, ssl::option_error where there
/// are fewer than a batch needs.
ssl::dataset_split load_images(const experiment_options& options);

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
};

/// report.html, complete in itself.
void write_report(const run_summary& summary, const experiment_options& options,
                  const ssl::dataset_split& data, const output_dir& out);

/// What the images are, in a sentence.
std::string describe(const ssl::dataset_split& data, const experiment_options& options);

/// One line a measurement, for the terminal.
void print_results(const std::vector<measurement>& results);

/// kNN (cosine, k = 20, temperature 0.07) and ridge on standardised features.
struct classifier_scores {
  double knn = 0, linear = 0;
};
classifier_scores classify(ssl::context<backend> ctx, ssl::cview<backend> train,
                           std::span<const int> train_labels, ssl::cview<backend> test,
                           std::span<const int> test_labels, int classes,
                           const ssl::ridge_probe& linear = {});

/// Raw pixels under the same classifiers.
measurement measure_pixels(ssl::context<backend> ctx, const ssl::dataset_split& data, index train_images);

/// An owned matrix.
struct owned_matrix {
  owned_matrix(backend& be, index rows, index cols)
      : buffer(be.allocate<float>(rows * cols)), all(buffer.as(rows, cols)) {}
  ssl::host_buffer<float> buffer;
  ssl::view<backend> all;  // (rows, cols)
};

/// Mean of 1, 4, 16, ... patches per image, embedding and projection, each patch used once: the patches of a
/// smaller bag are the first of the larger. Sizes come in any order; one that is named twice counts once.
/// `keep` receives the largest bag's embeddings and labels.
template <class Encoder, class Projector, class Views>
std::vector<measurement> measure_bags(ssl::context<backend> ctx, const std::string& name,
                                      ssl::network<Encoder, backend>& encoder,
                                      ssl::network<Projector, backend>& projector, const Views& views,
                                      const ssl::dataset_split& data, index train_images,
                                      std::vector<int> bags, const output_dir* keep = nullptr) {
  backend& be = ctx.be;
  std::sort(bags.begin(), bags.end());
  bags.erase(std::unique(bags.begin(), bags.end()), bags.end());
  if (bags.empty()) return {};
  const index e = encoder.output_shape().size(), d = projector.output_shape().size();
  const index n[2] = {train_images, data.test.size()};
  const ssl::memory_dataset* const part[2] = {&data.train, &data.test};
  std::vector<owned_matrix> h, z, h_new, z_new;
  for (int s = 0; s < 2; ++s) {
    for (auto* list : {&h, &h_new}) list->emplace_back(be, e, n[s]);
    for (auto* list : {&z, &z_new}) list->emplace_back(be, d, n[s]);
  }
  std::vector<measurement> results;
  index done = 0;
  for (const int bag : bags) {
    const float old_share = static_cast<float>(done) / static_cast<float>(bag);
    for (std::size_t s = 0; s < 2; ++s) {
      ssl::bag_features(ctx, encoder, projector, views, {.seed = 77 + s}, *part[s],
                        {.images = n[s], .first_view = done, .views = bag - done}, ssl::patch_mean{},
                        h_new[s].all, z_new[s].all);
      const auto blend = [&](ssl::view<backend> mean, ssl::view<backend> fresh) {
        if (done == 0) return ssl::copy(be, fresh, mean);
        ssl::map(be, mean, ssl::fn::scale<float>{old_share}, mean);
        ssl::map(be, mean, ssl::fn::axpy<float>{1 - old_share}, fresh, mean);
      };
      blend(h[s].all, h_new[s].all);
      blend(z[s].all, z_new[s].all);
    }
    done = bag;
    const auto train_labels = data.train.labels().first(static_cast<std::size_t>(n[0]));
    const auto on_h =
        classify(ctx, h[0].all, train_labels, h[1].all, data.test.labels(), data.train.classes());
    const auto on_z =
        classify(ctx, z[0].all, train_labels, z[1].all, data.test.labels(), data.train.classes());
    results.push_back({name, bag, on_h.knn, on_h.linear, on_z.knn, on_z.linear});
  }
  if (keep) {
    for (std::size_t s = 0; s < 2; ++s) {
      const std::string stem = s == 0 ? "train" : "test";
      const std::vector<index> shape{n[s], e};
      ssl::write_npy<float>(*keep / (stem + "_features.npy"), shape,
                            std::span<const float>(h[s].all.data, static_cast<std::size_t>(n[s] * e)));
      const auto labels = part[s]->labels().first(static_cast<std::size_t>(n[s]));
      const std::vector<std::int64_t> wide(labels.begin(), labels.end());
      ssl::write_npy<std::int64_t>(*keep / (stem + "_labels.npy"), std::vector<index>{n[s]}, wide);
    }
  }
  return results;
}

/// The whole image through the same encoder in one pass, at its own size.
template <class Encoder, class Projector>
measurement measure_whole(ssl::context<backend> ctx, const std::string& name,
                          ssl::network<Encoder, backend>& encoder,
                          ssl::network<Projector, backend>& projector, const ssl::dataset_split& data,
                          index train_images, ssl::normalize colours = {}, const output_dir* keep = nullptr) {
  ssl::network<Encoder, backend> whole(ctx.be, encoder.arch(), data.train.shape(), 0);
  ssl::copy(ctx.be, encoder.params(), whole.params());
  const ssl::patch_views views(ssl::whole{}, colours, data.train.shape());
  auto result = measure_bags(ctx, name, whole, projector, views, data, train_images, {1}, keep).front();
  result.patches = 0;
  return result;
}

/// Trains with progress on stderr and a line of JSON for each record in metrics.jsonl. A sign of a collapse
/// is told once, and stands in each line that has it. Ctrl-C and a guard that finds the run dead end it
/// early; `summary.stopped` then says why. False where there is nothing to measure: no step was made, or the
/// weights are no longer finite.
template <class Trainer>
bool train_with_progress(Trainer& trainer, const ssl::dataset_split& data, const experiment_options& options,
                         const output_dir& out, run_summary& summary) {
  if (interrupted()) {
    summary.stopped = "stopped by Ctrl-C before the first step";
    return false;
  }
  progress live(options.quiet);
  metrics_writer log(out / "metrics.jsonl");
  ssl::guard watch;
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
  live.finish();
  if (!summary.log.empty()) {
    summary.training_seconds = summary.log.back().seconds;
    summary.patches_per_second = static_cast<double>(summary.log.back().step) * options.batch *
                                 options.patches / std::max(summary.training_seconds, 1e-9);
  }
  const auto finite = [](ssl::cview<backend> weights) {
    return std::all_of(weights.data, weights.data + weights.rows, [](float w) { return std::isfinite(w); });
  };
  return !summary.log.empty() && finite(trainer.encoder().params()) && finite(trainer.projector().params());
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
           const ssl::dataset_split& data, index patch_side, std::chrono::steady_clock::time_point start,
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
  print_results(summary.results);
  write_report(summary, options, data, out);
  std::printf("report: %s\n", (out / "report.html").c_str());
  if (summary.stopped.empty() || interrupted()) return 0;
  std::fprintf(stderr, "%s\n", summary.stopped.c_str());
  return 1;
}

}  // namespace ssl_example
