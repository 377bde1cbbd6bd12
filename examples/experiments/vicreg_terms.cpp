// VICReg's three terms (arXiv 2105.04906), each on or off, and its batch size and expander width. The paper's
// size is ResNet-50 on ImageNet for 100 to 1000 epochs with an 8192-8192-8192 expander at batch 2048; towards
// it with --data cifar10:DIR --stem-stride 1 --widths 64,128,256,512 --projector 2048,2048,2048 --epochs 200
// --batch 256 --batches 128,256,512,1024 --projector-widths 256,512,1024,2048,4096.
#include <algorithm>

#include "experiments/support/findings.hpp"
#include "experiments/support/study.hpp"
#include "support/format.hpp"

namespace ex = ssl_example;

namespace {

struct term_options : ex::study_options {
  term_options() : study_options("out/vicreg_terms") {
    epochs = 8;
    rate = 0.4;
    widths = {16, 32, 64, 128};
    projector = {256, 256};
  }

  double invariance = 25, variance = 25, covariance = 1;
  std::vector<ssl::index> batches = {64, 128, 256}, projector_widths = {64, 256, 1024};
};

const std::string all_terms = "inv + var + cov";

/// The terms whose bits are set.
std::string terms_of(int bits) {
  std::string text;
  int bit = 1;
  for (const char* name : {"inv", "var", "cov"}) {
    if (bits & bit) text += (text.empty() ? "" : " + ") + std::string(name);
    bit *= 2;
  }
  return text;
}

ex::condition case_of(const std::string& terms, ssl::index batch, ssl::index width) {
  return {{"terms", terms}, {"batch", std::to_string(batch)}, {"width", std::to_string(width)}};
}

/// Covariance term of one view with n samples of d independent features of variance one: its mean.
double independent(double d, double n) { return (d - 1) / (n - 1); }
/// And its least value, from the rank of n centred columns.
double least(double d, double n) { return std::max(0.0, d / (n - 1) - 1); }

void conclude(ex::study& s, const ex::condition& all) {
  const auto& results = s.page.results();
  const auto against_all = [&](const char* terms, const char* measure) {
    ex::condition part = all;
    part.front().second = terms;
    return results.difference(all, part, measure);
  };
  ex::tally claim;
  std::string text = "All three terms against two of them:";
  const auto say = [&](const std::string& without, const char* terms, const char* measure, const char* what,
                       int digits, bool percent) {
    const ex::estimate d = against_all(terms, measure);
    if (d.count == 0) return;
    claim.add(ex::change_of(d));
    text += " with " + without + " the " + what + " is " + ex::difference_text(d, digits, percent) + ";";
  };
  say("variance", "inv + cov", "deviation", "features' deviation", 2, false);
  say("covariance", "inv + var", "rank", "effective rank", 1, false);
  say("invariance", "var + cov", "linear", "linear accuracy", 1, true);
  ex::condition alone = all;
  alone.front().second = "inv";
  const ex::estimate gone = results.summary(alone, "collapsed");
  if (gone.count > 0) {
    claim.add(gone.mean > 0.5 ? ex::change::up : ex::change::down);
    text += std::string(" invariance alone ") + (gone.mean > 0.5 ? "collapses" : "does not collapse") + " (" +
            gone.text(0, true) + " of the seeds).";
  }
  s.page.conclude(claim.verdict(), text);
}

/// A sweep's covariance term beside what sampling alone makes of it.
void floor_table(ex::study& s, const std::vector<ex::condition>& sweep, const std::string& caption) {
  std::vector<std::vector<std::string>> rows;
  for (const ex::condition& c : sweep) {
    const double n = std::stod(ex::value_of(c, "batch")), d = std::stod(ex::value_of(c, "width"));
    rows.push_back({ex::value_of(c, "batch"), ex::value_of(c, "width"), ex::fixed(least(d, n), 2),
                    ex::fixed(independent(d, n), 2),
                    s.page.results().summary(c, "covariance of a view").text(2)});
  }
  s.page.blocks().table({"batch", "width", "least at variance 1", "independent features", "reached"}, rows,
                        caption);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("VICReg's terms on and off, its batch size and its expander's width.");
  term_options o;
  ex::add_study_options(app, o);
  app.add_option("--invariance", o.invariance, "weight of the term where it is on")->check(ex::at_least(0));
  app.add_option("--variance", o.variance, "weight of the term where it is on")->check(ex::at_least(0));
  app.add_option("--covariance", o.covariance, "weight of the term where it is on")->check(ex::at_least(0));
  app.add_option("--batches", o.batches, "images in a step, beside --batch; the rate goes with it")
      ->delimiter(',')
      ->check(ex::between(2, 65536));
  app.add_option("--projector-widths", o.projector_widths,
                 "widths of the expander, beside --projector's last")
      ->delimiter(',')
      ->check(ex::between(1, 65536));

  return ex::run(app, argc, argv, [&] {
    ex::study s(
        app, o,
        {.title = "VICReg's three terms",
         .claim =
             "Variance keeps the embeddings from shrinking to a point, covariance keeps their dimensions "
             "from carrying the same information, invariance makes them worth something; invariance alone "
             "collapses.",
         .source = "arXiv 2105.04906, sections 3 and 5",
         .what =
             "The same encoder is trained with each subset of the terms, and with all of them at other "
             "batch sizes and expander widths, for the same number of epochs. Rank, spread and deviation "
             "are of the embeddings that the loss sees, in the last step; whole images are judged by what "
             "the encoder gives."});
    const ssl::index width = o.projector.back();
    std::vector<ex::condition> terms, batches, widths, conditions;
    for (int bits = 1; bits < 8; ++bits) terms.push_back(case_of(terms_of(bits), o.batch, width));
    for (const ssl::index batch : o.batches) batches.push_back(case_of(all_terms, batch, width));
    for (const ssl::index one : o.projector_widths) widths.push_back(case_of(all_terms, o.batch, one));
    for (const auto* list : {&terms, &batches, &widths})
      for (const ex::condition& c : *list)
        if (std::find(conditions.begin(), conditions.end(), c) == conditions.end()) conditions.push_back(c);

    s.each(conditions, [&](const ex::condition& c, std::uint64_t seed) {
      ex::training_recipe recipe = s.recipe();
      const std::string on = ex::value_of(c, "terms");
      const auto weight = [&](const char* name, double value) {
        return on.find(name) == std::string::npos ? 0.0 : value;
      };
      recipe.loss = "vicreg";
      recipe.weights = {{"invariance", weight("inv", o.invariance)},
                        {"variance", weight("var", o.variance)},
                        {"covariance", weight("cov", o.covariance)}};
      recipe.views = ssl::named_views("vicreg_cifar", {.image = s.side()});
      recipe.optimizer = "vicreg";
      recipe.batch = std::stoll(ex::value_of(c, "batch"));
      recipe.rate *= static_cast<double>(recipe.batch) / static_cast<double>(o.batch);
      const ssl::index d = std::stoll(ex::value_of(c, "width"));
      if (d != o.projector.back()) std::fill(recipe.projector.begin(), recipe.projector.end(), d);
      ex::learner net(s.be, recipe, s.data.train, seed);
      const ssl::step_record last = net.train();
      ex::measures all = s.accuracy(net, net.whole_image());
      for (const auto& [name, value] : ex::state_of(last)) {
        all.emplace_back(name, value);
        if (name == "term var") all.emplace_back("deviation", 1 - value);  // the mean of min(1, deviation)
        if (name == "term cov") all.emplace_back("covariance of a view", value / 2);
      }
      return all;
    });

    const ex::shown_measure linear{.measure = "linear", .digits = 1, .percent = true},
        knn{.measure = "knn", .title = "kNN", .digits = 1, .percent = true},
        rank{.measure = "rank", .digits = 1},
        covariance{.measure = "covariance of a view", .title = "covariance", .digits = 2};
    const std::vector<ex::shown_measure> columns{knn,
                                                 linear,
                                                 rank,
                                                 {.measure = "deviation", .digits = 2},
                                                 {.measure = "spread", .digits = 2},
                                                 {.measure = "alignment", .digits = 2},
                                                 covariance,
                                                 {.measure = "collapsed", .digits = 0, .percent = true}};
    const std::string batch_text = std::to_string(o.batch), width_text = std::to_string(width);
    s.page.blocks().heading("Terms");
    s.page.table(
        {"terms"}, columns,
        "Deviation: mean over features of the smaller of 1 and the standard deviation. Alignment: mean "
        "squared distance of two views' directions, 0 where they agree and 2 where they have nothing "
        "in common.",
        {{"batch", batch_text}, {"width", width_text}});
    s.page.differences("terms", all_terms, linear, "Paired over seeds.",
                       {{"batch", batch_text}, {"width", width_text}});

    s.page.blocks().heading("Batch size");
    const ex::condition by_batch{{"terms", all_terms}, {"width", width_text}};
    s.page.table({"batch"}, {knn, linear, rank, covariance}, "", by_batch);
    s.page.line_plot("Linear accuracy against batch size", linear, "batch", "", {.log_x = true}, by_batch);
    s.page.blocks().heading("Expander width");
    const ex::condition by_width{{"terms", all_terms}, {"batch", batch_text}};
    s.page.table({"width"}, {knn, linear, rank, covariance}, "", by_width);
    s.page.line_plot("Linear accuracy against expander width", linear, "width", "", {.log_x = true},
                     by_width);

    s.page.blocks().heading("What sampling alone makes of the covariance term");
    std::vector<ex::condition> sweeps = batches;
    for (const ex::condition& c : widths)
      if (std::find(sweeps.begin(), sweeps.end(), c) == sweeps.end()) sweeps.push_back(c);
    floor_table(
        s, sweeps,
        "n centred samples have rank n - 1 at most, so the term of d features of variance 1 is no less "
        "than d / (n - 1) - 1, and (d - 1) / (n - 1) for independent normal features: values of "
        "different batch sizes do not compare. Smaller variances lower it by their square.");
    conclude(s, case_of(all_terms, o.batch, width));
    return s.finish();
  });
}
