#include "ssl/eval/cluster.hpp"

#include <algorithm>
#include <numeric>

#include "ssl/eval/k_means.hpp"
#include "support/backends.hpp"

using doctest::Approx;

namespace {

std::vector<int> random_names(ssl::index n, ssl::index names, ssl::index item) {
  ssl::random_stream draw({7, 0}, item, 0, ssl::purpose::generate, 1);
  std::vector<int> out;
  for (ssl::index i = 0; i < n; ++i) out.push_back(static_cast<int>(draw.below(names)));
  return out;
}

double gain_of(const std::vector<double>& gain, ssl::index cols, const std::vector<ssl::index>& columns) {
  double sum = 0;
  for (std::size_t r = 0; r < columns.size(); ++r)
    sum += gain[r * static_cast<std::size_t>(cols) + static_cast<std::size_t>(columns[r])];
  return sum;
}

/// Accuracy, NMI and ARI by loops over permutations, counts and pairs; as many clusters as classes.
ssl::cluster_agreement naive(const std::vector<int>& a, const std::vector<int>& b, int names) {
  const auto n = a.size();
  ssl::cluster_agreement out;
  std::vector<int> to(static_cast<std::size_t>(names));
  std::iota(to.begin(), to.end(), 0);
  do {
    double hits = 0;
    for (std::size_t i = 0; i < n; ++i) hits += to[static_cast<std::size_t>(a[i])] == b[i];
    out.accuracy = std::max(out.accuracy, hits / static_cast<double>(n));
  } while (std::next_permutation(to.begin(), to.end()));
  double information = 0, entropy_a = 0, entropy_b = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double of_a = 0, of_b = 0, both = 0;
    for (std::size_t j = 0; j < n; ++j) {
      of_a += a[i] == a[j];
      of_b += b[i] == b[j];
      both += a[i] == a[j] && b[i] == b[j];
    }
    const double m = static_cast<double>(n);
    information += std::log(both * m / (of_a * of_b)) / m;
    entropy_a -= std::log(of_a / m) / m;
    entropy_b -= std::log(of_b / m) / m;
  }
  out.nmi = information / ((entropy_a + entropy_b) / 2);
  double tt = 0, tf = 0, ft = 0, ff = 0;  // pairs: together in a, in b
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j)
      (a[i] == a[j] ? (b[i] == b[j] ? tt : tf) : (b[i] == b[j] ? ft : ff)) += 1;
  out.ari = 2 * (tt * ff - tf * ft) / ((tt + tf) * (tf + ff) + (tt + ft) * (ft + ff));
  return out;
}

/// Clouds around the corners of a simplex.
struct clouds {
  ssl::index d, n;
  std::vector<double> x;
  std::vector<int> labels{};

  clouds(ssl::index features, ssl::index count, int classes, double gap, double shift = 0)
      : d(features), n(count), x(ssl::test::normals(features * count, 11, 1, shift)) {
    for (ssl::index j = 0; j < n; ++j) {
      labels.push_back(static_cast<int>((5 * j + j / 7) % classes));
      x[static_cast<std::size_t>(j * d + labels.back() % d)] += gap;
    }
  }
};

template <class B>
ssl::k_means_result cluster(const clouds& data, const ssl::k_means_options& o) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> x(work.backend(), data.d, data.n, data.x);
  return ssl::k_means(ctx, x.read(), o);
}

double square_distance(const double* a, const double* b, ssl::index d) {
  double sum = 0;
  for (ssl::index i = 0; i < d; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

}  // namespace

TEST_CASE("eval/assignment: the best of all permutations is found, with columns to spare too") {
  for (ssl::index trial = 0; trial < 40; ++trial) {
    const ssl::index rows = 1 + trial % 5, cols = rows + trial % 3;
    auto gain = ssl::test::normals(rows * cols, static_cast<unsigned>(trial), 10);
    if (trial % 4 == 0)
      for (double& g : gain) g = std::round(g / 5);  // ties
    std::vector<ssl::index> order(static_cast<std::size_t>(cols));
    std::iota(order.begin(), order.end(), 0);
    double best = -1e300;
    do best = std::max(best, gain_of(gain, cols, {order.begin(), order.begin() + rows}));
    while (std::next_permutation(order.begin(), order.end()));
    auto found = ssl::best_assignment(gain, rows, cols);
    CHECK(gain_of(gain, cols, found) == Approx(best));
    std::sort(found.begin(), found.end());
    CHECK(std::adjacent_find(found.begin(), found.end()) == found.end());
  }
  CHECK(ssl::best_assignment({}, 0, 0).empty());
  CHECK_THROWS_WITH_AS(
      ssl::best_assignment(std::vector<double>{1, 2}, 2, 1),
      "ssl::best_assignment: 2 gains for 2 rows and 1 columns, expected one for each pair and no "
      "more rows than columns",
      ssl::shape_error);
}

TEST_CASE("eval/cluster: accuracy, NMI and ARI are those of loops over permutations and pairs") {
  for (ssl::index trial = 0; trial < 12; ++trial) {
    const auto labels = random_names(60, 4, trial);
    auto clusters = random_names(60, 4, 100 + trial);
    for (std::size_t i = 0; i < clusters.size(); ++i)
      if (static_cast<ssl::index>(i % 12) < trial) clusters[i] = (labels[i] + 1) % 4;
    const auto found = ssl::compare_clusters(clusters, 4, labels, 4), expected = naive(clusters, labels, 4);
    CHECK(found.accuracy == Approx(expected.accuracy));
    CHECK(found.nmi == Approx(expected.nmi));
    CHECK(found.ari == Approx(expected.ari));
  }
}

TEST_CASE("eval/cluster: values of scikit-learn's documentation") {
  const std::vector<int> a{0, 0, 1, 1}, b{0, 0, 1, 2}, c{1, 1, 0, 0}, one{0, 0, 0, 0}, all{0, 1, 2, 3};
  CHECK(ssl::compare_clusters(b, 3, a, 2).ari == Approx(0.5714285714));
  CHECK(ssl::compare_clusters(b, 3, a, 2).nmi == Approx(0.8));
  CHECK(ssl::compare_clusters(b, 3, a, 2).accuracy == Approx(0.75));
  CHECK(ssl::compare_clusters(b, 3, a, 2).class_of == std::vector<int>{0, 1, -1});
  CHECK(ssl::compare_clusters(c, 2, a, 2).ari == 1);
  CHECK(ssl::compare_clusters(c, 2, a, 2).nmi == Approx(1));
  CHECK(ssl::compare_clusters(all, 4, one, 1).ari == 0);
  CHECK(ssl::compare_clusters(all, 4, one, 1).nmi == 0);
  CHECK(ssl::compare_clusters(all, 4, all, 4).ari == 1);
  const auto same = ssl::compare_clusters(one, 1, one, 1);
  CHECK(same.accuracy == 1);
  CHECK(same.nmi == 1);
  CHECK(same.ari == 1);
}

TEST_CASE(
    "eval/cluster: names do not matter, and swapping clusters and classes changes neither NMI nor ARI") {
  const auto labels = random_names(80, 5, 1), clusters = random_names(80, 7, 2);
  const auto before = ssl::compare_clusters(clusters, 7, labels, 5);
  auto renamed = clusters;
  for (int& k : renamed) k = (3 * k + 2) % 7;
  const auto after = ssl::compare_clusters(renamed, 7, labels, 5);
  const auto turned = ssl::compare_clusters(labels, 5, clusters, 7);
  CHECK(after.accuracy == Approx(before.accuracy));
  CHECK(after.nmi == Approx(before.nmi));
  CHECK(after.ari == Approx(before.ari));
  CHECK(turned.accuracy == Approx(before.accuracy));
  CHECK(turned.nmi == Approx(before.nmi));
  CHECK(turned.ari == Approx(before.ari));
  CHECK_THROWS_WITH_AS(ssl::compare_clusters(clusters, 3, labels, 5),
                       doctest::Contains("of clustered sample"), ssl::option_error);
}

TEST_CASE_TEMPLATE(
    "eval/k_means: clear clouds are found, through tiles, far from the origin, whatever their scale", B,
    SSL_BACKENDS) {
  for (const double shift : {0.0, 300.0}) {
    const clouds data(8, 5000, 6, 14, shift);
    const auto found = cluster<B>(data, {.clusters = 6, .restarts = 4});
    CHECK(ssl::compare_clusters(found.assignment, 6, data.labels, 6).accuracy == 1);
    // n d noises of variance one less the 6 d that the centres take.
    CHECK(found.inertia == Approx(8.0 * 4994).epsilon(0.03));
  }
}

TEST_CASE_TEMPLATE("eval/k_means: the result is a fixed point of the definition", B, SSL_BACKENDS) {
  const clouds data(5, 300, 3, 1.5);
  const auto found = cluster<B>(data, {.clusters = 4, .restarts = 3, .tolerance = 0});
  const double slack = ssl::test::by_scalar<B>(1e-4, 1e-10);
  double inertia = 0;
  std::vector<double> mean(20, 0.0), count(4, 0.0);
  for (std::size_t j = 0; j < 300; ++j) {
    const auto mine = static_cast<std::size_t>(found.assignment[j]);
    const double* const x = data.x.data() + 5 * j;
    const double own = square_distance(x, found.centres.data() + 5 * mine, 5);
    for (std::size_t c = 0; c < 4; ++c)
      CHECK(own <= square_distance(x, found.centres.data() + 5 * c, 5) + slack);
    inertia += own;
    count[mine] += 1;
    for (std::size_t i = 0; i < 5; ++i) mean[5 * mine + i] += x[i];
  }
  CHECK(found.inertia == Approx(inertia).epsilon(slack));
  for (std::size_t i = 0; i < 20; ++i)
    CHECK(found.centres[i] == Approx(mean[i] / count[i / 5]).epsilon(1e-4));
}

TEST_CASE_TEMPLATE("eval/k_means: unit columns are clustered by direction, whatever their length", B,
                   SSL_BACKENDS) {
  clouds data(6, 400, 4, 12);
  for (std::size_t k = 0; k < data.x.size(); ++k) data.x[k] *= k / 6 % 3 == 0 ? 0.01 : 1.0;
  const auto unit = cluster<B>(data, {.clusters = 4, .unit = true});
  CHECK(ssl::compare_clusters(unit.assignment, 4, data.labels, 4).accuracy > 0.99);
  CHECK(unit.inertia < 400);
  CHECK(ssl::compare_clusters(cluster<B>(data, {.clusters = 4}).assignment, 4, data.labels, 4).accuracy <
        0.95);
}

TEST_CASE_TEMPLATE("eval/k_means: one seed gives one result, restarts never make it worse", B, SSL_BACKENDS) {
  const clouds data(3, 200, 3, 1);
  const auto once = cluster<B>(data, {.clusters = 8, .restarts = 1, .seed = 5}),
             again = cluster<B>(data, {.clusters = 8, .restarts = 1, .seed = 5}),
             more = cluster<B>(data, {.clusters = 8, .restarts = 8, .seed = 5});
  CHECK(once.assignment == again.assignment);
  CHECK(once.inertia == again.inertia);
  CHECK(more.inertia <= once.inertia);
  CHECK(cluster<B>(data, {.clusters = 8, .restarts = 1, .seed = 6}).inertia != once.inertia);
}

TEST_CASE_TEMPLATE(
    "eval/k_means: fewer different samples than clusters, one cluster, and a cluster for each sample", B,
    SSL_BACKENDS) {
  clouds data(2, 12, 3, 1);
  for (std::size_t k = 0; k < data.x.size(); ++k)
    data.x[k] = static_cast<double>(k / 2 % 3) * (k % 2 ? 1 : 2);
  const auto few = cluster<B>(data, {.clusters = 5});
  CHECK(few.inertia == 0);
  for (std::size_t j = 3; j < 12; ++j) CHECK(few.assignment[j] == few.assignment[j % 3]);
  CHECK(cluster<B>(data, {.clusters = 1}).inertia == Approx(12 * 5 * 2.0 / 3));
  const clouds noise(4, 15, 3, 1);
  CHECK(cluster<B>(noise, {.clusters = 15}).inertia == Approx(0.0));
}

TEST_CASE_TEMPLATE("eval/k_means: an empty cluster takes the farthest sample that is not alone", B,
                   SSL_DOUBLE_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::scratch_scope scope(ctx);
  ssl::test::matrix<B> x(work.backend(), 1, 5, {0, 1, 2, 50, 100});
  const ssl::k_means_options o{.clusters = 4};
  ssl::detail::lloyd<ssl::context<B> > problem(ctx, x.read(), o);
  problem.start(o, 0);
  problem.assign();
  problem.place(std::vector<int>{0, 0, 0, 1, 3}, std::vector<double>{4, 1, 0, 9, 16});
  problem.move();  // samples 4 and 3 are alone, 0 is the farthest that is not
  CHECK(problem.names() == std::vector<std::int32_t>{2, 0, 0, 1, 3});
  CHECK(problem.read_centres() == std::vector<double>{1.5, 50, 0, 100});
}

TEST_CASE_TEMPLATE("eval/k_means: wrong inputs are told in a sentence", B, SSL_BACKENDS) {
  clouds data(2, 5, 2, 1);
  CHECK_THROWS_WITH_AS(
      cluster<B>(data, {.clusters = 6}),
      "ssl::k_means: x is 2x5 and clusters is 6; expected at least one cluster and no more than columns",
      ssl::shape_error);
  CHECK_THROWS_AS(cluster<B>(data, {.clusters = 2, .restarts = 0}), ssl::option_error);
  data.x[3] = std::nan("");
  CHECK_THROWS_AS(cluster<B>(data, {.clusters = 2}), ssl::numeric_error);
}
