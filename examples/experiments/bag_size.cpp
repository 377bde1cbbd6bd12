// Claims of BagSSL (arXiv 2206.08954): an image is the linear mean of its patches' embeddings, and the more
// patches the better. Here: how accuracy grows with their number, and which aggregates of them are as good.
#include <algorithm>
#include <cmath>
#include <map>

#include "experiments/support/study.hpp"
#include "ssl/core/finite.hpp"

namespace ex = ssl_example;

namespace {

struct bag_options : ex::study_options {
  bag_options() : study_options("out/bag_size") {
    epochs = 4;
    eval_images = 4000;
  }

  std::string loss = "emp_ssl";
  double patch = 0.25;
  ssl::index views = 4, most = 64, stride = 4;
};

/// 1, 2, 4, ... and at last `most`.
std::vector<ssl::index> doublings(ssl::index most) {
  std::vector<ssl::index> sizes;
  for (ssl::index size = 1; size < most; size *= 2) sizes.push_back(size);
  sizes.push_back(most);
  return sizes;
}

/// An aggregate of patches on a grid.
struct aggregate_row {
  const char* name;
  ssl::index stride;
  ex::bag_aggregate how;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Accuracy against the number of patches in a bag, their places, and how they are aggregated.");
  bag_options o;
  ex::add_study_options(app, o);
  app.add_option("--loss", o.loss, "what trains the encoder")->check(CLI::IsMember(ex::known_losses()));
  app.add_option("--scale", o.patch, "share of the image's area in a patch")->check(ex::between(0.01, 0.25));
  app.add_option("--views", o.views, "patches of an image in a step")->check(ex::between(2, 256));
  app.add_option("--most", o.most, "patches of the largest bag")->check(ex::between(2, 4096));
  app.add_option("--stride", o.stride, "pixels between the patches of the densest grid")
      ->check(ex::between(1, 4096));

  return ex::run(app, argc, argv, [&] {
    ex::study s(
        app, o,
        {.title = "How many patches make an image",
         .claim = "The mean of patch embeddings represents an image; it is better the more patches are "
                  "averaged, and saturates.",
         .source = "arXiv 2206.08954, method and evaluation",
         .what =
             "One encoder a seed, trained on patches of one scale. Classifiers learn from bags of patches "
             "and "
             "are judged by bags of as many. Patches lie at random or on a grid; they are as they are in the "
             "image, or with the colour changes of training."});
    const ssl::index pixels = ssl::fixed_scale{.scale = o.patch, .image = s.side()}.side();
    const std::vector<ssl::index> sizes = doublings(o.most);

    // Grids from patches side by side to the densest.
    std::vector<ssl::grid> grids;
    for (ssl::index stride = pixels; stride > o.stride; stride /= 2)
      grids.push_back({s.side(), pixels, stride});
    grids.push_back({s.side(), pixels, std::min(o.stride, pixels)});
    const auto count = [](ssl::index n) { return std::to_string(n); };
    const auto number = [&](const std::string& places, ssl::index patches) {
      return ex::condition{{"part", "number"}, {"places", places}, {"patches", count(patches)}};
    };
    const auto text = [&](const ssl::grid& g) { return count(g.positions()) + " x " + count(g.positions()); };

    const ssl::grid apart = grids.front(), dense = grids.back();
    using kind = ex::bag_aggregate::kind;
    const std::vector<aggregate_row> aggregates{
        {"mean", apart.stride, {}},
        {"concatenation", apart.stride, {.how = kind::concatenation}},
        {"mean", dense.stride, {}},
        {"mean of patches of length one", dense.stride, {.normalize_patches = true}},
        {"mean, then length one", dense.stride, {.normalize_mean = true}},
        {"means of 2 x 2 regions", dense.stride, {.how = kind::pool_2x2}}};
    const auto aggregate = [&](const std::string& places, const std::string& how) {
      return ex::condition{{"part", "aggregate"}, {"grid", places}, {"aggregate", how}};
    };

    std::vector<ex::condition> conditions;
    const auto once = [&](const ex::condition& c) {
      if (std::find(conditions.begin(), conditions.end(), c) == conditions.end()) conditions.push_back(c);
    };
    for (const char* places : {"random", "random, colours changed"})
      for (const ssl::index size : sizes) once(number(places, size));
    for (const ssl::grid& g : grids) once(number("grid", g.views()));
    for (const aggregate_row& a : aggregates) once(aggregate(text({s.side(), pixels, a.stride}), a.name));
    const ex::condition whole{{"part", "whole image"}};
    once(whole);

    // Bags of growing size share their patches: what one pass measured, by condition.
    std::pair<std::string, std::uint64_t> pass;
    std::map<std::string, ex::measures> of_size;
    const auto random_bag = [&](ex::learner& net, const std::string& places, const std::string& size,
                                std::uint64_t seed) {
      if (pass != std::pair(places, seed)) {
        pass = {places, seed};
        of_size.clear();
        const ex::bag_request request =
            places == "random" ? net.clean_patches(o.most) : net.augmented_patches(o.most);
        std::vector<ex::embedded> bank;  // of each size
        net.bags(s.data.bank(), s.of_bank(request), sizes, [&](ssl::index, const ex::embedded& means) {
          ex::embedded kept{{s.be, means.h.all.rows, means.h.all.cols},
                            {s.be, means.z.all.rows, means.z.all.cols}};
          ssl::copy(s.be, means.h.all, kept.h.all);
          ssl::copy(s.be, means.z.all, kept.z.all);
          bank.push_back(std::move(kept));
        });
        std::size_t at = 0;
        net.bags(s.data.test, s.of_test(request), sizes, [&](ssl::index patches, const ex::embedded& means) {
          of_size[count(patches)] = s.accuracy(net, bank[at++], means);
        });
      }
      return of_size.at(size);
    };

    s.each(conditions, [&](const ex::condition& c, std::uint64_t seed) {
      ex::training_recipe recipe = s.recipe(o.loss);
      recipe.views.groups.front().crop = ssl::crop_group::square(o.patch, o.views);
      ex::learner& net = s.trained("patches", recipe, seed);

      if (ex::value_of(c, "part") == "whole image") return s.accuracy(net, net.whole_image());
      ex::bag_request request = net.clean_patches(1);
      if (ex::value_of(c, "part") == "number") {
        if (ex::value_of(c, "places") != "grid")
          return random_bag(net, ex::value_of(c, "places"), ex::value_of(c, "patches"), seed);
        for (const ssl::grid& g : grids)
          if (count(g.views()) == ex::value_of(c, "patches")) request.sampler = ex::bag_sampler::grid(g);
        return s.accuracy(net, request);
      }
      for (const aggregate_row& a : aggregates) {
        const ssl::grid g{s.side(), pixels, a.stride};
        if (text(g) != ex::value_of(c, "grid") || a.name != ex::value_of(c, "aggregate")) continue;
        request.sampler = ex::bag_sampler::grid(g);
        request.aggregate = a.how;
      }
      return s.accuracy(net, request);
    });

    const auto shown = [](const std::string& measure, const std::string& title) {
      return ex::shown_measure{
          .measure = measure, .title = title, .digits = 1, .percent = true, .emphasis = ex::best::highest};
    };
    const std::vector<ex::shown_measure> all{shown("linear", "linear, h"), shown("knn", "kNN, h"),
                                             shown("linear_z", "linear, z"), shown("knn_z", "kNN, z")};
    const ex::condition numbers{{"part", "number"}};
    for (const auto& [measure, title] : {std::pair("linear", "Linear classifier"), std::pair("knn", "kNN")})
      s.page.line_plot(std::string(title) + " against the number of patches", shown(measure, "accuracy"),
                       "patches", "places", {.log_x = true}, numbers,
                       {s.level("the whole image at once", whole, "patches", measure)});
    std::vector<ex::series> spaces;
    const ex::condition at_random{{"part", "number"}, {"places", "random"}};
    for (const ex::shown_measure& m : all)
      spaces.push_back(s.curve(m.title, at_random, "patches", m.measure));
    s.page.blocks().line_plot("Embedding against projection, patches at random", "patches", "accuracy",
                              spaces, {.log_x = true, .percent = true});
    for (const bool embedding : {true, false}) {
      const std::vector<ex::shown_measure> two(all.begin() + (embedding ? 0 : 2),
                                               all.begin() + (embedding ? 2 : 4));
      const std::string of = embedding ? ", embedding h" : ", projection z";
      s.page.table({"places", "patches"}, two, "test accuracy of means of patches" + of, numbers);
      s.page.table({"grid", "aggregate"}, two, "aggregates of the same patches" + of,
                   {{"part", "aggregate"}});
    }
    s.page.table({"part"}, all, "the whole image through the same encoder, at its own size", whole);

    // What follows from the intervals.
    const auto& results = s.page.results();
    const auto gain = [&](const std::string& measure, ssl::index more, ssl::index less) {
      return results.difference(number("random", more), number("random", less), measure);
    };
    std::vector<std::vector<std::string>> rows[2];  // linear, kNN
    const auto compare = [&](const std::string& what, const ex::condition& a, const ex::condition& b) {
      for (const auto& [measure, to] : {std::pair("linear", &rows[0]), std::pair("knn", &rows[1])}) {
        const ex::estimate d = results.difference(a, b, measure);
        to->push_back({what, ex::signed_text(d, 1, true),
                       !d.differs_from_zero() ? "undecided"
                       : d.low > 0            ? "higher"
                                              : "lower"});
      }
    };
    const std::string side_by_side = text(apart), densest = text(dense), least = count(sizes.front()),
                      largest = count(o.most);
    compare(largest + " patches less " + least, number("random", o.most), number("random", 1));
    compare("twice as many at the end", number("random", o.most), number("random", sizes[sizes.size() - 2]));
    if (std::find(sizes.begin(), sizes.end(), apart.views()) != sizes.end())
      compare("grid less random, " + count(apart.views()) + " patches", number("grid", apart.views()),
              number("random", apart.views()));
    compare("colours changed less clean, " + largest, number("random, colours changed", o.most),
            number("random", o.most));
    compare("concatenation less mean, " + side_by_side, aggregate(side_by_side, "concatenation"),
            aggregate(side_by_side, "mean"));
    compare("2 x 2 regions less mean, " + densest, aggregate(densest, "means of 2 x 2 regions"),
            aggregate(densest, "mean"));
    compare("patches of length one less mean, " + densest,
            aggregate(densest, "mean of patches of length one"), aggregate(densest, "mean"));
    compare("whole image less " + largest + " patches", whole, number("random", o.most));
    for (const int i : {0, 1})
      s.page.blocks().table({"embedding", i == 0 ? "linear" : "kNN", ""}, rows[i],
                            "Differences of test accuracy, paired over seeds; called one where the 95 % "
                            "interval leaves out 0.");

    // It saturates where the last doubling gives less than doublings do on average.
    const auto flattening = [&](const std::string& measure) {
      std::vector<double> values;
      for (const std::uint64_t seed : results.seeds()) {
        std::map<ssl::index, double> at;
        for (const ex::observation& x : results.all())
          for (const ssl::index size : sizes)
            if (x.seed == seed && x.measure == measure && x.where == number("random", size))
              at[size] = x.value;
        if (at.size() != sizes.size()) continue;
        const double less = at.at(sizes[sizes.size() - 2]), most = at.at(o.most);
        const double doublings = std::log2(static_cast<double>(o.most)),
                     last = std::log2(static_cast<double>(o.most) /
                                      static_cast<double>(sizes[sizes.size() - 2]));
        values.push_back((most - at.at(1)) / doublings - (most - less) / last);
      }
      return ex::estimate_of(values);
    };
    bool rises = true, falls = true, saturates = true, decided = true;
    std::string sentence;
    for (const auto& [measure, name] : {std::pair("linear", "linear"), std::pair("knn", "kNN")}) {
      const ex::estimate total = gain(measure, o.most, 1), first = gain(measure, sizes[1], 1),
                         last = gain(measure, o.most, sizes[sizes.size() - 2]), flat = flattening(measure);
      decided = decided && total.count > 1;
      rises = rises && total.low > 0;
      falls = falls && (ssl::is_nan(total.low) || total.low <= 0);
      saturates = saturates && flat.low > 0;
      sentence += std::string(sentence.empty() ? "" : "; ") + name + ": " + ex::signed_text(total, 1, true) +
                  " from 1 to " + largest + " patches, " + ex::signed_text(first, 1, true) +
                  " by the first doubling, " + ex::signed_text(last, 1, true) + " by the last, " +
                  flat.text(1, true) + " less than by a doubling on average";
    }
    s.page.conclude(!decided             ? ex::outcome::open
                    : rises && saturates ? ex::outcome::holds
                    : falls              ? ex::outcome::not_here
                                         : ex::outcome::in_part,
                    sentence + ".");
    return s.finish();
  });
}
