// SimCLR (arXiv 2002.05709) at small scale: among all crops of a batch, each crop picks out the other crop of
// its image.
#include "support/crops.hpp"

namespace ex = ssl_example;

int main(int argc, char** argv) {
  CLI::App app("Trains an encoder with SimCLR on two crops of each image.");
  ex::crop_options o("simclr");
  o.projector = {512, 128};
  double temperature = 0.2;
  ex::add_crop_options(app, o);
  app.add_option("--temperature", temperature, "of the soft-max over similarities")
      ->check(ex::between(0.005, 10));

  return ex::run(app, argc, argv, [&] {
    ex::crop_task task(o);

    // h = f(x) is kept, z = g(h) is what the loss sees (section 2.1).
    const auto networks = ssl::joint_embedding(task.encoder(), task.projector());

    // Equation 1, averaged over all crops as anchors.
    const auto loss = 1 * ssl::nt_xent{.temperature = temperature};

    return task.train("SimCLR",
                      "Every random crop is an anchor that has to find the other crops of its image among "
                      "all crops of the batch.",
                      networks, loss, ssl::simclr_official_lars(),
                      ssl::fair_schedule(task.rate(), task.warmup(), task.steps()),
                      ssl::simclr_cifar_augmentation());
  });
}
