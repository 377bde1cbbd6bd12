// Judges frozen features from files: weighted kNN, a linear probe, and how the features fill their space.
//
//     ssl_eval --train x.npy --train-labels y.npy --test xt.npy --test-labels yt.npy
//     {"knn_top1":0.81,"knn_top5":0.97,"linear_top1":0.84,"effective_rank":93.1,"alignment":0.7,"uniformity":-3.2,...}
//
// Features are (samples, features) in C order, float32 or float64; labels are one whole number a sample, in
// any range. Accuracies are fractions of the test samples. Effective rank (RankMe, arXiv 2210.02885),
// alignment (mean squared distance of two samples of one class) and uniformity (arXiv 2005.10242, both on
// unit length) are of the training features. A mistake gives one sentence on stderr and exit code 2.

#include <iostream>
#include <nlohmann/json.hpp>

#include "ssl/backend/eigen.hpp"
#include "ssl/data/npy.hpp"
#include "ssl/eval/geometry.hpp"
#include "ssl/eval/knn.hpp"
#include "ssl/eval/ridge_probe.hpp"
#include "ssl/eval/softmax_probe.hpp"
#include "support/cli.hpp"

namespace {

using ssl::index;

struct options {
  std::string train, train_labels, test, test_labels, probe = "ridge";
  int k = 20;
  double temperature = 0.07;
};

/// Features (n, d) of one file and the labels beside them.
struct part {
  ssl::npy_array features;
  std::vector<index> names;  // labels as the file has them
  std::vector<int> labels;   // labels in [0, classes)

  index samples() const { return features.shape[0]; }
};

part read_part(const std::string& features, const std::string& labels) {
  part p{ssl::read_npy(features), {}, {}};
  if (p.features.dtype.kind != 'f')
    throw ssl::data_error(features + ": has the dtype " + p.features.dtype.name() + ", expected f4 or f8");
  ssl::require_rank(p.features, 2, "(samples, features)");
  if (p.samples() < 2 || p.features.shape[1] < 1)
    throw ssl::data_error(features + ": has shape " + ssl::npy_shape_text(p.features.shape) +
                          ", expected at least two samples of at least one feature");
  ssl::require_finite(p.features);
  const ssl::npy_array names = ssl::read_npy(labels);
  if (names.dtype.kind == 'f')
    throw ssl::data_error(labels + ": has the dtype " + names.dtype.name() + ", expected whole numbers");
  ssl::require_rank(names, 1, "(samples)");
  if (names.size() != p.samples())
    throw ssl::data_error(labels + ": has " + std::to_string(names.size()) + " labels, expected " +
                          std::to_string(p.samples()) + " for " + features);
  p.names = names.as_index();
  return p;
}

/// Numbers the labels that occur from 0; returns how many there are.
index number_labels(part& train, part& test) {
  std::vector<index> known = train.names;
  known.insert(known.end(), test.names.begin(), test.names.end());
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  for (part* p : {&train, &test})
    for (const index name : p->names)
      p->labels.push_back(
          static_cast<int>(std::lower_bound(known.begin(), known.end(), name) - known.begin()));
  return static_cast<index>(known.size());
}

template <class T>
nlohmann::ordered_json evaluate(const options& o, const part& train, const part& test, index classes) {
  const index d = train.features.shape[1];
  const std::vector<T> train_x = train.features.as<T>(), test_x = test.features.as<T>();
  const auto bank = ssl::make_view<ssl::host_space, const T>(train_x.data(), d, train.samples());
  const auto query = ssl::make_view<ssl::host_space, const T>(test_x.data(), d, test.samples());
  ssl::workspace<ssl::eigen_backend<T>> work;
  auto ctx = work.ctx(ssl::mode::eval);

  nlohmann::ordered_json result;
  const ssl::accuracy knn =
      ssl::knn(ctx, bank, train.labels, query, test.labels, classes, {.k = o.k, .temperature = o.temperature})
          .score;
  result["knn_top1"] = knn.top1;
  result["knn_top5"] = knn.top5;
  if (o.probe == "ridge")
    result["linear_top1"] = ssl::ridge_probe{}
                                .fit(ctx, bank, train.labels, classes)
                                .classifier.evaluate(ctx, query, test.labels)
                                .score.top1;
  if (o.probe == "sgd")
    result["linear_top1"] = ssl::softmax_probe{.standardize = true}
                                .fit(ctx, bank, train.labels, classes)
                                .classifier.evaluate(ctx, query, test.labels)
                                .score.top1;
  result["effective_rank"] = ssl::effective_rank(ssl::singular_values(ctx, bank));
  if (train.samples() > classes || classes < 2)  // else there may be no two samples of one class
    result["alignment"] = ssl::class_alignment(ctx, bank, train.labels, classes);
  result["uniformity"] = ssl::pair_uniformity(ctx, bank);
  result["train_samples"] = train.samples();
  result["test_samples"] = test.samples();
  result["features"] = d;
  result["classes"] = classes;
  for (const auto& [name, value] : result.items())
    if (value.is_number_float() && !std::isfinite(value.template get<double>()))
      throw ssl::numeric_error(o.train + ": the numbers are too large or too small, " + name +
                               " is not finite");
  return result;
}

int run(const options& o) {
  part train = read_part(o.train, o.train_labels), test = read_part(o.test, o.test_labels);
  if (train.features.shape[1] != test.features.shape[1])
    throw ssl::data_error(o.test + ": has " + std::to_string(test.features.shape[1]) +
                          " features, expected " + std::to_string(train.features.shape[1]) + " as in " +
                          o.train);
  const index classes = number_labels(train, test);
  const bool single = train.features.dtype.bytes == 4 && test.features.dtype.bytes == 4;
  const auto result =
      single ? evaluate<float>(o, train, test, classes) : evaluate<double>(o, train, test, classes);
  std::cout << result.dump() << std::endl;
  if (!std::cout) throw ssl::data_error("standard output: cannot be written");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app(
      "Judges frozen features from .npy files: kNN, linear probe, effective rank, alignment, uniformity.");
  app.add_option("--train", o.train, "training features (samples, features), float32 or float64")->required();
  app.add_option("--train-labels", o.train_labels, "their labels (samples), whole numbers")->required();
  app.add_option("--test", o.test, "test features (samples, features)")->required();
  app.add_option("--test-labels", o.test_labels, "their labels")->required();
  app.add_option("--knn-k", o.k, "neighbours")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--knn-temperature", o.temperature, "temperature of the neighbours' weights")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--probe", o.probe, "closed-form ridge, or softmax by SGD on standardised features")
      ->check(CLI::IsMember({"ridge", "sgd", "none"}))
      ->capture_default_str();
  return ssl_example::run(app, argc, argv, [&] { return run(o); });
}
