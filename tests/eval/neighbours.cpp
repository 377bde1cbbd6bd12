#include "ssl/eval/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ssl/eval/neighbour_agreement.hpp"
#include "support/backends.hpp"

using doctest::Approx;

namespace {

std::vector<int> repeated(ssl::index count, int period, int factor = 1) {
  std::vector<int> out;
  for (ssl::index i = 0; i < count; ++i) out.push_back(static_cast<int>(i) / factor % period);
  return out;
}

struct problem {
  ssl::index d, n, m;
  std::vector<double> bank = ssl::test::normals(d * n, 1), queries = ssl::test::normals(d * m, 2);
};

template <class B>
ssl::neighbours run(const problem& p, const ssl::neighbour_options& o,
                    const std::vector<int>& bank_items = {}, const std::vector<int>& query_items = {}) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  ssl::test::matrix<B> bank(work.backend(), p.d, p.n, p.bank), queries(work.backend(), p.d, p.m, p.queries);
  return ssl::find_neighbours(ctx, bank.read(), queries.read(), o, bank_items, query_items);
}

/// All similarities of query j, and the bank without its item in a stable sort of them.
std::vector<std::pair<double, int> > naive(const problem& p, ssl::similarity metric, ssl::index j,
                                           const std::vector<int>& bank_items, int item) {
  std::vector<std::pair<double, int> > out;
  for (ssl::index i = 0; i < p.n; ++i) {
    if (!bank_items.empty() && bank_items[static_cast<std::size_t>(i)] == item) continue;
    double xy = 0, xx = 0, yy = 0;
    for (ssl::index k = 0; k < p.d; ++k) {
      const double x = p.bank[static_cast<std::size_t>(k + i * p.d)],
                   y = p.queries[static_cast<std::size_t>(k + j * p.d)];
      xy += x * y;
      xx += x * x;
      yy += y * y;
    }
    out.emplace_back(metric == ssl::similarity::cosine ? xy / std::sqrt(xx * yy)
                     : metric == ssl::similarity::dot  ? xy
                                                       : 2 * xy - xx - yy,
                     static_cast<int>(i));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::pair(-a.first, a.second) < std::pair(-b.first, b.second);
  });
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("eval/neighbours: the nearest of other items are those of a sort, whatever the tiles", B,
                   SSL_BACKENDS) {
  const problem p{7, 150, 40};
  const auto bank_items = repeated(150, 15, 10), query_items = repeated(40, 15, 4);
  for (const auto metric : {ssl::similarity::cosine, ssl::similarity::euclidean, ssl::similarity::dot})
    for (const bool exclude : {false, true})
      for (const ssl::index tile : {32, 1000}) {
        const auto found =
            run<B>(p, {.k = 9, .metric = metric, .bank_tile = tile, .query_tile = 16},
                   exclude ? bank_items : std::vector<int>{}, exclude ? query_items : std::vector<int>{});
        REQUIRE(found.k == 9);
        REQUIRE(found.queries == 40);
        for (ssl::index j = 0; j < 40; ++j) {
          const auto expected = naive(p, metric, j, exclude ? bank_items : std::vector<int>{},
                                      query_items[static_cast<std::size_t>(j)]);
          const auto names = found.of(j);
          REQUIRE(names.size() == 9);
          for (std::size_t r = 0; r < 9; ++r) {
            CHECK(names[r] == expected[r].second);
            CHECK(found.similarity[static_cast<std::size_t>(9 * j) + r] ==
                  Approx(expected[r].first).epsilon(1e-4));
          }
        }
      }
}

TEST_CASE_TEMPLATE("eval/neighbours: where other items run out, the rest is missing", B, SSL_BACKENDS) {
  const problem p{3, 6, 2};
  const std::vector<int> bank_items{5, 5, 5, 5, 7, 7}, query_items{5, 7};
  for (const auto metric : {ssl::similarity::cosine, ssl::similarity::euclidean}) {
    const auto found = run<B>(p, {.k = 20, .metric = metric}, bank_items, query_items);
    CHECK(found.k == 6);
    CHECK(found.of(0).size() == 2);
    CHECK(found.of(1).size() == 4);
    CHECK(found.who[5] == -1);
    CHECK(run<B>(p, {.k = 2, .metric = metric}, std::vector<int>(6, 5), query_items).of(0).empty());
  }
}

TEST_CASE_TEMPLATE("eval/neighbours: wrong inputs are told in a sentence", B, SSL_DOUBLE_BACKENDS) {
  problem p{3, 6, 2};
  CHECK_THROWS_WITH_AS(run<B>(p, {.k = 0}),
                       "ssl::find_neighbours: k is 0, the tiles are 2048 and 1024; expected at least 1",
                       ssl::option_error);
  CHECK_THROWS_WITH_AS(
      run<B>(p, {}, {1, 2, 3, 4, 5, 6}),
      "ssl::find_neighbours: there are 6 items for 6 columns of the bank and 0 for 2 queries, "
      "expected one for each, or none",
      ssl::shape_error);
}

TEST_CASE(
    "eval/neighbour_agreement: shares are those of a count by hand, chance leaves out the own item too") {
  const ssl::neighbours found{3, 3, {0, 1, 2, 4, 3, -1, -1, -1, -1}, {}};
  const std::vector<int> bank{1, 1, 2, 2, 3}, query{1, 3, 1};
  const auto share = ssl::neighbour_agreement(found, bank, query);
  CHECK(share[0] == Approx(2.0 / 3));
  CHECK(share[1] == 0.5);
  CHECK(std::isnan(share[2]));
  CHECK(ssl::neighbour_agreement(found, bank, query, 2)[0] == 1);
  CHECK(ssl::neighbour_agreement(found, bank, query, 1)[1] == 1);
  CHECK(ssl::chance_agreement(bank, query) == std::vector<double>{0.4, 0.2, 0.4});
  const std::vector<int> bank_items{9, 8, 9, 8, 8}, query_items{9, 8, -4};
  CHECK(ssl::chance_agreement(bank, query, bank_items, query_items) == std::vector<double>{1.0 / 3, 0, 0.4});
  const auto items = ssl::agreement_of_items(share, std::vector<int>{4, 4, 6});
  REQUIRE(items.size() == 1);
  CHECK(items[0] == Approx((2.0 / 3 + 0.5) / 2));
  CHECK_THROWS_WITH_AS(ssl::neighbour_agreement(found, bank, std::vector<int>{1}),
                       "ssl::neighbour_agreement: there are 1 tags of queries, expected 3", ssl::shape_error);
  CHECK_THROWS_AS(ssl::neighbour_agreement(found, std::vector<int>{1, 2}, query), ssl::shape_error);
  CHECK_THROWS_AS(ssl::chance_agreement(bank, query, bank_items), ssl::shape_error);
}

TEST_CASE_TEMPLATE(
    "eval/neighbour_agreement: features of a class find the class, features of a position the position", B,
    SSL_DOUBLE_BACKENDS) {
  // 24 images of 4 classes, 5 positions each; a feature for each class, position and image, and noise.
  const ssl::index images = 24, positions = 5, n = images * positions, d = 4 + 5 + 24;
  const auto image = repeated(n, 24, 5), position = repeated(n, 5);
  std::vector<int> classes;
  for (const int i : image) classes.push_back(i % 4);
  const auto purity = [&](double of_class, double of_position, bool exclude) {
    problem p{d, n, n, ssl::test::normals(d * n, 3, 0.05), {}};
    for (std::size_t j = 0; j < static_cast<std::size_t>(n); ++j) {
      double* const x = p.bank.data() + j * static_cast<std::size_t>(d);
      x[classes[j]] += of_class;
      x[4 + position[j]] += of_position;
      x[9 + image[j]] += 2;
    }
    p.queries = p.bank;
    const auto found = exclude ? run<B>(p, {.k = 4}, image, image) : run<B>(p, {.k = 4});
    const auto mean = [&](const std::vector<int>& tags) {
      const auto share = ssl::neighbour_agreement(found, tags, tags);
      return std::accumulate(share.begin(), share.end(), 0.0) / static_cast<double>(n);
    };
    return std::pair{mean(classes), mean(position)};
  };
  CHECK(purity(1, 0, true).first == 1);
  CHECK(purity(1, 0, true).second < 0.5);
  CHECK(purity(0, 1, true).second == 1);
  CHECK(purity(0, 1, true).first < 0.5);
  CHECK(purity(0, 1, false).first == 1);  // its own image is nearest
}
