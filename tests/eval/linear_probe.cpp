#include "ssl/eval/linear_probe.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "ssl/eval/ridge_probe.hpp"
#include "ssl/eval/softmax_probe.hpp"
#include "support/backends.hpp"

namespace {

/// Classes that lie around the unit vectors; `gap` deviations apart.
struct toy {
  ssl::index d = 6, n = 0;
  int classes = 3;
  std::vector<double> x;
  std::vector<int> labels;

  toy(ssl::index count, unsigned seed, double gap, double shift = 0)
      : n(count), x(ssl::test::normals(6 * count, seed)) {
    for (ssl::index j = 0; j < n; ++j) {
      labels.push_back(static_cast<int>((j * 7) % 3));
      x[static_cast<std::size_t>(labels.back() + 6 * j)] += gap;
      for (ssl::index i = 0; i < 6; ++i) x[static_cast<std::size_t>(i + 6 * j)] += shift;
    }
  }
};

template <class B>
std::vector<double> read(B& be, ssl::view<B> m) {
  std::vector<typename B::scalar> host(static_cast<std::size_t>(m.size()));
  be.download(ssl::as_const(m), ssl::make_view(host.data(), m.rows, m.cols));
  be.wait();
  return {host.begin(), host.end()};
}

/// Solves a x = b (n x n, column-major) by elimination with pivots.
std::vector<double> solve(std::vector<double> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t p = k;
    for (std::size_t i = k; i < n; ++i)
      if (std::abs(a[i + k * n]) > std::abs(a[p + k * n])) p = i;
    for (std::size_t j = 0; j < n; ++j) std::swap(a[k + j * n], a[p + j * n]);
    std::swap(b[k], b[p]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double f = a[i + k * n] / a[k + k * n];
      for (std::size_t j = k; j < n; ++j) a[i + j * n] -= f * a[k + j * n];
      b[i] -= f * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k + j * n] * b[j];
    b[k] /= a[k + k * n];
  }
  return b;
}

}  // namespace

TEST_CASE_TEMPLATE("eval/linear_probe: classes and ranks equal a sort of the scores", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::linear_classifier<B> classifier(work.backend(), 8, 2);
  // Class c has the score 2 c - 7 for x = (1, 0), its negative for (-1, 0), and the bias 0.
  std::vector<typename B::scalar> w(16, 0), b(8, 0);
  for (std::size_t c = 0; c < 8; ++c) w[c] = static_cast<typename B::scalar>(2 * static_cast<int>(c) - 7);
  work.backend().upload(ssl::make_view<ssl::host_space, const typename B::scalar>(w.data(), 8, 2),
                        classifier.weights());
  work.backend().upload(ssl::make_view<ssl::host_space, const typename B::scalar>(b.data(), 8, 1),
                        classifier.bias());
  ssl::test::matrix<B> x(work.backend(), 2, 5, {1, 0, -1, 0, 1, 0, 1, 0, 0, 0});
  const std::vector<int> labels{7, 0, 3, 2, 0};  // ranks 0, 0, 4, 5, and a tie of all classes
  const auto result = classifier.evaluate(ctx, x.read(), labels);
  CHECK(result.predicted == std::vector<int>{7, 0, 7, 7, 0});
  CHECK(result.score.top1 == doctest::Approx(3.0 / 5));
  CHECK(result.score.top5 == doctest::Approx(4.0 / 5));
}

TEST_CASE_TEMPLATE("eval/linear_probe: scores that are no numbers are never right", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::linear_classifier<B> classifier(work.backend(), 7, 1);
  const std::vector<typename B::scalar> w(7, std::numeric_limits<typename B::scalar>::quiet_NaN()), b(7, 0);
  work.backend().upload(ssl::make_view<ssl::host_space, const typename B::scalar>(w.data(), 7, 1),
                        classifier.weights());
  work.backend().upload(ssl::make_view<ssl::host_space, const typename B::scalar>(b.data(), 7, 1),
                        classifier.bias());
  ssl::test::matrix<B> x(work.backend(), 1, 2, {1, 2});
  const std::vector<int> labels{0, 6};
  const auto result = classifier.evaluate(ctx, x.read(), labels);
  CHECK(result.score.top1 == 0);
  CHECK(result.score.top5 == 0);
}

TEST_CASE_TEMPLATE("eval/ridge_probe: solves the normal equations of centred features and targets", B,
                   SSL_BACKENDS) {
  const toy train(200, 1, 1.0, 3.0);
  const double lambda = 0.05;
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> x(work.backend(), 6, train.n, train.x);
  const auto fit =
      ssl::ridge_probe{.standardize = false, .lambda = lambda}.fit(ctx, x.read(), train.labels, 3);
  CHECK(fit.lambda == lambda);

  std::vector<double> mean(6, 0.0), gram(36, 0.0), expected, bias;
  for (std::size_t j = 0; j < 200; ++j)
    for (std::size_t i = 0; i < 6; ++i) mean[i] += train.x[i + 6 * j] / 200;
  double trace = 0;
  for (std::size_t a = 0; a < 6; ++a)
    for (std::size_t b = 0; b < 6; ++b) {
      for (std::size_t j = 0; j < 200; ++j)
        gram[a + 6 * b] += (train.x[a + 6 * j] - mean[a]) * (train.x[b + 6 * j] - mean[b]);
      trace += a == b ? gram[a + 6 * b] : 0;
    }
  for (std::size_t i = 0; i < 6; ++i) gram[7 * i] += lambda * trace / 6;
  std::vector<double> weights(18);
  for (std::size_t c = 0; c < 3; ++c) {
    std::vector<double> cross(6, 0.0);
    double share = 0;
    for (std::size_t j = 0; j < 200; ++j) share += train.labels[j] == static_cast<int>(c) ? 1.0 / 200 : 0;
    for (std::size_t j = 0; j < 200; ++j)
      for (std::size_t i = 0; i < 6; ++i)
        cross[i] +=
            (train.x[i + 6 * j] - mean[i]) * ((train.labels[j] == static_cast<int>(c) ? 1 : 0) - share);
    const auto w = solve(gram, cross);
    double b = share;
    for (std::size_t i = 0; i < 6; ++i) {
      weights[c + 3 * i] = w[i];
      b -= w[i] * mean[i];
    }
    bias.push_back(b);
  }
  CHECK(ssl::test::relative_error(read(work.backend(), fit.classifier.weights()), weights) <
        ssl::test::tolerance<B>);
  CHECK(ssl::test::relative_error(read(work.backend(), fit.classifier.bias()), bias) <
        ssl::test::tolerance<B>);
}

TEST_CASE_TEMPLATE("eval/ridge_probe: standardised features make the fit blind to their scales", B,
                   SSL_BACKENDS) {
  const toy train(300, 1, 2.0), test(200, 2, 2.0);
  const auto run = [&](double scale) {
    auto a = train.x, b = test.x;
    for (std::size_t k = 0; k < a.size(); ++k) a[k] *= k % 6 == 1 ? scale : 1.0;
    for (std::size_t k = 0; k < b.size(); ++k) b[k] *= k % 6 == 1 ? scale : 1.0;
    ssl::workspace<B> work;
    auto ctx = work.ctx();
    ssl::test::matrix<B> x(work.backend(), 6, train.n, a), y(work.backend(), 6, test.n, b);
    return ssl::ridge_probe{}
        .fit(ctx, x.read(), train.labels, 3)
        .classifier.evaluate(ctx, y.read(), test.labels);
  };
  CHECK(run(1).predicted == run(1024).predicted);
}

TEST_CASE_TEMPLATE(
    "eval/ridge_probe: separable classes are told apart, with constant features and few samples", B,
    SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  for (const ssl::index n : {9, 30, 5000}) {
    toy train(n, 1, 40.0), test(100, 2, 40.0);
    for (std::size_t j = 0; j < train.labels.size(); ++j) train.x[5 + 6 * j] = 2.5;
    ssl::test::matrix<B> x(work.backend(), 6, n, train.x), y(work.backend(), 6, test.n, test.x);
    const auto fit = ssl::ridge_probe{}.fit(ctx, x.read(), train.labels, 3);
    CHECK(fit.classifier.evaluate(ctx, y.read(), test.labels).score.top1 == 1);
    CHECK(fit.lambda > 0);
  }
}

TEST_CASE_TEMPLATE("eval/ridge_probe: many noisy features want a larger lambda than few clean ones", B,
                   SSL_DOUBLE_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  const ssl::index d = 150, n = 200;
  auto noisy = ssl::test::normals(d * n, 3);
  std::vector<int> labels;
  for (ssl::index j = 0; j < n; ++j) {
    labels.push_back(static_cast<int>(j % 2));
    noisy[static_cast<std::size_t>(d * j)] += labels.back() ? 1 : -1;
  }
  ssl::test::matrix<B> x(work.backend(), d, n, noisy);
  CHECK(ssl::ridge_probe{}.fit(ctx, x.read(), labels, 2).lambda >= 1e-1);
}

TEST_CASE_TEMPLATE("eval/ridge_probe: features that are no numbers are refused", B, SSL_BACKENDS) {
  toy train(50, 1, 1.0);
  train.x[17] = std::nan("");
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> x(work.backend(), 6, train.n, train.x);
  CHECK_THROWS_AS(ssl::ridge_probe{}.fit(ctx, x.read(), train.labels, 3), ssl::numeric_error);
}

TEST_CASE_TEMPLATE("eval/softmax_probe: two epochs equal the loops of the definition", B, SSL_BACKENDS) {
  const toy train(50, 1, 1.0);
  const ssl::softmax_probe probe{
      .rate = 0.1, .momentum = 0.9, .weight_decay = 1e-2, .epochs = 1, .batch = 50};
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> x(work.backend(), 6, train.n, train.x);
  // One batch of everything: the order does not matter, and from zero the gradient is (1/3 - label) x / n.
  std::vector<double> weights(18, 0.0), bias(3, 0.0);
  for (std::size_t j = 0; j < 50; ++j)
    for (std::size_t c = 0; c < 3; ++c) {
      const double g = (1.0 / 3 - (train.labels[j] == static_cast<int>(c) ? 1 : 0)) / 50;
      for (std::size_t i = 0; i < 6; ++i) weights[c + 3 * i] -= 0.1 * g * train.x[i + 6 * j];
      bias[c] -= 0.1 * g;
    }
  const auto one = probe.fit(ctx, x.read(), train.labels, 3);
  CHECK(ssl::test::relative_error(read(work.backend(), one.classifier.weights()), weights) <
        ssl::test::tolerance<B>);
  CHECK(one.loss == doctest::Approx(std::log(3.0)).epsilon(1e-6));

  // The second epoch: rate 0.1 (1 + cos(pi / 2)) / 2, momentum and decay.
  auto two_epochs = probe;
  two_epochs.epochs = 2;
  std::vector<double> g(18, 0.0), gb(3, 0.0), v(18), vb(3);
  double loss = 0;
  for (std::size_t j = 0; j < 50; ++j) {
    double s[3], sum = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      s[c] = bias[c];
      for (std::size_t i = 0; i < 6; ++i) s[c] += weights[c + 3 * i] * train.x[i + 6 * j];
      sum += std::exp(s[c]);
    }
    loss += (std::log(sum) - s[train.labels[j]]) / 50;
    for (std::size_t c = 0; c < 3; ++c) {
      const double r = (std::exp(s[c]) / sum - (train.labels[j] == static_cast<int>(c) ? 1 : 0)) / 50;
      for (std::size_t i = 0; i < 6; ++i) g[c + 3 * i] += r * train.x[i + 6 * j];
      gb[c] += r;
    }
  }
  for (std::size_t k = 0; k < 18; ++k) {
    v[k] = 0.9 * (-weights[k] / 0.1) + g[k] + 1e-2 * weights[k];
    weights[k] -= 0.05 * v[k];
  }
  for (std::size_t k = 0; k < 3; ++k) {
    vb[k] = 0.9 * (-bias[k] / 0.1) + gb[k] + 1e-2 * bias[k];
    bias[k] -= 0.05 * vb[k];
  }
  const auto two = two_epochs.fit(ctx, x.read(), train.labels, 3);
  CHECK(ssl::test::relative_error(read(work.backend(), two.classifier.weights()), weights) <
        ssl::test::tolerance<B>);
  CHECK(ssl::test::relative_error(read(work.backend(), two.classifier.bias()), bias) <
        10 * ssl::test::tolerance<B>);
  CHECK(two.loss == doctest::Approx(loss).epsilon(1e-6));
}

namespace {

/// Features around nothing in particular, of every class some.
struct cloud {
  ssl::index d, n;
  int classes;
  std::vector<double> x = ssl::test::normals(d * n, 9);
  std::vector<int> labels{};

  cloud(ssl::index features, ssl::index count, int names) : d(features), n(count), classes(names) {
    for (ssl::index j = 0; j < n; ++j) labels.push_back(static_cast<int>((j * 11 + j / 3) % classes));
    for (ssl::index j = 0; j < n; ++j) x[static_cast<std::size_t>(j * d + labels.back() % d)] += 1;
  }
};

/// The rate of a batch as the options' comments say.
double naive_rate(const ssl::softmax_probe& o, ssl::index epoch, double part_of_epoch) {
  if (o.schedule == ssl::probe_schedule::constant) return o.rate;
  if (o.schedule == ssl::probe_schedule::milestones)
    return epoch >= 2 ? o.rate / 4 : epoch >= 1 ? o.rate / 2 : o.rate;
  const double progress =
      (static_cast<double>(epoch) + (o.per_step ? part_of_epoch : 0)) / static_cast<double>(o.epochs);
  return o.rate * (1 + std::cos(3.14159265358979323846 * progress)) / 2;
}

/// Weights (classes, d) and then biases, after all epochs in loops, and the last epoch's loss.
std::pair<std::vector<double>, double> descend(const ssl::softmax_probe& o, const cloud& data) {
  const auto d = static_cast<std::size_t>(data.d), n = static_cast<std::size_t>(data.n),
             classes = static_cast<std::size_t>(data.classes), size = classes * (d + 1);
  std::vector<double> w(size, 0.0), v(size, 0.0);
  double loss = 0;
  for (ssl::index epoch = 0; epoch < o.epochs; ++epoch) {
    std::vector<std::size_t> order(n);
    for (std::size_t i = 0; i < n; ++i) order[i] = i;
    ssl::random_stream draw({o.seed, static_cast<std::uint32_t>(epoch)}, 0, 0, ssl::purpose::probe, 1);
    for (std::size_t i = n; i > 1; --i)
      std::swap(order[i - 1], order[static_cast<std::size_t>(draw.below(static_cast<ssl::index>(i)))]);
    const double batches = std::ceil(static_cast<double>(n) / static_cast<double>(o.batch));
    double done = 0;
    loss = 0;
    for (std::size_t first = 0; first < n; first += static_cast<std::size_t>(o.batch)) {
      const double rate = naive_rate(o, epoch, done++ / batches);
      const std::size_t last = std::min(n, first + static_cast<std::size_t>(o.batch));
      std::vector<double> g(size, 0.0);
      for (std::size_t k = first; k < last; ++k) {
        const double* const x = data.x.data() + order[k] * d;
        const auto label = static_cast<std::size_t>(data.labels[order[k]]);
        std::vector<double> s(classes);
        double sum = 0;
        for (std::size_t c = 0; c < classes; ++c) {
          s[c] = w[classes * d + c];
          for (std::size_t i = 0; i < d; ++i) s[c] += w[c + classes * i] * x[i];
          sum += std::exp(s[c]);
        }
        loss += (std::log(sum) - s[label]) / static_cast<double>(n);
        for (std::size_t c = 0; c < classes; ++c) {
          const double r = (std::exp(s[c]) / sum - (c == label ? 1 : 0)) / static_cast<double>(last - first);
          for (std::size_t i = 0; i < d; ++i) g[c + classes * i] += r * x[i];
          g[classes * d + c] += r;
        }
      }
      for (std::size_t k = 0; k < size; ++k) {
        const double u = g[k] + o.weight_decay * w[k];
        v[k] = o.momentum * v[k] + u;
        w[k] -= rate * (o.nesterov ? u + o.momentum * v[k] : v[k]);
      }
    }
  }
  return {w, loss};
}

}  // namespace

TEST_CASE_TEMPLATE(
    "eval/softmax_probe: shuffled batches equal the loops of the definition, for few weights and for many", B,
    SSL_BACKENDS) {
  // More than one slice of a batch with a rest, batches left over; and too many weights for a cache.
  for (const cloud& data : {cloud(17, 150, 5), cloud(16, 70, 2), cloud(1100, 24, 60)})
    for (const int variant : {0, 1, 2, 3}) {
      using enum ssl::probe_schedule;
      const ssl::softmax_probe probe{.rate = 0.2,
                                     .momentum = 0.8,
                                     .weight_decay = 1e-2,
                                     .nesterov = variant == 1,
                                     .epochs = 3,
                                     .batch = data.d == 17 ? 70 : 20,
                                     .schedule = variant == 2   ? milestones
                                                 : variant == 3 ? constant
                                                                : cosine,
                                     .per_step = variant == 1,
                                     .milestones = {2, 1},
                                     .fall = 0.5};
      ssl::workspace<B> work;
      auto ctx = work.ctx();
      ssl::test::matrix<B> x(work.backend(), data.d, data.n, data.x);
      const auto fit = probe.fit(ctx, x.read(), data.labels, data.classes);
      auto [expected, loss] = descend(probe, data);
      const auto weights = static_cast<std::size_t>(data.d * data.classes);
      const std::vector<double> bias(expected.begin() + static_cast<std::ptrdiff_t>(weights), expected.end());
      expected.resize(weights);
      CHECK(ssl::test::relative_error(read(work.backend(), fit.classifier.weights()), expected) <
            10 * ssl::test::tolerance<B>);
      CHECK(ssl::test::relative_error(read(work.backend(), fit.classifier.bias()), bias) <
            10 * ssl::test::tolerance<B>);
      CHECK(fit.loss == doctest::Approx(loss).epsilon(1e-5));
    }
}

TEST_CASE_TEMPLATE("eval/softmax_probe: an observer sees the classifier of every epoch", B, SSL_BACKENDS) {
  for (const cloud& data : {cloud(17, 60, 5), cloud(1100, 24, 60)}) {
    ssl::workspace<B> work;
    auto ctx = work.ctx();
    ssl::test::matrix<B> x(work.backend(), data.d, data.n, data.x);
    ssl::softmax_probe probe{.rate = 0.2,
                             .epochs = 3,
                             .batch = 20,
                             .standardize = true,
                             .schedule = ssl::probe_schedule::constant};
    std::vector<std::vector<double> > seen;
    std::vector<int> predicted;
    const auto fit = probe.fit(ctx, x.read(), data.labels, data.classes,
                               [&](ssl::index epoch, const ssl::linear_classifier<B>& classifier) {
                                 CHECK(epoch == static_cast<ssl::index>(seen.size()));
                                 seen.push_back(read(work.backend(), classifier.weights()));
                                 predicted = classifier.evaluate(ctx, x.read(), data.labels).predicted;
                               });
    REQUIRE(seen.size() == 3);
    CHECK(seen[2] == read(work.backend(), fit.classifier.weights()));
    CHECK(predicted == fit.classifier.evaluate(ctx, x.read(), data.labels).predicted);
    probe.epochs = 1;  // the rate is constant: a shorter training is the beginning of a longer one
    CHECK(seen[0] ==
          read(work.backend(), probe.fit(ctx, x.read(), data.labels, data.classes).classifier.weights()));
  }
}

TEST_CASE_TEMPLATE("eval/softmax_probe: every number of threads gives the same bits", B, SSL_BACKENDS) {
  if constexpr (std::is_constructible_v<B, int>) {
    const cloud data(17, 300, 5);
    const auto run = [&](int threads) {
      ssl::workspace<B> work{B(threads)};
      auto ctx = work.ctx();
      ssl::test::matrix<B> x(work.backend(), data.d, data.n, data.x);
      const auto fit = ssl::softmax_probe{.epochs = 3, .batch = 256, .standardize = true}.fit(
          ctx, x.read(), data.labels, data.classes);
      return read(work.backend(), fit.classifier.weights());
    };
    CHECK(run(1) == run(3));
  }
}

TEST_CASE_TEMPLATE("eval/softmax_probe: separable classes are told apart, batches left over included", B,
                   SSL_BACKENDS) {
  const toy train(330, 1, 12.0), test(100, 2, 12.0);
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> x(work.backend(), 6, train.n, train.x), y(work.backend(), 6, test.n, test.x);
  for (const bool standardize : {false, true}) {
    const auto fit =
        ssl::softmax_probe{.epochs = 20, .standardize = standardize}.fit(ctx, x.read(), train.labels, 3);
    CHECK(fit.classifier.evaluate(ctx, y.read(), test.labels).score.top1 == 1);
    CHECK(fit.loss < 0.1);
  }
}

TEST_CASE_TEMPLATE("eval/softmax_probe: one seed gives one classifier, another another", B, SSL_BACKENDS) {
  const toy train(100, 1, 1.0);
  const auto run = [&](std::uint64_t seed) {
    ssl::workspace<B> work;
    auto ctx = work.ctx();
    ssl::test::matrix<B> x(work.backend(), 6, train.n, train.x);
    const auto fit =
        ssl::softmax_probe{.epochs = 3, .batch = 10, .seed = seed}.fit(ctx, x.read(), train.labels, 3);
    return read(work.backend(), fit.classifier.weights());
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

TEST_CASE_TEMPLATE("eval/softmax_probe: divergence and wrong labels are told in a sentence", B,
                   SSL_BACKENDS) {
  toy train(100, 1, 1.0);
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> x(work.backend(), 6, train.n, train.x);
  CHECK_THROWS_AS((ssl::softmax_probe{.rate = 1e200, .epochs = 5}.fit(ctx, x.read(), train.labels, 3)),
                  ssl::numeric_error);
  CHECK_THROWS_WITH_AS((ssl::softmax_probe{.epochs = 0}.fit(ctx, x.read(), train.labels, 3)),
                       "ssl::softmax_probe: epochs is 0 and batch 100; expected at least 1",
                       ssl::option_error);
  CHECK_THROWS_WITH_AS(ssl::softmax_probe{}.fit(ctx, x.read(), train.labels, 2),
                       "ssl::softmax_probe: label 2 of training sample 2 is outside [0, 2)",
                       ssl::option_error);
}
