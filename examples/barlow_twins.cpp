// Barlow Twins (arXiv 2103.03230) at small scale: the cross-correlation of two views' features is pulled
// towards the identity, so that a feature agrees with itself and with no other.
#include "support/crops.hpp"

namespace ex = ssl_example;

int main(int argc, char** argv) {
  CLI::App app("Trains an encoder with Barlow Twins on two crops of each image.");
  ex::crop_options o("barlow_twins");
  double lambda = 0.0051;
  ex::add_crop_options(app, o);
  app.add_option("--lambda", lambda, "weight of the off-diagonal terms")->check(ex::at_least(0));

  return ex::run(app, argc, argv, [&] {
    ex::crop_task task(o);

    // Both views go through the same networks (figure 1).
    const auto networks = ssl::joint_embedding(task.encoder(), task.projector());

    // Equation 1, on features standardised over the batch (equation 2).
    const auto loss = ssl::on(ssl::standardized{}, ssl::on_diagonal{} + lambda * ssl::off_diagonal{});

    return task.train("Barlow Twins",
                      "The correlations between the features of two random crops of each image are pulled "
                      "towards the identity matrix.",
                      networks, loss, ssl::barlow_official_lars(),
                      ssl::fair_schedule(task.rate(), task.warmup(), task.steps()),
                      ssl::asymmetric_cifar_augmentation());
  });
}
