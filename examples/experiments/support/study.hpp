#pragma once
/// What all experiments share: the options, the images, and the page that runs conditions and keeps results.
///
///     study_options o("out/patch_count");
///     add_study_options(app, o);
///     return run(app, argc, argv, [&] {
///       study s(app, o, {.title = "Number of patches", .claim = "...", .source = "arXiv 2304.03977"});
///       s.each({{{"loss", "vicreg"}}, {{"loss", "emp_ssl"}}}, [&](const condition& c, std::uint64_t seed) {
///         learner net(s.be, recipe_of(c), s.data.train, seed);
///         net.train();
///         return s.accuracy(net, net.clean_patches(16));
///       });
///       s.page.table({"loss"}, {{.measure = "knn", .percent = true}});
///       return s.finish();
///     });

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "experiments/support/learner.hpp"
#include "support/experiment.hpp"
#include "support/experiment_page.hpp"

namespace ssl_example {

using measures = experiment_page::measures;

/// A study's command line; a study sets its own defaults before `add_study_options`.
struct study_options : experiment_options {
  std::vector<std::uint64_t> seeds = {1, 2, 3};
  index stem_stride = 2;

  explicit study_options(const std::string& folder) {
    out = folder;
    epochs = 8;
    batch = 128;
    projector = {512, 128};
  }
};

/// The options of experiments: those of the trainers, less what a study decides itself.
void add_study_options(CLI::App& app, study_options& options);

/// The images of an experiment, its page, and how its encoders are judged.
class study {
 public:
  /// Loads the images and what an earlier run left in the folder. `info` needs no program, options and
  /// backend.
  study(const CLI::App& app, const study_options& options, experiment_info info);

  /// Measures each condition with each seed that the results lack; see experiment_page::measure. False after
  /// Ctrl-C.
  bool each(const std::vector<condition>& conditions, const experiment_page::runner& measure);

  /// The recipe that the options give for a loss: a study changes what it is about. `--rate` is EMP-SSL's;
  /// the others have the forms of LARS, the warm-up and the rates (in proportion) of their example programs.
  training_recipe recipe(const std::string& loss = "emp_ssl") const;

  /// Networks trained by a recipe that has this name. The last ones are kept: conditions of one seed that
  /// only judge the same networks share one training.
  learner& trained(const std::string& name, const training_recipe& recipe, std::uint64_t seed);

  /// Test accuracies of embeddings and projections of the bank and of the test images: judge.
  measures accuracy(learner& net, const embedded& bank, const embedded& test) const;
  /// The same for one request on both parts.
  measures accuracy(learner& net, const bag_request& request) const;
  /// The request for the bank's images, and for all test images with draws of their own.
  bag_request of_bank(bag_request request) const;
  bag_request of_test(bag_request request) const;

  std::vector<int> bank_labels() const { return labels_of(data.bank(), bank); }
  std::vector<int> test_labels() const { return labels_of(data.test, data.test.size()); }
  index side() const { return data.train.shape().width; }

  /// A measure against a key whose values are numbers, over the conditions that contain `part`, as a line
  /// with intervals: for plots whose lines are measures.
  series curve(const std::string& name, const condition& part, const std::string& x_key,
               const std::string& measure) const;
  /// One measure of one condition as a level from x_key's least value to its greatest.
  series level(const std::string& name, const condition& where, const std::string& x_key,
               const std::string& measure) const;

  /// Writes the page. Returns the exit code.
  int finish();

  study_options options;
  backend be;  // before the images: a machine without one says so at once
  ssl::any_split data;
  index bank;  // training images that classifiers learn from
  experiment_page page;

 private:
  std::unique_ptr<learner> kept_;
  std::pair<std::string, std::uint64_t> kept_of_;
};

/// The measure `a` less the measure `b` of the runs whose condition contains `where`, paired over the seeds.
estimate difference_within(const observations& results, const condition& where, std::string_view a,
                           std::string_view b);

/// A difference with its sign: "+1.3 ± 0.4 %".
std::string signed_text(const estimate& difference, int digits = 3, bool percent = false);

}  // namespace ssl_example
