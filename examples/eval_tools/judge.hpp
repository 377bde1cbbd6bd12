#pragma once
/// What ssl_eval computes. The numbers come from judge.cpp, which alone knows a backend.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eval_tools/features.hpp"
#include "ssl/eval/accuracy.hpp"
#include "ssl/eval/interval.hpp"

namespace ssl_eval {

struct options {
  std::string train, train_labels, test, test_labels;
  std::string probe = "ridge";  // ridge, sgd or none
  int k = 20;
  double temperature = 0.07;
  std::string protocol;          // empty: k, temperature and probe count
  std::vector<double> low_shot;  // fractions
  int low_shot_draws = 5;
  bool cluster = false;
  int clusters = 0;  // 0: as many as classes
  bool rank = false;
  std::string views;
  std::string confusion;             // "table" or a .csv file
  int bootstrap = 0;                 // resamples, 0: no intervals
  std::vector<std::string> against;  // training and test features
  std::string json;
  std::uint64_t seed = 0;
};

/// Which numbers of a pair of parts are wanted.
struct wanted {
  bool few = true;       // low-shot probes
  bool geometry = true;  // effective rank, alignment, uniformity
  bool cluster = true;
  bool rank = true;
};

struct few_labels {
  double fraction = 0;
  index samples = 0;
  std::vector<double> draws;
  ssl::interval top1;
};

struct clustering {
  index clusters = 0;
  double accuracy = 0, nmi = 0, ari = 0, inertia = 0;
};

struct power_law_fit {
  double alpha = 0, r_squared = 0;
  index first = 0, last = 0;
};

struct test_rank {
  double rank_me = 0, uniformity = 0;
  std::optional<power_law_fit> alpha_req;  // none where there are too few directions
};

struct view_numbers {
  index views = 0, samples = 0;
  double lidar = 0, alignment = 0, uniformity = 0;
};

struct judgement {
  std::optional<ssl::classification> knn, linear;
  std::optional<double> best_epoch_top1;  // of a probe by SGD, chosen by looking at the test labels
  index best_epoch = 0;                   // from 1
  std::vector<few_labels> few;
  double effective_rank = 0, uniformity = 0;
  std::optional<double> alignment;
  std::optional<clustering> clusters;
  std::optional<test_rank> rank;
};

/// Classifiers in float where both files have floats; the rest in double.
judgement judge(const options& o, const wanted& w, const part& train, const part& test, index classes);

view_numbers judge_views(const ssl::npy_array& file);

}  // namespace ssl_eval
