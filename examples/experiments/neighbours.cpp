// A claim of BagSSL (arXiv 2206.08954): nearest neighbours of a patch in the embedding show the same part of
// things, those in the projection the same things whatever the part: the projection is more invariant, the
// embedding keeps what was to be forgotten.
#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include "experiments/support/study.hpp"
#include "ssl/eval/neighbour_agreement.hpp"

namespace ex = ssl_example;

namespace {

struct neighbour_study_options : ex::study_options {
  neighbour_study_options() : study_options("out/neighbours") { epochs = 8; }

  std::string loss = "emp_ssl";
  double patch = 0.25;
  ssl::index views = 4, stride = 4, images = 400, k = 8, rows = 8;
};

const char* const spaces[] = {"embedding", "projection"};
const char* const alterations[] = {"colours", "grey", "mirrored"};

/// The patches that are looked at: every place of a grid in each of the first test images. Number
/// image * positions + place.
struct patch_list {
  ssl::grid places;
  ssl::index images = 0;
  std::vector<int> image, place, label;

  patch_list(const ssl::grid& grid, const ssl::any_dataset& from, ssl::index count)
      : places(grid), images(count) {
    for (ssl::index i = 0; i < count; ++i)
      for (ssl::index v = 0; v < grid.views(); ++v) {
        image.push_back(static_cast<int>(i));
        place.push_back(static_cast<int>(v));
        label.push_back(from.label(i));
      }
  }
  ssl::index size() const { return images * places.views(); }

  /// Pixels between two places.
  double distance(int a, int b) const {
    const auto g = static_cast<int>(places.positions());
    return static_cast<double>(places.stride) * std::hypot(a / g - b / g, a % g - b % g);
  }

  /// The patch as it is in the image, grey where the image has no three channels.
  ex::rgb_image picture(const ssl::any_dataset& from, ssl::index number) const {
    const ssl::image_shape shape = from.shape();
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(shape.size()));
    from.read(number / places.views(), bytes);
    const ssl::index v = number % places.views(), top = v / places.positions() * places.stride,
                     left = v % places.positions() * places.stride;
    ex::rgb_image out{static_cast<int>(places.size), static_cast<int>(places.size), {}};
    for (ssl::index y = top; y < top + places.size; ++y)
      for (ssl::index x = left; x < left + places.size; ++x)
        for (ssl::index c = 0; c < 3; ++c)
          out.data.push_back(bytes[static_cast<std::size_t>((y * shape.width + x) * shape.channels +
                                                            (shape.channels == 3 ? c : 0))]);
    return out;
  }
};

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// A colour change that always happens, and nothing else.
ssl::photometric altered_by(const std::string& what, const ssl::photometric& training) {
  ssl::photometric colors{.mirror = {0}, .normal = training.normal};
  if (what == "colours") {
    colors.jitter = training.jitter;
    colors.jitter.probability = 1;
  }
  if (what == "grey") colors.gray = {1};
  if (what == "mirrored") colors.mirror = {1};
  return colors;
}

/// Rows of patch numbers, a query and its neighbours each, as a file that a later page can be made from.
std::string rows_text(const std::vector<std::vector<ssl::index>>& rows) {
  std::string text;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      text += std::to_string(row[i]) + (i + 1 < row.size() ? "," : "\n");
  return text;
}
std::vector<std::vector<ssl::index>> read_rows(const std::filesystem::path& file) {
  std::vector<std::vector<ssl::index>> rows;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream cells(line);
    auto& row = rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(std::stol(cell));
  }
  return rows;
}

/// Embeddings of all patches, and of the same ones altered.
class patch_spaces {
 public:
  patch_spaces(ex::study& s, ex::learner& net, const patch_list& list) : ctx_(net.ctx()), list_(list) {
    ex::bag_request request = net.clean_patches(1);
    request.sampler = ex::bag_sampler::grid(list.places);
    request.aggregate.how = ex::bag_aggregate::kind::concatenation;
    request.images = list.images;
    const ssl::photometric training = net.recipe().views.colors;
    clean_.push_back(net.embed(s.data.test, request));
    for (const char* what : alterations) {
      request.colors = altered_by(what, training);
      altered_.push_back(net.embed(s.data.test, request));
    }
  }

  /// Neighbours from other images.
  ssl::neighbours among_others(const std::string& space, ssl::index k) {
    const auto all = patches(clean_.front(), space);
    return ssl::find_neighbours(ctx_, all, all, {.k = k}, list_.image, list_.image);
  }
  /// The nearest of all to each patch altered in way `a`.
  ssl::neighbours of_altered(const std::string& space, std::size_t a) {
    return ssl::find_neighbours(ctx_, patches(clean_.front(), space), patches(altered_[a], space), {.k = 1});
  }

 private:
  ssl::cview<ex::backend> patches(const ex::embedded& of, const std::string& space) const {
    const auto all =
        space == spaces[0] ? of.h.all : of.z.all;  // (e views, images), in memory (e, views images)
    return ssl::make_view<ex::backend::space, const float>(all.data, all.size() / list_.size(), list_.size());
  }

  ssl::context<ex::backend> ctx_;
  const patch_list& list_;
  std::vector<ex::embedded> clean_, altered_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Nearest neighbours of patches in the embedding and in the projection.");
  neighbour_study_options o;
  ex::add_study_options(app, o);
  app.remove_option(app.get_option("--eval-images"));
  app.add_option("--loss", o.loss, "what trains the encoder")->check(CLI::IsMember(ex::known_losses()));
  app.add_option("--scale", o.patch, "share of the image's area in a patch")->check(ex::between(0.01, 1));
  app.add_option("--views", o.views, "patches of an image in a step")->check(ex::between(2, 256));
  app.add_option("--stride", o.stride, "pixels between the patches that are looked at")
      ->check(ex::at_least(1));
  app.add_option("--images", o.images, "test images that they are from")->check(ex::at_least(2));
  app.add_option("--k", o.k, "neighbours")->check(ex::between(1, 64));
  app.add_option("--rows", o.rows, "queries that are shown")->check(ex::between(1, 64));

  return ex::run(app, argc, argv, [&] {
    ex::study s(
        app, o,
        {.title = "Neighbours of patches",
         .claim =
             "Nearest neighbours in the projection are invariant: the same patch under other colours, the "
             "same kind of thing. In the embedding they are local: the same part, at the same place.",
         .source = "arXiv 2206.08954, nearest neighbours of patches",
         .what =
             "One encoder a seed, trained on patches of one scale. Every patch of a grid in test images asks "
             "for its neighbours in other images: do they show the same class, and lie at the same place? "
             "Then each patch is altered, and must find itself among all."});
    const ssl::index pixels = ssl::fixed_scale{.scale = o.patch, .image = s.side()}.side();
    const patch_list list({s.side(), pixels, o.stride}, s.data.test,
                          std::min<ssl::index>(o.images, s.data.test.size()));
    const auto in = [](const std::string& space) { return ex::condition{{"space", space}}; };

    // Which patches are shown: images far apart, places that differ.
    std::vector<ssl::index> shown_patches;
    for (ssl::index row = 0; row < std::min(o.rows, list.images); ++row)
      shown_patches.push_back(row * list.images / std::min(o.rows, list.images) * list.places.views() +
                              (row * 7 + 3) % list.places.views());
    const auto sheet = [](const std::string& space) { return "neighbours-" + space + ".csv"; };

    std::unique_ptr<patch_spaces> patches;
    std::uint64_t patches_of = 0;
    s.each({in(spaces[0]), in(spaces[1]), in("chance")}, [&](const ex::condition& c, std::uint64_t seed) {
      const std::string space = ex::value_of(c, "space");
      ex::measures all;
      if (space == "chance") {
        all.emplace_back("purity",
                         mean(ssl::chance_agreement(list.label, list.label, list.image, list.image)));
        all.emplace_back("place", 1.0 / static_cast<double>(list.places.views()));
        double away = 0;
        const auto views = static_cast<int>(list.places.views());
        for (int a = 0; a < views; ++a)
          for (int b = 0; b < views; ++b) away += list.distance(a, b) / (static_cast<double>(views) * views);
        all.emplace_back("distance", away);
        for (const std::string what : alterations) {
          all.emplace_back(what + " patch", 1.0 / static_cast<double>(list.size()));
          all.emplace_back(what + " image", 1.0 / static_cast<double>(list.images));
        }
        return all;
      }
      if (!patches || patches_of != seed) {
        ex::training_recipe recipe = s.recipe(o.loss);
        recipe.views.groups.front().crop = ssl::crop_group::square(o.patch, o.views);
        patches = std::make_unique<patch_spaces>(s, s.trained("patches", recipe, seed), list);
        patches_of = seed;
      }
      const ssl::neighbours near = patches->among_others(space, o.k);
      all.emplace_back("purity", mean(ssl::neighbour_agreement(near, list.label, list.label)));
      all.emplace_back("place", mean(ssl::neighbour_agreement(near, list.place, list.place)));
      double away = 0, count = 0;
      for (ssl::index j = 0; j < near.queries; ++j)
        for (const auto who : near.of(j)) {
          away += list.distance(list.place[static_cast<std::size_t>(j)],
                                list.place[static_cast<std::size_t>(who)]);
          ++count;
        }
      all.emplace_back("distance", away / count);

      std::vector<int> number(static_cast<std::size_t>(list.size()));
      std::iota(number.begin(), number.end(), 0);
      for (std::size_t a = 0; a < std::size(alterations); ++a) {
        const ssl::neighbours itself = patches->of_altered(space, a);
        const std::string what = alterations[a];
        all.emplace_back(what + " patch", mean(ssl::neighbour_agreement(itself, number, number)));
        all.emplace_back(what + " image", mean(ssl::neighbour_agreement(itself, list.image, list.image)));
      }
      if (seed == o.seeds.front()) {
        std::vector<std::vector<ssl::index>> rows;
        for (const ssl::index query : shown_patches) {
          auto& row = rows.emplace_back(std::vector<ssl::index>{query});
          for (const auto who : near.of(query)) row.push_back(who);
        }
        s.page.folder().write(sheet(space), rows_text(rows));
      }
      return all;
    });

    const auto shown = [](const std::string& measure, const std::string& title) {
      return ex::shown_measure{
          .measure = measure, .title = title, .digits = 1, .percent = true, .emphasis = ex::best::highest};
    };
    s.page.table({"space"},
                 {shown("purity", "same class"),
                  shown("place", "same place"),
                  {.measure = "distance", .title = "pixels away", .digits = 2, .emphasis = ex::best::lowest}},
                 std::to_string(o.k) +
                     " nearest neighbours from other images: shares of the same class and of "
                     "the same place, and the distance of their places");
    const auto of_altered = [&](const std::string& same, const std::string& caption) {
      std::vector<ex::shown_measure> columns;
      for (const std::string what : alterations) columns.push_back(shown(what + " " + same, what));
      s.page.table({"space"}, columns,
                   "The nearest of all patches to an altered one: how often it is " + caption);
    };
    of_altered("patch", "the patch itself");
    of_altered("image", "a patch of the same image");

    for (const char* space : spaces) {
      const auto rows = read_rows(s.page.folder() / sheet(space));
      if (rows.empty()) continue;
      std::vector<ex::rgb_image> images;
      std::vector<std::string> names;
      for (const auto& row : rows) {
        for (const ssl::index number : row) images.push_back(list.picture(s.data.test, number));
        const auto label = static_cast<std::size_t>(list.label[static_cast<std::size_t>(row.front())]);
        names.push_back(label < s.data.class_names.size() ? s.data.class_names[label]
                                                          : "class " + std::to_string(label));
      }
      s.page.blocks().contact_sheet(std::string("A patch and its neighbours in the ") + space + ", seed " +
                                        std::to_string(o.seeds.front()),
                                    images, static_cast<int>(rows.front().size()), names);
    }

    // What follows from the intervals: embedding less projection.
    const auto& results = s.page.results();
    std::vector<std::vector<std::string>> rows;
    const auto against = [&](const std::string& measure, const std::string& title) {
      const ex::estimate d = results.difference(in(spaces[0]), in(spaces[1]), measure);
      rows.push_back({title, ex::signed_text(d, 1, true),
                      !d.differs_from_zero() ? "undecided"
                      : d.low > 0            ? "embedding"
                                             : "projection"});
      return d;
    };
    const ex::estimate purity = against("purity", "same class"), place = against("place", "same place");
    int invariant = 0, local = 0;
    std::string found_again;
    for (const std::string what : alterations) {
      const ex::estimate d = against(what + " patch", what + ": same patch");
      against(what + " image", what + ": same image");
      invariant += d.high < 0;
      local += d.low > 0;
      found_again += ", " + what + " " + ex::signed_text(d, 1, true);
    }
    s.page.blocks().table(
        {"", "embedding less projection", "higher in"}, rows,
        "Paired over seeds; a difference is called one where its 95 % interval leaves out 0.");
    const bool keeps_place = place.low > 0, forgets = invariant > local;
    s.page.conclude(place.count < 2          ? ex::outcome::open
                    : keeps_place && forgets ? ex::outcome::holds
                    : keeps_place || forgets ? ex::outcome::in_part
                                             : ex::outcome::not_here,
                    "Embedding less projection: same place " + ex::signed_text(place, 1, true) +
                        ", same class " + ex::signed_text(purity, 1, true) + "; altered patches found again" +
                        found_again + " (more often in the projection: " + std::to_string(invariant) +
                        " of " + std::to_string(std::size(alterations)) +
                        ", in the embedding: " + std::to_string(local) +
                        "). The claim asks for the same place more often in the embedding, and for altered "
                        "patches in the projection.");
    return s.finish();
  });
}
