// Claims of BagSSL (arXiv 2206.08954): in encoders trained on crops of many scales, the mean of an image's
// small patches comes close to the embedding of the whole image as their number grows, which is why whole
// images are good enough to evaluate; and embeddings are local at patches while images are stable.
#include <algorithm>
#include <map>

#include "experiments/support/findings.hpp"
#include "experiments/support/study.hpp"
#include "ssl/core/finite.hpp"
#include "support/patch_cosines.hpp"

namespace ex = ssl_example;

namespace {

struct cosine_options : ex::study_options {
  cosine_options() : study_options("out/bag_cosine") { epochs = 6; }

  std::string loss = "vicreg";
  double patch = 0.25;
  ssl::index views = 4, most = 64, images = 1000;
};

const char* const many_scales = "many scales";
const char* const one_scale = "one scale";
const char* const spaces[] = {"embedding", "projection"};

ssl::view_recipe views_of(const cosine_options& o, const std::string& training, ssl::index side) {
  auto views = ssl::emp_ssl_views({.image = side, .views = o.views});
  views.groups.front().crop = training == one_scale ? ssl::crop_group::square(o.patch, o.views)
                                                    : ssl::crop_group{.scale_min = 0.08, .views = o.views};
  return views;
}

/// Everything about one encoder, by what distinguishes conditions of it.
using found = std::map<std::pair<std::string, std::string>, ex::measures>;  // (space, patches), (space, "")

/// `named` is the ending of the measures' names.
void keep(found& all, const std::string& space, const ex::bag_law& law, const ex::patch_cosines& mean,
          const std::string& named) {
  for (const ex::growing_bag& b : law.bags) {
    ex::measures& of = all[{space, std::to_string(b.patches)}];
    of.emplace_back("own" + named, b.own);
    of.emplace_back("other" + named, b.other);
    of.emplace_back("many" + named, b.many);
    of.emplace_back("model" + named, b.model);
  }
  ex::measures& of = all[{space, ""}];
  of.emplace_back("limit" + named, law.limit);
  of.emplace_back("noise" + named, law.noise);
  of.emplace_back("residual" + named, law.residual);
  of.emplace_back("patch same" + named, mean.patch_same);
  of.emplace_back("patch different" + named, mean.patch_different);
  of.emplace_back("patch altered" + named, mean.patch_altered);
  of.emplace_back("bag same" + named, mean.bag_same);
  of.emplace_back("bag different" + named, mean.bag_different);
  of.emplace_back("bag altered" + named, mean.bag_altered);
}

found look_at(ex::study& s, const cosine_options& o, ex::learner& net, const std::vector<ssl::index>& sizes) {
  const ssl::index images = std::min<ssl::index>(o.images, s.data.test.size());
  // Both kinds of encoders are shown the same patches.
  const ssl::crop_group crop = ssl::crop_group::square(o.patch, o.most);
  const auto patches = [&](ex::bag_request request) {
    request.sampler = ex::bag_sampler::random(ssl::multi_crop(s.side(), {crop}));
    request.aggregate.how = ex::bag_aggregate::kind::concatenation;
    request.images = images;
    return net.embed(s.data.test, request);
  };
  ex::bag_request at_once = net.whole_image();
  at_once.images = images;
  const ex::embedded clean = patches(net.clean_patches(o.most)),
                     altered = patches(net.augmented_patches(o.most)),
                     whole = net.embed(s.data.test, at_once);
  found all;
  bool collapsed = false;
  for (const std::string space : spaces) {
    const auto of = [&](const ex::embedded& e) { return space == spaces[0] ? e.h.all : e.z.all; };
    const ex::to_host c(s.be, of(clean)), a(s.be, of(altered)), w(s.be, of(whole));
    const ex::patch_embeddings of_clean{of(whole).rows, o.most, images, c.values},
        of_altered{of(whole).rows, o.most, images, a.values};
    for (const bool centred : {false, true})
      keep(all, space, ex::law_of_bags(of_clean, w.values, sizes, centred),
           ex::cosines_of_patches(of_clean, of_altered, centred), centred ? ", centred" : "");
    // Where all patches are one, cosines of 1 and of rounding errors would look like results.
    const ex::measures& sums = all.at({space, ""});
    for (const auto& [name, value] : sums)
      if (name == "patch different" && value > 0.9999) collapsed = true;
  }
  if (collapsed)
    for (auto& [where, of] : all)
      for (auto& [name, value] : of) value = ssl::not_a_number<double>();
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Cosine between means of patches and whole images, for encoders of many scales and of one.");
  cosine_options o;
  ex::add_study_options(app, o);
  app.remove_option(app.get_option("--eval-images"));
  app.add_option("--loss", o.loss, "what trains the encoders")->check(CLI::IsMember(ex::known_losses()));
  app.add_option("--scale", o.patch, "share of the image's area in a patch")->check(ex::between(0.01, 1));
  app.add_option("--views", o.views, "views of an image in a step")->check(ex::between(2, 256));
  app.add_option("--most", o.most, "patches of the largest bag")->check(ex::between(4, 1024));
  app.add_option("--images", o.images, "test images that are looked at, all embeddings in memory")
      ->check(ex::at_least(2));

  return ex::run(app, argc, argv, [&] {
    ex::study s(
        app, o,
        {.title = "The mean of patches and the whole image",
         .claim = "The embedding of a whole image is close to the mean of its small patches' embeddings, the "
                  "closer the more patches.",
         .source = "arXiv 2206.08954, abstract and analysis",
         .what = "Encoders trained on crops of many scales and on patches of one. Cosines of the mean of K "
                 "patches of an image with that image seen at once; with another image; and, of K patches "
                 "from K other images, with it. \"Centred\" is less the mean over images, since embeddings "
                 "that are never negative have high cosines whatever they show. The model has independent "
                 "patches around a mean: cos(K) = a |μ| / √(|μ|² + σ² / K), where only a is "
                 "fitted."});
    std::vector<ssl::index> sizes;
    for (ssl::index size = 1; size < o.most; size *= 2) sizes.push_back(size);
    sizes.push_back(o.most);

    const auto growth = [](const std::string& training, const std::string& space, ssl::index patches) {
      return ex::condition{
          {"part", "growth"}, {"training", training}, {"space", space}, {"patches", std::to_string(patches)}};
    };
    const auto summary = [](const std::string& training, const std::string& space) {
      return ex::condition{{"part", "summary"}, {"training", training}, {"space", space}};
    };
    std::vector<ex::condition> conditions;
    for (const char* training : {many_scales, one_scale})
      for (const char* space : spaces) {
        for (const ssl::index size : sizes) conditions.push_back(growth(training, space, size));
        conditions.push_back(summary(training, space));
      }

    found of_encoder;
    std::pair<std::string, std::uint64_t> looked_at;
    s.each(conditions, [&](const ex::condition& c, std::uint64_t seed) {
      const std::pair asked(ex::value_of(c, "training"), seed);
      if (looked_at != asked) {
        ex::training_recipe recipe = s.recipe(o.loss);
        recipe.views = views_of(o, asked.first, s.side());
        of_encoder = look_at(s, o, s.trained(asked.first, recipe, seed), sizes);
        looked_at = asked;
      }
      return of_encoder.at({ex::value_of(c, "space"), ex::value_of(c, "patches")});
    });

    for (const char* training : {many_scales, one_scale})
      if (const int failed = s.page.results().summary(summary(training, spaces[0]), "patch same").failed;
          failed > 0)
        s.page.blocks().notice(std::to_string(failed) + " of the encoders trained on " + training +
                               " collapsed: all patches have one embedding. Such a seed counts as failed and "
                               "is in no mean.");

    // Growth: measured, controls and model in one drawing each.
    for (const std::string named : {"", ", centred"})
      for (const char* training : {many_scales, one_scale})
        for (const char* space : spaces) {
          const ex::condition part{{"part", "growth"}, {"training", training}, {"space", space}};
          ex::series model = s.curve("model", part, "patches", "model" + named);
          model.dashed = true;
          s.page.blocks().line_plot(std::string("Trained on ") + training + ", " + space + named, "patches",
                                    "cosine",
                                    {s.curve("the same image", part, "patches", "own" + named),
                                     s.curve("another image", part, "patches", "other" + named),
                                     s.curve("many other images", part, "patches", "many" + named), model},
                                    {.log_x = true});
        }
    for (const std::string named : {"", ", centred"})
      s.page.table({"training", "space", "patches"},
                   {{.measure = "own" + named, .title = "the same image"},
                    {.measure = "model" + named, .title = "model"},
                    {.measure = "other" + named, .title = "another image"},
                    {.measure = "many" + named, .title = "many other images"}},
                   "Cosine of the mean of patches with a whole image" + named, {{"part", "growth"}});
    const ex::condition sums{{"part", "summary"}};
    for (const std::string named : {"", ", centred"}) {
      s.page.table(
          {"training", "space"},
          {{.measure = "limit" + named, .title = "a"},
           {.measure = "noise" + named, .title = "σ² / |μ|²"},
           {.measure = "residual" + named, .title = "residual", .digits = 4}},
          "The model: what was fitted, what was measured, and the root mean square of what it misses" + named,
          sums);
      s.page.table({"training", "space"},
                   {{.measure = "patch same" + named, .title = "two patches of an image"},
                    {.measure = "patch different" + named, .title = "patches of two images"},
                    {.measure = "patch altered" + named, .title = "a patch, colours changed"},
                    {.measure = "bag same" + named, .title = "two halves of a bag"},
                    {.measure = "bag different" + named, .title = "bags of two images"},
                    {.measure = "bag altered" + named, .title = "a bag, colours changed"}},
                   "Cosines of patches and of means of patches" + named, sums);
    }

    // What follows from the intervals.
    const auto& results = s.page.results();
    const ssl::index most = o.most;
    const auto rise = [&](const std::string& named) {
      return results.difference(growth(many_scales, spaces[0], most), growth(many_scales, spaces[0], 1),
                                "own" + named);
    };
    const auto between = [&](const ex::condition& where, const std::string& a, const std::string& b) {
      return ex::difference_within(results, where, a, b);
    };
    const ex::condition last = growth(many_scales, spaces[0], most);
    const ex::estimate raw = rise(""), centred = rise(", centred"), end = results.summary(last, "own"),
                       end_centred = results.summary(last, "own, centred"),
                       beyond = between(last, "own", "other"),
                       beyond_centred = between(last, "own, centred", "other, centred"),
                       doubling = results.difference(
                           last, growth(many_scales, spaces[0], sizes[sizes.size() - 2]), "own");
    const bool grows = raw.low > 0 && centred.low > 0 && beyond.low > 0 && beyond_centred.low > 0;
    const bool close = end.low > 0.9 && doubling.mean < 0.02;
    s.page.conclude(raw.count < 2    ? ex::outcome::open
                    : grows && close ? ex::outcome::holds
                    : grows          ? ex::outcome::in_part
                                     : ex::outcome::not_here,
                    "Encoder of many scales, embedding: the cosine with the whole image reaches " +
                        end.text() + " at " + std::to_string(most) + " patches, " + ex::signed_text(raw) +
                        " more than at one, " + ex::signed_text(doubling) +
                        " by the last doubling; that is " + ex::signed_text(beyond) +
                        " more than with another image. Centred: " + end_centred.text() + ", " +
                        ex::signed_text(centred) + ", and " + ex::signed_text(beyond_centred) +
                        ". Close means above 0.9, not centred, with less than 0.02 by the last doubling.");

    for (const char* training : {many_scales, one_scale}) {
      const ex::condition h = summary(training, spaces[0]), z = summary(training, spaces[1]);
      const ex::estimate local = results.difference(h, z, "patch same"),
                         local_centred = results.difference(h, z, "patch same, centred"),
                         stable = between(h, "bag same, centred", "patch same, centred");
      const bool decided = local.count > 1, steady = ex::change_of(stable) == ex::change::up;
      const bool lower = ex::change_of(local) == ex::change::down;
      const bool lower_centred = ex::change_of(local_centred) == ex::change::down;
      s.page.blocks().verdict(
          ex::to_text(!decided                           ? ex::outcome::open
                      : lower && lower_centred && steady ? ex::outcome::holds
                      : lower || lower_centred           ? ex::outcome::in_part
                                                         : ex::outcome::not_here),
          std::string("Local patches, stable images; trained on ") + training +
              ": two patches of an image have a cosine of " + results.summary(h, "patch same").text() +
              " in the embedding, " + results.summary(z, "patch same").text() +
              " in the projection (difference " + ex::signed_text(local) + "; centred " +
              ex::signed_text(local_centred) +
              "). Two halves of a bag: " + results.summary(h, "bag same, centred").text() +
              " centred in the embedding, " + ex::signed_text(stable) + " more than two patches.");
    }
    return s.finish();
  });
}
