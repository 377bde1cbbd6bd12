// Transfer (a claim of EMP-SSL, arXiv 2304.03977): what is learned from one collection of images, judged on
// another. The paper's pair is CIFAR-10 and CIFAR-100 with ResNet-18; towards it with --data cifar10:DIR
// --other cifar100:DIR --side 32 --stem-stride 1 --widths 64,128,256,512 --projector 4096,1024 --batch 100
// --patches 20 --bag 128 --epochs 300 --train-images 0.
#include "experiments/support/findings.hpp"
#include "experiments/support/study.hpp"
#include "ssl/data/synthetic.hpp"

namespace ex = ssl_example;

namespace {

struct transfer_options : ex::study_options {
  transfer_options() : study_options("out/transfer") {
    batch = 100;
    epochs = 10;
    train_images = 8000;
    stem_stride = 1;
    widths = {16, 32, 64, 128};
    projector = {256, 128};
  }

  std::string other;
  std::vector<std::string> losses = {"emp_ssl", "vicreg", "simclr", "byol"};
  ssl::index patches = 20, bag = 16, side = 16;
};

/// Images to learn from, or to be judged on.
struct domain {
  std::string name;
  const ssl::any_split& images;
  ssl::index bank;  // training images that classifiers learn from
};

ex::condition trained(const std::string& loss, const std::string& on) {
  return {{"loss", loss}, {"trained on", on}};
}

/// Another collection, of images of the same shape as `like`; generated where none is named.
ssl::any_split load_other(const transfer_options& o, const ssl::any_split& like) {
  const ssl::image_shape shape = like.train.shape();
  ssl::any_split other;
  if (o.other.empty()) {
    const ssl::synthetic_options options{.size = shape.width};
    const ssl::index train = std::min<ssl::index>(like.train.size(), 4000), test = train / 4 + 1;
    other = {ssl::make_synthetic(options, o.seed, train), ssl::make_synthetic(options, o.seed, test, train)};
  } else {
    ex::experiment_options options = o;
    options.data = o.other;
    const bool files = ex::has_image_files(o.other);
    options.image_side = files ? static_cast<int>(shape.width) : 0;
    options.skip_broken = o.skip_broken && files;
    other = ex::load_images(options);
  }
  if (other.train.shape() != shape)
    throw ssl::option_error("--other " + o.other + ": the images are " +
                            ssl::detail::text(other.train.shape()) + ", expected " +
                            ssl::detail::text(shape) + " as those of --data");
  return other;
}

/// EMP-SSL's many patches in few epochs, or its own views of the others, two of each image.
ex::training_recipe recipe_of(const ex::study& s, const transfer_options& o, const std::string& loss) {
  ex::training_recipe r = s.recipe(loss);
  if (loss == "emp_ssl") {
    r.views = ssl::emp_ssl_views({.image = s.side(), .views = o.patches, .side = o.side});
    r.epochs = std::max<ssl::index>((2 * o.epochs + o.patches / 2) / o.patches, 1);
    r.warmup = 0;
    return r;
  }
  const char* const views = loss == "vicreg"        ? "vicreg_cifar"
                            : loss == "simclr"      ? "simclr_cifar"
                            : r.optimizer == "byol" ? "asymmetric_cifar"
                                                    : "symmetric_cifar";
  r.views = ssl::named_views(views, {.image = s.side(), .views = 2, .side = o.side});
  return r;
}

using terms = std::vector<ex::contrast_term>;

/// weight * linear accuracy on `judged` of what was learned from `from`.
ex::contrast_term linear(const std::string& loss, const domain& judged, const domain& from, double weight) {
  return {weight, trained(loss, from.name), "linear, " + judged.name};
}

/// On a domain by training on the other one.
terms transferred(const std::string& loss, const domain& judged, const domain& other, double weight) {
  return {linear(loss, judged, other, weight)};
}

/// On a domain by training there, less that by training on the other one.
terms lost(const std::string& loss, const domain& judged, const domain& other, double weight) {
  return {linear(loss, judged, judged, weight), linear(loss, judged, other, -weight)};
}

void conclude(ex::study& s, const transfer_options& o, const domain (&domains)[2]) {
  const auto& results = s.page.results();
  const std::string& first = o.losses.front();
  ex::tally claim;
  std::string text;
  // A quantity of each loss as a mean of both ways, and the first loss against each other one.
  const auto compare = [&](const std::string& title, const auto& quantity, double better) {
    const auto both = [&](const std::string& loss, double weight) {
      terms sum = quantity(loss, domains[0], domains[1], weight / 2);
      for (const ex::contrast_term& t : quantity(loss, domains[1], domains[0], weight / 2)) sum.push_back(t);
      return sum;
    };
    text += title;
    for (const std::string& loss : o.losses) {
      text += " " + loss + " " + results.contrast(both(loss, 1)).text(1, true);
      if (loss != first) {
        terms difference = both(first, 1);
        for (const ex::contrast_term& t : both(loss, -1)) difference.push_back(t);
        const ex::estimate d = results.contrast(difference);
        text += " (" + first + " " + ex::difference_text(d) + ")";
        for (ex::contrast_term& t : difference) t.weight *= better;
        claim.add(ex::change_of(results.contrast(difference)));
      }
      text += loss == o.losses.back() ? "." : ",";
    }
  };
  compare("Linear accuracy of what was learned from the other images, mean of both ways:", transferred, 1);
  compare(" Lost against learning from the same images:", lost, -1);
  s.page.conclude(claim.verdict(), text);

  std::vector<std::vector<std::string>> rows;
  for (const std::string& loss : o.losses) {
    std::vector<std::string> row{loss};
    for (int k = 0; k < 2; ++k)
      row.push_back(ex::signed_text(results.contrast(lost(loss, domains[k], domains[1 - k], 1)), 1, true));
    for (int k = 0; k < 2; ++k) {
      terms gained = transferred(loss, domains[k], domains[1 - k], 1);
      gained.push_back({-1, trained("none", "nothing"), "linear, " + domains[k].name});
      row.push_back(ex::signed_text(results.contrast(gained), 1, true));
    }
    rows.push_back(row);
  }
  s.page.blocks().heading("What the other images cost, and what they are worth");
  s.page.blocks().table(
      {"loss", "lost, data", "lost, other", "gained, data", "gained, other"}, rows,
      "Linear accuracy, paired over seeds. Lost: on the images named, by training there less "
      "by training on the others. Gained: by training on the others over no training.");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Encoders that learned from one collection of images, judged on another.");
  transfer_options o;
  ex::add_study_options(app, o);
  app.add_option(
      "--other", o.other,
      "the other collection, named as --data is, of images of the same size, or of files of images; "
      "default: generated");
  app.add_option("--losses", o.losses, "which losses; the first is compared with the others")
      ->delimiter(',')
      ->check(CLI::IsMember(ex::known_losses()));
  app.add_option("--patches", o.patches, "EMP-SSL's patches of an image in a step; the others have two views")
      ->check(ex::between(2, 1024));
  app.add_option("--bag", o.bag, "patches of a mean")->check(ex::between(1, 4096));
  app.add_option("--side", o.side, "side, in pixels, at which the network sees a patch; 0: the image's")
      ->check(ex::between(0, 1024));

  return ex::run(app, argc, argv, [&] {
    ex::study s(
        app, o,
        {.title = "Transfer to other images",
         .claim = "Representations by EMP-SSL transfer to another collection of images better than "
                  "those of other methods.",
         .source = "arXiv 2304.03977",
         .what = "Each loss trains the same encoder on one collection of images and on another, on as "
                 "many views. All encoders are judged on both, as means of clean patches of the kind "
                 "that they learned from."});
    const ssl::any_split other = load_other(o, s.data);
    const domain domains[2] = {{"data", s.data, s.bank}, {"other", other, ex::bank_size(other, o)}};

    std::vector<ex::condition> conditions{trained("none", "nothing")};
    for (const std::string& loss : o.losses)
      for (const domain& d : domains) conditions.push_back(trained(loss, d.name));

    s.each(conditions, [&](const ex::condition& c, std::uint64_t seed) {
      const std::string loss = ex::value_of(c, "loss"), on = ex::value_of(c, "trained on");
      const ssl::any_split& learned_from = on == domains[1].name ? other : s.data;
      ex::learner net(s.be, recipe_of(s, o, loss == "none" ? "emp_ssl" : loss), learned_from.train, seed);
      ex::measures all;
      if (loss != "none") all = ex::state_of(net.train());
      for (const domain& d : domains) {
        ex::bag_request bag = net.clean_patches(o.bag);
        bag.images = d.bank;
        const ex::embedded bank = net.embed(d.images.bank(), bag);
        const ex::embedded test = net.embed(d.images.test, s.of_test(bag));
        for (const auto& [name, value] :
             ex::judge(net.ctx(), bank, ex::labels_of(d.images.bank(), d.bank), test,
                       ex::labels_of(d.images.test, d.images.test.size()), d.images.bank().classes()))
          all.emplace_back(name + ", " + d.name, value);
      }
      return all;
    });

    const auto column = [](const char* measure, const char* title) {
      return ex::shown_measure{
          .measure = measure, .title = title, .digits = 1, .percent = true, .emphasis = ex::best::highest};
    };
    s.page.table({"loss", "trained on"},
                 {column("linear, data", "linear, data"), column("linear, other", "linear, other"),
                  column("knn, data", "kNN, data"), column("knn, other", "kNN, other")},
                 "Test accuracy on the images of --data and on the others (embedding).");
    conclude(s, o, domains);
    return s.finish();
  });
}
