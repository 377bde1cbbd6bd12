#include "ssl/eval/knn.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/backends.hpp"

namespace {

using ssl::knn_options;

std::vector<int> labels_of(ssl::index count, int classes, unsigned seed) {
  ssl::random_stream draw({seed, 0}, 0, 0, ssl::purpose::generate, 1);
  std::vector<int> out;
  for (ssl::index i = 0; i < count; ++i) out.push_back(static_cast<int>(draw.below(classes)));
  return out;
}

struct data {
  ssl::index d, n, m;
  int classes;
  std::vector<double> train, test;
  std::vector<int> train_labels, test_labels;
};

data random_problem(ssl::index d, ssl::index n, ssl::index m, int classes) {
  return {d,
          n,
          m,
          classes,
          ssl::test::normals(d * n, 1),
          ssl::test::normals(d * m, 2),
          labels_of(n, classes, 3),
          labels_of(m, classes, 4)};
}

template <class B>
ssl::classification run(const data& x, const knn_options& options) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> train(work.backend(), x.d, x.n, x.train), test(work.backend(), x.d, x.m, x.test);
  return ssl::knn(ctx, train.read(), x.train_labels, test.read(), x.test_labels, x.classes, options);
}

/// All similarities, a stable sort, the sum of the votes, a sort of the classes that have one.
ssl::classification naive(const data& x, const knn_options& o) {
  ssl::classification result;
  double first = 0, five = 0;
  const auto dot = [&](const std::vector<double>& a, ssl::index i, const std::vector<double>& b,
                       ssl::index j) {
    double sum = 0;
    for (ssl::index k = 0; k < x.d; ++k)
      sum += a[static_cast<std::size_t>(k + i * x.d)] * b[static_cast<std::size_t>(k + j * x.d)];
    return sum;
  };
  for (ssl::index j = 0; j < x.m; ++j) {
    std::vector<double> s;
    for (ssl::index i = 0; i < x.n; ++i) {
      const double xy = dot(x.train, i, x.test, j), xx = dot(x.train, i, x.train, i),
                   yy = dot(x.test, j, x.test, j);
      s.push_back(o.metric == ssl::similarity::cosine ? xy / std::sqrt(xx * yy)
                  : o.metric == ssl::similarity::dot  ? xy
                                                      : 2 * xy - xx - yy);
    }
    std::vector<std::size_t> order(s.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](auto a, auto b) { return std::pair(-s[a], a) < std::pair(-s[b], b); });
    order.resize(static_cast<std::size_t>(std::min(o.k, x.n)));
    std::vector<std::pair<double, int>> votes;  // (score, class) in the order of the nearest member
    for (const auto i : order) {
      double w = 1;
      if (o.weight == ssl::vote::exponential) w = std::exp((s[i] - s[order[0]]) / o.temperature);
      if (o.weight == ssl::vote::inverse_distance) w = 1 / (std::sqrt(-s[i]) + 1e-5);
      const int c = x.train_labels[i];
      const auto found = std::find_if(votes.begin(), votes.end(), [&](auto& v) { return v.second == c; });
      if (found == votes.end())
        votes.push_back({w, c});
      else
        found->first += w;
    }
    std::stable_sort(votes.begin(), votes.end(), [](auto& a, auto& b) { return a.first > b.first; });
    result.predicted.push_back(votes[0].second);
    for (std::size_t r = 0; r < std::min<std::size_t>(votes.size(), 5); ++r)
      if (votes[r].second == x.test_labels[static_cast<std::size_t>(j)] && votes[r].first > 0) {
        first += r == 0;
        five += 1;
      }
  }
  result.score = {first / static_cast<double>(x.m), five / static_cast<double>(x.m)};
  return result;
}

template <class B>
void compare(const data& x, const knn_options& o) {
  const auto found = run<B>(x, o), expected = naive(x, o);
  CHECK(found.predicted == expected.predicted);
  CHECK(found.score.top1 == doctest::Approx(expected.score.top1));
  CHECK(found.score.top5 == doctest::Approx(expected.score.top5));
}

}  // namespace

TEST_CASE_TEMPLATE("eval/knn: predictions and accuracies equal a sort of all similarities", B, SSL_BACKENDS) {
  const auto x = random_problem(16, 300, 70, 12);
  compare<B>(x, {});
  compare<B>(x, {.k = 1});
  compare<B>(x, {.k = 200, .temperature = 0.1});
  compare<B>(x, {.k = 5, .temperature = 0.01});
  compare<B>(x, {.metric = ssl::similarity::euclidean, .weight = ssl::vote::inverse_distance});
  compare<B>(x, {.k = 7, .metric = ssl::similarity::euclidean, .weight = ssl::vote::majority});
  compare<B>(x, {.k = 11, .metric = ssl::similarity::dot, .weight = ssl::vote::majority});
  compare<B>(x, {.k = 11, .temperature = 2, .metric = ssl::similarity::dot});
}

TEST_CASE_TEMPLATE("eval/knn: the size of the tiles changes nothing", B, SSL_BACKENDS) {
  const auto x = random_problem(16, 300, 70, 12);
  const auto whole = run<B>(x, {});
  for (const ssl::index tall : {1, 7, 64, 299})
    for (const ssl::index wide : {1, 33, 69}) {
      const auto cut = run<B>(x, {.train_tile = tall, .test_tile = wide});
      CHECK(cut.predicted == whole.predicted);
      CHECK(cut.score.top1 == whole.score.top1);
      CHECK(cut.score.top5 == whole.score.top5);
    }
}

TEST_CASE_TEMPLATE("eval/knn: scratch does not grow with the bank beyond a few numbers a sample", B,
                   SSL_BACKENDS) {
  const auto bytes = [](ssl::index n) {
    const auto x = random_problem(8, n, 400, 3);
    ssl::workspace<B> work;
    auto ctx = work.ctx();
    ssl::test::matrix<B> train(work.backend(), x.d, x.n, x.train), test(work.backend(), x.d, x.m, x.test);
    ssl::knn(ctx, train.read(), x.train_labels, test.read(), x.test_labels, x.classes, {.train_tile = 64});
    return work.scratch().high_water();
  };
  const auto matrix = 2000 * 400 * static_cast<ssl::index>(sizeof(typename B::scalar));
  CHECK(bytes(4000) - bytes(2000) < matrix / 10);
}

TEST_CASE_TEMPLATE("eval/knn: a sample of the bank finds itself, whatever its length", B, SSL_BACKENDS) {
  auto x = random_problem(16, 90, 90, 7);
  x.test = x.train;
  x.test_labels = x.train_labels;
  for (std::size_t i = 0; i < x.test.size(); ++i) x.test[i] *= 3.5;
  CHECK(run<B>(x, {.k = 1}).score.top1 == 1);
  CHECK(run<B>(x, {.temperature = 1e-3}).score.top1 == 1);
}

TEST_CASE_TEMPLATE("eval/knn: separated classes are told apart without an error", B, SSL_BACKENDS) {
  auto x = random_problem(16, 200, 60, 4);
  for (ssl::index j = 0; j < x.n; ++j)
    x.train[static_cast<std::size_t>(x.train_labels[static_cast<std::size_t>(j)] + 16 * j)] += 50;
  for (ssl::index j = 0; j < x.m; ++j)
    x.test[static_cast<std::size_t>(x.test_labels[static_cast<std::size_t>(j)] + 16 * j)] += 50;
  CHECK(run<B>(x, {}).score.top1 == 1);
}

TEST_CASE_TEMPLATE("eval/knn: equal similarities go to the earlier sample", B, SSL_BACKENDS) {
  // Six equal columns; k = 2 must take the first two, and their tie goes to the nearer in order.
  const data x{2, 6, 1, 3, {1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0}, {1, 0}, {2, 1, 0, 0, 0, 0}, {1}};
  for (const ssl::index tile : {1, 2, 6}) {
    const auto result = run<B>(x, {.k = 2, .weight = ssl::vote::majority, .train_tile = tile});
    CHECK(result.predicted == std::vector<int>{2});
    CHECK(result.score.top1 == 0);
    CHECK(result.score.top5 == 1);
  }
}

TEST_CASE_TEMPLATE("eval/knn: a class without a vote is not among the best five", B, SSL_BACKENDS) {
  const data x{2, 3, 2, 3, {1, 0, 1, 0.1, 0, 1}, {1, 0, 1, 0}, {0, 1, 2}, {2, 1}};
  const auto result = run<B>(x, {.k = 2});
  CHECK(result.score.top1 == 0);
  CHECK(result.score.top5 == 0.5);
}

TEST_CASE_TEMPLATE("eval/knn: more neighbours than samples are all of them", B, SSL_BACKENDS) {
  compare<B>(random_problem(8, 9, 20, 3), {.k = 50});
}

TEST_CASE_TEMPLATE("eval/knn: zero vectors have similarity zero and break nothing", B, SSL_BACKENDS) {
  const data x{2, 3, 2, 2, {0, 0, 1, 0, -1, 0}, {1, 0, 0, 0}, {0, 1, 0}, {1, 0}};
  const auto result = run<B>(x, {.k = 1});
  CHECK(result.predicted == std::vector<int>{1, 0});
}

TEST_CASE_TEMPLATE("eval/knn: a bank with a NaN among its samples still answers with the others", B,
                   SSL_BACKENDS) {
  const data x{2, 3, 1, 2, {std::nan(""), 0, 1, 0, -1, 0}, {1, 0.1}, {0, 1, 0}, {1}};
  CHECK(run<B>(x, {.k = 1}).predicted == std::vector<int>{1});
}

TEST_CASE_TEMPLATE("eval/knn: wrong inputs are told in a sentence", B, SSL_BACKENDS) {
  auto x = random_problem(4, 6, 3, 2);
  CHECK_THROWS_WITH_AS(run<B>(x, {.k = 0}),
                       "ssl::knn: k is 0, the tiles are 2048 and 1024; expected at least 1",
                       ssl::option_error);
  CHECK_THROWS_WITH_AS(run<B>(x, {.temperature = 0}), "ssl::knn: temperature is 0.000000, expected above 0",
                       ssl::option_error);
  CHECK_THROWS_WITH_AS(run<B>(x, {.metric = ssl::similarity::dot, .weight = ssl::vote::inverse_distance}),
                       "ssl::knn: the weight is the inverse distance, expected a metric that has one",
                       ssl::option_error);
  x.test_labels[1] = 2;
  CHECK_THROWS_WITH_AS(run<B>(x, {}), "ssl::knn: label 2 of test sample 1 is outside [0, 2)",
                       ssl::option_error);
  x.test_labels.pop_back();
  CHECK_THROWS_WITH_AS(run<B>(x, {}), "ssl::knn: 3 test samples but 2 labels", ssl::shape_error);
  x.train_labels[0] = -1;
  CHECK_THROWS_WITH_AS(run<B>(x, {}), "ssl::knn: label -1 of training sample 0 is outside [0, 2)",
                       ssl::option_error);
}
