// The two dispersive terms of MSBReg (arXiv 2207.03552) keep another method alive: BYOL or SimSiam, with
// heads without batch norm, is trained alone, with the singular value loss, with the Brownian loss, and with
// both.
#include <chrono>
#include <map>

#include "support/crops.hpp"

namespace ex = ssl_example;

namespace {

struct outcome {
  double knn, rank, spread;
};

/// One training run from the same start; kNN on whole images, and how the embeddings fill their space.
template <class Head>
outcome run_once(const ex::crop_options& o, const ssl::any_split& data, bool delayed, Head projector,
                 Head predictor, double singular, double brownian) {
  ex::backend be = ex::make_backend(o.compute);
  const ssl::image_shape image = data.train.shape();
  const ssl::index steps = data.train.size() / o.batch * o.epochs;
  const auto encoder = ssl::patch_encoder({.widths = o.widths});
  const auto networks =
      delayed ? ssl::delayed_targets(encoder, projector, predictor, ssl::cosine_momentum(0.97, steps))
              : ssl::stop_gradient(encoder, projector, predictor);

  // The method as it is, plus what disperses its embeddings.
  const auto loss = ssl::byol{} + singular * ssl::singular_value{} + brownian * ssl::brownian{};

  ssl::trainer train(
      be, networks, loss, ssl::byol_official_lars(),
      ssl::byol_schedule(ssl::scaled_rate(o.rate, o.batch), steps / 10, steps),
      ssl::patch_views(
          ssl::random_resized{.scale_min = o.smallest, .views = {o.patches}, .image = image.width},
          ssl::simclr_cifar_augmentation(), image),
      image, {.batch = o.batch, .epochs = o.epochs, .seed = o.seed, .log_every = 1000});
  ssl::step_record last;
  train.run(data.train, [&](const ssl::step_record& r) {
    last = r;
    return !ex::interrupted();
  });
  const auto whole = ex::measure_whole(train.ctx(ssl::mode::eval), "", train.encoder(), train.projector(),
                                       data, data.bank().size(), ssl::cifar_normalize());
  return {whole.knn, last.projections.effective_rank, last.projections.feature_spread};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Shows what MSBReg's singular value and Brownian terms do for a method that may collapse.");
  ex::crop_options o("add_regularisers");
  o.projector = {512, 128};
  o.rate = 1.6;
  o.epochs = 10;
  double singular = 0.004, brownian = 0.5;
  bool delayed = true, batch_norm = false;
  ex::add_crop_options(app, o);
  for (const char* unused : {"--out", "--eval-crops", "--eval-images", "--quiet"})
    app.remove_option(app.get_option(unused));
  app.add_option("--host", delayed, "the method: byol with a delayed network, simsiam without")
      ->transform(CLI::CheckedTransformer(std::map<std::string, bool>{{"byol", true}, {"simsiam", false}}));
  app.add_flag("--batch-norm", batch_norm, "batch norm in projector and predictor");
  app.add_option("--singular", singular, "weight of the singular value loss")->check(ex::at_least(0));
  app.add_option("--brownian", brownian, "weight of the Brownian loss")->check(ex::at_least(0));

  return ex::run(app, argc, argv, [&] {
    const auto data = ex::load_images(o);
    const std::vector<ssl::index> back{o.projector.front(), o.projector.back()};
    std::printf("%-22s %8s %14s %14s\n", "", "kNN", "effective rank", "feature spread");
    for (const auto& [name, s, b] :
         {std::tuple{"alone", 0.0, 0.0}, std::tuple{"+ singular value", singular, 0.0},
          std::tuple{"+ Brownian", 0.0, brownian}, std::tuple{"+ both", singular, brownian}}) {
      const outcome found =
          batch_norm ? run_once(o, data, delayed, ssl::projector(o.projector), ssl::projector(back), s, b)
                     : run_once(o, data, delayed, ssl::plain_projector(o.projector),
                                ssl::plain_projector(back), s, b);
      if (ex::interrupted()) return 1;
      std::printf("%-22s %7.1f%% %14.1f %14.3f\n", name, 100 * found.knn, found.rank, found.spread);
      std::fflush(stdout);
    }
    return 0;
  });
}
