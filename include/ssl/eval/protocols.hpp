#pragma once
// SPDX-License-Identifier: MIT

/// Published evaluation protocols as values, by name: `knn_protocol_named("dino")`,
/// `linear_protocol_named("vicreg")`.
///
/// What a name stands for is what its repository does on frozen features, with three differences that all
/// share here: weights start at zero where repositories draw them from N(0, 0.01^2), since the problem is
/// convex; features are computed once, so where a protocol augments the training images (`images`), a caller
/// that wants the same has to give features of augmented images, several of each; and the headline is the
/// last epoch, where several repositories report the best epoch on the test data (`selects_on_test`), which
/// is noted beside it.
///
/// Absent: SimSiam's probe (LARC) and htdt/self-supervised's (Adam with an exponential rate).

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ssl/eval/knn.hpp"
#include "ssl/eval/softmax_probe.hpp"

namespace ssl {

struct knn_protocol {
  std::string_view name;
  knn_options options;
  std::string_view source;
};

/// Which images a protocol computes features of.
enum class probe_images {
  augmented_crops,  // training: one random crop and flip, anew in each epoch; test: the centre crop
  averaged_views,   // both: the mean feature of several views (patches) drawn with the training augmentation
};

struct linear_protocol {
  std::string_view name;
  softmax_probe probe;
  probe_images images = probe_images::augmented_crops;
  bool selects_on_test = false;  // the source reports its best epoch
  std::string_view source;
};

/// All kNN protocols. solo-learn's own default is the Euclidean distance with weights 1 / (d + 1e-5); its
/// name here is the cosine that its offline tables use.
inline std::span<const knn_protocol> knn_protocols() {
  static constexpr std::array<knn_protocol, 12> all{{
      {"ours", {.k = 20, .temperature = 0.07}, "this library's default"},
      {"instdisc", {.k = 200, .temperature = 0.07}, "arXiv 1805.01978"},
      {"dino", {.k = 20, .temperature = 0.07}, "facebookresearch/dino: the best of 10, 20, 100, 200"},
      {"moco", {.k = 200, .temperature = 0.1}, "facebookresearch/moco, the CIFAR demo"},
      {"lightly", {.k = 200, .temperature = 0.1}, "lightly: ImageNet and CIFAR-10"},
      {"lightly_small", {.k = 20, .temperature = 0.1}, "lightly: ImageNet-100 and Imagenette"},
      {"solo_learn", {.k = 20, .temperature = 0.07}, "vturrisi/solo-learn, cosine"},
      {"solo_learn_euclidean",
       {.k = 20, .metric = similarity::euclidean, .weight = vote::inverse_distance},
       "vturrisi/solo-learn, online default"},
      {"w_mse", {.k = 5, .metric = similarity::euclidean, .weight = vote::majority}, "htdt/self-supervised"},
      {"htdt", {.k = 5, .metric = similarity::euclidean, .weight = vote::majority}, "htdt/self-supervised"},
      {"nmce", {.k = 11, .metric = similarity::dot, .weight = vote::majority}, "zengyi-li/NMCE-release"},
      {"emp_ssl", {.k = 20, .temperature = 0.07}, "tsb0601/EMP-SSL"},
  }};
  return all;
}

namespace detail {

constexpr linear_protocol falling_rate(std::string_view name, double rate, std::string_view source) {
  return {
      name,
      {.rate = rate, .weight_decay = 0, .epochs = 100, .batch = 256, .schedule = probe_schedule::milestones},
      probe_images::augmented_crops,
      false,
      source};
}

}  // namespace detail

/// All linear protocols by SGD. solo-learn's rate depends on the method, from 0.1 to 30, because features
/// differ in scale: without its name 0.3 is meant (VICReg, BYOL, DINO).
inline std::span<const linear_protocol> linear_protocols() {
  using enum probe_images;
  static constexpr std::string_view solo = "vturrisi/solo-learn";
  static constexpr std::array<linear_protocol, 17> all{{
      {"vicreg",
       {.rate = 0.3, .weight_decay = 1e-6, .epochs = 100, .batch = 256},
       augmented_crops,
       true,
       "facebookresearch/vicreg and barlowtwins; 0.02 for vicreg's released ResNet-50"},
      {"lightly",
       {.rate = 0.1, .weight_decay = 0, .epochs = 90, .batch = 256, .per_step = true},
       augmented_crops,
       true,
       "lightly, rate 0.1 batch / 256"},
      {"simclr",
       {.rate = 1.6, .weight_decay = 1e-6, .nesterov = true, .epochs = 90, .batch = 4096, .per_step = true},
       augmented_crops,
       false,
       "google-research/simclr, rate 0.1 batch / 256"},
      {"simclr_cifar",
       {.rate = 0.2, .weight_decay = 0, .nesterov = true, .epochs = 100, .batch = 512, .per_step = true},
       augmented_crops,
       false,
       "google-research/simclr, CIFAR-10"},
      detail::falling_rate("solo_learn", 0.3, solo),
      detail::falling_rate("solo_learn_barlow_twins", 0.1, solo),
      detail::falling_rate("solo_learn_swav", 0.15, solo),
      detail::falling_rate("solo_learn_vicreg", 0.3, solo),
      detail::falling_rate("solo_learn_byol", 0.3, solo),
      detail::falling_rate("solo_learn_dino", 0.3, solo),
      detail::falling_rate("solo_learn_simclr", 1, solo),
      detail::falling_rate("solo_learn_moco", 3, solo),
      detail::falling_rate("solo_learn_simsiam", 30, solo),
      {"swav",
       {.rate = 0.3, .weight_decay = 1e-6, .epochs = 100, .batch = 256},
       augmented_crops,
       false,
       "facebookresearch/swav"},
      detail::falling_rate("moco", 30, "facebookresearch/moco"),
      {"emp_ssl",
       {.rate = 0.03, .weight_decay = 5e-5, .epochs = 100, .batch = 100},
       averaged_views,
       true,
       "tsb0601/EMP-SSL: 128 patches an image"},
      {"nmce",
       {.rate = 0.1, .weight_decay = 5e-5, .epochs = 100, .batch = 128, .schedule = probe_schedule::constant},
       averaged_views,
       false,
       "zengyi-li/NMCE-release: 16 augmentations an image, or the image itself"},
  }};
  return all;
}

/// What a name stands for: one or both of the two; `ridge` is ours, closed form on standardised features.
struct protocol {
  std::string_view name;
  const knn_protocol* knn = nullptr;
  const linear_protocol* linear = nullptr;
  bool ridge = false;
};

namespace detail {

template <class P>
const P* find_protocol(std::span<const P> all, std::string_view name) {
  for (const P& p : all)
    if (p.name == name) return &p;
  return nullptr;
}

template <class P>
std::string protocol_names(std::span<const P> all) {
  std::string text;
  for (const P& p : all) text += (text.empty() ? "" : ", ") + std::string(p.name);
  return text;
}

template <class P>
const P& require_protocol(const char* who, std::span<const P> all, std::string_view name) {
  const P* const found = find_protocol(all, name);
  if (!found)
    throw option_error(std::string("ssl::") + who + ": there is no protocol \"" + std::string(name) +
                       "\", expected one of " + protocol_names(all));
  return *found;
}

}  // namespace detail

/// Throws option_error that lists the names where there is none such.
inline const knn_protocol& knn_protocol_named(std::string_view name) {
  return detail::require_protocol("knn_protocol_named", knn_protocols(), name);
}
inline const linear_protocol& linear_protocol_named(std::string_view name) {
  return detail::require_protocol("linear_protocol_named", linear_protocols(), name);
}
inline protocol protocol_named(std::string_view name) {
  const protocol found{name, detail::find_protocol(knn_protocols(), name),
                       detail::find_protocol(linear_protocols(), name), name == "ours"};
  if (!found.knn && !found.linear)
    throw option_error("ssl::protocol_named: there is no protocol \"" + std::string(name) +
                       "\", expected for kNN one of " + detail::protocol_names(knn_protocols()) +
                       ", or for a linear probe one of " + detail::protocol_names(linear_protocols()));
  return found;
}

/// A linear probe's outcome: the last epoch, and beside it the epoch that is best on the test data.
struct probe_report {
  classification last;
  double loss = 0;  // on the training data, in the last epoch
  struct epoch_note {
    index epoch = 0;  // from 0; the first of equals
    accuracy score;
  };
  std::optional<epoch_note> best;  // where asked for: chosen by looking at the test labels, so never a result
};

/// Fits `probe` to train (d, n) and judges it on test (d, m). With `note_best` every epoch is judged: a
/// product with test each. Allocates and waits.
template <class Ctx>
probe_report evaluate_probe(Ctx& ctx, const softmax_probe& probe, typename Ctx::const_matrix train,
                            std::span<const int> train_labels, typename Ctx::const_matrix test,
                            std::span<const int> test_labels, index classes, bool note_best = false) {
  using B = typename Ctx::backend;
  std::optional<probe_report::epoch_note> best;
  epoch_observer<B> observe;
  if (note_best)
    observe = [&](index epoch, const linear_classifier<B>& classifier) {
      const accuracy now = classifier.evaluate(ctx, test, test_labels).score;
      if (!best || now.top1 > best->score.top1) best = {epoch, now};
    };
  const auto fit = probe.fit(ctx, train, train_labels, classes, observe);
  return {fit.classifier.evaluate(ctx, test, test_labels), fit.loss, best};
}

}  // namespace ssl
