// The claim of BagSSL (arXiv 2206.08954) that learning from patches of one image is learning how often
// patches occur together: inner products of the embeddings against the ratio p(i, j) / (p(i) p(j)), for
// patches of which it is known, and for clusters of patches of images.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "experiments/support/patch_world.hpp"
#include "ssl/core/finite.hpp"
#include "support/backend.hpp"
#include "support/cli.hpp"
#include "support/data_source.hpp"
#include "support/experiment_page.hpp"
#include "support/format.hpp"

namespace ex = ssl_example;

namespace {

using ssl::index;

struct options : ex::data_options {
  options() { data = "synthetic:2000,10"; }

  std::string out = "out/cooccurrence";
  std::vector<std::string> corpora = {"scenes", "ring", "images"}, losses = {"spectral", "vicreg", "tcr"};
  // Odd: the ring's eigenvalues come in equal pairs behind the constant's, and a width that splits a pair has
  // no single best approximation to compare with.
  std::vector<index> widths = {5, 17}, pairs = {2000, 50000};
  index types = 64, scenes = 24, patch = 8, images = 2000, each = 8;
  index steps = 800, batch = 512, mlp_width = 17, hidden = 64;
  double sharpness = 3, ring_width = 3, background = 0.1, noise = 0.5, lambda = 30, rate = 1;
  std::vector<std::uint64_t> seeds = {1, 2, 3};
  bool quiet = false;
  ex::backend_options compute;
};

/// One run of the experiment.
struct setting {
  std::string corpus, encoder, loss;
  index width = 0, pairs = 0;

  ex::condition condition() const {
    return {{"corpus", corpus},
            {"encoder", encoder},
            {"loss", loss},
            {"width", std::to_string(width)},
            {"pairs", std::to_string(pairs)}};
  }
  static setting of(const ex::condition& c) {
    return {ex::value_of(c, "corpus"), ex::value_of(c, "encoder"), ex::value_of(c, "loss"),
            std::stoll(ex::value_of(c, "width")), std::stoll(ex::value_of(c, "pairs"))};
  }
};

struct lesson {
  std::vector<double> z;  // (width, K): of each type
  double loss = 0;        // mean over the last tenth of the steps; not finite if it diverged
};

ex::patch_world make_world(const std::string& corpus, const options& o, const ssl::any_dataset& images,
                           ex::backend& be, std::uint64_t seed) {
  if (corpus == "scenes")
    return ex::corpus_world(ssl::scene_corpus(o.types, o.scenes, o.sharpness, seed), o.noise, seed);
  if (corpus == "ring")
    return ex::corpus_world(ssl::ring_corpus(o.types, o.ring_width, o.background), o.noise, seed);
  auto patches = ex::cut(images, o.images, o.each, o.patch, seed);
  const ex::owned_matrix x(be, patches.features, o.images * o.each);
  be.upload(ssl::make_view<ssl::host_space, const float>(patches.pixels.data(), x.all.rows, x.all.cols),
            x.all);
  ssl::single<ex::backend> comm;
  ssl::arena<ex::backend> scratch(be);
  ssl::context<ex::backend> ctx{be, comm, scratch};
  auto clusters =
      ssl::k_means(ctx, x.all, {.clusters = o.types, .restarts = 1, .iterations = 50, .seed = seed});
  return ex::image_world(std::move(patches), std::move(clusters.assignment), o.types, seed);
}

ssl::any_loss<ex::backend> loss_of(const setting& s, const options& o) {
  if (s.loss == "spectral") return ssl::co_occurrence();
  if (s.loss == "vicreg") return ssl::vicreg_official();
  return ssl::coding_rate{} + (o.lambda / 2) * ssl::alignment{};  // -R + lambda (1 - cos)
}

/// A type's row of the table moves only in its share of the batch, hence the number of types.
double rate_of(const setting& s, const options& o) {
  const bool table = s.encoder == "table";
  const double types = static_cast<double>(o.types), width = static_cast<double>(s.width);
  if (s.loss == "spectral") return o.rate * (table ? 0.06 * types : 0.02);
  if (s.loss == "vicreg") return o.rate * width / 25 * (table ? 0.03 * types : 0.005);
  return o.rate / std::max(o.lambda, 1.0) * (table ? 0.3 * types : 0.1);
}

/// Trains a table (one-hot patches, one linear layer) or a network of two hidden layers on the pairs.
lesson train(const setting& s, const options& o, const ex::patch_world& world, ex::backend& be,
             std::uint64_t seed) {
  ssl::single<ex::backend> comm;
  ssl::arena<ex::backend> scratch(be);
  ssl::context<ex::backend> ctx{be, comm, scratch};
  const bool table = s.encoder == "table";
  const index types = world.law.types(), features = table ? types : world.features;
  const auto hidden = table ? std::vector<index>{s.width} : std::vector<index>{o.hidden, o.hidden, s.width};
  ssl::network net(be, ssl::projector(hidden), {features, 1, 1}, 2 * o.batch);
  net.initialise({.seed = seed});
  const auto loss = loss_of(s, o);
  const ssl::sgd optimizer{.momentum = 0.9};
  const ssl::warmup_cosine rate{rate_of(s, o), o.steps / 20, o.steps, 0};

  const ex::owned_matrix x(be, features, 2 * o.batch), z(be, s.width, 2 * o.batch),
      dz(be, s.width, 2 * o.batch);
  const ex::owned_matrix memory(be, net.params().rows, 1);
  ssl::fill(be, memory.all, 0.0F);
  std::vector<float> batch(static_cast<std::size_t>(x.all.size()));
  const auto put = [&](index column, index type, const std::function<void(index, float*)>& look, index pair) {
    float* const out = batch.data() + column * features;
    if (table)
      out[type] = 1;
    else
      look(pair, out);
  };
  lesson learned;
  const index last = std::max<index>(o.steps / 10, 1);
  for (index step = 0; step < o.steps; ++step) {
    ssl::random_stream draw({seed, 0}, step, 0, ssl::purpose::shuffle);
    if (table) std::fill(batch.begin(), batch.end(), 0.0F);
    for (index j = 0; j < o.batch; ++j) {
      const index pair = draw.below(s.pairs);
      const auto types_of = table ? world.pair(pair) : ssl::patch_pair{};
      put(j, types_of.first, world.left, pair);
      put(o.batch + j, types_of.second, world.right, pair);
    }
    be.upload(ssl::make_view<ssl::host_space, const float>(batch.data(), x.all.rows, x.all.cols), x.all);
    net.forward(ctx, x.all, z.all);
    const auto report = ssl::evaluate(ctx, loss, {z.all, 2}, dz.all);  // waits: the batch may change
    if (!ssl::is_finite(report.total)) return {{}, report.total};
    if (step >= o.steps - last) learned.loss += report.total / static_cast<double>(last);
    net.zero_grads();
    net.backward(ctx, dz.all);
    optimizer.step(ctx, net.table(), net.params(), net.grads(), memory.all, rate(step));
  }

  // Embeddings of the types: the table's columns, or means over the patches of each type.
  std::vector<float> asked = world.probes;
  std::vector<int> asked_types = world.probe_types;
  if (table) {
    asked.assign(static_cast<std::size_t>(types * types), 0.0F);
    asked_types.clear();
    for (index t = 0; t < types; ++t) {
      asked[static_cast<std::size_t>(t * types + t)] = 1;
      asked_types.push_back(static_cast<int>(t));
    }
  }
  const index count = static_cast<index>(asked_types.size());
  const ex::owned_matrix probes(be, features, count), answers(be, s.width, count);
  be.upload(ssl::make_view<ssl::host_space, const float>(asked.data(), features, count), probes.all);
  ctx.phase = ssl::mode::eval;
  net.forward_only(ctx, probes.all, answers.all);
  const ex::to_host found(be, answers.all);
  learned.z.assign(static_cast<std::size_t>(s.width * types), 0.0);
  std::vector<double> members(static_cast<std::size_t>(types));
  for (index j = 0; j < count; ++j) {
    const index t = asked_types[static_cast<std::size_t>(j)];
    const auto column =
        found.values.subspan(static_cast<std::size_t>(j * s.width), static_cast<std::size_t>(s.width));
    double square = 0;
    for (const float v : column) square += static_cast<double>(v) * static_cast<double>(v);
    const double scale = s.loss == "tcr" ? 1 / std::max(std::sqrt(square), 1e-12) : 1.0;
    for (index k = 0; k < s.width; ++k)
      learned.z[static_cast<std::size_t>(t * s.width + k)] +=
          scale * static_cast<double>(column[static_cast<std::size_t>(k)]);
    ++members[static_cast<std::size_t>(t)];
  }
  for (index t = 0; t < types; ++t)
    for (index k = 0; k < s.width; ++k)
      learned.z[static_cast<std::size_t>(t * s.width + k)] /=
          std::max(members[static_cast<std::size_t>(t)], 1.0);
  if (s.loss == "vicreg") learned.z = ssl::minus_mean(world.law, std::move(learned.z));
  return learned;
}

/// What a loss should reach on a law, and the similarities there.
struct optimum {
  double loss = 0, tail = 0;
  std::vector<double> own, truncated;  // (K, K): the loss's own kernel, the best approximation of the ratio
};

optimum optimum_of(const setting& s, const options& o, const ssl::joint_law& law, ex::backend& be) {
  ssl::single<ex::backend> comm;
  ssl::arena<ex::backend> scratch(be);
  ssl::context<ex::backend> ctx{be, comm, scratch};
  const bool centred = s.loss == "vicreg";
  const auto spectrum = ssl::decompose(ctx, law, centred ? ssl::centring::yes : ssl::centring::no);
  const auto products = [&](const std::vector<double>& z) { return ssl::inner_products(z, law.types()); };
  const auto best = products(spectrum.embeddings(s.width));
  if (s.loss == "spectral") return {spectrum.minimum(s.width), spectrum.tail(s.width), best, best};
  if (centred) {
    const auto gain = ssl::vicreg_gain_of(spectrum.values(), s.width);
    return {gain.loss, spectrum.tail(s.width), products(spectrum.embeddings(s.width, gain)), best};
  }
  const auto gain = ssl::coding_rate_gain_of(spectrum.values(), s.width, o.lambda);
  return {gain.loss, spectrum.tail(s.width), products(spectrum.embeddings(s.width, gain)), best};
}

std::vector<double> weights_of(const ssl::joint_law& law) {
  std::vector<double> w;
  for (index j = 0; j < law.types(); ++j)
    for (index i = 0; i < law.types(); ++i) w.push_back(law.marginal(i) * law.marginal(j));
  return w;
}

/// The measures of a run without a result, which count as failed.
ex::experiment_page::measures diverged() {
  constexpr double none = ssl::not_a_number<double>();
  return {{"loss", none},          {"pearson_ratio", none}, {"spearman_ratio", none}, {"pearson_rank", none},
          {"spearman_rank", none}, {"pearson_own", none},   {"pearson_seen", none}};
}

ex::experiment_page::measures measure(const setting& s, const options& o, const ex::patch_world& world,
                                      ex::backend& be, std::uint64_t seed) {
  const lesson learned = train(s, o, world, be, seed);
  if (!ssl::is_finite(learned.loss)) return diverged();
  const optimum best = optimum_of(s, o, world.law, be);
  const auto similarity = ssl::inner_products(learned.z, world.law.types());
  const auto weights = weights_of(world.law);
  ssl::pair_counts seen(world.law.types());
  for (index n = 0; n < s.pairs; ++n) {
    const auto [a, b] = world.pair(n);
    seen.add(a, b);
  }
  const auto ratio = ex::compare(similarity, world.law.ratios(), weights);
  const auto rank = ex::compare(similarity, best.truncated, weights);
  ex::experiment_page::measures out{
      {"loss", learned.loss},
      {"least", best.loss},
      {"pearson_ratio", ratio.pearson},
      {"spearman_ratio", ratio.spearman},
      {"pearson_rank", rank.pearson},
      {"spearman_rank", rank.spearman},
      {"pearson_own", ex::compare(similarity, best.own, weights).pearson},
      {"pearson_seen", ex::compare(similarity, seen.law().ratios(), weights).pearson},
      {"rank_ratio", ex::compare(best.truncated, world.law.ratios(), weights).pearson}};
  if (s.loss == "spectral") {
    out.emplace_back("error", ssl::factorisation_error(world.law, learned.z));
    out.emplace_back("tail", best.tail);
    out.emplace_back("nothing", ssl::factorisation_error(world.law, std::vector<double>(learned.z.size())));
  }
  return out;
}

/// Every corpus, loss and width by a table, one width by a network, and fewer pairs at that width.
std::vector<setting> settings_of(const options& o) {
  std::vector<setting> all;
  const index most = *std::max_element(o.pairs.begin(), o.pairs.end());
  for (const auto& corpus : o.corpora)
    for (const auto& loss : o.losses) {
      for (const index width : o.widths) all.push_back({corpus, "table", loss, width, most});
      all.push_back({corpus, "mlp", loss, o.mlp_width, most});
      for (const index pairs : o.pairs)
        if (pairs != most) all.push_back({corpus, "table", loss, o.mlp_width, pairs});
    }
  return all;
}

}  // namespace

namespace {

/// One line a setting, means over the seeds.
void print(const ex::observations& results, const std::vector<setting>& settings) {
  std::printf("%-7s %-6s %-9s %5s %7s | %15s %9s | %9s %9s | %9s | %9s %9s | %9s\n", "corpus", "by", "loss",
              "width", "pairs", "loss reached", "least", "r(ratio)", "rho(ratio)", "best", "r(rank)",
              "rho(rank)", "r(own)");
  for (const setting& s : settings) {
    const auto mean = [&](const char* what) { return results.summary(s.condition(), what); };
    std::printf("%-7s %-6s %-9s %5lld %7lld | %15s %9.3f | %9.3f %9.3f | %9.3f | %9.3f %9.3f | %9.3f\n",
                s.corpus.c_str(), s.encoder.c_str(), s.loss.c_str(), static_cast<long long>(s.width),
                static_cast<long long>(s.pairs), mean("loss").text(3).c_str(), mean("least").mean,
                mean("pearson_ratio").mean, mean("spearman_ratio").mean, mean("rank_ratio").mean,
                mean("pearson_rank").mean, mean("spearman_rank").mean, mean("pearson_own").mean);
  }
}

/// Learned similarities against the ratio, one point a pair of types, and the two tables of the ring.
void draw(ex::experiment_page& page, const options& o, const ssl::any_dataset& images, ex::backend& be) {
  for (const auto& corpus : o.corpora) {
    const auto world = make_world(corpus, o, images, be, 1);
    const auto ratios = world.law.ratios(), weights = weights_of(world.law);
    ex::scatter_map points{.names = o.losses, .x_label = "co-occurrence ratio", .y_label = "learned"};
    for (std::size_t l = 0; l < o.losses.size(); ++l) {
      if (ex::interrupted()) return;
      const setting s{corpus, "table", o.losses[l], o.mlp_width,
                      *std::max_element(o.pairs.begin(), o.pairs.end())};
      const auto learned = train(s, o, world, be, 1);
      if (!ssl::is_finite(learned.loss)) continue;
      auto similarity = ssl::inner_products(learned.z, o.types);
      const auto line = s.loss == "spectral" ? ex::line{0, 1} : ex::fit(similarity, ratios, weights);
      for (double& v : similarity) v = line.offset + line.factor * v;
      for (index j = 0; j < o.types; ++j)
        for (index i = 0; i <= j; ++i) {
          const auto k = static_cast<std::size_t>(j * o.types + i);
          points.x.push_back(ratios[k]);
          points.y.push_back(similarity[k]);
          points.group.push_back(static_cast<int>(l));
        }
      if (corpus == "ring" && s.loss == "spectral") {
        ex::heat_map learned, exact;
        for (index t = 0; t < o.types; ++t) learned.rows.push_back(std::to_string(t));
        learned.columns = learned.rows;
        exact = learned;
        learned.values = similarity;
        exact.values = ratios;
        const ex::heat_options scale{.row_label = "type",
                                     .column_label = "type",
                                     .low = 0,
                                     .high = *std::max_element(ratios.begin(), ratios.end())};
        page.blocks().heat_map("ring: the ratio", exact, scale);
        page.blocks().heat_map(
            "ring: inner products that the spectral loss learned, width " + std::to_string(s.width), learned,
            scale);
      }
    }
    page.blocks().scatter(corpus + ": learned similarity against the co-occurrence ratio, width " +
                              std::to_string(o.mlp_width) +
                              " (a straight line fitted for all but the spectral loss)",
                          points);
  }
}

void add_options(CLI::App& app, options& o) {
  app.option_defaults()->always_capture_default();
  app.add_option("--corpora", o.corpora,
                 "scenes, ring: laws that are known; images: clusters of their patches")
      ->delimiter(',')
      ->check(CLI::IsMember({"scenes", "ring", "images"}));
  app.add_option("--losses", o.losses, "what is trained")
      ->delimiter(',')
      ->check(CLI::IsMember({"spectral", "vicreg", "tcr"}));
  app.add_option("--widths", o.widths, "features of an embedding")->delimiter(',')->check(ex::at_least(1));
  app.add_option("--pairs", o.pairs, "pairs to learn from; the largest for every width")
      ->delimiter(',')
      ->check(ex::at_least(2));
  app.add_option("--types", o.types, "kinds of patches")->check(ex::between(2, 1024));
  app.add_option("--scenes", o.scenes, "of the corpus of scenes")->check(ex::at_least(1));
  app.add_option("--sharpness", o.sharpness, "how few types a scene has")->check(ex::between(0, 20));
  app.add_option("--ring-width", o.ring_width, "of a window on the ring, in types")
      ->check(ex::between(0.01, 1e6));
  app.add_option("--background", o.background, "share of the ring's patches from anywhere")
      ->check(ex::between(0, 1));
  app.add_option("--noise", o.noise, "of what a network sees of a type")->check(ex::at_least(0));
  ex::add_options(app, static_cast<ex::data_options&>(o));
  app.add_option("--patch", o.patch, "pixels of a side of a patch of an image")->check(ex::at_least(1));
  app.add_option("--images", o.images, "images that patches are cut from")->check(ex::at_least(1));
  app.add_option("--each", o.each, "patches of an image")->check(ex::at_least(2));
  app.add_option("--steps", o.steps, "steps of a training")->check(ex::at_least(1));
  app.add_option("--batch", o.batch, "pairs in a step")->check(ex::at_least(2));
  app.add_option("--mlp-width", o.mlp_width,
                 "features of the network's embeddings, and of the sweep over pairs")
      ->check(ex::at_least(1));
  app.add_option("--hidden", o.hidden, "units of the network's two hidden layers")->check(ex::at_least(1));
  app.add_option("--lambda", o.lambda, "attraction beside the coding rate")->check(ex::at_least(0));
  app.add_option("--rate", o.rate, "multiplies all learning rates")->check(ex::between(1e-6, 1e3));
  app.add_option("--seeds", o.seeds, "a run of each condition for each of these")->delimiter(',');
  app.add_option("--out", o.out, "folder of the results; what it holds already is not run again");
  app.add_flag("--quiet", o.quiet, "no progress on stderr");
  ex::add_backend_options(app, o.compute);
}

void fill(ex::experiment_page& page, const options& o) {
  const index most = *std::max_element(o.pairs.begin(), o.pairs.end());
  const ex::condition all_pairs{{"pairs", std::to_string(most)}};
  page.blocks().heading("Learned similarity against co-occurrence");
  page.table(
      {"corpus", "encoder", "loss", "width"},
      {{.measure = "pearson_ratio", .title = "r, ratio"},
       {.measure = "spearman_ratio", .title = "rho, ratio"},
       {.measure = "rank_ratio", .title = "best of rank d"},
       {.measure = "pearson_rank", .title = "r, rank-d ratio"},
       {.measure = "spearman_rank", .title = "rho, rank-d ratio"},
       {.measure = "pearson_own", .title = "r, own optimum"}},
      "r: Pearson over all pairs of types, weighted by p(i) p(j); rho: Spearman, unweighted. Best of rank "
      "d: r of the best rank-d approximation with the ratio. Own optimum: the kernel that the loss has in "
      "closed form.",
      all_pairs);
  page.blocks().heading("Loss reached and least loss");
  page.table(
      {"corpus", "encoder", "loss", "width"},
      {{.measure = "loss", .title = "last tenth of the training"},
       {.measure = "least", .title = "least, large batches"}},
      "The least loss is that of embeddings free for each type and endless pairs; a bound for the coding "
      "rate.",
      all_pairs);
  page.blocks().heading("The spectral loss as a factorisation");
  page.table({"corpus", "encoder", "width", "pairs"},
             {{.measure = "error", .title = "E (w z.z - ratio)^2"},
              {.measure = "tail", .title = "eigenvalues left out, squared"},
              {.measure = "nothing", .title = "of zero embeddings"}},
             {}, {{"loss", "spectral"}});
  for (const auto& corpus : o.corpora) {
    const ex::condition part{{"corpus", corpus}, {"encoder", "table"}};
    auto with = part;
    with.emplace_back("pairs", std::to_string(most));
    page.line_plot(corpus + ": correlation with the ratio against width",
                   {.measure = "pearson_ratio", .title = "r, ratio"}, "width", "loss", {.log_x = true}, with);
    with = part;
    with.emplace_back("width", std::to_string(o.mlp_width));
    page.line_plot(corpus + ": correlation with the rank-d ratio against the number of pairs",
                   {.measure = "pearson_rank", .title = "r, rank-d ratio"}, "pairs", "loss", {.log_x = true},
                   with);
  }
}

/// A loss by a table on the most pairs, corpus by corpus and width by width: the least agreement
/// with the best approximation. 0 where a run diverged or is missing.
double least_agreement(const ex::observations& results, const std::vector<setting>& settings, index most,
                       const std::string& loss, const char* measure) {
  double least = 1;
  for (const setting& s : settings)
    if (s.loss == loss && s.encoder == "table" && s.pairs == most) {
      const auto found = results.summary(s.condition(), measure);
      least = std::min(least, found.failed > 0 || found.count == 0 ? 0.0 : found.mean);
    }
  return least;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Learns embeddings of patches and compares their inner products with how often the patches occur "
      "together.");
  options o;
  add_options(app, o);
  return ex::run(app, argc, argv, [&] {
    ex::backend be = ex::make_backend(o.compute);
    const bool images_wanted = std::count(o.corpora.begin(), o.corpora.end(), "images") > 0;
    const ssl::any_dataset images = images_wanted ? ex::load_data(o).train : ssl::any_dataset{};
    o.images = images_wanted ? std::min<ssl::index>(o.images, images.size()) : o.images;
    ex::experiment_page page(
        o.out,
        {.title = "Co-occurrence of patches",
         .claim =
             "Learning that patches of one image agree is learning how often patches occur together: inner "
             "products of the embeddings approximate p(i, j) / (p(i) p(j)).",
         .source = "arXiv 2206.08954",
         .what =
             "Pairs of patches from two laws that are known exactly, and from clusters of patches of images. "
             "A table learns an embedding for each type; a network learns from noisy pictures of the types, "
             "or from the pixels.",
         .program = "cooccurrence",
         .options = ex::option_values(app),
         .backend = ex::describe_backend(be)});
    const auto settings = settings_of(o);
    std::vector<ex::condition> conditions;
    for (const setting& s : settings) conditions.push_back(s.condition());

    std::map<std::pair<std::string, std::uint64_t>, ex::patch_world> worlds;
    const bool whole = page.measure(
        conditions, o.seeds,
        [&](const ex::condition& c, std::uint64_t seed) {
          const setting s = setting::of(c);
          const std::pair key{s.corpus, seed};
          if (!worlds.contains(key)) worlds.emplace(key, make_world(s.corpus, o, images, be, seed));
          return measure(s, o, worlds.at(key), be, seed);
        },
        o.quiet);

    const ssl::index most = *std::max_element(o.pairs.begin(), o.pairs.end());
    print(page.results(), settings);
    std::string sentence = "Least correlation with the best approximation of rank d over corpora and widths:";
    bool all = whole, some = false;
    for (const auto& loss : o.losses) {
      const double rank = least_agreement(page.results(), settings, most, loss, "pearson_rank");
      const double own = least_agreement(page.results(), settings, most, loss, "pearson_own");
      sentence += " " + loss + " " + ex::fixed(rank) + " (with its own optimum " + ex::fixed(own) + ")";
      all = all && rank >= 0.95;
      some = some || rank >= 0.95;
    }
    std::printf("%s\n", sentence.c_str());
    page.conclude(!whole ? ex::outcome::open
                  : all  ? ex::outcome::holds
                  : some ? ex::outcome::in_part
                         : ex::outcome::not_here,
                  sentence + ".");
    fill(page, o);
    if (whole) draw(page, o, images, be);
    page.write();
    return 0;
  });
}
