// Claims of BagSSL (arXiv 2206.08954): an encoder that learns from patches of one scale only is as good as
// one that learns from crops of many scales, if an image is the mean of its patch embeddings; and that mean
// also helps encoders that were trained on crops.
#include "experiments/support/study.hpp"

namespace ex = ssl_example;

namespace {

struct scale_options : ex::study_options {
  scale_options() : study_options("out/patch_scale") {}

  std::vector<std::string> losses = {"emp_ssl", "vicreg", "simclr"};
  double patch = 0.25;
  ssl::index views = 4, bag = 16;
};

/// Views of one scale, or of RandomResizedCrop's many, with the same colours and the same size for the
/// network.
ssl::view_recipe views_of(const scale_options& o, bool one_scale, ssl::index side) {
  auto views = ssl::emp_ssl_views({.image = side, .views = o.views});
  views.groups.front().crop = one_scale ? ssl::crop_group::square(o.patch, o.views)
                                        : ssl::crop_group{.scale_min = 0.08, .views = o.views};
  return views;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Patches of one scale against crops of many scales, for several losses.");
  scale_options o;
  ex::add_study_options(app, o);
  app.add_option("--losses", o.losses, "which losses")
      ->delimiter(',')
      ->check(CLI::IsMember(ex::known_losses()));
  app.add_option("--scale", o.patch, "share of the image's area in a patch of one scale")
      ->check(ex::between(0.01, 1));
  app.add_option("--views", o.views, "views of an image in a step")->check(ex::between(2, 256));
  app.add_option("--bag", o.bag, "patches of a mean")->check(ex::between(1, 4096));

  return ex::run(app, argc, argv, [&] {
    ex::study s(
        app, o,
        {.title = "Patches of one scale against crops of many",
         .claim =
             "Learning from patches of one scale, with an image as the mean of its patches, is on par with "
             "learning from crops of many scales; the mean also helps encoders trained on crops.",
         .source = "arXiv 2206.08954, abstract",
         .what = "Each loss trains the same encoder in the same time on views of one scale and of many. Each "
                 "encoder is judged on whole images and on means of patches and of crops."});
    std::vector<ex::condition> conditions;
    for (const std::string& loss : o.losses)
      for (const char* views : {"one scale", "many scales"})
        conditions.push_back({{"loss", loss}, {"views", views}});

    s.each(conditions, [&](const ex::condition& c, std::uint64_t seed) {
      ex::training_recipe recipe = s.recipe();
      recipe.loss = ex::value_of(c, "loss");
      recipe.views = views_of(o, ex::value_of(c, "views") == "one scale", s.side());
      ex::learner net(s.be, recipe, s.data.train, seed);
      net.train();

      // Each encoder under each evaluation: the whole image, and means of patches of either kind.
      ex::measures all;
      const auto keep = [&](const std::string& how, const ex::bag_request& request) {
        for (const auto& [name, value] : s.accuracy(net, request)) all.emplace_back(how + " " + name, value);
      };
      keep("whole", net.whole_image());
      ex::bag_request bag = net.clean_patches(o.bag);
      for (const bool one : {true, false}) {
        ssl::crop_group crop = views_of(o, one, s.side()).groups.front().crop;
        crop.views = o.bag;
        bag.sampler = ex::bag_sampler::random(ssl::multi_crop(s.side(), {crop}));
        keep(one ? "patches" : "crops", bag);
      }
      return all;
    });
    for (const char* measure : {"linear", "knn"}) {
      const std::string name = measure;
      const auto column = [&](const std::string& how) {
        return ex::shown_measure{.measure = how + " " + name,
                                 .title = how,
                                 .digits = 1,
                                 .percent = true,
                                 .emphasis = ex::best::highest};
      };
      s.page.table(
          {"loss", "views"}, {column("whole"), column("patches"), column("crops")},
          name + ", embedding: test accuracy of whole images, of means of patches, of means of crops");
    }
    return s.finish();
  });
}
