// Products from panels against their definition, for every remainder around every blocking constant.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/integers.hpp"
#include "ssl/backend/eigen/dense.hpp"

namespace ssl::test {
namespace {

using cpu::panel;

/// Integers as an operand of k inner indices, its columns not adjacent in memory.
template <class T>
struct stored {
  trans op;
  index rows, cols, ld;
  std::vector<T> data;

  /// op(.) is (outer, inner).
  stored(trans t, index outer, index inner, std::uint32_t seed)
      : op(t),
        rows(t == trans::no ? outer : inner),
        cols(t == trans::no ? inner : outer),
        ld(rows + 3),
        data(integers<T>(ld * cols, seed)) {}

  matrix_view<const T, host_space> view() const { return {data.data(), rows, cols, ld}; }
  cpu::operand<T> lines() const { return cpu::tiled::rows_of(view(), op); }
  T at(index i, index l) const { return op == trans::no ? view()(i, l) : view()(l, i); }
};

template <class T>
struct scalars {
  T alpha, beta;
};

/// c (m, n) with gaps between its columns, which must stay as they are.
template <class T>
struct target {
  index m, n, ld;
  std::vector<T> before, now;

  target(index rows, index cols) : m(rows), n(cols), ld(rows + 2), before(integers<T>(ld * cols, 99)) {
    for (index j = 0; j < n; ++j)
      for (index i = m; i < ld; ++i) before[static_cast<std::size_t>(i + j * ld)] = T{55};
    now = before;
  }
  matrix_view<T, host_space> view() { return {now.data(), m, n, ld}; }
  T was(index i, index j) const { return before[static_cast<std::size_t>(i + j * ld)]; }

  /// alpha a b^T + beta c by its definition.
  std::vector<T> expected(scalars<T> s, const stored<T>& a, const stored<T>& b, index k) const {
    std::vector<T> left(static_cast<std::size_t>(m * k)), out = before;  // op(a), its rows side by side
    for (index l = 0; l < k; ++l)
      for (index i = 0; i < m; ++i) left[static_cast<std::size_t>(i + l * m)] = a.at(i, l);
    for (index j = 0; j < n; ++j) {
      T* const to = out.data() + j * ld;
      for (index i = 0; i < m; ++i) to[i] = s.beta == T{0} ? T{0} : s.beta * was(i, j);
      for (index l = 0; l < k; ++l) {
        const T y = s.alpha * b.at(j, l);
        const T* const from = left.data() + l * m;
        for (index i = 0; i < m; ++i) to[i] += from[i] * y;
      }
    }
    return out;
  }
};

index shapes = 0;

/// Whether run(threads, alpha, beta, a, b, c) gives alpha a b^T + beta c on all those numbers of threads.
template <class T, class Run>
void sweep(index m, index n, index k, trans ta, trans tb, scalars<T> s, const std::vector<int>& threads,
           const Run& run) {
  const stored<T> a(ta, m, k, 1), b(tb, n, k, 2);
  target<T> c(m, n);
  const auto expected = c.expected(s, a, b, k);
  for (const int t : threads) {
    c.now = c.before;
    run(t, s, a, b, c.view());
    ++shapes;
    if (c.now != expected)
      FAIL_CHECK("m ", m, ", n ", n, ", k ", k, ", a ", ta == trans::yes, ", b ", tb == trans::yes,
                 ", alpha ", s.alpha, ", beta ", s.beta, ", threads ", t);
  }
}

/// The panels' product, whatever the size.
template <class T>
void sweep_panels(index m, index n, index k, trans ta, trans tb, scalars<T> s,
                  const std::vector<int>& threads = {1}, index shared_bytes = cpu::tiled::shared_bytes) {
  sweep<T>(m, n, k, ta, tb, s, threads,
           [&](int t, scalars<T> with, const stored<T>& a, const stored<T>& b, auto c) {
             cpu::multiply<T>(t, with.alpha, a.lines(), b.lines(), k, with.beta, c, shared_bytes);
           });
}

const std::vector<trans> both{trans::no, trans::yes};

/// Sizes at which a panel's tiles and strips begin and end.
template <class T>
std::vector<index> edges() {
  using p = panel<T>;
  std::vector<index> out{1, p::cols - 1, p::cols, p::cols + 1, p::rows + 1, 2 * p::rows - 1, 2 * p::rows + 1};
  for (index s = 1; s <= p::strips; ++s)
    for (const index d : {-1, 0, 1}) out.push_back(s * p::width + d);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  out.erase(out.begin(), std::find_if(out.begin(), out.end(), [](index x) { return x > 0; }));
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("kernels/products: every number of rows and columns up to two panels", T, float, double) {
  for (index m = 1; m <= 2 * panel<T>::rows + 1; ++m)
    for (index n = 1; n <= 2 * panel<T>::rows + 1; ++n) {
      const trans ta = both[static_cast<std::size_t>(m % 2)], tb = both[static_cast<std::size_t>(n % 2)];
      sweep_panels<T>(m, n, 3, ta, tb, {T{1}, T{0}});
      sweep_panels<T>(m, n, panel<T>::width + 1, tb, ta, {T{2}, T{-1}});
    }
}

TEST_CASE_TEMPLATE("kernels/products: every remainder of the inner index, in all four orientations", T, float,
                   double) {
  constexpr index depth = panel<T>::depth;
  std::vector<index> inner{depth - 1, depth, depth + 1, 2 * depth - 1, 2 * depth, 2 * depth + 1};
  for (index k = 1; k <= 2 * panel<T>::width + 1; ++k) inner.push_back(k);
  for (const index m : edges<T>())
    for (const index n : edges<T>())
      for (const index k : inner) {
        if (k > 2 * panel<T>::width + 1 && (m + n) % 3 != 0) continue;
        for (const trans ta : both)
          for (const trans tb : both) sweep_panels<T>(m, n, k, ta, tb, {T{1}, T{1}});
      }
}

TEST_CASE_TEMPLATE("kernels/products: around the chunks of threads and the groups of shared rows", T, float,
                   double) {
  using p = panel<T>;
  for (const index many : {p::chunk - 1, p::chunk, p::chunk + 1, 2 * p::chunk + p::rows + 1, 8 * p::rows - 1,
                           8 * p::rows + 1, 16 * p::rows + 1, 8 * p::chunk + 1})
    for (const index few : {index{1}, p::cols + 1, p::rows, 2 * p::rows + 1})
      for (const index k : {index{5}, p::depth + 1}) {
        if (k > 5 && many > 3 * p::chunk) continue;
        const auto threads = many * few * k < cpu::tiled::small_product ? std::vector<int>{1} : thread_counts;
        sweep_panels<T>(many, few, k, trans::no, trans::yes, {T{1}, T{2}}, threads);
        sweep_panels<T>(few, many, k, trans::yes, trans::no, {T{-1}, T{0}}, threads);
      }
  for (const index few : {2047, 2048, 2049}) {
    sweep_panels<T>(few, few + 1, 1, trans::no, trans::no, {T{1}, T{1}}, {3});
    sweep_panels<T>(few + 1, few, 1, trans::no, trans::no, {T{1}, T{1}}, {3});
  }
}

TEST_CASE_TEMPLATE("kernels/products: around the part of the inner index that is packed at once", T, float,
                   double) {
  using p = panel<T>;
  for (const auto& [m, n] : {std::pair{p::rows + 1, 2 * p::rows + 1}, {2 * p::rows + 1, p::rows - 1}})
    for (const index parts : {1, 2, 3})
      for (const index d : {-1, 0, 1})
        for (const index depths : {1, 2})  // of one part
          sweep_panels<T>(m, n, std::min(4 * p::depth - 1, parts * depths * p::depth + d), trans::no,
                          trans::yes, {T{1}, T{-2}}, {1, 3},
                          depths * p::depth * p::padded(std::min(m, n)) * static_cast<index>(sizeof(T)));
}

TEST_CASE_TEMPLATE("kernels/products: long sums into few entries, by runs", T, float, double) {
  using p = panel<T>;
  for (const index m : {index{1}, p::cols + 1, p::rows, 2 * p::rows + 1})
    for (const index n : {index{1}, p::cols, p::rows - 1, 2 * p::rows + 1})
      for (const index k : {4 * p::depth - 1, 4 * p::depth, 4 * p::depth + 1, 6 * p::depth + 3,
                            16 * p::depth - 1, 17 * p::depth + 1})
        sweep_panels<T>(m, n, k, trans::no, trans::yes, {T{1}, T{2}},
                        m == n || k == 4 * p::depth ? thread_counts : std::vector<int>{1});
}

TEST_CASE_TEMPLATE("kernels/products: a matrix times its transpose, from the lower triangle alone", T, float,
                   double) {
  using p = panel<T>;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  std::vector<index> sizes;
  for (index n = 1; n <= 2 * p::rows + 1; ++n) sizes.push_back(n);
  for (const index n : {8 * p::rows - 1, 8 * p::rows + 1, p::padded(256) - 1, p::padded(256) + 1,
                        2 * p::padded(256) + p::width + 1})
    sizes.push_back(n);
  const auto check = [&](index n, index k, trans op, scalars<T> s, int threads, index shared_bytes) {
    const stored<T> a(op, n, k, 3);
    target<T> c(n, n);
    for (index j = 0; j < n; ++j)
      for (index i = 0; i < j; ++i)
        c.before[static_cast<std::size_t>(i + j * c.ld)] = c.was(j, i);  // symmetric, for the definition
    const auto expected = c.expected(s, a, a, k);
    c.now = c.before;
    for (index j = 0; j < n; ++j)
      for (index i = 0; i < j; ++i) c.view()(i, j) = nan;  // never read
    if (shared_bytes > 0)
      cpu::multiply_by_itself<T>(threads, s.alpha, a.lines(), k, s.beta, c.view(), shared_bytes);
    else
      cpu::syrk<T>(threads, op, s.alpha, a.view(), s.beta, c.view());
    ++shapes;
    if (c.now != expected)
      FAIL_CHECK("n ", n, ", k ", k, ", a ", op == trans::yes, ", beta ", s.beta, ", threads ", threads,
                 ", bytes ", shared_bytes);
  };
  for (const index n : sizes) {
    const bool small = n <= 2 * p::rows + 1;
    const index all = p::depth * p::padded(n) * static_cast<index>(sizeof(T));
    for (const trans op : both)
      for (const index k : {index{1}, p::width + 1, (small ? 2 * p::depth : 4 * p::width) + 1})
        for (const int threads :
             n* n / 2 * k < cpu::tiled::small_product ? std::vector<int>{1} : thread_counts) {
          check(n, k, op, {T{1}, T{2}}, threads, all);
          check(n, k, op, {T{-1}, T{0}}, threads, 0);
        }
    if (n % p::width <= 1 && small)
      for (const index k : {4 * p::depth, 9 * p::depth + 1}) check(n, k, trans::no, {T{2}, T{1}}, 3, all);
  }
}

TEST_CASE_TEMPLATE("kernels/products: few columns of a large matrix, and changes of low rank", T, float,
                   double) {
  using p = panel<T>;
  for (index n = 1; n <= 9; ++n)  // scalar products of columns, four by four
    for (const index m :
         {index{1}, index{3}, index{4}, index{5}, index{63}, index{64}, index{65}, index{131}})
      for (const index k : {index{1}, p::width - 1, p::width, p::width + 1, p::page - 1, p::page, p::page + 1,
                            2 * p::page + p::width + 1})
        sweep<T>(m, n, k, trans::yes, both[static_cast<std::size_t>(k % 2)], {T{2}, T{-1}},
                 m > 64 ? thread_counts : std::vector<int>{1},
                 [](int t, scalars<T> s, const stored<T>& a, const stored<T>& b, auto c) {
                   cpu::narrow::rows_times<T>(t, s.alpha, a.view(), b.lines(), s.beta, c);
                 });
  std::vector<index> heights;
  for (index m = 1; m <= 2 * p::rows + 1; ++m) heights.push_back(m);
  for (const index edge : {p::page_of_rows, p::page, 2 * p::page_of_rows})
    for (const index d : {-1, 0, 1}) heights.push_back(edge + d);
  heights.push_back(p::page + p::rows + p::width + 1);
  for (const index m : heights)
    for (const index n : {index{1}, p::cols - 1, p::cols, p::cols + 1, p::many_columns - 1, p::many_columns,
                          p::many_columns + 1})
      for (const index k : {1, 2, 7}) {
        if (m > 2 * p::rows + 1 && n >= p::many_columns - 1 && k != 2) continue;
        sweep<T>(m, n, k, both[static_cast<std::size_t>(m % 2)], both[static_cast<std::size_t>(n % 2)],
                 {T{1}, static_cast<T>(k - 1)}, m > p::page ? thread_counts : std::vector<int>{1},
                 [k](int t, scalars<T> s, const stored<T>& a, const stored<T>& b, auto c) {
                   cpu::narrow::change<T>(t, s.alpha, a.lines(), b.lines(), k, s.beta, c);
                 });
      }
}

TEST_CASE_TEMPLATE("kernels/products: the way that a shape takes changes no number", T, float, double) {
  const auto by_shape = [](int t, scalars<T> s, const stored<T>& a, const stored<T>& b, auto c) {
    Eigen::setNbThreads(t);
    cpu::gemm<T>(a.op, b.op == trans::no ? trans::yes : trans::no, s.alpha, a.view(), b.view(), s.beta, c);
    Eigen::setNbThreads(1);
  };
  for (const index m : {1, 15, 16, 17, 63, 65})
    for (const index n : {1, 15, 16, 17, 64, 127})
      for (const index d : {-1, 0, 1})
        for (const trans ta : both)
          for (const trans tb : both)
            sweep<T>(m, n, std::clamp<index>((index{1} << 17) / (m * n) + d, 1, 600), ta, tb, {T{1}, T{2}},
                     {1, 2}, by_shape);
  // The least matrices that count as large: 2^21 entries.
  sweep<T>(2048, cpu::narrow::few / 8, 1024, trans::yes, trans::yes, {T{1}, T{0}}, {3}, by_shape);
  sweep<T>(1024 + panel<T>::rows + 1, 2048, cpu::narrow::few / 8, trans::no, trans::no, {T{1}, T{1}}, {3},
           by_shape);
}

TEST_CASE("kernels/products: shapes swept") {
  MESSAGE("products: ", shapes, " shapes");
  CHECK(shapes > 0);
}

}  // namespace ssl::test
