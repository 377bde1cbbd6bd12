// VICReg (arXiv 2105.04906) at small scale: two random resized crops of each image, an encoder, an expander,
// and three terms that keep the embeddings varied, invariant and decorrelated. Evaluated on whole images, as
// the paper does.
#include <chrono>

#include "support/experiment.hpp"

namespace ex = ssl_example;

int main(int argc, char** argv) {
  CLI::App app("Trains an encoder with VICReg on two crops of each image and evaluates it on whole images.");
  ex::experiment_options o;
  o.out = "out/vicreg";
  o.epochs = 20;
  o.batch = 256;
  o.patches = 2;
  o.rate = 0.8;
  o.projector = {512, 512, 512};
  double invariance = 25, variance = 25, covariance = 1, smallest = 0.2;
  ex::add_options(app, o);
  app.remove_option(app.get_option("--scale"));
  app.remove_option(app.get_option("--eval-patches"));
  app.add_option("--min-scale", smallest, "least share of the image's area in a crop")
      ->check(ex::between(0.01, 1));
  app.add_option("--invariance", invariance, "weight of the term")->check(ex::at_least(0));
  app.add_option("--variance", variance, "weight of the term")->check(ex::at_least(0));
  app.add_option("--covariance", covariance, "weight of the term")->check(ex::at_least(0));

  return ex::run(app, argc, argv, [&] {
    const auto start = std::chrono::steady_clock::now();
    const auto data = ex::load_images(o);
    const ssl::image_shape image = data.train.shape();
    ex::backend be(o.threads);

    // Section 4.2: crops of any size and place, brought to the size of the image, with colours changed
    // (appendix C.1).
    const ssl::random_resized crops{.scale_min = smallest, .views = {o.patches}, .image = image.width};
    const auto colours = ssl::vicreg_cifar_augmentation();

    // y = encoder(x) is the representation, z = expander(y) the embedding (section 4.1).
    const auto encoder = ssl::patch_encoder({.widths = o.widths});
    const auto expander = ssl::projector(o.projector);

    // Equation 6, with the constants of section 4.2 unless the command line says otherwise.
    const auto loss =
        invariance * ssl::invariance{} + variance * ssl::variance{} + covariance * ssl::covariance{};

    const ssl::index per_epoch = data.train.size() / o.batch, steps = per_epoch * o.epochs;
    ssl::trainer train(be, encoder, expander, loss, ssl::vicreg_official_lars(),
                       ssl::fair_schedule(o.rate * o.batch / 256, steps / 10, steps),
                       ssl::patch_views(crops, colours, image), image,
                       {.batch = o.batch, .epochs = o.epochs, .seed = o.seed, .log_every = 20});

    const ex::output_dir out(o.out);
    const ssl::index bank =
        o.eval_images > 0 ? std::min<ssl::index>(o.eval_images, data.train.size()) : data.train.size();
    auto ctx = train.ctx(ssl::mode::eval);
    ex::run_summary summary;
    summary.title = "VICReg";
    summary.explanation =
        ex::describe(data, o) +
        " Two random crops of each image, resized to the whole image's size, go through an encoder and an "
        "expander; the loss keeps each feature varied, the two views equal and the features uncorrelated.";
    summary.results.push_back(ex::measure_pixels(ctx, data, bank));
    summary.results.push_back(ex::measure_whole(ctx, "untrained", train.encoder(), train.projector(), data,
                                                bank, ssl::cifar_normalize()));
    if (ex::train_with_progress(train, data, o, out, summary))
      summary.results.push_back(ex::measure_whole(ctx, "trained", train.encoder(), train.projector(), data,
                                                  bank, ssl::cifar_normalize(), &out));
    return ex::finish(train, summary, o, data, image.width, start, out);
  });
}
