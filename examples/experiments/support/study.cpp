#include "experiments/support/study.hpp"

#include <algorithm>

namespace ssl_example {

void add_study_options(CLI::App& app, study_options& o) {
  add_options(app, o);
  for (const char* other : {"--seed", "--eval-patches", "--patches", "--scale", "--workers", "--profile"})
    app.remove_option(app.get_option(other));
  app.add_option("--seeds", o.seeds, "a run of each condition for each of these")->delimiter(',');
  app.add_option("--stem-stride", o.stem_stride,
                 "stride of the encoder's first block: 1 for four times the work")
      ->check(between(1, 4));
}

study::study(const CLI::App& app, const study_options& o, experiment_info info)
    : options(o),
      be(make_backend(o.compute)),
      data(load_images(o)),
      bank(bank_size(data, o)),
      page(o.out, [&] {
        info.program = app.get_name();
        info.options = option_values(app);
        info.backend = describe_backend(be);
        return std::move(info);
      }()) {}

bool study::each(const std::vector<condition>& conditions, const experiment_page::runner& measure) {
  return page.measure(conditions, options.seeds, measure, options.quiet);
}

training_recipe study::recipe(const std::string& loss) const {
  training_recipe r;
  r.loss = loss;
  r.views = ssl::emp_ssl_views({.image = side()});
  r.widths = options.widths;
  r.stem_stride = options.stem_stride;
  r.projector = options.projector;
  r.rate = options.rate;
  r.batch = options.batch;
  r.epochs = options.epochs;
  if (loss == "emp_ssl") return r;
  const bool predicts = targets_of_loss(loss) != ssl::targets_of::nothing;
  r.optimizer = predicts ? "byol" : "vicreg";
  r.rate = options.rate / 0.3 * ssl::scaled_rate(predicts ? 1.6 : 0.8, r.batch);
  r.warmup = 0.1;
  return r;
}

bag_request study::of_bank(bag_request request) const {
  request.images = bank;
  return request;
}

bag_request study::of_test(bag_request request) const {
  request.images = 0;
  ++request.seed;
  return request;
}

measures study::accuracy(learner& net, const embedded& of_train, const embedded& test) const {
  return judge(net.ctx(), of_train, bank_labels(), test, test_labels(), data.bank().classes());
}

measures study::accuracy(learner& net, const bag_request& request) const {
  const embedded first = net.embed(data.bank(), of_bank(request));
  return accuracy(net, first, net.embed(data.test, of_test(request)));
}

learner& study::trained(const std::string& name, const training_recipe& recipe, std::uint64_t seed) {
  const std::pair asked(name, seed);
  if (!kept_ || kept_of_ != asked) {
    kept_.reset();  // before the next ones take their memory
    kept_ = std::make_unique<learner>(be, recipe, data.train, seed);
    kept_of_ = asked;
    kept_->train();
  }
  return *kept_;
}

namespace {

/// The values of a key that are numbers, in the order of the numbers.
std::vector<std::pair<double, std::string>> numbers_of(const observations& results, const condition& part,
                                                       const std::string& key) {
  std::vector<std::pair<double, std::string>> found;
  for (const condition& c : results.conditions()) {
    const std::string value = value_of(c, key);
    if (!contains(c, part) || value.empty()) continue;
    const std::pair<double, std::string> one(std::stod(value), value);
    if (std::find(found.begin(), found.end(), one) == found.end()) found.push_back(one);
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

series study::curve(const std::string& name, const condition& part, const std::string& x_key,
                    const std::string& measure) const {
  series line{.name = name};
  for (const auto& [x, text] : numbers_of(page.results(), part, x_key)) {
    condition where = part;
    where.emplace_back(x_key, text);
    const estimate e = page.results().summary(where, measure);
    line.x.push_back(x);
    line.y.push_back(e.mean);
    line.low.push_back(e.low);
    line.high.push_back(e.high);
  }
  return line;
}

series study::level(const std::string& name, const condition& where, const std::string& x_key,
                    const std::string& measure) const {
  const auto x = numbers_of(page.results(), {}, x_key);
  if (x.empty()) return {.name = name, .dashed = true};
  const double y = page.results().summary(where, measure).mean;
  return {.name = name, .x = {x.front().first, x.back().first}, .y = {y, y}, .dashed = true};
}

estimate difference_within(const observations& results, const condition& where, std::string_view a,
                           std::string_view b) {
  return results.contrast({{1, where, std::string(a)}, {-1, where, std::string(b)}});
}

std::string signed_text(const estimate& difference, int digits, bool percent) {
  return (difference.mean > 0 ? "+" : "") + difference.text(digits, percent);
}

int study::finish() {
  page.write();
  return 0;
}

}  // namespace ssl_example
