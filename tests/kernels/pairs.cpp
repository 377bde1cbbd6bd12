// Exponentials of all pairs, whole and in tiles of every width, and the soft-max over a bank in blocks,
// against their definitions. Exponents are exact; an exponential may be off by two units in the last place,
// sums are in double.

#include <array>
#include <cmath>

#include "kernels/plain_products.hpp"
#include "kernels/sweep.hpp"
#include "ssl/loss/bank_softmax.hpp"
#include "ssl/loss/koleo.hpp"
#include "ssl/loss/similarity.hpp"

namespace ssl::test {
namespace {

struct pair_case {
  index m, period, groups, views;  // views: columns of a pull, 0 for none
  double kappa;
  bool distances, balanced;
};

template <class T>
void check_pairs(int threads, const pair_case& o, index memory) {
  CAPTURE(threads);
  CAPTURE(o.m);
  CAPTURE(o.period);
  CAPTURE(o.groups);
  CAPTURE(o.kappa);
  CAPTURE(memory);
  workspace<plain_products<T>> work{plain_products<T>(threads)};
  auto ctx = work.ctx();
  const index d = 3, m = o.m;
  auto x = integers<T>(d * m, 1);
  for (T& v : x) v /= 4;
  const auto at = [&](index i, index j) { return static_cast<std::size_t>(i + j * m); };
  std::vector<double> exponent(static_cast<std::size_t>(m * m));
  for (index j = 0; j < m; ++j)
    for (index i = 0; i < m; ++i) {
      double inner = 0, far = 0;
      for (index r = 0; r < d; ++r) {
        const double a = static_cast<double>(x[static_cast<std::size_t>(r + i * d)]),
                     b = static_cast<double>(x[static_cast<std::size_t>(r + j * d)]);
        inner += a * b;
        far += (a - b) * (a - b);
      }
      exponent[at(i, j)] = (i - j) % o.period == 0 ? -INFINITY
                           : o.distances           ? -o.kappa / 2 * far
                                                   : o.kappa * (inner - 1);
    }
  // Sums and peaks of group g for column j.
  const index rows = m / o.groups;
  const bool peaked = o.kappa > (sizeof(T) == 4 ? 40 : 300);
  std::vector<double> sums(static_cast<std::size_t>(m * o.groups), 0.0), peaks(sums);
  for (index g = 0; g < o.groups; ++g)
    for (index j = 0; j < m; ++j) {
      double top = static_cast<double>(fn::least<T>);
      for (index i = g * rows; i < (g + 1) * rows; ++i) top = std::max(top, exponent[at(i, j)]);
      peaks[at(j, g)] = peaked ? top : 0;
      for (index i = g * rows; i < (g + 1) * rows; ++i)
        sums[at(j, g)] += std::exp(exponent[at(i, j)] - peaks[at(j, g)]);
    }

  std::vector<T> c, dx(x.size(), T{2});
  for (index k = 0; k < m * o.groups; ++k) c.push_back(static_cast<T>(1) / static_cast<T>(1 << (k % 3)));
  const auto pull = integers<double>(m * std::max<index>(o.views, 1), 5);
  const similarity_kernel<T, host_space> kernel(
      ctx, make_view<host_space, const T>(x.data(), d, m),
      {o.kappa, o.period, o.groups, o.distances, o.balanced, memory});
  std::vector<double> found(kernel.sums().data, kernel.sums().data + sums.size());
  double most = 0;
  for (const double s : sums) most = std::max(most, s);
  const double exp_error = sizeof(T) == 4 ? 3e-7 : 1e-15;
  CHECK(first_beyond(found, sums, (exp_error + 1e-13) * most) == -1);
  if (peaked) {
    const std::vector<double> tops(kernel.peaks().data, kernel.peaks().data + peaks.size());
    CHECK(first_difference(tops, peaks) == -1);
  }
  const matrix_view<const double, host_space> pulls =
      o.views > 0 ? make_view<host_space, const double>(pull.data(), m, o.views)
                  : matrix_view<const double, host_space>{};
  kernel.add_product(ctx, 0.5, make_view<host_space, const T>(c.data(), m, o.groups), pulls,
                     make_view(dx.data(), d, m));
  std::vector<double> expected(dx.size(), 2.0);
  double size = 0;
  for (index j = 0; j < m; ++j) {
    double total = 0;
    for (index i = 0; i < m; ++i) {
      const index gi = i / rows, gj = j / rows;
      const double one = std::exp(exponent[at(i, j)] - peaks[at(j, gi)]),
                   other = peaked ? std::exp(exponent[at(i, j)] - peaks[at(i, gj)]) : one;
      double p = static_cast<double>(c[at(j, gi)]) * one + static_cast<double>(c[at(i, gj)]) * other;
      if (o.views > 0) {
        const index n = m / o.views;
        if (i != j && i % n == j % n) p += pull[at(j, i / n)] + pull[at(i, j / n)];
      }
      total += std::abs(p);
      for (index r = 0; r < d; ++r)
        expected[static_cast<std::size_t>(r + j * d)] +=
            0.5 * p *
            (static_cast<double>(x[static_cast<std::size_t>(r + i * d)]) -
             (o.balanced ? static_cast<double>(x[static_cast<std::size_t>(r + j * d)]) : 0.0));
    }
    size = std::max(size, total);
  }
  CHECK(first_beyond(dx, expected, (sizeof(T) == 4 ? 2e-6 : 1e-14) * (size + 2)) == -1);
}

template <class T>
void check_bank(int threads, index d, index n, index bank) {
  CAPTURE(threads);
  CAPTURE(n);
  CAPTURE(bank);
  using backend = plain_products<T>;
  workspace<backend> work{backend(threads)};
  auto ctx = work.ctx();
  const auto q = integers<T>(d * n, 1), p = integers<T>(d * n, 2), b = integers<T>(d * bank, 3);
  const double temperature = 4;
  std::vector<double> expected(q.size(), 1.0), value(1, 0.0);
  double expected_value = 0;
  const auto score = [&](index j, const std::vector<T>& side, index k) {
    double sum = 0;
    for (index i = 0; i < d; ++i)
      sum += static_cast<double>(q[static_cast<std::size_t>(i + j * d)]) *
             static_cast<double>(side[static_cast<std::size_t>(i + k * d)]);
    return sum / temperature;
  };
  for (index j = 0; j < n; ++j) {
    const double own = score(j, p, j);
    double sum = std::exp(own);
    std::vector<double> e;
    for (index k = 0; k < bank; ++k) sum += e.emplace_back(std::exp(score(j, b, k)));
    expected_value += (std::log(sum) - own) / static_cast<double>(n);
    for (index i = 0; i < d; ++i) {
      const double positive = static_cast<double>(p[static_cast<std::size_t>(i + j * d)]);
      double slope = (std::exp(own) / sum - 1) * positive;
      for (index k = 0; k < bank; ++k)
        slope += e[static_cast<std::size_t>(k)] / sum *
                 static_cast<double>(b[static_cast<std::size_t>(i + k * d)]);
      expected[static_cast<std::size_t>(i + j * d)] += 2 * slope / (static_cast<double>(n) * temperature);
    }
  }
  std::vector<T> dq(q.size(), T{1});
  detail::add_bank_softmax(ctx, 2.0, 1.0, temperature, make_view<host_space, const T>(q.data(), d, n),
                           make_view<host_space, const T>(p.data(), d, n),
                           make_view<host_space, const T>(b.data(), d, bank), make_view(value.data(), 1, 1),
                           make_view(dq.data(), d, n));
  const double bound = sizeof(T) == 4 ? 2e-6 : 1e-13;
  CHECK(std::abs(value[0] - expected_value) <= bound * (1 + expected_value));
  CHECK(first_beyond(dq, expected, bound) == -1);
}

/// Columns of length one with exact cosines; many are equally near, and some are the same.
template <class T>
void check_koleo(int threads, index n, index memory) {
  CAPTURE(threads);
  CAPTURE(n);
  CAPTURE(memory);
  using backend = plain_products<T>;
  workspace<backend> work{backend(threads)};
  auto ctx = work.ctx();
  const index d = 16;
  auto x = integers<T>(d * n, 6);
  for (T& v : x) v = v < T{0} ? T{-0.25} : T{0.25};
  const auto at = [&](index i, index j) {
    return static_cast<double>(x[static_cast<std::size_t>(i + j * d)]);
  };
  std::vector<double> value(1, 0.0), expected(x.size(), 1.0);
  double expected_value = 0, largest = 1;
  for (index j = 0; j < n; ++j) {
    index nearest = 0;
    double most = -3;
    for (index i = 0; i < n; ++i) {
      double cosine = 0;
      for (index r = 0; r < d; ++r) cosine += at(r, i) * at(r, j);
      if (i != j && cosine > most) {
        most = cosine;
        nearest = i;
      }
    }
    const double r = std::sqrt(2 - 2 * most), count = static_cast<double>(n);
    expected_value -= std::log(r + 0.5) / count;
    for (index i = 0; r > 0 && i < d; ++i) {
      const double slope = -(at(i, j) - at(i, nearest)) / (r * (r + 0.5)) / count;
      expected[static_cast<std::size_t>(i + j * d)] += slope;
      expected[static_cast<std::size_t>(i + nearest * d)] -= slope;
      largest = std::max(largest, std::abs(expected[static_cast<std::size_t>(i + nearest * d)]));
    }
  }
  std::vector<T> dx(x.size(), T{1});
  koleo{.epsilon = 0.5, .memory = memory}.add(
      ctx, 1.0, one_view<backend>{.x = make_view<host_space, const T>(x.data(), d, n)},
      make_view(value.data(), 1, 1), make_view(dx.data(), d, n));
  CHECK(std::abs(value[0] - expected_value) <= 1e-12);
  CHECK(first_beyond(dx, expected, (sizeof(T) == 4 ? 2e-6 : 1e-14) * largest) == -1);
}

}  // namespace

TEST_CASE_TEMPLATE("kernels/pairs: any number of columns, whole and in tiles of every width", T, float,
                   double) {
  int shapes = 0;
  constexpr index large = similarity_memory, size = sizeof(T);
  for (const index m : sizes(36, {48, 64}))
    for (const index tile : {index{0}, index{16}, index{17}, index{24}, m}) {  // 0: 16 as well
      check_pairs<T>(1, {m, m, 1, 0, 1, false, false}, tile == m ? large : tile * m * size);
      check_pairs<T>(1, {m, m, 1, 1, 1, true, false}, tile == m ? large : tile * m * size);
      check_pairs<T>(1, {m, m, 1, 0, 2, true, true}, tile == m ? large : tile * m * size);
      shapes += 3;
    }
  for (const index n : sizes(19))  // samples of two and three views
    for (const index views : {2, 3})
      for (const double kappa : {1.0, 512.0}) {
        const index m = n * views;
        check_pairs<T>(1, {m, m, views, views, kappa, false, false}, 16 * m * size);
        if (n > 1) check_pairs<T>(1, {m, n, views, views, kappa, false, false}, large);
        shapes += 2;
      }
  for (const int threads : thread_counts)
    for (const index m : {256, 257, 290}) {  // the widest tile is 256
      if ((m == 256) != (threads == 1)) continue;
      check_pairs<T>(threads, {m, m, 1, 0, 1, true, false}, 256 * m * size);
      check_pairs<T>(threads, {m, m, 1, 0, 1, false, false}, 100 * m * size);
      shapes += 2;
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE(
    "kernels/koleo: nearest columns, the first of equal ones, whole and in tiles of every width", T, float,
    double) {
  int shapes = 0;
  constexpr index size = sizeof(T);
  for (const index n : sizes(36, {48, 64})) {
    if (n < 2) continue;
    for (const index tile : {index{0}, index{17}, index{24}, n}) {
      check_koleo<T>(1, n, tile * n * size);
      ++shapes;
    }
  }
  for (const int threads : thread_counts)
    for (const index n : {256, 257}) {
      check_koleo<T>(threads, n, 256 * n * size);
      ++shapes;
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/bank: banks of every size around the blocks", T, float, double) {
  int shapes = 0;
  for (const index bank : sizes(34, {64, 128}))
    for (const index n : {1, 2, 3, 17}) {
      check_bank<T>(1, 5, n, bank);
      ++shapes;
    }
  for (const auto& [n, bank] :
       {std::array<index, 2>{4097, 65}, {4096, 64}, {4096, 129}, {2048, 257}, {1024, 255}, {1024, 513}}) {
    check_bank<T>(static_cast<int>(bank % 3) + 1, 2, n, bank);  // blocks of 64, 64, 64, 128, 256 and 256
    ++shapes;
  }
  for (const int threads : thread_counts) {
    check_bank<T>(threads, 3, 700, 375);
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

}  // namespace ssl::test
