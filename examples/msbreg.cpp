// MSBReg (arXiv 2207.03552) at small scale: K views of an image move towards the centre that a delayed
// network gives the others (multiview centroid), while the whole batch keeps its singular values even and
// every image is pushed in a random direction of its own (Brownian).
#include <map>

#include "support/crops.hpp"

namespace ex = ssl_example;

int main(int argc, char** argv) {
  CLI::App app("Trains an encoder with MSBReg on several crops of each image.");
  ex::crop_options o("msbreg", 4);
  o.projector = {512, 128};
  o.batch = 128;
  o.rate = 1.6;
  double momentum = 0.97, singular = 0.004, brownian = 0.5;
  auto reading = ssl::centroid_reading::leave_one_out;
  ex::add_crop_options(app, o);
  app.add_option("--momentum", momentum, "of the delayed network at first; it rises to 1")
      ->check(ex::between(0, 1));
  app.add_option("--singular", singular, "weight of the singular value loss")->check(ex::at_least(0));
  app.add_option("--brownian", brownian, "weight of the Brownian loss")->check(ex::at_least(0));
  app.add_option("--centroid", reading, "which centre: of the other views, of all, or centre to centre")
      ->transform(CLI::CheckedTransformer(std::map<std::string, ssl::centroid_reading>{
          {"others", ssl::centroid_reading::leave_one_out},
          {"all", ssl::centroid_reading::all_targets},
          {"centre", ssl::centroid_reading::centroid_to_centroid}}));

  return ex::run(app, argc, argv, [&] {
    ex::crop_task task(o);

    // All views go through both networks (figure 1).
    const auto networks = ssl::delayed_targets(task.encoder(), task.projector(), task.predictor(),
                                               ssl::cosine_momentum(momentum, task.steps()));

    // Attraction, global dispersion, local dispersion; the last two see the embeddings alone.
    const auto loss =
        ssl::centroid{.reading = reading} + singular * ssl::singular_value{} + brownian * ssl::brownian{};

    return task.train("MSBReg",
                      "Several random crops of each image move towards the centre of their targets, while "
                      "the singular values of a batch are kept even and each image drifts at random.",
                      networks, loss, ssl::byol_official_lars(),
                      ssl::byol_schedule(task.rate(), task.warmup(), task.steps()),
                      ssl::asymmetric_cifar_augmentation());
  });
}
