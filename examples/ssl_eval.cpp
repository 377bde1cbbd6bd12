// Judges frozen features from files: weighted kNN, a linear probe, and how the features fill their space.
//
//     ssl_eval --train x.npy --train-labels y.npy --test xt.npy --test-labels yt.npy
//     {"knn_top1":0.81,"knn_top5":0.97,"linear_top1":0.84,"effective_rank":93.1,"alignment":0.7,"uniformity":-3.2,...}
//
// Features are (samples, features) in C order, float32 or float64; labels are one whole number a sample, in
// any range. Accuracies are fractions of the test samples. Effective rank (RankMe, arXiv 2210.02885),
// alignment (mean squared distance of two samples of one class) and uniformity (arXiv 2005.10242, both on
// unit length) are of the training features. A mistake gives one sentence on stderr and exit code 2.
//
//     --protocol vicreg           another laboratory's kNN and linear probe; the last epoch counts, the best
//     on the
//                                 test data is a note
//     --bootstrap 10000           95 % intervals of the accuracies
//     --against a.npy at.npy      other features of the same samples: the paired difference, its interval,
//     and
//                                 whether it is one
//     --low-shot 0.01,0.1         the probe on a share of each class, the mean over several draws and its
//     interval
//     --cluster                   k-means of the test features against the test labels
//     --rank --views v.npy        RankMe and alpha-ReQ of the test features; LiDAR and the alignment of views
//     --confusion table|m.csv     which class is taken for which
//     --json FILE                 the JSON goes there, and lines for people to stdout

#include <iostream>

#include "eval_tools/report.hpp"
#include "ssl/eval/protocols.hpp"
#include "support/cli.hpp"

namespace ssl_eval {
namespace {

bool is_csv(const std::string& name) { return name.size() > 4 && name.ends_with(".csv"); }

void check(const options& o) {
  bool linear = o.probe != "none";
  if (!o.protocol.empty()) {
    const ssl::protocol named = ssl::protocol_named(o.protocol);
    linear = named.linear || named.ridge;
  }
  if (!o.low_shot.empty() && !linear)
    throw ssl::option_error("--low-shot: needs a linear probe, which " +
                            (o.protocol.empty() ? "--probe none" : "the protocol " + o.protocol) +
                            " has not");
  if (!o.confusion.empty() && o.confusion != "table" && !is_csv(o.confusion))
    throw ssl::option_error("--confusion: is " + o.confusion +
                            ", expected table or a file that ends in .csv");
  if (o.confusion == "table" && o.json.empty())
    throw ssl::option_error(
        "--confusion table: needs --json FILE, since the JSON is on standard output else");
}

int run(const options& o) {
  check(o);
  part train = read_part(o.train, o.train_labels), test = read_part(o.test, o.test_labels);
  require_one_width(train, test, o.train, o.test);
  findings found;
  found.train = &train;
  found.test = &test;
  part other_train, other_test;
  if (!o.against.empty()) {
    other_train = read_other(o.against[0], train);
    other_test = read_other(o.against[1], test);
    require_one_width(other_train, other_test, o.against[0], o.against[1]);
  }
  ssl::npy_array views;
  if (!o.views.empty()) views = read_views(o.views);
  found.names = number_labels({&train, &test});
  other_train.labels = train.labels;
  other_test.labels = test.labels;
  const auto classes = static_cast<index>(found.names.size());

  found.own = judge(o, {}, train, test, classes);
  if (!o.against.empty())
    found.other = judge(o, {.few = false, .geometry = false, .cluster = false, .rank = false}, other_train,
                        other_test, classes);
  if (!o.views.empty()) found.views = judge_views(views);
  const auto result = to_json(o, found);
  if (o.json.empty()) {
    std::cout << result.dump() << std::endl;
  } else {
    write_text(o.json, result.dump(2) + "\n");
    std::cout << to_lines(result);
  }
  if (o.confusion == "table") std::cout << '\n' << confusion_table(found);
  if (is_csv(o.confusion)) write_text(o.confusion, confusion_csv(found));
  std::cout.flush();
  if (!std::cout) throw ssl::data_error("standard output: cannot be written");
  return 0;
}

}  // namespace
}  // namespace ssl_eval

int main(int argc, char** argv) {
  ssl_eval::options o;
  CLI::App app(
      "Judges frozen features from .npy files: kNN, linear probe, effective rank, alignment, uniformity.");
  app.add_option("--train", o.train, "training features (samples, features), float32 or float64")->required();
  app.add_option("--train-labels", o.train_labels, "their labels (samples), whole numbers")->required();
  app.add_option("--test", o.test, "test features (samples, features)")->required();
  app.add_option("--test-labels", o.test_labels, "their labels")->required();
  auto* const k =
      app.add_option("--knn-k", o.k, "neighbours")->check(CLI::PositiveNumber)->capture_default_str();
  auto* const temperature =
      app.add_option("--knn-temperature", o.temperature, "temperature of the neighbours' weights")
          ->check(CLI::PositiveNumber)
          ->capture_default_str();
  auto* const probe =
      app.add_option("--probe", o.probe, "closed-form ridge, or softmax by SGD on standardised features")
          ->check(CLI::IsMember({"ridge", "sgd", "none"}))
          ->capture_default_str();
  app.add_option("--protocol", o.protocol,
                 "kNN and linear probe as published: vicreg, dino, moco, emp_ssl, ...")
      ->excludes(k)
      ->excludes(temperature)
      ->excludes(probe);
  app.add_option("--low-shot", o.low_shot, "shares of each class's training samples to fit the probe on")
      ->delimiter(',')
      ->check(CLI::Range(1e-9, 1.0));
  app.add_option("--low-shot-draws", o.low_shot_draws, "subsets of each share")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  auto* const cluster =
      app.add_flag("--cluster", o.cluster, "k-means of the test features at unit length: accuracy, NMI, ARI");
  app.add_option("--clusters", o.clusters, "their number; as many as classes by default")
      ->check(CLI::PositiveNumber)
      ->needs(cluster);
  app.add_flag("--rank", o.rank, "RankMe, alpha-ReQ and uniformity of the test features");
  app.add_option("--views", o.views, "features (views, samples, features): LiDAR, alignment, uniformity");
  app.add_option("--confusion", o.confusion, "which class is taken for which: table, or a .csv file");
  app.add_option("--bootstrap", o.bootstrap,
                 "resamples of the test samples: 95 % intervals of the accuracies")
      ->check(CLI::Range(2, 100000000));
  app.add_option("--against", o.against, "training and test features of the same samples to compare with")
      ->expected(2);
  app.add_option("--json", o.json, "file for the JSON; lines for people go to standard output then");
  app.add_option("--seed", o.seed, "of probes, subsets, clusters and resamples")->capture_default_str();
  return ssl_example::run(app, argc, argv, [&] { return ssl_eval::run(o); });
}
