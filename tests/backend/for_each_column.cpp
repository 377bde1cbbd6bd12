// The verb `for_each_column` and the team that it hands to its functor.

#include <cmath>

#include "block.hpp"

namespace ssl::test {
namespace {

template <class B>
struct scale_to_one {  // y_j = x_j / ||x_j||, norms(0, j) = ||x_j||
  cview<B> x;
  view<B> y;
  accumulator_view<B> norms;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    using T = typename B::scalar;
    const double squares = team.reduce(x.rows, 0.0, fn::plus{}, [&](index i) {
      return static_cast<double>(x(i, j)) * static_cast<double>(x(i, j));
    });
    const double norm = std::sqrt(squares);
    team.for_each(x.rows, [&](index i) { y(i, j) = static_cast<T>(static_cast<double>(x(i, j)) / norm); });
    team.for_each(1, [&](index) { norms(0, j) = norm; });
  }
};

/// The running maximum that a later part of the column sees from an earlier part: what one team member
/// writes, the others read.
template <class B>
struct shift_then_sum {
  view<B> x;
  view<B> sums;  // (2, cols)

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    using T = typename B::scalar;
    team.for_each(x.rows, [&](index i) { x(i, j) = static_cast<T>(i + j); });
    // Reads the mirror element, which another member wrote.
    const T sum = team.reduce(x.rows, T{1000}, fn::plus{}, [&](index i) { return x(x.rows - 1 - i, j); });
    const T most = team.reduce(x.rows, T{-1}, fn::maximum{}, [&](index i) { return x(i, j); });
    team.for_each(1, [&](index) {
      sums(0, j) = sum;
      sums(1, j) = most;
    });
  }
};

struct place_of_value {
  double value = -1e300;
  index at = -1;
};
struct larger {
  SSL_FN place_of_value operator()(place_of_value a, place_of_value b) const {
    return b.value > a.value || (b.value == a.value && b.at < a.at) ? b : a;
  }
  template <class V>
  SSL_FN static constexpr V identity() {
    return V{};
  }
};

template <class B>
struct place_of_largest {
  cview<B> x;
  view<B> where;  // (1, cols)

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const place_of_value best = team.reduce(x.rows, place_of_value{}, larger{}, [&](index i) {
      return place_of_value{static_cast<double>(x(i, j)), i};
    });
    team.for_each(1, [&](index) { where(0, j) = static_cast<typename B::scalar>(best.at); });
  }
};

}  // namespace

TEST_CASE_TEMPLATE("backend/for_each_column: a team reduces a column and writes it", B, SSL_BACKENDS) {
  B be;
  for (const extent s : {extent{1, 1}, extent{5, 1}, extent{1, 9}, extent{131, 300}, extent{2000, 3}}) {
    CAPTURE(s.rows);
    const auto a = rounded<B>(normals(s.rows * s.cols, 1, 1, 0.2));
    const block<B> x(be, s.rows, s.cols, a), y(be, s.rows, s.cols, a);
    const doubles<B> norms(be, 1, s.cols, std::vector<double>(static_cast<std::size_t>(s.cols)));
    for_each_column(be, s.cols, scale_to_one<B>{x.read(), y(), norms()});

    std::vector<double> expected(a.size()), expected_norms;
    for (index j = 0; j < s.cols; ++j) {
      double squares = 0;
      for (index i = 0; i < s.rows; ++i) squares += a[at(i, j, s.rows)] * a[at(i, j, s.rows)];
      expected_norms.push_back(std::sqrt(squares));
      for (index i = 0; i < s.rows; ++i)
        expected[at(i, j, s.rows)] = a[at(i, j, s.rows)] / expected_norms.back();
    }
    CHECK(relative_error(norms.get(), expected_norms) <= 1e-12);
    CHECK(relative_error(y.get(), expected) <= tolerance<B>);
    CHECK(y.intact());
  }
}

TEST_CASE_TEMPLATE("backend/for_each_column: what one member writes, the team reads", B, SSL_BACKENDS) {
  B be;
  const index rows = 333, cols = 70;
  const matrix<B> x(be, rows, cols), sums(be, 2, cols);
  for_each_column(be, cols, shift_then_sum<B>{x(), sums()});
  const auto found = sums.get();
  for (index j = 0; j < cols; ++j) {
    CHECK(found[at(0, j, 2)] == static_cast<double>(1000 + rows * (rows - 1) / 2 + rows * j));
    CHECK(found[at(1, j, 2)] == static_cast<double>(rows - 1 + j));
  }
}

TEST_CASE_TEMPLATE("backend/for_each_column: folds values of any type", B, SSL_BACKENDS) {
  B be;
  const index rows = 257, cols = 40;
  auto a = rounded<B>(normals(rows * cols, 2));
  for (index j = 0; j < cols; ++j) {
    a[at((7 * j) % rows, j, rows)] = 9;
    a[at((7 * j + 100) % rows, j, rows)] = 9;  // a tie: the earlier place wins
  }
  const matrix<B> x(be, rows, cols, a), where(be, 1, cols);
  for_each_column(be, cols, place_of_largest<B>{x.read(), where()});
  const auto found = where.get();
  for (index j = 0; j < cols; ++j)
    CHECK(found[static_cast<std::size_t>(j)] ==
          static_cast<double>(std::min((7 * j) % rows, (7 * j + 100) % rows)));
}

TEST_CASE_TEMPLATE("backend/for_each_column: no columns, no calls", B, SSL_BACKENDS) {
  B be;
  const matrix<B> x(be, 2, 1, {4, 5}), sums(be, 2, 1, {6, 7});
  for_each_column(be, 0, shift_then_sum<B>{x(), sums()});
  CHECK(x.get() == std::vector<double>{4, 5});
  CHECK(sums.get() == std::vector<double>{6, 7});
}

}  // namespace ssl::test
