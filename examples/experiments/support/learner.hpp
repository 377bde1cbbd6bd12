#pragma once
/// One training run of an experiment as values, and what came out of it: encoder and projector, and the
/// embeddings of any patches. All that trains is compiled once, in learner.cpp and losses.cpp; experiments
/// only fill in recipes.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/backend.hpp"
#include "support/crops.hpp"

namespace ssl_example {

/// The images of experiments: what load_images gives.
using image_collection = ssl::any_dataset;

/// Everything that decides a run but the images and the seed.
struct training_recipe {
  /// emp_ssl, vicreg, barlow_twins, simclr, spectral, byol, simsiam, msbreg: see known_losses().
  std::string loss = "emp_ssl";
  /// Numbers of the loss that differ from its own: lambda, eps2 (emp_ssl), temperature (simclr), invariance,
  /// variance, covariance (vicreg), singular, brownian (any: MSBReg's regularisers are added).
  std::map<std::string, double> weights;

  ssl::view_recipe views = ssl::emp_ssl_views();
  std::vector<index> widths = {32, 64, 128, 256};  // of the encoder's blocks
  index stem_stride = 1;
  index features = 0;                         // of a wider embedding behind the mean; 0: none
  std::vector<index> projector = {512, 128};  // also the hidden and last width of a predictor
  bool batch_norm = true;                     // in projector and predictor
  double momentum = 0.97;                     // of a delayed network at first

  std::string optimizer = "emp_ssl";  // emp_ssl, vicreg, byol, solo_learn (forms of LARS), sgd
  double rate = 0.3;                  // at its peak, as it is: not scaled by the batch
  double warmup = 0.05;               // share of the steps
  index batch = 128, epochs = 1;
  index log_every = 1000;  // steps between records; each epoch has one
};

/// Names of the losses.
const std::vector<std::string>& known_losses();

/// The loss of a recipe. ssl::option_error for a name or a number that it does not know.
ssl::any_loss<backend> make_loss(const training_recipe& recipe);

/// Whether a loss predicts a delayed network (byol, msbreg), or itself held constant (simsiam).
ssl::targets_of targets_of_loss(const std::string& loss);

/// Where the patches of an evaluation lie: chosen while the program runs. Models ssl::PatchSampler.
struct bag_sampler {
  enum class kind { random, grid, whole };

  kind how = kind::whole;
  ssl::multi_crop crops{32};
  ssl::grid places{};

  static bag_sampler random(const ssl::multi_crop& crops) { return {kind::random, crops, {}}; }
  static bag_sampler grid(const ssl::grid& places) {
    return {kind::grid, ssl::multi_crop(places.image), places};
  }

  SSL_FN index views() const {
    return how == kind::random ? crops.views() : how == kind::grid ? places.views() : 1;
  }
  SSL_FN ssl::box operator()(ssl::rng_key key, index item, index view) const {
    return how == kind::random ? crops(key, item, view)
           : how == kind::grid ? places(key, item, view)
                               : ssl::box{};
  }
};

/// How patch embeddings become one vector.
struct bag_aggregate {
  enum class kind { mean, concatenation, pool_2x2 };

  kind how = kind::mean;
  bool normalize_patches = false;  // to length one before anything else
  bool normalize_mean = false;     // mean only
};

/// The patches of an evaluation.
struct bag_request {
  bag_sampler sampler{};
  index side = 32;            // of a patch as the network sees it
  ssl::photometric colors{};  // of its augmentations only `normal` for clean patches
  bag_aggregate aggregate{};
  index first_view = 0, views = 0;  // part of the sampler's; 0 views: all
  index images = 0;                 // the first of the collection; 0: all
  std::uint64_t seed = 77;
};

/// Embeddings and projections, a column an image (or, by concatenation, patch).
struct embedded {
  owned_matrix h, z;
};

/// Networks of a recipe. Untrained until `train`.
class learner {
 public:
  /// For these images, which must outlive it. Throws ssl::option_error where the recipe does not fit them.
  learner(backend& be, const training_recipe& recipe, const image_collection& images, std::uint64_t seed);
  ~learner();

  const training_recipe& recipe() const { return recipe_; }

  /// Trains; `observe`, if there is one, sees every record and returns false to stop. Returns the last
  /// record. Ctrl-C and a loss that is no longer finite end the run too.
  ssl::step_record train(const std::function<bool(const ssl::step_record&)>& observe = {});

  /// What the networks make of patches, in mode eval.
  embedded embed(const image_collection& images, const bag_request& request);

  /// Means of the first 1, 4, 16, ... patches of each image, in increasing order, each patch used once; calls
  /// `use(size, means)` for each. Only for bag_aggregate::kind::mean without normalize_mean.
  void bags(const image_collection& images, bag_request request, const std::vector<index>& sizes,
            const std::function<void(index, const embedded&)>& use);

  /// Patches as the recipe's first group of views makes them, `count` an image, without colour changes.
  bag_request clean_patches(index count) const;
  /// The same with the recipe's colour changes.
  bag_request augmented_patches(index count) const;
  /// Each image once, whole, at its own size.
  bag_request whole_image() const;

  index embedding_size() const;
  index projection_size() const;
  ssl::context<backend> ctx();
  backend& be() { return *be_; }

 private:
  struct networks;
  template <class Networks>
  struct bound;

  ssl::network<encoder_arch, backend>& encoder_at(index side, index channels);

  backend* be_;
  training_recipe recipe_;
  const image_collection* images_;
  std::unique_ptr<networks> nets_;
  std::map<index, std::unique_ptr<ssl::network<encoder_arch, backend>>> at_side_;  // copies, by input side
  bool moved_ = true;  // since the copies were made
};

/// The labels of the first `count` images.
std::vector<int> labels_of(const image_collection& images, index count);

/// kNN (cosine, k = 20, temperature 0.07) and ridge on standardised features of h and z, under the names
/// knn, linear, knn_z, linear_z. NaN where the networks give no finite numbers: a run that diverged.
std::vector<std::pair<std::string, double>> judge(ssl::context<backend> ctx, const embedded& train,
                                                  std::span<const int> train_labels, const embedded& test,
                                                  std::span<const int> test_labels, int classes);

}  // namespace ssl_example
