// The CPU's `map`, `map_reduce` and its columns' reductions against plain loops, at every remainder around
// the constants of backend/eigen/elementwise.hpp and backend/team.hpp.

#include "kernels/sweep.hpp"
#include "ssl/backend/composed.hpp"
#include "ssl/backend/eigen/elementwise.hpp"
#include "ssl/backend/team.hpp"
#include "ssl/core/fn.hpp"

namespace ssl::test {
namespace {

struct two_x_plus_y {
  template <class T>
  T operator()(T x, T y) const {
    return 2 * x + y;
  }
};

struct by_place {  // takes the way of functors that know where they are
  template <class T>
  T operator()(index i, index j, T x, T y) const {
    return x + y * static_cast<T>((i + 3 * j) % 5);
  }
};

struct weighted {
  template <class T>
  T operator()(index i, index j, T x) const {
    return x * static_cast<T>(1 + (i + 2 * j) % 5);
  }
};

template <class T, class F>
std::vector<T> mapped(index rows, index cols, const F& f, const std::vector<T>& x, const std::vector<T>& y) {
  std::vector<T> out;
  for (index j = 0; j < cols; ++j)
    for (index i = 0; i < rows; ++i) {
      const auto k = static_cast<std::size_t>(i + j * rows);
      out.push_back(detail::call(f, i, j, x[k], y[k]));
    }
  return out;
}

template <class T>
void check_map(int threads, index rows, index cols) {
  CAPTURE(threads);
  CAPTURE(rows);
  CAPTURE(cols);
  const auto x = integers<T>(rows * cols, 1), y = integers<T>(rows * cols, 2);
  const auto sums = mapped(rows, cols, two_x_plus_y{}, x, y), places = mapped(rows, cols, by_place{}, x, y);
  const fenced<T> a(rows, cols, x), b(rows, cols, y);
  fenced<T> out(rows, cols, x);
  cpu::map(threads, out(), two_x_plus_y{}, a.read(), b.read());
  CHECK(first_difference(out.get(), sums) == -1);
  cpu::map(threads, out(), by_place{}, a.read(), b.read());
  CHECK(first_difference(out.get(), places) == -1);
  CHECK(out.intact());
  // Contiguous, and in its own place.
  std::vector<T> z = x;
  const auto in = make_view<host_space, const T>(y.data(), rows, cols);
  cpu::map(threads, make_view(z.data(), rows, cols), two_x_plus_y{},
           make_view<host_space, const T>(z.data(), rows, cols), in);
  CHECK(first_difference(z, sums) == -1);
  z = x;
  cpu::map(threads, make_view(z.data(), rows, cols), by_place{},
           make_view<host_space, const T>(z.data(), rows, cols), in);
  CHECK(first_difference(z, places) == -1);
}

/// The verbs that composed reductions are made of, on one thread.
struct two_verbs {
  template <class T, class F, class... Ts>
  void map(matrix_view<T, host_space> out, const F& f, matrix_view<const Ts, host_space>... in) {
    cpu::map(1, out, f, in...);
  }
  template <class F>
  void for_each_column(index count, const F& f) {
    for (index j = 0; j < count; ++j) f(serial_team{}, j);
  }
};

/// Sums and maxima over all, over rows and over columns, onto a start of 2: by `reduce(out, fold, f, in)`.
template <class T, class Reduce>
void check_reductions_by(index rows, index cols, const Reduce& reduce) {
  CAPTURE(rows);
  CAPTURE(cols);
  const auto x = integers<T>(rows * cols, 3);
  const fenced<T> a(rows, cols, x);
  for (const bool by_row : {false, true})
    for (const bool by_column : {false, true}) {
      if (by_row && by_column) continue;
      CAPTURE(by_row);
      CAPTURE(by_column);
      const index tall = by_row ? rows : 1, wide = by_column ? cols : 1;
      std::vector<T> sums(static_cast<std::size_t>(tall * wide), T{2}), tops(sums);
      for (index j = 0; j < cols; ++j)
        for (index i = 0; i < rows; ++i) {
          const auto to = static_cast<std::size_t>(by_row ? i : by_column ? j : 0);
          const T value = x[static_cast<std::size_t>(i + j * rows)];
          sums[to] += weighted{}(i, j, value);
          tops[to] = std::max(tops[to], value);
        }
      const std::vector<T> start(sums.size(), T{2});
      fenced<T> sum(tall, wide, start), top(tall, wide, start);
      reduce(sum(), fn::plus{}, weighted{}, a.read());
      reduce(top(), fn::maximum{}, fn::identity<T>{}, a.read());
      CHECK(first_difference(sum.get(), sums) == -1);
      CHECK(first_difference(top.get(), tops) == -1);
      CHECK((sum.intact() && top.intact()));
    }
}

template <class T>
void check_reductions(int threads, index rows, index cols) {
  CAPTURE(threads);
  std::vector<T> work(static_cast<std::size_t>(std::max<index>(64, 32 * rows)));
  const auto workspace = [&](index count) {
    REQUIRE(count <= static_cast<index>(work.size()));
    return work.data();
  };
  check_reductions_by<T>(rows, cols, [&](auto out, const auto& fold, const auto& f, auto in) {
    cpu::map_reduce<T>(threads, workspace, out, fold, f, in);
  });
}

template <class T>
void check_composed(index rows, index cols) {
  std::vector<T> work(static_cast<std::size_t>(std::max<index>(1024, 64 * rows)));
  two_verbs be;
  check_reductions_by<T>(rows, cols, [&](auto out, const auto& fold, const auto& f, auto in) {
    detail::composed_map_reduce(
        be,
        [&](index bytes) {
          REQUIRE(bytes <= static_cast<index>(work.size() * sizeof(T)));
          return static_cast<void*>(work.data());
        },
        out, fold, f, in);
  });
}

struct shape {
  index rows, cols;
};

}  // namespace

TEST_CASE_TEMPLATE("kernels/map: every small shape, with and without gaps between columns", T, float,
                   double) {
  int shapes = 0;
  for (const index rows : sizes(36, {64}))
    for (const index cols : sizes(20)) {
      check_map<T>(1, rows, cols);
      ++shapes;
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/map: shapes that are cut for threads, and that are fetched from memory", T, float,
                   double) {
  constexpr index most = cpu::parallel_threshold,
                  far = cpu::beyond_cache / (3 * static_cast<index>(sizeof(T)));
  std::vector<shape> shapes;
  for (const index cols : {3, 4, 5, 11, 12, 13, 19, 20, 21})  // by columns from 4 times the threads on
    for (const index rows : {most / cols, most / cols + 1}) shapes.push_back({rows, cols});
  for (const index size : {most - 1, most, most + 1}) shapes.insert(shapes.end(), {{size, 1}, {1, size}});
  for (const int threads : thread_counts)
    for (const shape s : shapes) check_map<T>(threads, s.rows, s.cols);
  std::vector<shape> large;
  for (const index rows : {1, 17, 1024, 1025}) large.push_back({rows, far / rows + 3});
  for (const shape s : large) check_map<T>(static_cast<int>(s.rows % 3) + 1, s.rows, s.cols);
  MESSAGE((thread_counts.size() * shapes.size() + large.size()) << " shapes");
}

TEST_CASE_TEMPLATE("kernels/map_reduce: every small shape, to one, a row's and a column's results", T, float,
                   double) {
  int shapes = 0;
  for (const index rows : sizes(50, {64}))
    for (const index cols : sizes(36, {64})) {
      check_reductions<T>(1, rows, cols);
      ++shapes;
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/map_reduce: every cut of large shapes, on any number of threads", T, float,
                   double) {
  std::vector<shape> shapes;
  // Strips of 256 rows and runs of 32 columns; parts of 256 columns up to 2048 rows; tiles of 4096 rows, 16
  // columns.
  for (const index rows : sizes(0, {256, 512, 2048}))
    for (const index cols : {31, 33, 65}) shapes.push_back({rows, cols});
  for (const index cols : sizes(0, {256, 512, 768}))
    for (const index rows : {1, 17, 129}) shapes.push_back({rows, cols});
  for (const index rows : sizes(0, {4096, 8192}))
    for (const index cols : {1, 9, 17}) shapes.push_back({rows, cols});
  shapes.insert(shapes.end(), {{cpu::parallel_threshold + 1, 1},
                               {1, cpu::parallel_threshold + 1},
                               {4 * 4096 + 1, 31},
                               {3, 32 * 256 + 255},
                               {7, 33 * 256 + 1},
                               {33 * 256 + 1, 5}});
  for (const int threads : thread_counts)
    for (const shape s : shapes) check_reductions<T>(threads, s.rows, s.cols);
  MESSAGE((thread_counts.size() * shapes.size()) << " shapes");
}

TEST_CASE_TEMPLATE("kernels/composed: reductions of a backend that has a map and columns, at every cut", T,
                   float, double) {
  std::vector<shape> shapes;
  for (const index rows : sizes(18, {64}))
    for (const index cols : sizes(6, {64, 128})) shapes.push_back({rows, cols});
  shapes.insert(shapes.end(), {{8191, 3},
                               {8192, 3},
                               {8193, 3},
                               {16385, 2},
                               {3, 8191},
                               {7, 8193},
                               {131071, 1},
                               {131072, 2},
                               {131073, 2},
                               {3, 64 * 64 + 1}});
  for (const shape s : shapes) check_composed<T>(s.rows, s.cols);
  MESSAGE(shapes.size() << " shapes");
}

TEST_CASE_TEMPLATE("kernels/team: a reduction of any length, its sixteen lanes and its rest", T, float,
                   double) {
  const index most = 200;
  const auto x = integers<T>(most, 4);
  T sum = 5, top = -9;
  for (index count = 0; count <= most; ++count) {
    CAPTURE(count);
    const auto at = [&](index i) { return x[static_cast<std::size_t>(i)]; };
    CHECK(serial_team{}.reduce(count, T{5}, fn::plus{}, at) == sum);
    CHECK(serial_team{}.reduce(count, T{-9}, fn::maximum{}, at) == top);
    if (count < most) {
      sum += at(count);
      top = std::max(top, at(count));
    }
  }
  MESSAGE((most + 1) << " shapes");
}

TEST_CASE("kernels/parts: runs of any count touch, in order, and end where they should") {
  int shapes = 0;
  for (index count = 0; count < 70; ++count)
    for (index parts = 1; parts < 40; ++parts, ++shapes) {
      index last = 0;
      bool touch = true;
      for (index k = 0; k < parts; ++k) {
        const cpu::range r = cpu::part(count, parts, k);
        touch = touch && r.first == last && r.last >= r.first && r.last - r.first <= count / parts + 1;
        last = r.last;
      }
      CHECK((touch && last == count));
    }
  MESSAGE(shapes << " shapes");
}

}  // namespace ssl::test
