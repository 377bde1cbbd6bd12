#pragma once
/// What representations are worth: classifiers on the mean of an image's patch embeddings, on whole images
/// and on raw pixels.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ssl/data/npy.hpp"
#include "support/backend.hpp"
#include "support/experiment.hpp"

namespace ssl_example {

/// kNN (cosine, k = 20, temperature 0.07) and ridge on standardised features.
struct classifier_scores {
  double knn = 0, linear = 0;
};
classifier_scores classify(ssl::context<backend> ctx, ssl::cview<backend> train,
                           std::span<const int> train_labels, ssl::cview<backend> test,
                           std::span<const int> test_labels, int classes,
                           const ssl::ridge_probe& linear = {});

/// Raw pixels under the same classifiers; of images of more than 32 pixels a side, what is left of them when
/// they are shrunk to 32. Images are read a block at a time; memory is a float for each of these numbers.
measurement measure_pixels(ssl::context<backend> ctx, const ssl::any_split& data, index train_images);

/// Mean of 1, 4, 16, ... patches per image, embedding and projection, each patch used once: the patches of a
/// smaller bag are the first of the larger. Sizes come in any order; one that is named twice counts once.
/// `keep` receives the largest bag's embeddings and labels.
template <class Encoder, class Projector, class Views>
std::vector<measurement> measure_bags(ssl::context<backend> ctx, const std::string& name,
                                      ssl::network<Encoder, backend>& encoder,
                                      ssl::network<Projector, backend>& projector, const Views& views,
                                      const ssl::any_split& data, index train_images, std::vector<int> bags,
                                      const output_dir* keep = nullptr) {
  backend& be = ctx.be;
  std::sort(bags.begin(), bags.end());
  bags.erase(std::unique(bags.begin(), bags.end()), bags.end());
  if (bags.empty()) return {};
  const index e = encoder.output_shape().size(), d = projector.output_shape().size();
  const index n[2] = {train_images, data.test.size()};
  const ssl::any_dataset* const part[2] = {&data.bank(), &data.test};
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
    const auto train_labels = data.bank().labels().first(static_cast<std::size_t>(n[0]));
    const auto on_h =
        classify(ctx, h[0].all, train_labels, h[1].all, data.test.labels(), data.bank().classes());
    const auto on_z =
        classify(ctx, z[0].all, train_labels, z[1].all, data.test.labels(), data.bank().classes());
    results.push_back({name, bag, on_h.knn, on_h.linear, on_z.knn, on_z.linear});
  }
  if (keep) {
    for (std::size_t s = 0; s < 2; ++s) {
      const std::string stem = s == 0 ? "train" : "test";
      const std::vector<index> shape{n[s], e};
      ssl::write_npy<float>(*keep / (stem + "_features.npy"), shape, to_host(be, h[s].all).values);
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
                          ssl::network<Projector, backend>& projector, const ssl::any_split& data,
                          index train_images, ssl::normalize colours = {}, const output_dir* keep = nullptr) {
  ssl::network<Encoder, backend> whole(ctx.be, encoder.arch(), data.bank().shape(), 0);
  ssl::copy(ctx.be, encoder.params(), whole.params());
  const ssl::patch_views views(ssl::whole{}, colours, data.bank().shape());
  auto result = measure_bags(ctx, name, whole, projector, views, data, train_images, {1}, keep).front();
  result.patches = 0;
  return result;
}

}  // namespace ssl_example
