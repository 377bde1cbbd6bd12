// VICReg (arXiv 2105.04906) at small scale: random resized crops of each image, an encoder, an expander, and
// three terms that keep the embeddings varied, invariant and decorrelated.
#include "support/crops.hpp"

namespace ex = ssl_example;

int main(int argc, char** argv) {
  CLI::App app("Trains an encoder with VICReg on two crops of each image and evaluates it on whole images.");
  ex::crop_options o("vicreg");
  double invariance = 25, variance = 25, covariance = 1;
  ex::add_crop_options(app, o);
  app.add_option("--invariance", invariance, "weight of the term")->check(ex::at_least(0));
  app.add_option("--variance", variance, "weight of the term")->check(ex::at_least(0));
  app.add_option("--covariance", covariance, "weight of the term")->check(ex::at_least(0));

  return ex::run(app, argc, argv, [&] {
    ex::crop_task task(o);

    // y = encoder(x) is the representation, z = expander(y) the embedding (section 4.1).
    const auto networks = ssl::joint_embedding(task.encoder(), task.projector());

    // Equation 6, with the constants of section 4.2 unless the command line says otherwise.
    const auto loss =
        invariance * ssl::invariance{} + variance * ssl::variance{} + covariance * ssl::covariance{};

    return task.train("VICReg",
                      "Two random crops of each image, resized to the whole image's size, go through an "
                      "encoder and an expander; the loss keeps each feature varied, the two views equal and "
                      "the features uncorrelated.",
                      networks, loss, ssl::vicreg_official_lars(),
                      ssl::fair_schedule(task.rate(), task.warmup(), task.steps()),
                      ssl::vicreg_cifar_augmentation());
  });
}
