// The verbs `cholesky`, `cholesky_solve`, `triangular_solve` and `eigh`, in the backend's scalar and in
// double.

#include <limits>

#include "block.hpp"

namespace ssl::test {
namespace {

/// x x^T / n + shift I for normal x: symmetric, positive definite where shift > 0.
std::vector<double> symmetric(index n, unsigned seed, double shift) {
  const auto x = normals(n * n, seed);
  std::vector<double> a(x.size());
  for (index j = 0; j < n; ++j)
    for (index i = 0; i <= j; ++i) {
      double sum = i == j ? shift : 0;
      for (index k = 0; k < n; ++k) sum += x[at(i, k, n)] * x[at(j, k, n)] / static_cast<double>(n);
      a[at(i, j, n)] = a[at(j, i, n)] = sum;
    }
  return a;
}

/// a b for a (n, n) and b (n, cols).
std::vector<double> times(const std::vector<double>& a, const std::vector<double>& b, index n, index cols) {
  std::vector<double> c(static_cast<std::size_t>(n * cols));
  for (index j = 0; j < cols; ++j)
    for (index k = 0; k < n; ++k)
      for (index i = 0; i < n; ++i) c[at(i, j, n)] += a[at(i, k, n)] * b[at(k, j, n)];
  return c;
}

std::vector<double> transposed(const std::vector<double>& a, index n) {
  std::vector<double> t(a.size());
  for (index j = 0; j < n; ++j)
    for (index i = 0; i < n; ++i) t[at(j, i, n)] = a[at(i, j, n)];
  return t;
}

std::vector<double> lower_part(std::vector<double> a, index n) {
  for (index j = 0; j < n; ++j)
    for (index i = 0; i < j; ++i) a[at(i, j, n)] = 0;
  return a;
}

const double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE_TEMPLATE(
    "backend/cholesky: the factor times its transpose is the matrix, whose upper triangle is not read", B,
    SSL_BACKENDS) {
  B be;
  for (const index n : {1, 2, 7, 70, 150, 300, 530}) {
    CAPTURE(n);
    const auto a = rounded<B>(symmetric(n, 1, 1));
    auto lower_only = a;
    for (index j = 0; j < n; ++j)
      for (index i = 0; i < j; ++i) lower_only[at(i, j, n)] = nan;
    const block<B> factor(be, n, n, lower_only);
    const matrix<B> info(be, 1, 1, {7});
    cholesky(be, factor(), info());
    CHECK(info.get()[0] == 0);
    const auto l = lower_part(factor.get(), n);
    CHECK(relative_error(times(l, transposed(l, n), n, n), a) <= tolerance<B>);
    CHECK(factor.intact());
  }
}

TEST_CASE_TEMPLATE("backend/cholesky: reports a matrix that is not positive definite, or not a number", B,
                   SSL_BACKENDS) {
  B be;
  matrix<B> info(be, 1, 1, {0});
  const matrix<B> indefinite(be, 2, 2, {1, 2, 2, 1});
  cholesky(be, indefinite(), info());
  CHECK(info.get()[0] != 0);
  const matrix<B> negative(be, 1, 1, {-1});
  cholesky(be, negative(), info());
  CHECK(info.get()[0] != 0);
  for (const index n : {2, 40, 400})
    for (const index where : {index{0}, n - 1}) {  // in the last row, first column and diagonal
      auto a = symmetric(n, 2, 1);
      a[at(n - 1, where, n)] = nan;
      const matrix<B> broken(be, n, n, a);
      info.set({0});
      cholesky(be, broken(), info());
      CHECK(info.get()[0] != 0);
    }
  const matrix<B> good(be, 2, 2, {2, 1, 1, 2});
  cholesky(be, good(), info());
  CHECK(info.get()[0] == 0);
}

TEST_CASE_TEMPLATE("backend/cholesky_solve: solves for several columns in place", B, SSL_BACKENDS) {
  B be;
  for (const index n : {1, 7, 70, 200})
    for (const index cols : {1, 5, 50}) {
      CAPTURE(n);
      CAPTURE(cols);
      const auto a = rounded<B>(symmetric(n, 3, 1)), x = normals(n * cols, 4);
      const block<B> factor(be, n, n, a), b(be, n, cols, times(a, x, n, cols));
      const matrix<B> info(be, 1, 1);
      cholesky(be, factor(), info());
      cholesky_solve(be, factor.read(), b());
      CHECK(relative_error(b.get(), x) <= 10 * tolerance<B>);  // the matrix has a condition number below 10
      CHECK(b.intact());
    }
}

TEST_CASE_TEMPLATE(
    "backend/triangular_solve: solves with a lower triangle or its transpose in place, and reads no more", B,
    SSL_BACKENDS) {
  B be;
  for (const index n : {1, 7, 70, 200})
    for (const index cols : {1, 5, 50}) {
      CAPTURE(n);
      CAPTURE(cols);
      auto l = rounded<B>(normals(n * n, 3, 0.5 / std::sqrt(static_cast<double>(n)))), only_lower = l;
      for (index j = 0; j < n; ++j)
        for (index i = 0; i <= j; ++i) {
          l[at(i, j, n)] = i == j ? 1.5 : 0;
          only_lower[at(i, j, n)] = i == j ? 1.5 : nan;
        }
      const auto x = normals(n * cols, 4);
      const block<B> factor(be, n, n, only_lower), b(be, n, cols, times(l, x, n, cols)),
          c(be, n, cols, times(transposed(l, n), x, n, cols));
      triangular_solve(be, trans::no, factor.read(), b());
      CHECK(relative_error(b.get(), x) <= 10 * tolerance<B>);
      CHECK(b.intact());
      triangular_solve(be, trans::yes, factor.read(), c());
      CHECK(relative_error(c.get(), x) <= 10 * tolerance<B>);
      CHECK(c.intact());
      CHECK(factor.intact());
    }
}

TEST_CASE_TEMPLATE("backend/eigh: gives ascending eigenvalues and orthonormal eigenvectors", B,
                   SSL_BACKENDS) {
  B be;
  for (const index n : {1, 2, 7, 60}) {
    CAPTURE(n);
    const auto a = rounded<B>(symmetric(n, 5, -0.5));
    const block<B> vectors(be, n, n, a);
    const matrix<B> values(be, n, 1), info(be, 1, 1, {7});
    eigh(be, vectors(), values(), info());
    CHECK(info.get()[0] == 0);
    CHECK(vectors.intact());
    const auto v = vectors.get(), w = values.get();
    for (std::size_t i = 1; i < w.size(); ++i) CHECK(w[i - 1] <= w[i]);
    auto scaled = v;
    std::vector<double> unit(v.size());
    for (index j = 0; j < n; ++j) {
      unit[at(j, j, n)] = 1;
      for (index i = 0; i < n; ++i) scaled[at(i, j, n)] *= w[static_cast<std::size_t>(j)];
    }
    CHECK(relative_error(times(a, v, n, n), scaled) <= 10 * tolerance<B>);
    CHECK(relative_error(times(transposed(v, n), v, n, n), unit) <= tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("backend/eigh: knows the eigenvalues of a small matrix", B, SSL_BACKENDS) {
  B be;
  const matrix<B> a(be, 2, 2, {2, 1, 1, 2}), values(be, 2, 1), info(be, 1, 1);
  eigh(be, a(), values(), info());
  CHECK(values.get()[0] == doctest::Approx(1).epsilon(1e-6));
  CHECK(values.get()[1] == doctest::Approx(3).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("backend/cholesky: factorisations take doubles on any backend", B, SSL_BACKENDS) {
  B be;
  const index n = 9;
  const auto a = symmetric(n, 6, 1), x = normals(n, 7);
  const doubles<B> factor(be, n, n, a), b(be, n, 1, times(a, x, n, 1)), info(be, 1, 1, {7});
  cholesky(be, factor(), info());
  CHECK(info.get()[0] == 0);
  cholesky_solve(be, factor.read(), b());
  CHECK(relative_error(b.get(), x) <= 1e-13);
  const doubles<B> c(be, n, 1, times(a, x, n, 1));
  triangular_solve(be, trans::no, factor.read(), c());
  triangular_solve(be, trans::yes, factor.read(), c());
  CHECK(relative_error(c.get(), x) <= 1e-13);
  const doubles<B> vectors(be, n, n, a), values(be, n, 1, x);
  eigh(be, vectors(), values(), info());
  CHECK(info.get()[0] == 0);
  double trace = 0, sum = 0;
  for (index i = 0; i < n; ++i) {
    trace += a[at(i, i, n)];
    sum += values.get()[static_cast<std::size_t>(i)];
  }
  CHECK(sum == doctest::Approx(trace).epsilon(1e-13));
}

TEST_CASE_TEMPLATE("backend/cholesky: an empty matrix is a success", B, SSL_BACKENDS) {
  B be;
  matrix<B> info(be, 1, 1, {7});
  const matrix<B> none(be, 0, 0), no_values(be, 0, 1), empty(be, 3, 0),
      factor(be, 3, 3, {1, 0, 0, 0, 1, 0, 0, 0, 1});
  cholesky(be, none(), info());
  CHECK(info.get()[0] == 0);
  info.set({7});
  eigh(be, none(), no_values(), info());
  CHECK(info.get()[0] == 0);
  cholesky_solve(be, factor.read(), empty());
  triangular_solve(be, trans::no, factor.read(), empty());
  CHECK(empty.get().empty());
}

TEST_CASE_TEMPLATE("backend/verbs: factorisations ask for square matrices", B, SSL_BACKENDS) {
  B be;
  const matrix<B> a(be, 2, 3), square(be, 3, 3), info(be, 1, 1), long_info(be, 2, 1), b(be, 2, 1);
  CHECK_THROWS_WITH_AS(cholesky(be, a(), info()),
                       "ssl::cholesky: a is 2x3, info is 1x1; a must be square, info 1x1", shape_error);
  CHECK_THROWS_WITH_AS(cholesky(be, square(), long_info()),
                       "ssl::cholesky: a is 3x3, info is 2x1; a must be square, info 1x1", shape_error);
  CHECK_THROWS_WITH_AS(cholesky_solve(be, square(), b()),
                       "ssl::cholesky_solve: l is 3x3, b is 2x1; l must be square with b's rows",
                       shape_error);
  CHECK_THROWS_WITH_AS(triangular_solve(be, trans::yes, square(), b()),
                       "ssl::triangular_solve: l is 3x3, b is 2x1; l must be square with b's rows",
                       shape_error);
  CHECK_THROWS_WITH_AS(eigh(be, square(), b(), info()),
                       "ssl::eigh: a is 3x3, w is 2x1; a must be square, w 3x1, info 1x1", shape_error);
}

TEST_CASE_TEMPLATE("backend/cholesky: factorising again allocates nothing", B, SSL_BACKENDS) {
  B be;
  const matrix<B> a(be, 40, 40, symmetric(40, 8, 1)), b(be, 40, 3, normals(120, 9)), info(be, 1, 1);
  const auto verbs = [&] {
    cholesky(be, a(), info());
    cholesky_solve(be, a.read(), b());
    triangular_solve(be, trans::yes, a.read(), b());
  };
  verbs();
  const index settled = be.allocations();
  for (int step = 0; step < 3; ++step) verbs();
  CHECK(be.allocations() == settled);
}

}  // namespace ssl::test
