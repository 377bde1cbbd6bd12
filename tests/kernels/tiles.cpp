// What goes through its samples, features or pairs a tile at a time, around the end of every tile.

#include <array>
#include <cmath>

#include "kernels/plain_products.hpp"
#include "kernels/sweep.hpp"
#include "ssl/backend/team.hpp"
#include "ssl/eval/geometry.hpp"
#include "ssl/eval/k_means.hpp"
#include "ssl/eval/linear_probe.hpp"
#include "ssl/exec/spectrum.hpp"
#include "ssl/loss/pull.hpp"
#include "ssl/loss/whitened.hpp"
#include "ssl/nn/product.hpp"

namespace ssl::test {
namespace {

/// An "eigensolver" that gives the diagonal back: what it is given is under test.
template <class T>
struct diagonal_solver : plain_products<T> {
  using plain_products<T>::plain_products;
  template <class U>
  void eigh(matrix_view<U, host_space> a, matrix_view<U, host_space> w, matrix_view<U, host_space> info) {
    info(0, 0) = 0;
    for (index i = 0; i < a.rows; ++i) w(i, 0) = a(i, i);
  }
};

template <class T>
matrix_view<const T, host_space> seen(const std::vector<T>& x, index rows, index cols) {
  return make_view<host_space, const T>(x.data(), rows, cols);
}

/// c (m, n) += a b^T and c = a b in bf16, against sums of integers.
template <class T>
void check_runs(index m, index n, index k, bool over_samples) {
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  workspace<plain_products<T>> work{plain_products<T>(1)};
  auto ctx = work.ctx();
  const auto a = integers<T>(m * k, 1), b = integers<T>(n * k, 2);
  std::vector<bf16> left, right;
  for (const T v : a) left.emplace_back(v);
  for (const T v : b) right.emplace_back(v);
  std::vector<T> expected(static_cast<std::size_t>(m * n), T{1}), c(expected);
  for (index j = 0; j < n; ++j)
    for (index l = 0; l < k; ++l)
      for (index i = 0; i < m; ++i)
        expected[static_cast<std::size_t>(i + j * m)] +=
            a[static_cast<std::size_t>(i + l * m)] *
            b[static_cast<std::size_t>(over_samples ? j + l * n : l + j * k)];
  const auto y = over_samples ? seen(right, n, k) : seen(right, k, n);
  product(ctx, trans::no, over_samples ? trans::yes : trans::no, T{1}, seen(left, m, k), y, T{1},
          make_view(c.data(), m, n));
  CHECK(first_difference(c, expected) == -1);
}

}  // namespace

TEST_CASE("kernels/for_each_column: every column once, for any count and number of threads") {
  int shapes = 0;
  for (const int threads : thread_counts) {
    eigen_backend<float> be(threads);
    for (index count = 0; count <= 16 * 5 + 3; ++count, ++shapes) {
      std::vector<int> seen_once(static_cast<std::size_t>(count + 1), 0);
      int* const at = seen_once.data();
      for_each_column(be, count, [=](const auto&, index j) { ++at[j]; });
      std::vector<int> expected(seen_once.size(), 1);
      expected.back() = 0;
      CHECK(seen_once == expected);
    }
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/inner: columns of every length around the runs of eight", T, float, double) {
  int shapes = 0;
  for (const index d : sizes(300, {512, 1024})) {
    const auto x = integers<T>(d, 1), y = integers<T>(d, 2);
    double sum = 0;
    for (std::size_t k = 0; k < x.size(); ++k) sum += static_cast<double>(x[k]) * static_cast<double>(y[k]);
    CHECK(detail::inner(serial_team{}, x.data(), y.data(), d) == sum);
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/whitened: a triangle of any size is mirrored in tiles of 32", T, float, double) {
  int shapes = 0;
  plain_products<T> be(1);
  for (const index n : sizes(70, {96, 128})) {
    const auto values = integers<T>(n * n, 1);
    std::vector<T> expected(values);
    for (index j = 0; j < n; ++j)
      for (index i = 0; i < j; ++i)
        expected[static_cast<std::size_t>(i + j * n)] = expected[static_cast<std::size_t>(j + i * n)];
    fenced<T> e(n, n, values);
    const index across = (n + whitened::tile - 1) / whitened::tile;
    for_each_column(be, across * across, whitened::mirror_lower<T, host_space>{e()});
    CHECK((first_difference(e.get(), expected) == -1 && e.intact()));
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/spectrum: the products of features, or samples, add up over tiles of 2048", T,
                   float, double) {
  int shapes = 0;
  for (const index length : sizes(5, {2048, 4096}))
    for (const index side : {1, 3})
      for (const bool tall : {false, true}) {
        CAPTURE(length);
        CAPTURE(tall);
        workspace<diagonal_solver<T>> work{diagonal_solver<T>(1)};
        auto ctx = work.ctx();
        const index d = tall ? length : side, n = tall ? side : length, k = std::min(d, n);
        const auto x = integers<T>(d * n, 1);
        std::vector<double> expected(static_cast<std::size_t>(k), 0.0), w(expected), info(1, 5.0);
        for (index j = 0; j < n; ++j)
          for (index i = 0; i < d; ++i)
            expected[static_cast<std::size_t>(d <= n ? i : j)] +=
                std::pow(static_cast<double>(x[static_cast<std::size_t>(i + j * d)]), 2);
        detail::squared_singular_values(ctx, seen(x, d, n), make_view(w.data(), k, 1),
                                        make_view(info.data(), 1, 1));
        CHECK(first_difference(w, expected) == -1);
        ++shapes;
      }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/linear_classifier: the first of the best classes, around tiles of 4096", T, float,
                   double) {
  int shapes = 0;
  for (const index m : sizes(6, {4096, 8192}))
    for (const index classes : {1, 2, 15, 16, 17, 33}) {
      CAPTURE(m);
      CAPTURE(classes);
      if (m > 100 && classes > 17) continue;
      workspace<plain_products<T>> work{plain_products<T>(1)};
      auto ctx = work.ctx();
      const index d = 2;
      linear_classifier<plain_products<T>> classifier(work.backend(), classes, d);
      const auto w = integers<T>(classes * d, 1), b = integers<T>(classes, 2), x = integers<T>(d * m, 3);
      std::copy(w.begin(), w.end(), classifier.weights().data);
      std::copy(b.begin(), b.end(), classifier.bias().data);
      std::vector<int> labels, expected;
      index right = 0;
      for (index j = 0; j < m; ++j) {
        std::vector<T> s;
        for (index c = 0; c < classes; ++c)
          s.push_back(b[static_cast<std::size_t>(c)] +
                      w[static_cast<std::size_t>(c)] * x[static_cast<std::size_t>(d * j)] +
                      w[static_cast<std::size_t>(c + classes)] * x[static_cast<std::size_t>(d * j + 1)]);
        expected.push_back(static_cast<int>(std::max_element(s.begin(), s.end()) - s.begin()));
        labels.push_back(static_cast<int>(j * 3 % classes));
        right += labels.back() == expected.back();
      }
      const classification found = classifier.evaluate(ctx, seen(x, d, m), labels);
      CHECK(first_difference(found.predicted, expected) == -1);
      CHECK(found.score.top1 ==
            doctest::Approx(static_cast<double>(right) / static_cast<double>(m)).epsilon(1e-12));
      ++shapes;
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE(
    "kernels/geometry: pairs of samples in tiles of every width, members of a class in tiles of 4096", T,
    float, double) {
  int shapes = 0;
  // Columns of length two with entries of -1 and 1: cosines are exact.
  const auto signs = [](index count) {
    auto x = integers<T>(count, 4);
    for (T& v : x) v = v < T{0} ? T{-1} : T{1};
    return x;
  };
  for (const index n : sizes(20, {32}))
    for (const index tile : {1, 7, 16, 17, 1024}) {
      if (n < 2) continue;
      workspace<plain_products<T>> work{plain_products<T>(1)};
      auto ctx = work.ctx();
      const auto x = signs(4 * n);
      double sum = 0;
      for (index j = 0; j < n; ++j)
        for (index i = 0; i < j; ++i) {
          double cosine = 0;
          for (index r = 0; r < 4; ++r)
            cosine += static_cast<double>(x[static_cast<std::size_t>(r + 4 * i)] *
                                          x[static_cast<std::size_t>(r + 4 * j)]) /
                      4;
          sum += std::exp(4 * (cosine - 1));
        }
      const double expected = std::log(sum / (0.5 * static_cast<double>(n * (n - 1))));
      CHECK(std::abs(pair_uniformity(ctx, seen(x, 4, n), 2, tile) - expected) <=
            (sizeof(T) == 4 ? 1e-6 : 1e-13));
      ++shapes;
    }
  for (const index n : sizes(5, {4096, 8192})) {
    if (n < 4) continue;
    workspace<plain_products<T>> work{plain_products<T>(1)};
    auto ctx = work.ctx();
    const auto x = signs(4 * n);
    std::vector<int> labels;
    std::vector<std::array<double, 4>> sums(2);
    std::array<double, 2> members{};
    for (index j = 0; j < n; ++j) {
      labels.push_back(static_cast<int>(j % 2));
      members[static_cast<std::size_t>(j % 2)] += 1;
      for (std::size_t r = 0; r < 4; ++r)
        sums[static_cast<std::size_t>(j % 2)][r] +=
            0.5 * static_cast<double>(x[r + static_cast<std::size_t>(4 * j)]);
    }
    double square = 0, pairs = 0;
    for (const auto& s : sums)
      for (const double v : s) square += v * v;
    for (const double k : members) pairs += k * (k - 1);
    const double expected = 2 - 2 * (square - static_cast<double>(n)) / pairs;
    CHECK(std::abs(class_alignment(ctx, seen(x, 4, n), labels, 2) - expected) <= 1e-12);
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/k_means: two clouds are found and measured, around tiles of 4096", T, float,
                   double) {
  int shapes = 0;
  for (const index n : sizes(20, {4096, 8192})) {
    if (n < 2) continue;
    CAPTURE(n);
    workspace<plain_products<T>> work{plain_products<T>(1)};
    auto ctx = work.ctx();
    const index d = 2;
    auto x = integers<T>(d * n, 9);
    const auto cloud = [](index j) { return j % 3 == 1 ? 1 : 0; };
    std::array<double, 2> members{};
    std::vector<double> centres(4, 0.0);
    for (index j = 0; j < n; ++j) {
      members[static_cast<std::size_t>(cloud(j))] += 1;
      for (index i = 0; i < d; ++i) {
        T& v = x[static_cast<std::size_t>(i + j * d)];
        v += static_cast<T>(cloud(j) == 1 ? 100 : -100);
        centres[static_cast<std::size_t>(i + d * cloud(j))] += static_cast<double>(v);
      }
    }
    for (std::size_t k = 0; k < centres.size(); ++k) centres[k] /= members[k / 2];
    double inertia = 0;
    for (index j = 0; j < n; ++j)
      for (index i = 0; i < d; ++i)
        inertia += std::pow(static_cast<double>(x[static_cast<std::size_t>(i + j * d)]) -
                                centres[static_cast<std::size_t>(i + d * cloud(j))],
                            2);
    const k_means_result found = k_means(ctx, seen(x, d, n), {.clusters = 2, .restarts = 2});
    index wrong = 0;
    for (index j = 0; j < n; ++j)
      wrong +=
          (found.assignment[static_cast<std::size_t>(j)] == found.assignment[0]) != (cloud(j) == cloud(0));
    CHECK(wrong == 0);
    CHECK(std::abs(found.inertia - inertia) <= (sizeof(T) == 4 ? 1e-3 : 1e-9) * static_cast<double>(n));
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/product: maps of bf16 are widened in runs of any length", T, float, double) {
  int shapes = 0;
  constexpr index many = detail::widened_scalars / 64;  // rows for which a run is the shortest, of 64 columns
  for (const index k : sizes(9, {64, 128, 192})) {
    check_runs<T>(many - 1, 1, k, true);
    check_runs<T>(1, k, many - 1, false);
    shapes += 2;
  }
  for (const index m : {1, 7, 33})
    for (const index n : {1, 5})
      for (const bool over_samples : {false, true}) {
        check_runs<T>(m, n, 17, over_samples);
        ++shapes;
      }
  MESSAGE(shapes << " shapes");
}

}  // namespace ssl::test
