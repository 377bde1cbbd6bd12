#include "experiments/support/learner.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "ssl/core/finite.hpp"
#include "support/measure.hpp"

namespace ssl_example {

namespace {

/// Linear layers with ReLU between, with or without batch norm, as one type.
auto head(const std::vector<index>& widths, bool batch_norm, bool last_bias) {
  using normed = decltype(ssl::named("linear", ssl::linear{}) | ssl::named("bn", ssl::batch_norm{}));
  using plain = decltype(ssl::named("linear", ssl::linear{}) | ssl::named("relu", ssl::relu{}));
  std::vector<normed> with;
  std::vector<plain> without;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
    if (batch_norm)
      with.push_back(ssl::named("linear", ssl::linear{.out = widths[k]}) |
                     ssl::named("bn", ssl::batch_norm{.relu = true}));
    else
      without.push_back(ssl::named("linear", ssl::linear{.out = widths[k]}) |
                        ssl::named("relu", ssl::relu{}));
  }
  return ssl::named("hidden", ssl::stack<normed>(std::move(with))) |
         ssl::named("plain", ssl::stack<plain>(std::move(without))) |
         ssl::named("last", ssl::linear{.out = widths.back(), .bias = last_bias});
}

using head_arch = decltype(head({1}, true, false));
using head_network = ssl::network<head_arch, backend>;
using encoder_network = ssl::network<encoder_arch, backend>;

/// An optimizer by name.
struct named_optimizer {
  bool layer_wise = true;
  ssl::lars lars{};
  ssl::sgd sgd{};

  index state(index count) const { return layer_wise ? lars.state(count) : sgd.state(count); }

  template <class Ctx>
  void step(Ctx& ctx, std::span<const ssl::segment> table, typename Ctx::matrix params,
            typename Ctx::const_matrix grads, typename Ctx::matrix state, double rate) const {
    if (layer_wise)
      lars.step(ctx, table, params, grads, state, rate);
    else
      sgd.step(ctx, table, params, grads, state, rate);
  }
};

named_optimizer make_optimizer(const std::string& name) {
  if (name == "emp_ssl") return {true, ssl::emp_ssl_lars(), {}};
  if (name == "vicreg") return {true, ssl::vicreg_official_lars(), {}};
  if (name == "byol") return {true, ssl::byol_official_lars(), {}};
  if (name == "solo_learn") return {true, ssl::solo_learn_lars(), {}};
  // What is inside EMP-SSL's LARS, alone: decay on weights only.
  if (name == "sgd")
    return {false, {}, {.momentum = 0.9, .weight_decay = 1e-4, .nesterov = true, .decay_vectors = false}};
  throw ssl::option_error("no optimizer is called '" + name +
                          "', expected emp_ssl, vicreg, byol, solo_learn or sgd");
}

template <class Networks>
using trainer_of = ssl::trainer<backend, Networks, ssl::any_loss<backend>, named_optimizer,
                                ssl::warmup_cosine, ssl::patch_views<ssl::multi_crop, ssl::photometric>>;

}  // namespace

/// A trainer, whatever its branches.
struct learner::networks {
  virtual ~networks() = default;
  virtual encoder_network& encoder() = 0;
  virtual head_network& projector() = 0;
  virtual ssl::context<backend> ctx() = 0;
  virtual void run(const image_collection& images,
                   const std::function<bool(const ssl::step_record&)>& observe) = 0;
};

template <class Networks>
struct learner::bound final : networks {
  template <class... A>
  explicit bound(A&&... a) : trainer(std::forward<A>(a)...) {}
  encoder_network& encoder() override { return trainer.encoder(); }
  head_network& projector() override { return trainer.projector(); }
  ssl::context<backend> ctx() override { return trainer.ctx(ssl::mode::eval); }
  void run(const image_collection& images,
           const std::function<bool(const ssl::step_record&)>& observe) override {
    trainer.run(images, observe);
  }

  trainer_of<Networks> trainer;
};

learner::learner(backend& be, const training_recipe& recipe, const image_collection& images,
                 std::uint64_t seed)
    : be_(&be), recipe_(recipe), images_(&images) {
  const training_recipe& r = recipe_;
  if (r.widths.empty() || r.projector.empty())
    throw ssl::option_error("a recipe needs widths of the encoder and of the projector");
  const auto encoder =
      ssl::patch_encoder({.widths = r.widths, .stem_stride = r.stem_stride, .features = r.features});
  const auto projector = head(r.projector, r.batch_norm, false);
  const ssl::patch_views views(r.views.sampler(), r.views.colors, r.views.target(images.shape().channels),
                               r.views.filter);
  const index steps = std::max<index>(images.size() / r.batch * r.epochs, 1);
  const ssl::warmup_cosine rate{
      .base = r.rate,
      .warmup_steps = static_cast<index>(std::lround(r.warmup * static_cast<double>(steps))),
      .total_steps = steps,
      .final_fraction = 0};
  const ssl::run_options run{.batch = r.batch, .epochs = r.epochs, .seed = seed, .log_every = r.log_every};
  const auto bind = [&]<class Networks>(Networks networks) {
    nets_ = std::make_unique<bound<Networks>>(be, std::move(networks), make_loss(r),
                                              make_optimizer(r.optimizer), rate, views, images.shape(), run);
  };
  const ssl::targets_of targets = targets_of_loss(r.loss);
  if (targets == ssl::targets_of::nothing) {
    bind(ssl::joint_embedding(encoder, projector));
    return;
  }
  const auto predictor = head({r.projector.front(), r.projector.back()}, r.batch_norm, true);
  auto pair = ssl::delayed_targets(encoder, projector, predictor, ssl::cosine_momentum(r.momentum, steps));
  pair.targets = targets;
  bind(std::move(pair));
}

learner::~learner() = default;

ssl::step_record learner::train(const std::function<bool(const ssl::step_record&)>& observe) {
  ssl::step_record last;
  moved_ = true;
  nets_->run(*images_, [&](const ssl::step_record& record) {
    last = record;
    moved_ = true;
    return ssl::is_finite(record.loss.total) && !interrupted() && (!observe || observe(record));
  });
  return last;
}

ssl::context<backend> learner::ctx() { return nets_->ctx(); }
index learner::embedding_size() const { return nets_->encoder().output_shape().size(); }
index learner::projection_size() const { return nets_->projector().output_shape().size(); }

encoder_network& learner::encoder_at(index side, index channels) {
  if (moved_) at_side_.clear();
  moved_ = false;
  auto& copy = at_side_[side];
  if (!copy) {
    encoder_network& own = nets_->encoder();
    copy = std::make_unique<encoder_network>(*be_, own.arch(), ssl::image_shape{channels, side, side}, 0);
    ssl::copy(*be_, ssl::as_const(own.params()), copy->params());
  }
  return *copy;
}

embedded learner::embed(const image_collection& images, const bag_request& request) {
  const index n = request.images > 0 ? std::min<index>(request.images, images.size()) : images.size();
  const index views = request.views > 0 ? request.views : request.sampler.views();
  encoder_network& encoder = encoder_at(request.side, images.shape().channels);
  const ssl::patch_views patches(request.sampler, request.colors,
                                 ssl::image_shape{images.shape().channels, request.side, request.side},
                                 recipe_.views.filter);
  const ssl::bag_range range{.images = n, .first_view = request.first_view, .views = views};
  auto c = ctx();
  const auto run = [&](const auto& aggregator) {
    embedded out{owned_matrix(*be_, aggregator.output(embedding_size(), views), n),
                 owned_matrix(*be_, aggregator.output(projection_size(), views), n)};
    ssl::bag_features(c, encoder, nets_->projector(), patches, {.seed = request.seed}, images, range,
                      aggregator, out.h.all, out.z.all);
    return out;
  };
  const bag_aggregate& a = request.aggregate;
  if (a.how == bag_aggregate::kind::concatenation)
    return run(ssl::concatenation{.normalize_patches = a.normalize_patches});
  if (a.how == bag_aggregate::kind::pool_2x2) {
    if (request.sampler.how != bag_sampler::kind::grid)
      throw ssl::option_error("pooling 2 x 2 regions needs patches on a grid");
    return run(ssl::spatial_pool{.grid = request.sampler.places.positions()});
  }
  return run(ssl::patch_mean{.normalize_patches = a.normalize_patches, .normalize_mean = a.normalize_mean});
}

void learner::bags(const image_collection& images, bag_request request, const std::vector<index>& sizes,
                   const std::function<void(index, const embedded&)>& use) {
  if (request.aggregate.how != bag_aggregate::kind::mean || request.aggregate.normalize_mean)
    throw ssl::option_error("bags of growing size are means that are not normalised");
  index done = 0;
  std::optional<embedded> mean;
  for (const index size : sizes) {
    if (size <= done)
      throw ssl::option_error("a bag of " + std::to_string(size) + " patches after one of " +
                              std::to_string(done) + "; sizes must rise");
    request.first_view = done;
    request.views = size - done;
    embedded fresh = embed(images, request);
    const float old_share = static_cast<float>(done) / static_cast<float>(size);
    const auto blend = [&](ssl::view<backend> to, ssl::view<backend> from) {
      ssl::map(*be_, to, ssl::fn::scale<float>{old_share}, to);
      ssl::map(*be_, to, ssl::fn::axpy<float>{1 - old_share}, from, to);
    };
    if (mean) {
      blend(mean->h.all, fresh.h.all);
      blend(mean->z.all, fresh.z.all);
    } else {
      mean.emplace(std::move(fresh));
    }
    done = size;
    use(size, *mean);
  }
}

bag_request learner::augmented_patches(index count) const {
  const auto& group = recipe_.views.groups.front();
  ssl::crop_group crop = group.crop;
  crop.views = count;
  return {.sampler = bag_sampler::random(ssl::multi_crop(recipe_.views.image, {crop})),
          .side = group.side,
          .colors = recipe_.views.colors};
}

bag_request learner::clean_patches(index count) const {
  bag_request request = augmented_patches(count);
  request.colors = {.mirror = {0}, .normal = recipe_.views.colors.normal};
  return request;
}

bag_request learner::whole_image() const {
  bag_request request = clean_patches(1);
  request.sampler = {};
  request.side = recipe_.views.image;
  return request;
}

std::vector<int> labels_of(const image_collection& images, index count) {
  const auto all = images.labels();
  return {all.begin(), all.begin() + count};
}

std::vector<std::pair<std::string, double>> judge(ssl::context<backend> ctx, const embedded& train,
                                                  std::span<const int> train_labels, const embedded& test,
                                                  std::span<const int> test_labels, int classes) {
  const auto scores = [&](const owned_matrix& of_train, const owned_matrix& of_test) {
    for (const owned_matrix* part : {&of_train, &of_test}) {
      const to_host values(ctx.be, part->all);
      if (!std::all_of(values.values.begin(), values.values.end(), [](float x) { return ssl::is_finite(x); }))
        return classifier_scores{std::nan(""), std::nan("")};
    }
    return classify(ctx, of_train.all, train_labels, of_test.all, test_labels, classes);
  };
  const auto h = scores(train.h, test.h), z = scores(train.z, test.z);
  return {{"knn", h.knn}, {"linear", h.linear}, {"knn_z", z.knn}, {"linear_z", z.linear}};
}

}  // namespace ssl_example
