// MSBReg's two dispersive terms (arXiv 2207.03552) added to other methods: do they prevent a collapse, and do
// they help? Heads without batch norm are where BYOL and SimSiam are in danger. Published sizes are ResNet-50
// for hundreds of epochs; towards them with --data cifar10:DIR --stem-stride 1 --widths 64,128,256,512
// --projector 4096,256 --epochs 200 --train-images 0.
#include "experiments/support/findings.hpp"
#include "experiments/support/study.hpp"
#include "ssl/core/finite.hpp"

namespace ex = ssl_example;

namespace {

struct regulariser_options : ex::study_options {
  regulariser_options() : study_options("out/add_regularisers") {
    epochs = 4;
    train_images = 8000;
    rate = 0.8;
    widths = {16, 32, 64, 128};
  }

  std::vector<std::string> hosts = {"byol", "simsiam", "barlow_twins", "vicreg"};
  std::vector<std::string> heads = {"plain", "batch norm"};
  double singular = 0.004, brownian = 0.5;
};

constexpr const char* variants[] = {"alone", "+ singular", "+ Brownian", "+ both"};

ex::condition case_of(const std::string& host, const std::string& heads, const std::string& terms) {
  return {{"host", host}, {"heads", heads}, {"terms", terms}};
}

ex::training_recipe recipe_of(const ex::study& s, const regulariser_options& o, const ex::condition& c) {
  ex::training_recipe r = s.recipe();
  r.loss = ex::value_of(c, "host");
  r.batch_norm = ex::value_of(c, "heads") == "batch norm";
  const bool predicts = ex::targets_of_loss(r.loss) != ssl::targets_of::nothing;
  r.optimizer = predicts ? "byol" : "vicreg";
  r.views = ssl::named_views(predicts ? "asymmetric_cifar" : "vicreg_cifar", {.image = s.side()});
  const std::string terms = ex::value_of(c, "terms");
  if (terms == "+ singular" || terms == "+ both") r.weights["singular"] = o.singular;
  if (terms == "+ Brownian" || terms == "+ both") r.weights["brownian"] = o.brownian;
  return r;
}

void conclude(ex::study& s, const regulariser_options& o) {
  const auto& results = s.page.results();
  ex::tally spread, rank, linear;
  std::string saved, lost;
  int collapsed = 0;
  for (const std::string& host : o.hosts)
    for (const std::string& heads : o.heads) {
      const ex::condition alone = case_of(host, heads, "alone"), both = case_of(host, heads, "+ both");
      linear.add(ex::change_of(results.difference(both, alone, "linear")));
      rank.add(ex::change_of(results.difference(both, alone, "rank")));
      const double share = results.summary(alone, "collapsed").mean;
      if (ssl::is_nan(share) || share <= 0.5) continue;
      ++collapsed;
      const bool out = results.summary(both, "collapsed").mean < 0.5;
      (out ? saved : lost) += ((out ? saved : lost).empty() ? "" : ", ") + host + " (" + heads + ")";
      spread.add(out ? ex::change::up : ex::change::down);
    }
  std::string text;
  if (collapsed == 0)
    text = "No method collapsed alone in this time. ";
  else {
    text =
        "Collapsed alone: " + std::to_string(collapsed) + " of " + std::to_string(linear.all()) + " cases; ";
    if (!saved.empty()) text += "with both terms no longer: " + saved + "; ";
    if (!lost.empty()) text += "with both terms still: " + lost + "; ";
  }
  text += "effective rank with both terms against none: " + rank.text() +
          "; linear accuracy: " + linear.text() + " of " + std::to_string(linear.all()) + " cases.";
  ex::tally claim = linear;
  claim.up += spread.up;
  claim.down += spread.down;
  s.page.conclude(claim.verdict(), text);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("MSBReg's singular value and Brownian terms added to other methods.");
  regulariser_options o;
  ex::add_study_options(app, o);
  app.add_option("--hosts", o.hosts, "methods")->delimiter(',')->check(CLI::IsMember(ex::known_losses()));
  app.add_option("--heads", o.heads, "heads: plain, batch norm")
      ->delimiter(',')
      ->check(CLI::IsMember({"plain", "batch norm"}));
  app.add_option("--singular", o.singular, "weight of the singular value term")->check(ex::at_least(0));
  app.add_option("--brownian", o.brownian, "weight of the Brownian term")->check(ex::at_least(0));

  return ex::run(app, argc, argv, [&] {
    ex::study s(
        app, o,
        {.title = "MSBReg's dispersive terms added to other methods",
         .claim = "Added to existing methods, the singular value and Brownian terms improve them and prevent "
                  "their collapse, without batch norm too.",
         .source = "arXiv 2207.03552, abstract",
         .what = "Each method trains the same encoder alone and with the terms, with heads that have batch "
                 "norm and heads that have none. Rank and spread are of the predictions (of the projections "
                 "where nothing is predicted) in the last step; a run counts as collapsed where that step "
                 "shows a sign of it. Whole images are judged."});
    std::vector<ex::condition> conditions;
    for (const std::string& host : o.hosts)
      for (const std::string& heads : o.heads)
        for (const char* terms : variants) conditions.push_back(case_of(host, heads, terms));

    s.each(conditions, [&](const ex::condition& c, std::uint64_t seed) {
      ex::learner net(s.be, recipe_of(s, o, c), s.data.train, seed);
      const ssl::step_record last = net.train();
      ex::measures all = s.accuracy(net, net.whole_image());
      for (const auto& one : ex::state_of(last))
        if (!one.first.starts_with("term")) all.push_back(one);
      return all;
    });

    const ex::shown_measure linear{.measure = "linear", .digits = 1, .percent = true};
    for (const std::string& heads : o.heads) {
      s.page.blocks().heading("Heads: " + heads);
      s.page.table({"host", "terms"},
                   {{.measure = "knn", .title = "kNN", .digits = 1, .percent = true},
                    linear,
                    {.measure = "rank", .digits = 1},
                    {.measure = "spread", .digits = 2},
                    {.measure = "participation", .digits = 1},
                    {.measure = "collapsed", .digits = 0, .percent = true}},
                   "", {{"heads", heads}});
      for (const std::string& host : o.hosts)
        s.page.differences("terms", "alone", linear, host + ", heads: " + heads + ". Paired over seeds.",
                           {{"host", host}, {"heads", heads}});
    }
    conclude(s, o);
    return s.finish();
  });
}
