// What only the CPU backend promises: the same bits on one thread and on two.

#include <doctest/doctest.h>

#include <vector>

#include "ssl/backend/eigen.hpp"
#include "ssl/core/random.hpp"

namespace ssl::test {
namespace {

std::vector<float> numbers(index count) {
  random_stream draw({3, 0}, 0, 0, purpose::generate);
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& x : out) x = draw.normal();
  return out;
}

struct product_shape {
  index m, n, k;
};

}  // namespace

TEST_CASE("backend/eigen: a reduction gives the same bits on one thread and on two") {
  eigen_backend<float> one(1), two(2);
  for (const auto& extent : {std::pair<index, index>{500, 2000},
                             {3001, 301},
                             {1000000, 1},
                             {1, 1000000},
                             {7, 100000},
                             {100000, 7}}) {
    const index rows = extent.first, cols = extent.second;
    CAPTURE(rows);
    CAPTURE(cols);
    auto data = numbers(rows * cols);
    const auto x = make_view(data.data(), rows, cols);
    for (const auto& [r, c] : {std::pair<index, index>{1, 1}, {rows, 1}, {1, cols}}) {
      std::vector<float> first(static_cast<std::size_t>(r * c)), second = first;
      map_reduce(one, make_view(first.data(), r, c), fn::plus{}, fn::identity<float>{}, x);
      map_reduce(two, make_view(second.data(), r, c), fn::plus{}, fn::identity<float>{}, x);
      CHECK(first == second);
    }
  }
}

TEST_CASE(
    "backend/eigen: a product gives the same bits on one thread and on three, and is the sum it should be") {
  for (const product_shape& shape :
       {product_shape{300, 300, 2100}, {1100, 1030, 300}, {1030, 1100, 70}, {2100, 40, 300}}) {
    const index m = shape.m, n = shape.n, k = shape.k;
    CAPTURE(m);
    CAPTURE(n);
    CAPTURE(k);
    auto a = numbers(m * k), b = numbers(n * k);
    const auto x = make_view(a.data(), k, m), y = make_view(b.data(), n, k);
    std::vector<float> first(static_cast<std::size_t>(m * n)), second = first;
    std::vector<float> square(static_cast<std::size_t>(m * m)), again = square;
    for (const int threads : {1, 3}) {
      eigen_backend<float> be(threads);
      gemm(be, trans::yes, trans::yes, 1.0f, x, y, 0.0f,
           make_view(threads == 1 ? first.data() : second.data(), m, n));
      syrk(be, trans::yes, 1.0f, x, 0.0f, make_view(threads == 1 ? square.data() : again.data(), m, m));
    }
    CHECK(first == second);
    CHECK(square == again);
    for (const auto& [i, j] :
         {std::pair<index, index>{0, 0}, {m - 1, n - 1}, {m / 2, n / 3}, {m / 3, n - 2}}) {
      const auto sum = [k](const auto& p, const auto& q) {
        double total = 0;
        for (index l = 0; l < k; ++l) total += static_cast<double>(p(l)) * static_cast<double>(q(l));
        return total;
      };
      const auto column = [&](index at) { return [&x, at](index l) { return x(l, at); }; };
      CHECK(first[static_cast<std::size_t>(i + j * m)] ==
            doctest::Approx(sum(column(i), [&, j = j](index l) { return y(j, l); })).epsilon(1e-4).scale(10));
      CHECK(square[static_cast<std::size_t>(i + j % m * m)] ==
            doctest::Approx(sum(column(i), column(j % m))).epsilon(1e-4).scale(10));
    }
  }
}

TEST_CASE("backend/eigen: takes the threads that it is given, and at least one of its own accord") {
  CHECK(eigen_backend<float>(2).threads() == 2);
  CHECK(eigen_backend<float>(1).threads() == 1);
  CHECK(eigen_backend<float>().threads() >= 1);
}

TEST_CASE("backend/eigen: asks for memory that is not there in a sentence") {
  eigen_backend<float> be;
  CHECK_THROWS_WITH_AS(be.allocate<float>(index{1} << 56),
                       "ssl: out of memory: 288230.4 TB were asked for a matrix", out_of_memory);
  CHECK_THROWS_WITH_AS(be.allocate<float>(index{1} << 56, "the activations"),
                       "ssl: out of memory: 288230.4 TB were asked for the activations", out_of_memory);
}

}  // namespace ssl::test
