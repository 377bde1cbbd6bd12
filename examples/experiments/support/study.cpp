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

training_recipe study::recipe() const {
  training_recipe r;
  r.views = ssl::emp_ssl_views({.image = side()});
  r.widths = options.widths;
  r.stem_stride = options.stem_stride;
  r.projector = options.projector;
  r.rate = options.rate;
  r.batch = options.batch;
  r.epochs = options.epochs;
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
  return judge(net.ctx(), of_train, bank_labels(), test, test_labels(), data.train.classes());
}

measures study::accuracy(learner& net, const bag_request& request) const {
  const embedded first = net.embed(data.train, of_bank(request));
  return accuracy(net, first, net.embed(data.test, of_test(request)));
}

int study::finish() {
  page.write();
  return 0;
}

}  // namespace ssl_example
