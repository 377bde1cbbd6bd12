#include "ssl/eval/protocols.hpp"

#include <algorithm>
#include <set>

#include "ssl/eval/low_shot.hpp"
#include "support/backends.hpp"

using doctest::Approx;

namespace {

struct classes_of_three {
  ssl::index n;
  std::vector<double> x;
  std::vector<int> labels{};

  classes_of_three(ssl::index count, unsigned seed, double gap)
      : n(count), x(ssl::test::normals(5 * count, seed)) {
    for (ssl::index j = 0; j < n; ++j) {
      labels.push_back(static_cast<int>(j % 3));
      x[static_cast<std::size_t>(5 * j + j % 3)] += gap;
    }
  }
};

}  // namespace

TEST_CASE("eval/protocols: names are unique, and the values are those of the tables") {
  std::set<std::string_view> names;
  for (const auto& p : ssl::knn_protocols()) CHECK(names.insert(p.name).second);
  names.clear();
  for (const auto& p : ssl::linear_protocols()) {
    CHECK(names.insert(p.name).second);
    CHECK(p.probe.momentum == 0.9);
    CHECK_FALSE(p.probe.standardize);
    CHECK_FALSE(p.source.empty());
  }
  CHECK(ssl::knn_protocol_named("instdisc").options.k == 200);
  CHECK(ssl::knn_protocol_named("instdisc").options.temperature == 0.07);
  CHECK(ssl::knn_protocol_named("dino").options.k == 20);
  CHECK(ssl::knn_protocol_named("moco").options.temperature == 0.1);
  CHECK(ssl::knn_protocol_named("htdt").options.metric == ssl::similarity::euclidean);
  CHECK(ssl::knn_protocol_named("w_mse").options.k == 5);
  CHECK(ssl::knn_protocol_named("nmce").options.metric == ssl::similarity::dot);
  CHECK(ssl::knn_protocol_named("nmce").options.weight == ssl::vote::majority);
  const auto& moco = ssl::linear_protocol_named("moco").probe;
  CHECK(moco.rate_at(59, 3, 10) == 30);
  CHECK(moco.rate_at(60, 0, 10) == Approx(3));
  CHECK(moco.rate_at(99, 9, 10) == Approx(0.3));
  CHECK(moco.weight_decay == 0);
  const auto& lightly = ssl::linear_protocol_named("lightly").probe;
  CHECK(lightly.rate_at(45, 0, 10) == Approx(0.05));
  CHECK(lightly.rate_at(44, 9, 10) > lightly.rate_at(45, 0, 10));
  const auto& vicreg = ssl::linear_protocol_named("vicreg");
  CHECK(vicreg.probe.rate_at(50, 0, 10) == vicreg.probe.rate_at(50, 9, 10));
  CHECK(vicreg.selects_on_test);
  CHECK(ssl::linear_protocol_named("solo_learn_simclr").probe.rate == 1);
  CHECK(ssl::linear_protocol_named("nmce").probe.rate_at(99, 0, 1) == 0.1);
  CHECK(ssl::linear_protocol_named("emp_ssl").images == ssl::probe_images::averaged_views);
}

TEST_CASE(
    "eval/protocols: a name stands for kNN, a linear probe or both, and an unknown one lists those there "
    "are") {
  CHECK(ssl::protocol_named("emp_ssl").knn != nullptr);
  CHECK(ssl::protocol_named("emp_ssl").linear != nullptr);
  CHECK(ssl::protocol_named("dino").linear == nullptr);
  CHECK(ssl::protocol_named("vicreg").knn == nullptr);
  CHECK(ssl::protocol_named("ours").ridge);
  CHECK_FALSE(ssl::protocol_named("moco").ridge);
  CHECK_THROWS_WITH_AS(
      ssl::knn_protocol_named("vicreg"),
      "ssl::knn_protocol_named: there is no protocol \"vicreg\", expected one of ours, instdisc, dino, "
      "moco, lightly, lightly_small, solo_learn, solo_learn_euclidean, w_mse, htdt, nmce, emp_ssl",
      ssl::option_error);
  CHECK_THROWS_WITH_AS(ssl::linear_protocol_named("dino"),
                       doctest::Contains("expected one of vicreg, lightly, simclr"), ssl::option_error);
  CHECK_THROWS_WITH_AS(ssl::protocol_named("simsiam"), doctest::Contains("there is no protocol \"simsiam\""),
                       ssl::option_error);
}

TEST_CASE_TEMPLATE("eval/protocols: the headline is the last epoch, the best one a note", B, SSL_BACKENDS) {
  const classes_of_three train(90, 1, 1), test(60, 2, 1);
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> x(work.backend(), 5, train.n, train.x), y(work.backend(), 5, test.n, test.x);
  auto probe = ssl::linear_protocol_named("moco").probe;
  probe.batch = 10;
  probe.epochs = 6;
  const auto plain = ssl::evaluate_probe(ctx, probe, x.read(), train.labels, y.read(), test.labels, 3);
  const auto noted = ssl::evaluate_probe(ctx, probe, x.read(), train.labels, y.read(), test.labels, 3, true);
  CHECK_FALSE(plain.best.has_value());
  CHECK(noted.last.predicted == plain.last.predicted);
  CHECK(noted.loss == plain.loss);
  REQUIRE(noted.best.has_value());
  CHECK(noted.best->score.top1 >= noted.last.score.top1);
  // The best epoch is the first of the best by fitting to each length: the rate is constant before epoch 60.
  double best = -1;
  ssl::index at = 0;
  for (ssl::index epochs = 1; epochs <= 6; ++epochs) {
    probe.epochs = epochs;
    const double now =
        ssl::evaluate_probe(ctx, probe, x.read(), train.labels, y.read(), test.labels, 3).last.score.top1;
    if (now > best) {
      best = now;
      at = epochs - 1;
    }
  }
  CHECK(noted.best->epoch == at);
  CHECK(noted.best->score.top1 == best);
}

TEST_CASE(
    "eval/low_shot: a subset has its share of each class, at least one, and small ones are in larger ones") {
  std::vector<int> labels;
  for (int j = 0; j < 1000; ++j) labels.push_back(j % 10 == 0 ? 2 : j % 250 == 3 ? 0 : 1);  // 4, 896, 100
  const auto count = [&](const std::vector<std::int32_t>& subset) {
    std::vector<int> out(4, 0);
    for (const auto j : subset) ++out[static_cast<std::size_t>(labels[static_cast<std::size_t>(j)])];
    return out;
  };
  const auto one = ssl::balanced_subset(labels, 4, 0.01, 7), ten = ssl::balanced_subset(labels, 4, 0.1, 7);
  CHECK(count(one) == std::vector<int>{1, 9, 1, 0});
  CHECK(count(ten) == std::vector<int>{1, 90, 10, 0});
  CHECK(count(ssl::balanced_subset(labels, 4, 0.625, 7))[0] == 3);  // 2.5 rounds up
  CHECK(ssl::balanced_subset(labels, 4, 1, 7).size() == 1000);
  CHECK(std::is_sorted(ten.begin(), ten.end()));
  CHECK(std::adjacent_find(ten.begin(), ten.end()) == ten.end());
  CHECK(std::includes(ten.begin(), ten.end(), one.begin(), one.end()));
  CHECK(ssl::balanced_subset(labels, 4, 0.01, 7) == one);
  CHECK(ssl::balanced_subset(labels, 4, 0.01, 8) != one);
  CHECK(ssl::balanced_subset(labels, 4, 0.01, 7, 1) != one);
  // Every sample of a class is chosen about as often as any other.
  std::vector<int> chosen(1000, 0);
  for (ssl::index draw = 0; draw < 500; ++draw)
    for (const auto j : ssl::balanced_subset(labels, 4, 0.1, 3, draw)) ++chosen[static_cast<std::size_t>(j)];
  double square = 0;
  for (std::size_t j = 0; j < 1000; j += 10) square += std::pow(chosen[j] - 50.0, 2) / 45.0 / 100;
  CHECK(square > 0.6);
  CHECK(square < 1.5);
  CHECK_THROWS_WITH_AS(ssl::balanced_subset(labels, 4, 0, 7),
                       "ssl::balanced_subset: fraction is 0.000000, expected in (0, 1]", ssl::option_error);
}

TEST_CASE_TEMPLATE("eval/low_shot: probes see the subset's columns only, and all of them give the whole fit",
                   B, SSL_BACKENDS) {
  classes_of_three train(300, 1, 2);
  const classes_of_three test(200, 2, 2);
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> x(work.backend(), 5, train.n, train.x), y(work.backend(), 5, test.n, test.x);
  const ssl::softmax_probe probe{.rate = 0.1, .epochs = 10};
  const auto whole = ssl::low_shot(ctx, probe, x.read(), train.labels, y.read(), test.labels, 3,
                                   {.fraction = 1, .draws = 1});
  CHECK(whole.draws[0].top1 ==
        ssl::evaluate_probe(ctx, probe, x.read(), train.labels, y.read(), test.labels, 3).last.score.top1);
  CHECK(whole.top1.low == whole.top1.high);
  CHECK(whole.samples == std::vector<ssl::index>{300});

  const ssl::low_shot_options few{.fraction = 0.03, .draws = 4, .seed = 5};
  const auto result = ssl::low_shot(ctx, probe, x.read(), train.labels, y.read(), test.labels, 3, few);
  CHECK(result.samples == std::vector<ssl::index>(4, 9));
  double mean = 0;
  for (const auto& d : result.draws) mean += d.top1 / 4;
  CHECK(result.top1.estimate == Approx(mean));
  CHECK(result.top1.low < mean);
  CHECK(result.top1.high > mean);
  CHECK(mean < whole.draws[0].top1);
  // What is in no subset does not count.
  std::vector<bool> used(300, false);
  for (ssl::index draw = 0; draw < 4; ++draw)
    for (const auto j : ssl::balanced_subset(train.labels, 3, 0.03, 5, draw))
      used[static_cast<std::size_t>(j)] = true;
  for (std::size_t k = 0; k < train.x.size(); ++k)
    if (!used[k / 5]) train.x[k] = 1e6;
  x.set(train.x);
  const auto again = ssl::low_shot(ctx, probe, x.read(), train.labels, y.read(), test.labels, 3, few);
  for (std::size_t i = 0; i < 4; ++i) CHECK(again.draws[i].top1 == result.draws[i].top1);
  CHECK_THROWS_AS(ssl::low_shot(ctx, probe, x.read(), train.labels, y.read(), test.labels, 3, {.draws = 0}),
                  ssl::option_error);
}
