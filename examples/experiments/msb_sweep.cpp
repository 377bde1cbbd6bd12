// MSBReg's sensitivity (arXiv 2207.03552): accuracy over the weights of its singular value and Brownian
// terms, for several numbers of views. The paper's size: ResNet-18 or -50 on whole data sets for hundreds of
// epochs; towards it with --data cifar10:DIR --stem-stride 1 --widths 64,128,256,512 --projector 4096,256
// --epochs 200 --train-images 0 --singular 0,0.00004,0.0004,0.004,0.04,0.4 --brownian 0,0.1,0.5,2.
#include <algorithm>

#include "experiments/support/findings.hpp"
#include "experiments/support/study.hpp"

namespace ex = ssl_example;

namespace {

struct sweep_options : ex::study_options {
  sweep_options() : study_options("out/msb_sweep") {
    epochs = 4;
    train_images = 10000;
    rate = 0.8;
    widths = {16, 32, 64, 128};
  }

  std::vector<double> singular = {0, 0.00004, 0.0004, 0.004, 0.04}, brownian = {0, 0.5};
  std::vector<ssl::index> views = {2, 4, 8};
};

/// The weights that the paper names, or those of the sweep next to them.
double nearest(const std::vector<double>& values, double wanted) {
  return *std::min_element(values.begin(), values.end(),
                           [&](double a, double b) { return std::abs(a - wanted) < std::abs(b - wanted); });
}

ex::condition weights(double singular, double brownian) {
  return {{"singular", ex::number_text(singular)}, {"brownian", ex::number_text(brownian)}};
}

ex::condition at(ssl::index views, ex::condition where) {
  where.insert(where.begin(), {"views", std::to_string(views)});
  return where;
}

/// As many epochs of so many views as show the network what `o.epochs` of the fewest views do.
ssl::index epochs_of(const sweep_options& o, ssl::index views) {
  const ssl::index seen = o.epochs * o.views.front();
  return std::max<ssl::index>((seen + views / 2) / views, 1);
}

void conclude(ex::study& s, const sweep_options& o) {
  const auto& results = s.page.results();
  const double lambda_s = nearest(o.singular, 0.004), lambda_b = nearest(o.brownian, 0.5);
  const ex::condition paper = weights(lambda_s, lambda_b), none = weights(0, 0);
  ex::tally both, more_views;
  std::string text = "Linear accuracy with " + ex::number_text(lambda_s) +
                     " of the singular value term and " + ex::number_text(lambda_b) +
                     " of the Brownian term against neither:";
  for (const ssl::index views : o.views) {
    const ex::estimate d = results.difference(at(views, paper), at(views, none), "linear");
    if (d.count == 0) continue;
    both.add(ex::change_of(d));
    text += " K = " + std::to_string(views) + ": " + ex::difference_text(d) + ";";
  }
  for (std::size_t k = 1; k < o.views.size(); ++k) {
    const ex::estimate d = results.difference(at(o.views[k], paper), at(o.views.front(), paper), "linear");
    more_views.add(ex::change_of(d));
    text += " K = " + std::to_string(o.views[k]) + " against K = " + std::to_string(o.views.front()) +
            " at these weights: " + ex::difference_text(d) + ";";
  }
  text += " mean over K, with the Brownian term, against neither:";
  for (const double singular : o.singular) {
    if (singular == 0) continue;
    std::vector<ex::contrast_term> mean;
    const double share = 1 / static_cast<double>(o.views.size());
    for (const ssl::index views : o.views) {
      mean.push_back({share, at(views, weights(singular, lambda_b)), "linear"});
      mean.push_back({-share, at(views, none), "linear"});
    }
    text += " " + ex::number_text(singular) + " of the singular value term " +
            ex::signed_text(results.contrast(mean), 1, true) + ";";
  }
  const ex::condition* best = nullptr;
  const std::vector<ex::condition> all = results.conditions();
  for (const ex::condition& c : all)
    if (!best || results.summary(c, "linear").mean > results.summary(*best, "linear").mean) best = &c;
  if (best)
    text += " the best cell is K = " + ex::value_of(*best, "views") + ", " + ex::value_of(*best, "singular") +
            " and " + ex::value_of(*best, "brownian") + " with " +
            results.summary(*best, "linear").text(1, true) + ".";
  ex::tally claim = both;
  claim.up += more_views.up;
  claim.down += more_views.down;
  claim.undecided += more_views.undecided;
  s.page.conclude(claim.verdict(), text);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("MSBReg over the weights of its two dispersive terms and the number of views.");
  sweep_options o;
  ex::add_study_options(app, o);
  app.add_option("--singular", o.singular, "weights of the singular value term")
      ->delimiter(',')
      ->check(ex::at_least(0));
  app.add_option("--brownian", o.brownian, "weights of the Brownian term")
      ->delimiter(',')
      ->check(ex::at_least(0));
  app.add_option("--views", o.views, "views of an image in a step; --epochs is of the fewest")
      ->delimiter(',')
      ->check(ex::between(2, 64));

  return ex::run(app, argc, argv, [&] {
    for (auto* list : {&o.singular, &o.brownian}) std::sort(list->begin(), list->end());
    std::sort(o.views.begin(), o.views.end());
    ex::study s(
        app, o,
        {.title = "MSBReg over its weights and its number of views",
         .claim = "Accuracy rises with the singular value term up to a weight of 0.004 and with the Brownian "
                  "term up to 0.5, for K = 2 (BYOL), 4 and 8 views; more views are better.",
         .source = "arXiv 2207.03552, sensitivity study",
         .what = "Every cell trains the same encoder on the same number of views: twice the views, half the "
                 "epochs and half the steps, the same batch of images. Whole images are judged. The paper's "
                 "scale of the singular value term is not known; here it is |d/n Z'Z - I|^2 of unit rows, a "
                 "sum over entries, averaged over the views."});
    std::vector<ex::condition> conditions;
    for (const ssl::index views : o.views)
      for (const double singular : o.singular)
        for (const double brownian : o.brownian) conditions.push_back(at(views, weights(singular, brownian)));

    s.each(conditions, [&](const ex::condition& c, std::uint64_t seed) {
      ex::training_recipe recipe = s.recipe();
      const ssl::index views = std::stoll(ex::value_of(c, "views"));
      recipe.loss = "msbreg";
      recipe.weights = {{"singular", std::stod(ex::value_of(c, "singular"))},
                        {"brownian", std::stod(ex::value_of(c, "brownian"))}};
      recipe.views = ssl::named_views(views == 2 ? "asymmetric_cifar" : "symmetric_cifar",
                                      {.image = s.side(), .views = views});
      recipe.epochs = epochs_of(o, views);
      recipe.optimizer = "byol";
      ex::learner net(s.be, recipe, s.data.train, seed);
      const ssl::step_record last = net.train();
      ex::measures all = s.accuracy(net, net.whole_image());
      for (const auto& one : ex::state_of(last)) all.push_back(one);
      all.emplace_back("steps", last.steps);
      all.emplace_back("views seen", static_cast<double>(last.steps * recipe.batch * views));
      return all;
    });

    const ex::shown_measure linear{.measure = "linear", .digits = 1, .percent = true},
        knn{.measure = "knn", .title = "kNN", .digits = 1, .percent = true},
        rank{.measure = "rank", .digits = 1};
    s.page.table({"views"}, {{.measure = "steps", .digits = 0}, {.measure = "views seen", .digits = 0}},
                 "One budget of views: fewer steps of more views, as near as whole epochs allow.");
    for (const ssl::index views : o.views) {
      const std::string name = "K = " + std::to_string(views);
      const ex::condition part{{"views", std::to_string(views)}};
      s.page.blocks().heading(name);
      s.page.heat_map("linear, " + name, linear, "singular", "brownian", {}, part);
      s.page.heat_map("kNN, " + name, knn, "singular", "brownian", {}, part);
      s.page.heat_map("rank, " + name, rank, "singular", "brownian", {}, part);
      s.page.table({"singular", "brownian"},
                   {linear,
                    knn,
                    rank,
                    {.measure = "spread", .digits = 2},
                    {.measure = "collapsed", .digits = 0, .percent = true}},
                   name + ": all measures; the rank is the effective one of the predictions", part);
      const std::string drift = ex::number_text(nearest(o.brownian, 0.5));
      s.page.differences("singular", ex::number_text(o.singular.front()), linear,
                         name + ", " + drift + " of the Brownian term. Paired over seeds.",
                         {{"views", std::to_string(views)}, {"brownian", drift}});
    }
    s.page.blocks().heading("Views");
    const ex::condition drift{{"brownian", ex::number_text(nearest(o.brownian, 0.5))}};
    s.page.line_plot("Linear accuracy against views, at " + drift.front().second + " of the Brownian term",
                     linear, "views", "singular", {.log_x = true}, drift);
    s.page.cross_table("singular", "views", linear, "At the same Brownian weight.", drift);
    s.page.cross_table("singular", "views", knn, "At the same Brownian weight.", drift);
    conclude(s, o);
    return s.finish();
  });
}
