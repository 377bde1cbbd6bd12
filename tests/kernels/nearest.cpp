// The k nearest of a bank, found in tiles and runs of sixteen, against sorting everything: the CPU's way and
// the one that a device takes, run here by one thread. Integers, so that similarities are exact and often
// equal.

#include <numeric>

#include "kernels/plain_products.hpp"
#include "kernels/sweep.hpp"
#include "ssl/backend/team.hpp"
#include "ssl/eval/nearest_search.hpp"

namespace ssl::test {
namespace {

template <class T>
struct found_list {
  std::vector<T> best;
  std::vector<std::int32_t> who;
};

/// All similarities of one query, sorted, the first k: larger first, then earlier ones.
template <class T>
void append_sorted(const std::vector<T>& s, index k, found_list<T>& to) {
  std::vector<std::int32_t> order(s.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
    return s[static_cast<std::size_t>(a)] > s[static_cast<std::size_t>(b)];
  });
  for (index r = 0; r < k; ++r) {
    to.who.push_back(order[static_cast<std::size_t>(r)]);
    to.best.push_back(s[static_cast<std::size_t>(to.who.back())]);
  }
}

template <class T>
void check_search(int threads, index n, index m, index k, similarity metric, index bank_tile,
                  index query_tile) {
  CAPTURE(threads);
  CAPTURE(n);
  CAPTURE(m);
  CAPTURE(k);
  CAPTURE(bank_tile);
  CAPTURE(query_tile);
  workspace<plain_products<T>> work{plain_products<T>(threads)};
  auto ctx = work.ctx();
  const index d = 4;  // with entries of -1 and 1, columns of length two: cosines are exact as well
  auto bank = integers<T>(d * n, 1), queries = integers<T>(d * m, 2);
  if (metric == similarity::cosine)
    for (auto* side : {&bank, &queries})
      for (T& v : *side) v = v < T{0} ? T{-1} : T{1};
  found_list<T> expected, found;
  for (index j = 0; j < m; ++j) {
    std::vector<T> s;
    for (index i = 0; i < n; ++i) {
      T sum = 0;
      for (index r = 0; r < d; ++r) {
        const T a = bank[static_cast<std::size_t>(r + i * d)],
                b = queries[static_cast<std::size_t>(r + j * d)];
        sum += metric == similarity::euclidean ? -(a - b) * (a - b)
               : metric == similarity::dot     ? a * b
                                               : a * b / 4;
      }
      s.push_back(sum);
    }
    append_sorted(s, k, expected);
  }
  index next = 0;
  detail::search_nearest(
      ctx, make_view<host_space, const T>(bank.data(), d, n),
      make_view<host_space, const T>(queries.data(), d, m), {k, metric, bank_tile, query_tile},
      [](auto, index, index) {},
      [&](const detail::nearest_of_queries<T>& part) {
        CHECK(part.first == next);
        next += part.count;
        found.best.insert(found.best.end(), part.best.begin(), part.best.end());
        found.who.insert(found.who.end(), part.who.begin(), part.who.end());
      });
  CHECK(next == m);
  CHECK(first_difference(found.best, expected.best) == -1);
  CHECK(first_difference(found.who, expected.who) == -1);
}

template <class T>
void check_device_way(index n, index k, index tile) {
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(tile);
  const auto s = integers<T>(n, 3);
  found_list<T> expected;
  append_sorted(s, k, expected);
  const std::vector<T> ones(static_cast<std::size_t>(n), T{1});
  std::vector<T> best(static_cast<std::size_t>(k), fn::least<T>);
  std::vector<std::int32_t> who(best.size(), -1);
  for (index first = 0; first < n; first += tile) {
    const index rows = std::min(tile, n - first), runs = (rows + detail::knn_run - 1) / detail::knn_run;
    std::vector<T> part(s.begin() + first, s.begin() + first + rows), maxima(static_cast<std::size_t>(runs));
    const detail::keep_nearest<T, host_space> keep{make_view(part.data(), rows, 1),
                                                   make_view(maxima.data(), runs, 1),
                                                   make_view<host_space, const T>(ones.data(), 1, rows),
                                                   make_view<host_space, const T>(ones.data(), 1, 1),
                                                   make_view(best.data(), k, 1),
                                                   make_view(who.data(), k, 1),
                                                   first,
                                                   true};
    keep(serial_team{}, 0);
  }
  CHECK(first_difference(best, expected.best) == -1);
  CHECK(first_difference(who, expected.who) == -1);
}

}  // namespace

TEST_CASE_TEMPLATE("kernels/nearest: banks of every size around the runs, and every k", T, float, double) {
  int shapes = 0;
  for (const index n : sizes(36, {48, 64, 128}))
    for (const index k : {1, 2, 3, 7, 16, 17, 31, 200})
      for (const similarity metric : {similarity::dot, similarity::euclidean, similarity::cosine}) {
        check_search<T>(1, n, 2, std::min(k, n), metric, 2048, 1024);
        ++shapes;
      }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/nearest: tiles of every size, on any number of threads", T, float, double) {
  int shapes = 0;
  for (const int threads : thread_counts)
    for (const index bank_tile : {1, 15, 16, 17, 33, 64})
      for (const index query_tile : {1, 4, 5, 16})
        for (const index k : {1, 5, 20}) {
          check_search<T>(threads, 101, 9, k, similarity::dot, bank_tile, query_tile);
          ++shapes;
        }
  for (const index n : {2047, 2048, 2049, 4097}) {
    check_search<T>(2, n, 3, 20, similarity::euclidean, 2048, 1024);
    ++shapes;
  }
  for (const index m : {1023, 1024, 1025}) {
    check_search<T>(2, 40, m, 3, similarity::dot, 2048, 1024);
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/nearest: the way of a device, in runs of thirty-two", T, float, double) {
  int shapes = 0;
  for (const index n : sizes(40, {64, 96}))
    for (const index k : {1, 2, 5, 33})
      for (const index tile : {31, 32, 33, 200}) {
        check_device_way<T>(n, std::min(k, n), tile);
        ++shapes;
      }
  MESSAGE(shapes << " shapes");
}

TEST_CASE("kernels/nearest: quickselect finds the first k of every list") {
  int shapes = 0;
  for (const index count : sizes(30, {64, 100}))
    for (index k = 1; k <= count; ++k, ++shapes) {
      std::vector<detail::noted_similarity<float>> list;
      const auto values = integers<float>(count, static_cast<std::uint32_t>(count));
      for (index i = 0; i < count; ++i)
        list.emplace_back(values[static_cast<std::size_t>(i)], static_cast<std::int32_t>(i));
      auto sorted = list;
      std::sort(sorted.begin(), sorted.end());
      detail::select_first(list.data(), k, count);
      CHECK(list[static_cast<std::size_t>(k - 1)].name() == sorted[static_cast<std::size_t>(k - 1)].name());
      std::sort(list.begin(), list.begin() + k);
      bool same = true;
      for (std::size_t r = 0; r < static_cast<std::size_t>(k); ++r)
        same = same && list[r].name() == sorted[r].name() && list[r].value() == sorted[r].value();
      CHECK(same);
    }
  MESSAGE(shapes << " shapes");
}

}  // namespace ssl::test
