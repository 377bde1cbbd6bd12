#pragma once
// SPDX-License-Identifier: MIT

/// One training step, in the order of the data: bytes -> patches -> networks -> loss -> gradients ->
/// parameters. This header is the table of contents of the library.

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/data/batch_stream.hpp"
#include "ssl/loss/state.hpp"
#include "ssl/optim/schedule.hpp"
#include "ssl/patch/views.hpp"
#include "ssl/train/bound_branches.hpp"
#include "ssl/train/collapse.hpp"

namespace ssl {

/// Sizes and seeds of a run.
struct run_options {
  index batch = 128;  // images a step; patches are batch * views
  index epochs = 1;   // passes over the images
  std::uint64_t seed = 0;
  index log_every = 50;  // steps between calls of the observer; every epoch's last step calls it too
  gram_side side = gram_side::automatic;
  residence images = residence::automatic;
  index chunk = 0;  // views through the networks at a time, for less memory (bound_branches.hpp); 0: all
  int workers = 0;  // threads that read batches ahead, where the images do not live with the backend
};

/// What an observer sees every `log_every` steps and at the end of each epoch.
struct step_record {
  index step = 0, steps = 0;           // steps done, steps in all
  index epoch = 0, epochs = 0;         // the running epoch, counted from 0
  double rate = 0;                     // learning rate of the last step
  loss_report loss;                    // of the last step
  health projections;                  // of what the loss saw
  std::vector<collapse_sign> signs{};  // of a collapse, where there are any
  double images_per_second = 0;        // since the last record
  double seconds = 0;                  // since the run began, observers included
};

/// Trains the networks of a method on a dataset. Everything that a step touches is allocated on construction
/// or during the first step; later steps allocate nothing.
///
///     ssl::trainer train(backend, encoder, projector, loss, optimizer, schedule, views, data.shape(),
///                        options);
///     train.run(data, [&](const ssl::step_record& r) { ...; return true; });
///
/// Methods with a predictor or a delayed network give their `branches` in place of encoder and projector.
/// What the loss remembers from step to step belongs to the trainer.
template <Backend B, class Branches, LossTerm L, class Opt, Schedule Rate, class Views>
class trainer {
 public:
  using T = typename B::scalar;

  template <class Encoder, class Projector>
  requires std::same_as<Branches, branches<Encoder, Projector>> trainer(B& be, Encoder encoder,
                                                                        Projector projector, L loss,
                                                                        Opt optimizer, Rate rate, Views views,
                                                                        image_shape source,
                                                                        run_options options)
      : trainer(be, joint_embedding(std::move(encoder), std::move(projector)), std::move(loss),
                std::move(optimizer), std::move(rate), std::move(views), source, options) {}

  trainer(B& be, Branches networks, L loss, Opt optimizer, Rate rate, Views views, image_shape source,
          run_options options)
      : be_(&be),
        scratch_(be),
        options_(checked(options)),
        source_(source),
        loss_(loss),
        optimizer_(optimizer),
        rate_(rate),
        views_(views),
        columns_(options.batch * views.count()),
        networks_(be, std::move(networks), optimizer, groups_of(views, options.batch), {options.seed, 0},
                  options.chunk),
        bytes_(allocate<std::uint8_t>(be, source.size() * options.batch, "a batch of images")),
        ids_(allocate<index>(be, options.batch, "a batch of images")),
        x_(allocate<T>(be, size_of(views) * options.batch, "the views of a batch")),
        loss_state_(allocate<T>(be, state_size(loss, shape()), "the loss's memory")),
        values_(allocate<double>(be, term_count<L>, "the loss's values")) {
    auto c = ctx(mode::train);
    start_state(c, loss_, shape(), {options.seed + 3, 0}, loss_state_.all());
  }

  /// One step on the images `ids` of the epoch's key, whose bytes (h w c, batch) lie on the host. Throws
  /// shape_error unless there are exactly as many as a batch has.
  void step(rng_key key, std::span<const index> ids, std::span<const std::uint8_t> pixels, double rate) {
    const index n = options_.batch;
    if (static_cast<index>(ids.size()) != n || static_cast<index>(pixels.size()) != n * source_.size())
      throw shape_error("ssl::trainer::step: " + std::to_string(ids.size()) + " images in " +
                        std::to_string(pixels.size()) + " bytes, expected " + std::to_string(n) +
                        " images of " + std::to_string(source_.size()) + " bytes");
    be_->upload(make_view<host_space>(pixels.data(), source_.size(), n), bytes());
    be_->upload(make_view<host_space>(ids.data(), n, 1), ids_.all());
    learn(key, rate);
  }

  /// Runs all epochs over `data`. The observer returns false to stop early. Returns the steps done. Throws
  /// shape_error for images of another shape, option_error where there are fewer images than a batch has.
  template <Dataset D>
  index run(const D& data, const std::function<bool(const step_record&)>& observe) {
    if (data.shape() != source_)
      throw shape_error("ssl::trainer::run: images of " + detail::text(data.shape()) +
                        ", but the trainer was made for " + detail::text(source_));
    batch_stream<B, D> batches(*be_, data, options_.batch, options_.epochs, {options_.seed, 0},
                               {options_.images, options_.workers});
    const index steps = batches.steps_per_epoch() * options_.epochs;
    const auto start = std::chrono::steady_clock::now();
    auto last = start;
    index last_step = 0;
    for (index s = 0; s < steps; ++s) {
      const rng_key key = batches.next(bytes(), ids_.all());
      const double rate = rate_(s);
      learn(key, rate);
      if ((s + 1) % options_.log_every != 0 && (s + 1) % batches.steps_per_epoch() != 0) continue;

      auto c = ctx(mode::train);
      step_record record{.step = s + 1,
                         .steps = steps,
                         .epoch = s / batches.steps_per_epoch(),
                         .epochs = options_.epochs,
                         .rate = rate,
                         .loss = report(c, loss_, values()),
                         .projections = check_health(c, projections(), views_.count())};
      record.signs = collapse_signs(loss_, record.loss, shape(), record.projections);
      const auto now = std::chrono::steady_clock::now();
      record.seconds = std::chrono::duration<double>(now - start).count();
      record.images_per_second = static_cast<double>((s + 1 - last_step) * options_.batch) /
                                 std::chrono::duration<double>(now - last).count();
      last = now;
      last_step = s + 1;
      if (!observe(record)) return s + 1;
    }
    return steps;
  }

  context<B> ctx(mode phase) { return {*be_, comm_, scratch_, phase}; }
  network<typename Branches::encoder_type, B>& encoder() { return networks_.encoder(); }
  network<typename Branches::projector_type, B>& projector() { return networks_.projector(); }
  /// All networks: predictor and delayed copies too.
  bound_branches<Branches, Opt, B>& networks() { return networks_; }
  const Views& views() const { return views_; }
  /// What the loss saw in the last step, (d, V n).
  cview<B> projections() const { return networks_.z(); }
  /// What the loss remembers from step to step, (S, 1); part of every checkpoint.
  view<B> loss_state() const { return loss_state_.all(); }
  /// Unweighted term values (1, K) of the last step, in the backend's memory.
  accumulator_view<B> values() const { return values_.as(1, term_count<L>); }

 private:
  static run_options checked(run_options o) {
    if (o.chunk < 0)
      throw option_error("ssl::trainer: chunk is " + std::to_string(o.chunk) +
                         ", expected views at a time or 0 for all");
    if (o.batch < 1 || o.epochs < 0 || o.log_every < 1)
      throw option_error("ssl::trainer: batch is " + std::to_string(o.batch) + ", epochs " +
                         std::to_string(o.epochs) + ", log_every " + std::to_string(o.log_every) +
                         "; expected at least 1, 0 and 1");
    return o;
  }

  static std::vector<column_group> groups_of(const Views& views, index batch) {
    std::vector<column_group> groups;
    for (index g = 0; g < views.groups(); ++g)
      groups.push_back({views.group(g).target, views.group(g).count * batch});
    return groups;
  }
  /// Scalars of all views of one image.
  static index size_of(const Views& views) {
    index size = 0;
    for (index g = 0; g < views.groups(); ++g) size += views.group(g).target.size() * views.group(g).count;
    return size;
  }

  matrix_view<std::uint8_t, typename B::space> bytes() const {  // (h w c, batch)
    return bytes_.as(source_.size(), options_.batch);
  }

  /// One step on the images in bytes(), whose numbers are in ids_. Queues work and waits for nothing.
  void learn(rng_key key, double rate) {
    auto c = ctx(mode::train);
    const index v = views_.count();
    const index channels = views_.group(0).target.channels;
    const auto x = x_.as(channels, x_.size() / channels);
    index done = 0;
    for (index g = 0; g < views_.groups(); ++g) {
      const view_block b = views_.group(g);
      const index pixels = b.target.pixels() * b.count * options_.batch;
      views_.make(c, key, as_const(bytes()), source_, ids_.all().data, b.first, b.count,
                  x.columns(done, pixels));
      done += pixels;
    }
    networks_.forward(c, x);
    const view_batch<B> batch{.z = networks_.z(),
                              .views = v,
                              .targets = networks_.targets(),
                              .state = loss_state(),
                              .key = {options_.seed + 4, static_cast<std::uint32_t>(steps_)}};
    value_and_gradient(c, loss_, batch, values(), networks_.dz(), options_.side);
    networks_.backward(c);
    update_state(c, loss_, batch, loss_state());
    networks_.update(c, optimizer_, steps_, rate);
    ++steps_;
  }

  batch_shape shape() const { return {networks_.z().rows, options_.batch, views_.count()}; }

  template <class U>
  using buffer = decltype(std::declval<B&>().template allocate<U>(index{}));

  B* be_;
  single<B> comm_;
  arena<B> scratch_;
  run_options options_;
  image_shape source_;
  L loss_;
  Opt optimizer_;
  Rate rate_;
  Views views_;
  index columns_;  // batch * views
  index steps_ = 0;
  bound_branches<Branches, Opt, B> networks_;
  buffer<std::uint8_t> bytes_;  // (h w c, batch)
  buffer<index> ids_;           // (batch, 1)
  buffer<T> x_;                 // (c, pixels * columns), group after group
  buffer<T> loss_state_;        // (S, 1)
  buffer<double> values_;       // (1, K)
};

template <Backend B, class Encoder, class Projector, LossTerm L, class Opt, Schedule Rate, class Views>
trainer(B&, Encoder, Projector, L, Opt, Rate, Views, image_shape, run_options)
    -> trainer<B, branches<Encoder, Projector>, L, Opt, Rate, Views>;
template <Backend B, class Encoder, class Projector, class Predictor, LossTerm L, class Opt, Schedule Rate,
          class Views>
trainer(B&, branches<Encoder, Projector, Predictor>, L, Opt, Rate, Views, image_shape, run_options)
    -> trainer<B, branches<Encoder, Projector, Predictor>, L, Opt, Rate, Views>;

}  // namespace ssl
