// EMP-SSL (arXiv 2304.03977): many patches of an image in a step instead of many epochs. The paper's size:
// ResNet-18 with a 4096-4096-1024 head, 20 and 200 patches; towards it with --data cifar10:DIR --side 32
// --stem-stride 1 --widths 64,128,256,512 --projector 4096,1024 --batch 100 --patches 2,20,200 --bag 128
// --lambda 200 --lambdas 200 --train-images 0.
#include <algorithm>
#include <cmath>

#include "experiments/support/findings.hpp"
#include "experiments/support/study.hpp"
#include "support/format.hpp"

namespace ex = ssl_example;

namespace {

struct emp_options : ex::study_options {
  emp_options() : study_options("out/emp_ssl_patches") {
    batch = 100;
    train_images = 8000;
    rate = 0.3;
    epochs = 4;
    stem_stride = 1;
    widths = {16, 32, 64, 128};
    projector = {256, 128};
  }

  std::vector<ssl::index> patches = {2, 5, 10, 20, 50};
  std::vector<double> lambdas = {25, 200};
  double lambda = 100;
  ssl::index usual = 20, bag = 16, side = 16;
};

/// One training: everything that this study changes.
struct setting {
  ssl::index patches = 20, epochs = 1;
  std::string optimizer = "LARS";
  bool batch_norm = true;
  double lambda = 100;

  ex::condition condition() const {
    return {{"patches", std::to_string(patches)},
            {"epochs", std::to_string(epochs)},
            {"optimizer", optimizer},
            {"heads", batch_norm ? "batch norm" : "plain"},
            {"lambda", ex::number_text(lambda)}};
  }
  static setting of(const ex::condition& c) {
    return {std::stoll(ex::value_of(c, "patches")), std::stoll(ex::value_of(c, "epochs")),
            ex::value_of(c, "optimizer"), ex::value_of(c, "heads") == "batch norm",
            std::stod(ex::value_of(c, "lambda"))};
  }
};

/// Between which values the coding rate of n unit columns of d features lies: collapsed, and as even as can
/// be.
struct rate_bounds {
  double low = 0, high = 0;

  rate_bounds(ssl::index features, ssl::index samples, double epsilon_squared = 0.2) {
    const double d = static_cast<double>(features), n = static_cast<double>(samples), m = std::min(d, n),
                 alpha = d / (n * epsilon_squared);
    low = 0.5 * std::log1p(alpha * n);
    high = 0.5 * m * std::log1p(alpha * n / m);
  }
};

ssl::index epochs_for(ssl::index patches, ssl::index equal) {
  return std::max<ssl::index>((equal + patches / 2) / patches, 1);
}

/// Everything but the patches.
ex::condition but_patches(const setting& s) {
  ex::condition c = s.condition();
  c.erase(c.begin());
  return c;
}

void conclude(ex::study& s, const emp_options& o, const setting& usual, const setting& longest) {
  const auto& results = s.page.results();
  const auto linear = [&](const setting& a, const setting& b) {
    return results.difference(a.condition(), b.condition(), "linear");
  };
  ex::tally claim;
  std::string text;
  const auto say = [&](const std::string& what, const ex::estimate& d) {
    if (d.count == 0) return;
    claim.add(ex::change_of(d));
    text += (text.empty() ? "" : "; ") + what + " " + ex::difference_text(d);
  };
  setting few = usual, many = usual, sgd = usual, plain = usual;
  few.patches = o.patches.front();
  many.patches = o.patches.back();
  say("linear accuracy after one epoch with " + std::to_string(many.patches) + " patches against " +
          std::to_string(few.patches),
      linear(many, few));
  few.epochs = epochs_for(few.patches, usual.patches);
  say("with as many patches seen, " + std::to_string(usual.patches) + " in one epoch against " +
          std::to_string(few.patches) + " in " + std::to_string(few.epochs),
      linear(usual, few));
  sgd.optimizer = "SGD";
  say("LARS against SGD", linear(usual, sgd));
  plain.batch_norm = false;
  say("LARS without batch norm in the head against SGD with it", linear(plain, sgd));
  const ex::estimate norm = linear(usual, plain);
  if (norm.count > 0) text += "; batch norm in the head against none " + ex::difference_text(norm);
  const ex::estimate first = results.summary(longest.condition(), "linear after 1"),
                     last = results.summary(longest.condition(), "linear");
  if (first.count > 0 && longest.epochs > 1)
    text += "; the first of " + std::to_string(longest.epochs) + " epochs reaches " + first.text(1, true) +
            " of the final " + last.text(1, true);
  s.page.conclude(claim.verdict(), text + ".");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("EMP-SSL: number of patches, epochs, optimizer, heads and weights.");
  emp_options o;
  ex::add_study_options(app, o);
  app.add_option("--patches", o.patches, "patches of an image in a step")
      ->delimiter(',')
      ->check(ex::between(2, 1024));
  app.add_option("--usual", o.usual,
                 "patches of the other comparisons; as many, in one epoch, are the budget "
                 "of the comparison at equal patches")
      ->check(ex::between(2, 1024));
  app.add_option("--lambda", o.lambda, "weight of the similarity of patches")->check(ex::at_least(0));
  app.add_option("--lambdas", o.lambdas, "others to compare it with")->delimiter(',')->check(ex::at_least(0));
  app.add_option("--bag", o.bag, "patches of a mean")->check(ex::between(1, 4096));
  app.add_option("--side", o.side, "side, in pixels, at which the network sees a patch; 0: the image's")
      ->check(ex::between(0, 1024));

  return ex::run(app, argc, argv, [&] {
    std::sort(o.patches.begin(), o.patches.end());
    ex::study s(
        app, o,
        {.title = "EMP-SSL: patches instead of epochs",
         .claim = "With many patches of each image in a step, learning is nearly done after one epoch; more "
                  "patches are better; LARS matters much and batch norm in the head little.",
         .source = "arXiv 2304.03977; the ablation of kachayev/ssl-in-one-epoch",
         .what = "Each run trains the same encoder on square patches of a quarter of the area with the total "
                 "coding rate and the patches' similarity. Images are judged as means of clean patches. "
                 "--epochs is the length of the curve; all other runs have one epoch unless they are said to "
                 "see as many patches."});
    const setting usual{.patches = o.usual, .lambda = o.lambda};
    setting longest = usual;
    longest.epochs = o.epochs;
    std::vector<ex::condition> conditions;
    const auto add = [&](const setting& one) {
      const ex::condition c = one.condition();
      if (std::find(conditions.begin(), conditions.end(), c) == conditions.end()) conditions.push_back(c);
    };
    std::vector<ex::condition> equal;
    for (const ssl::index patches : o.patches) {
      setting one = usual;
      one.patches = patches;
      add(one);
      if (patches > o.usual) continue;
      one.epochs = epochs_for(patches, o.usual);
      add(one);
      equal.push_back(one.condition());
    }
    add(longest);
    for (const double lambda : o.lambdas) {
      setting one = usual;
      one.lambda = lambda;
      add(one);
    }
    for (const bool lars : {true, false})
      for (const bool norm : {true, false}) {
        setting one = usual;
        one.optimizer = lars ? "LARS" : "SGD";
        one.batch_norm = norm;
        add(one);
      }

    const rate_bounds bounds(o.projector.back(), o.batch);
    s.each(conditions, [&](const ex::condition& c, std::uint64_t seed) {
      const setting one = setting::of(c);
      ex::training_recipe recipe = s.recipe();
      recipe.loss = "emp_ssl";
      recipe.weights = {{"lambda", one.lambda}};
      recipe.views = ssl::emp_ssl_views({.image = s.side(), .views = one.patches, .side = o.side});
      recipe.epochs = one.epochs;
      recipe.optimizer = one.optimizer == "LARS" ? "emp_ssl" : "sgd";
      recipe.batch_norm = one.batch_norm;
      recipe.warmup = 0;
      ex::learner net(s.be, recipe, s.data.train, seed);
      ex::measures all;
      const ssl::step_record last = net.train([&](const ssl::step_record& r) {
        // The curve: after each epoch but the last, which is measured below.
        if (c == longest.condition() && r.step < r.steps && r.step % (r.steps / r.epochs) == 0)
          for (const auto& [name, value] : s.accuracy(net, net.clean_patches(o.bag)))
            all.emplace_back(name + " after " + std::to_string(r.epoch + 1), value);
        return true;
      });
      for (const auto& [name, value] : s.accuracy(net, net.clean_patches(o.bag))) {
        all.emplace_back(name, value);
        if (c == longest.condition()) all.emplace_back(name + " after " + std::to_string(one.epochs), value);
      }
      for (const auto& [name, value] : ex::state_of(last)) {
        all.emplace_back(name, value);
        if (name == "term tcr") {
          all.emplace_back("coding rate", -value);
          all.emplace_back("coding rate, share", (-value - bounds.low) / (bounds.high - bounds.low));
        }
        if (name == "term sim") all.emplace_back("similarity", -value);
      }
      all.emplace_back("steps", last.steps);
      all.emplace_back("patches seen", static_cast<double>(last.steps * recipe.batch * one.patches));
      return all;
    });

    const ex::shown_measure linear{.measure = "linear", .digits = 1, .percent = true},
        knn{.measure = "knn", .title = "kNN", .digits = 1, .percent = true},
        coding{.measure = "coding rate", .digits = 1}, similarity{.measure = "similarity", .digits = 3},
        collapsed{.measure = "collapsed", .digits = 0, .percent = true};
    const std::vector<ex::shown_measure> short_columns{knn, linear, coding, similarity, collapsed};

    s.page.blocks().heading("One epoch");
    s.page.table({"patches"},
                 {knn, linear, coding, similarity, {.measure = "patches seen", .digits = 0}, collapsed},
                 "One pass over the images with so many patches of each.", but_patches(usual));
    s.page.line_plot("Linear accuracy after one epoch against patches", linear, "patches", "",
                     {.log_x = true}, but_patches(usual));

    s.page.blocks().heading("The same number of patches");
    std::vector<std::vector<std::string>> rows;
    const auto& results = s.page.results();
    for (const ex::condition& c : equal)
      rows.push_back({ex::value_of(c, "patches"), ex::value_of(c, "epochs"),
                      results.summary(c, "steps").text(0), results.summary(c, "patches seen").text(0),
                      results.summary(c, "knn").text(1, true), results.summary(c, "linear").text(1, true),
                      results.summary(c, "coding rate").text(1)});
    s.page.blocks().table({"patches", "epochs", "steps", "patches seen", "kNN", "linear", "coding rate"},
                          rows, "Fewer patches of an image for more epochs.");

    s.page.blocks().heading("Epoch by epoch");
    std::vector<ex::series> lines{{.name = "kNN"}, {.name = "linear"}};
    for (ssl::index epoch = 1; epoch <= o.epochs; ++epoch)
      for (std::size_t k = 0; k < 2; ++k) {
        const ex::estimate e = results.summary(
            longest.condition(), (k == 0 ? "knn after " : "linear after ") + std::to_string(epoch));
        lines[k].x.push_back(static_cast<double>(epoch));
        lines[k].y.push_back(e.mean);
        lines[k].low.push_back(e.low);
        lines[k].high.push_back(e.high);
      }
    s.page.blocks().line_plot(
        "Accuracy after each epoch of one run with " + std::to_string(o.usual) + " patches", "epochs",
        "accuracy", lines, {.percent = true});

    s.page.blocks().heading("Optimizer and heads");
    setting one_epoch = usual;
    s.page.table({"optimizer", "heads"}, short_columns, "",
                 {{"patches", std::to_string(one_epoch.patches)},
                  {"epochs", "1"},
                  {"lambda", ex::number_text(o.lambda)}});
    s.page.blocks().heading("Weight of the similarity");
    s.page.table({"lambda"}, short_columns, "",
                 {{"patches", std::to_string(usual.patches)},
                  {"epochs", "1"},
                  {"optimizer", "LARS"},
                  {"heads", "batch norm"}});

    s.page.blocks().heading("Bounds of the coding rate");
    const ex::estimate reached = results.summary(usual.condition(), "coding rate"),
                       share = results.summary(usual.condition(), "coding rate, share"),
                       alike = results.summary(usual.condition(), "similarity");
    s.page.blocks().key_numbers(
        {{"collapsed", ex::fixed(bounds.low, 2), "1/2 ln(1 + d / epsilon^2)"},
         {"largest", ex::fixed(bounds.high, 1), "m/2 ln(1 + alpha n / m), m = min(d, n)"},
         {"reached", reached.text(1), share.text(0, true) + " of the way, one epoch"},
         {"similarity", alike.text(3),
          "1 where patches agree, " + ex::fixed(1 / std::sqrt(static_cast<double>(o.usual)), 3) +
              " for random directions"}});
    s.page.blocks().paragraph("For d = " + std::to_string(o.projector.back()) +
                              " features and n = " + std::to_string(o.batch) + " images, epsilon^2 = 0.2.");
    conclude(s, o, usual, longest);
    return s.finish();
  });
}
