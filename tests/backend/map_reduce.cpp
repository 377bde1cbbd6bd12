// The verb `map_reduce` against plain loops.

#include <algorithm>

#include "block.hpp"

namespace ssl::test {
namespace {

struct weighted_by_place {  // x (1 + (i + 2 j) mod 5), in double
  template <class T>
  SSL_FN double operator()(index i, index j, T x) const {
    return static_cast<double>(x) * static_cast<double>(1 + (i + 2 * j) % 5);
  }
};

const extent shapes[] = {{1, 1},     {1, 7},     {7, 1},      {17, 5},        {63, 65},
                         {64, 64},   {129, 300}, {3001, 301}, {20011, 3},     {3, 20011},
                         {90000, 1}, {1, 90000}, {2500, 70},  {131072 + 5, 2}};

/// `value(i, j)` folded by `fold` onto `start`, along the sides that (rows, cols) of the result collapse.
template <class Fold, class Value>
std::vector<double> folded(extent in, extent out, double start, const Fold& fold, const Value& value) {
  std::vector<double> result(static_cast<std::size_t>(out.rows * out.cols), start);
  for (index j = 0; j < in.cols; ++j)
    for (index i = 0; i < in.rows; ++i) {
      double& r = result[at(out.rows == 1 ? 0 : i, out.cols == 1 ? 0 : j, out.rows)];
      r = fold(r, value(i, j));
    }
  return result;
}

std::vector<extent> results(extent in) { return {{1, 1}, {in.rows, 1}, {1, in.cols}}; }

}  // namespace

TEST_CASE_TEMPLATE("backend/map_reduce: adds squares over all, over rows and over columns", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  for (const extent in : shapes) {
    CAPTURE(in.rows);
    CAPTURE(in.cols);
    const auto a = rounded<B>(normals(in.rows * in.cols, 1));
    const matrix<B> x(be, in.rows, in.cols, a);
    const block<B> xb(be, in.rows, in.cols, a);
    for (const extent out : results(in)) {
      const auto expected = folded(in, out, 0.5, fn::plus{}, [&](index i, index j) {
        return a[at(i, j, in.rows)] * a[at(i, j, in.rows)];
      });
      const std::vector<double> start(expected.size(), 0.5);
      const doubles<B> sums(be, out.rows, out.cols, start), sums_of_block(be, out.rows, out.cols, start);
      map_reduce(be, sums(), fn::plus{}, fn::square<T>{}, x());
      map_reduce(be, sums_of_block(), fn::plus{}, fn::square<T>{}, xb());
      CHECK(relative_error(sums.get(), expected) <= 1e-11);
      CHECK(relative_error(sums_of_block.get(), expected) <= 1e-11);
    }
  }
}

TEST_CASE_TEMPLATE("backend/map_reduce: adds in the scalar, onto what is there, beside what is not its own",
                   B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  for (const extent in : shapes) {
    CAPTURE(in.rows);
    CAPTURE(in.cols);
    const auto a = rounded<B>(normals(in.rows * in.cols, 2, 1, 3));
    const block<B> x(be, in.rows, in.cols, a);
    for (const extent out : results(in)) {
      const auto expected =
          folded(in, out, 2, fn::plus{}, [&](index i, index j) { return a[at(i, j, in.rows)]; });
      const block<B> sums(be, out.rows, out.cols, std::vector<double>(expected.size(), 2));
      map_reduce(be, sums(), fn::plus{}, fn::identity<T>{}, x());
      CHECK(relative_error(sums.get(), expected) <= 4 * tolerance<B>);
      CHECK(sums.intact());
    }
  }
}

TEST_CASE_TEMPLATE("backend/map_reduce: finds maxima exactly", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  for (const extent in : shapes) {
    CAPTURE(in.rows);
    CAPTURE(in.cols);
    const auto a = rounded<B>(normals(in.rows * in.cols, 3, 1, -20));  // all negative
    const block<B> x(be, in.rows, in.cols, a);
    for (const extent out : results(in))
      for (const double start : {-1e6, -20.0}) {  // below every value, and in their midst
        const auto expected =
            folded(in, out, start, fn::maximum{}, [&](index i, index j) { return a[at(i, j, in.rows)]; });
        const block<B> most(be, out.rows, out.cols, std::vector<double>(expected.size(), start));
        map_reduce(be, most(), fn::maximum{}, fn::identity<T>{}, x());
        CHECK(most.get() == expected);
        CHECK(most.intact());
      }
  }
}

TEST_CASE_TEMPLATE("backend/map_reduce: folds two inputs, and functors that know their place", B,
                   SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  for (const extent in : {extent{5, 3}, extent{130, 67}, extent{9000, 40}}) {
    CAPTURE(in.rows);
    const auto a = rounded<B>(normals(in.rows * in.cols, 4)),
               b = rounded<B>(normals(in.rows * in.cols, 5, 1, 1));
    const matrix<B> x(be, in.rows, in.cols, a);
    const block<B> y(be, in.rows, in.cols, b);
    for (const extent out : results(in)) {
      const std::vector<double> zero(static_cast<std::size_t>(out.rows * out.cols));
      const doubles<B> products(be, out.rows, out.cols, zero), places(be, out.rows, out.cols, zero);
      map_reduce(be, products(), fn::plus{}, fn::product<T>{}, x(), y());
      map_reduce(be, places(), fn::plus{}, weighted_by_place{}, y());
      CHECK(relative_error(products.get(), folded(in, out, 0, fn::plus{}, [&](index i, index j) {
                             return a[at(i, j, in.rows)] * b[at(i, j, in.rows)];
                           })) <= 1e-11);
      CHECK(relative_error(places.get(), folded(in, out, 0, fn::plus{}, [&](index i, index j) {
                             return b[at(i, j, in.rows)] * static_cast<double>(1 + (i + 2 * j) % 5);
                           })) <= 1e-11);
    }
  }
}

TEST_CASE_TEMPLATE("backend/map_reduce: a double accumulator means double sums, whatever the functor returns",
                   B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  const index count = 300000;
  const double one = rounded<B>({0.1})[0];
  const matrix<B> x(be, count, 1, std::vector<double>(static_cast<std::size_t>(count), one));
  const doubles<B> sum(be, 1, 1, {0});
  map_reduce(be, sum(), fn::plus{}, fn::identity<T>{}, x());
  CHECK(sum.get()[0] == doctest::Approx(static_cast<double>(count) * one).epsilon(1e-12));
  const view<B> flat{x().data, 1000, 300, 1000};
  const doubles<B> rows(be, 1000, 1, std::vector<double>(1000));
  map_reduce(be, rows(), fn::plus{}, fn::identity<T>{}, flat);
  for (double r : rows.get()) REQUIRE(r == doctest::Approx(300 * one).epsilon(1e-13));
}

TEST_CASE_TEMPLATE("backend/map_reduce: an empty input leaves the result as it was", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  const matrix<B> no_rows(be, 0, 3), no_cols(be, 3, 0);
  const matrix<B> one(be, 1, 1, {5}), row(be, 1, 3, {1, 2, 3}), column(be, 3, 1, {1, 2, 3});
  map_reduce(be, one(), fn::plus{}, fn::identity<T>{}, no_rows());
  map_reduce(be, row(), fn::plus{}, fn::identity<T>{}, no_rows());
  map_reduce(be, column(), fn::maximum{}, fn::identity<T>{}, no_cols());
  CHECK(one.get() == std::vector<double>{5});
  CHECK(row.get() == std::vector<double>{1, 2, 3});
  CHECK(column.get() == std::vector<double>{1, 2, 3});
}

TEST_CASE_TEMPLATE("backend/map_reduce: gives the same bits every time", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  for (const extent in : {extent{3001, 301}, extent{90000, 1}, extent{3, 20011}}) {
    const matrix<B> x(be, in.rows, in.cols, normals(in.rows * in.cols, 6));
    for (const extent out : results(in)) {
      const std::vector<double> zero(static_cast<std::size_t>(out.rows * out.cols));
      const matrix<B> first(be, out.rows, out.cols, zero), again(be, out.rows, out.cols, zero);
      map_reduce(be, first(), fn::plus{}, fn::identity<T>{}, x());
      map_reduce(be, again(), fn::plus{}, fn::identity<T>{}, x());
      CHECK(first.get() == again.get());
    }
  }
}

}  // namespace ssl::test
