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

}  // namespace

TEST_CASE("backend/eigen: a reduction gives the same bits on one thread and on two") {
  eigen_backend<float> one(1), two(2);
  for (const auto& [rows, cols] : {std::pair<index, index>{500, 2000},
                                   {3001, 301},
                                   {1000000, 1},
                                   {1, 1000000},
                                   {7, 100000},
                                   {100000, 7}}) {
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

TEST_CASE("backend/eigen: takes the threads that it is given, and at least one of its own accord") {
  CHECK(eigen_backend<float>(2).threads() == 2);
  CHECK(eigen_backend<float>(1).threads() == 1);
  CHECK(eigen_backend<float>().threads() >= 1);
}

TEST_CASE("backend/eigen: asks for memory that is not there in a sentence") {
  eigen_backend<float> be;
  CHECK_THROWS_WITH_AS(be.allocate<float>(index{1} << 56),
                       "ssl: out of memory: 288230376151711744 bytes were asked for", backend_error);
}

}  // namespace ssl::test
