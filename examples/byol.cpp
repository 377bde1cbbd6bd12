// BYOL (arXiv 2006.07733) at small scale: a predictor foretells, from one crop, what a delayed copy of the
// network makes of the other. No negatives, no decorrelation.
#include "support/crops.hpp"

namespace ex = ssl_example;

int main(int argc, char** argv) {
  CLI::App app("Trains an encoder with BYOL: predict a delayed network's embedding of another crop.");
  ex::crop_options o("byol");
  o.projector = {512, 128};
  o.rate = 1.6;
  double momentum = 0.97;
  ex::add_crop_options(app, o);
  app.add_option("--momentum", momentum, "of the delayed network at first; it rises to 1")
      ->check(ex::between(0, 1));

  return ex::run(app, argc, argv, [&] {
    ex::crop_task task(o);

    // Online: encoder, projector, predictor. Target: encoder and projector, delayed (section 3.1).
    const auto networks = ssl::delayed_targets(task.encoder(), task.projector(), task.predictor(),
                                               ssl::cosine_momentum(momentum, task.steps()));

    // Equation 2, both directions added up.
    const auto loss = ssl::byol_official();

    return task.train("BYOL",
                      "A predictor foretells from one random crop the embedding that a delayed copy of the "
                      "networks gives another crop of the image.",
                      networks, loss, ssl::byol_official_lars(),
                      ssl::byol_schedule(task.rate(), task.warmup(), task.steps()),
                      ssl::asymmetric_cifar_augmentation());
  });
}
