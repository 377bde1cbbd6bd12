#pragma once
/// What the methods on crops of whole images share: data, crops, steps, training, evaluation and report. A
/// method's example holds its recipe and nothing else.

#include <chrono>
#include <string>
#include <utility>

#include "support/experiment.hpp"
#include "support/measure.hpp"
#include "support/training.hpp"

namespace ssl_example {

/// The networks of every example, so that evaluating them is compiled once.
using encoder_arch = decltype(ssl::patch_encoder());
using projector_arch = decltype(ssl::projector({1}));

struct crop_options : experiment_options {
  double smallest = 0.2;  // least share of the image's area in a crop

  /// Defaults that suit two views of small images; a method changes what its paper has otherwise.
  explicit crop_options(const std::string& name, int views = 2) {
    out = "out/" + name;
    epochs = 20;
    batch = 256;
    patches = views;
    rate = 0.8;
    projector = {512, 512, 512};
    eval_patches = {16};
  }
};

/// `--patches` is called `--views` here, and there is no `--scale`.
void add_crop_options(CLI::App& app, crop_options& options);

/// One method on one dataset.
class crop_task {
 public:
  explicit crop_task(const crop_options& options);

  index steps() const { return steps_; }
  /// A tenth of the run.
  index warmup() const { return steps_ / 10; }
  /// The peak rate for this batch: rate * batch / 256.
  double rate() const { return ssl::scaled_rate(options_.rate, options_.batch); }
  encoder_arch encoder() const { return ssl::patch_encoder({.widths = options_.widths}); }
  projector_arch projector() const { return ssl::projector(options_.projector); }
  /// One hidden layer as wide as the projector's, back to the embedding's width.
  projector_arch predictor() const {
    return ssl::projector({options_.projector.front(), options_.projector.back()}, {.last_bias = true});
  }

  /// Trains, evaluates on whole images and on means of crops, and leaves everything in the output folder.
  /// Returns the exit code.
  template <class Networks, class L, class Opt, class Rate, class Colours>
  int train(const std::string& title, const std::string& idea, Networks networks, L loss, Opt optimizer,
            Rate rate, Colours colours) {
    const auto start = std::chrono::steady_clock::now();
    ssl::trainer trainer(be_, std::move(networks), loss, optimizer, rate,
                         ssl::patch_views(crops(), colours, image_), image_, run_options_of(options_));
    const output_dir out(options_.out);
    auto ctx = trainer.ctx(ssl::mode::eval);
    run_summary summary;
    summary.title = title;
    summary.explanation = describe(data_, options_) + " " + idea;
    summary.results.push_back(measure_pixels(ctx, data_, bank_));
    evaluate(ctx, "untrained", trainer.encoder(), trainer.projector(), summary, nullptr);
    if (train_with_progress(trainer, data_, options_, out, summary))
      evaluate(ctx, "trained", trainer.encoder(), trainer.projector(), summary, &out);
    return finish(trainer, summary, options_, data_, image_.width, start, out);
  }

 private:
  ssl::random_resized crops() const {
    return {.scale_min = options_.smallest, .views = {options_.patches}, .image = image_.width};
  }
  void evaluate(ssl::context<backend> ctx, const std::string& name,
                ssl::network<encoder_arch, backend>& encoder,
                ssl::network<projector_arch, backend>& projector, run_summary& summary,
                const output_dir* keep) const;

  crop_options options_;
  backend be_;  // before the images: a machine without one says so at once
  ssl::any_split data_;
  ssl::image_shape image_;
  index bank_, steps_;
};

}  // namespace ssl_example
