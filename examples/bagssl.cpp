// Bag of patches (BagSSL, arXiv 2206.08954; EMP-SSL, arXiv 2304.03977): an encoder that never sees a whole
// image learns from patches of one scale, and the mean of an image's patch embeddings is the image's
// representation.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "support/measure.hpp"
#include "support/training.hpp"

namespace ex = ssl_example;

namespace {

struct bag_options : ex::experiment_options {
  std::string loss = "emp_ssl", weights;
  double lambda = 100, epsilon_squared = 0.2, temperature = 0.2;
  float jitter = 0.5f;
  ssl::index features = 1024;
};

/// Any loss that compares views compares patches: the views are patches of one image.
ssl::any_loss<ex::backend> loss_of(const bag_options& o) {
  if (o.loss == "vicreg") return ssl::vicreg_official();
  if (o.loss == "barlow_twins") return ssl::barlow_official();
  if (o.loss == "simclr") return 1 * ssl::nt_xent{.temperature = o.temperature};
  if (o.loss == "spectral") return ssl::spectral();
  // Every view's batch fills space, the patches of an image agree: -R(z_v) - lambda ||mean of the unit z_v||.
  return ssl::emp_ssl(o.lambda, o.epsilon_squared);
}

/// Trains on patches with one loss, and shows what the mean of an image's patch embeddings is worth.
int learn(const bag_options& o, const ssl::any_loss<ex::backend>& loss) {
  const auto start = std::chrono::steady_clock::now();
  ex::backend be = ex::make_backend(o.compute);
  const auto data = ex::load_images(o);
  const ssl::image_shape image = data.train.shape();

  // Every patch shows the same share of its image, and goes into the network at its own size.
  const ssl::fixed_scale patches{.scale = o.scale, .views = {o.patches}, .image = image.width};
  const ssl::image_shape patch{image.channels, patches.side(), patches.side()};
  const auto colours =
      ssl::flip{} | ssl::color_jitter{.4f * o.jitter, .4f * o.jitter, .4f * o.jitter, .2f * o.jitter, .8f} |
      ssl::grayscale{.2f} | ssl::solarize{.probability = .1f} | ssl::normalize{};

  // h = encoder(patch) is what is averaged in the end; z = projector(h) is what the loss sees.
  const auto encoder = ssl::patch_encoder({.widths = o.widths, .stem_stride = 1, .features = o.features});
  const auto projector = ssl::projector(o.projector);

  const ssl::index steps = data.train.size() / o.batch * o.epochs;
  const ssl::warmup_cosine rate{
      .base = o.rate, .warmup_steps = steps / 20, .total_steps = steps, .final_fraction = 0};

  ssl::trainer train(be, encoder, projector, loss, ssl::emp_ssl_lars(), rate,
                     ssl::patch_views(patches, colours, patch), image, ex::run_options_of(o));

  const ex::output_dir out(o.out);

  // The same bags before and after: patches at random places, without colour changes.
  const int most = *std::max_element(o.eval_patches.begin(), o.eval_patches.end());
  const ssl::patch_views bags(ssl::fixed_scale{.scale = o.scale, .views = {most}, .image = image.width},
                              ssl::normalize{}, patch);
  const ssl::index bank = ex::bank_size(data, o);
  auto ctx = train.ctx(ssl::mode::eval);
  std::vector<int> few;
  for (const int k : o.eval_patches)
    if (k <= 16) few.push_back(k);
  if (few.empty()) few.push_back(*std::min_element(o.eval_patches.begin(), o.eval_patches.end()));

  ex::run_summary summary;
  summary.title = "Bag of patches";
  summary.explanation =
      ex::describe(data, o) +
      " The encoder only ever sees patches of one scale; it learns that patches of one image "
      "belong together and those of different images apart. An image is then the mean of its patch "
      "embeddings.";
  summary.results.push_back(ex::measure_pixels(ctx, data, bank));
  for (auto& m :
       ex::measure_bags(ctx, "untrained", train.encoder(), train.projector(), bags, data, bank, few))
    summary.results.push_back(m);

  if (!o.weights.empty()) ex::load_networks(train, o.weights);
  if (!o.weights.empty() || ex::train_with_progress(train, data, o, out, summary)) {
    summary.results.push_back(
        ex::measure_whole(ctx, "trained", train.encoder(), train.projector(), data, bank));
    for (auto& m : ex::measure_bags(ctx, "trained", train.encoder(), train.projector(), bags, data, bank,
                                    ex::interrupted() ? few : o.eval_patches, &out))
      summary.results.push_back(m);
  }
  return ex::finish(train, summary, o, data, patch.width, start, out);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Trains an encoder on image patches of one scale and shows what averaging their embeddings is worth.");
  bag_options o;
  o.out = "out/bagssl";
  ex::add_options(app, o);
  app.add_option("--loss", o.loss, "what the patches of an image are taught by")
      ->check(CLI::IsMember({"emp_ssl", "vicreg", "barlow_twins", "simclr", "spectral"}));
  app.add_option("--features", o.features, "width of the embedding; 0 for that of the last block")
      ->check(ex::at_least(0));
  app.add_option("--weights", o.weights,
                 "evaluate the weights of this folder's earlier run instead of training");
  app.add_option("--jitter", o.jitter, "strength of the colour changes; EMP-SSL has 1")
      ->check(ex::between(0, 2));
  app.add_option("--lambda", o.lambda, "emp_ssl: weight of the patches' similarity")->check(ex::at_least(0));
  app.add_option("--eps2", o.epsilon_squared, "emp_ssl: squared distortion of the coding rate")
      ->check(ex::at_least(0));
  app.add_option("--temperature", o.temperature, "simclr: of the soft-max over similarities")
      ->check(ex::between(0.005, 10));

  return ex::run(app, argc, argv, [&] { return learn(o, loss_of(o)); });
}
