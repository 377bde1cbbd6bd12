// The verbs `gemm` and `syrk` against plain loops.

#include <limits>

#include "block.hpp"

namespace ssl::test {
namespace {

double element(const std::vector<double>& a, trans t, index i, index j, index rows) {
  return t == trans::no ? a[at(i, j, rows)] : a[at(j, i, rows)];
}

/// alpha op(a) op(b) + beta c by loops; a is (m, k) or (k, m) as op says.
std::vector<double> naive_gemm(trans ta, trans tb, index m, index n, index k, double alpha,
                               const std::vector<double>& a, const std::vector<double>& b, double beta,
                               const std::vector<double>& c) {
  std::vector<double> out(static_cast<std::size_t>(m * n));
  for (index j = 0; j < n; ++j)
    for (index i = 0; i < m; ++i) {
      double sum = 0;
      for (index l = 0; l < k; ++l)
        sum += element(a, ta, i, l, ta == trans::no ? m : k) * element(b, tb, l, j, tb == trans::no ? k : n);
      out[at(i, j, m)] = alpha * sum + (beta == 0 ? 0 : beta * c[at(i, j, m)]);
    }
  return out;
}

std::vector<double> symmetric(index n, unsigned seed) {
  auto c = normals(n * n, seed);
  for (index j = 0; j < n; ++j)
    for (index i = 0; i < j; ++i) c[at(i, j, n)] = c[at(j, i, n)];
  return c;
}

bool exactly_symmetric(const std::vector<double>& c, index n) {
  for (index j = 0; j < n; ++j)
    for (index i = 0; i < j; ++i)
      if (!(c[at(i, j, n)] == c[at(j, i, n)])) return false;
  return true;
}

struct product_extent {
  index m, n, k;
};

const double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE_TEMPLATE("backend/gemm: multiplies in all four orientations and all shapes", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  for (const product_extent& extent : {product_extent{1, 1, 1},
                                       {5, 7, 3},
                                       {1, 9, 4},
                                       {9, 1, 4},
                                       {4, 3, 1},
                                       {33, 17, 65},
                                       {70, 130, 90},
                                       {3, 2, 700},
                                       {45, 70, 1100},
                                       {410, 19, 270},
                                       {18, 900, 80},
                                       {130, 130, 130}}) {
    const index m = extent.m, n = extent.n, k = extent.k;
    const auto a = rounded<B>(normals(m * k, 1)), b = rounded<B>(normals(k * n, 2)),
               c = rounded<B>(normals(m * n, 3));
    for (const trans ta : {trans::no, trans::yes})
      for (const trans tb : {trans::no, trans::yes}) {
        const block<B> x(be, ta == trans::no ? m : k, ta == trans::no ? k : m, a);
        const block<B> y(be, tb == trans::no ? k : n, tb == trans::no ? n : k, b);
        for (const auto& factors : {std::pair{1.0, 0.0}, {0.5, 1.0}, {-2.0, 0.25}, {0.0, 2.0}}) {
          const double alpha = factors.first, beta = factors.second;
          CAPTURE(m);
          CAPTURE(n);
          CAPTURE(k);
          CAPTURE(alpha);
          CAPTURE(beta);
          const block<B> z(be, m, n, c);
          gemm(be, ta, tb, static_cast<T>(alpha), x(), y(), static_cast<T>(beta), z());
          CHECK(relative_error(z.get(), naive_gemm(ta, tb, m, n, k, alpha, a, b, beta, c)) <= tolerance<B>);
          CHECK(z.intact());
        }
      }
  }
}

TEST_CASE_TEMPLATE("backend/gemm: does not read c where beta is zero", B, SSL_BACKENDS) {
  B be;
  const auto a = rounded<B>(normals(30, 4)), b = rounded<B>(normals(42, 5));
  const matrix<B> x(be, 5, 6, a), y(be, 6, 7, b);
  const block<B> z(be, 5, 7, std::vector<double>(35, nan));
  gemm(be, trans::no, trans::no, 1, x(), y(), 0, z());
  CHECK(relative_error(z.get(), naive_gemm(trans::no, trans::no, 5, 7, 6, 1, a, b, 0, {})) <= tolerance<B>);
}

TEST_CASE_TEMPLATE("backend/gemm: a product over nothing scales c, and an empty c is nothing to do", B,
                   SSL_BACKENDS) {
  B be;
  const matrix<B> x(be, 3, 0), y(be, 0, 2), z(be, 3, 2, {1, 2, 3, 4, 5, 6}), none(be, 0, 2);
  gemm(be, trans::no, trans::no, 1, x(), y(), 2, z());
  CHECK(z.get() == std::vector<double>{2, 4, 6, 8, 10, 12});
  gemm(be, trans::no, trans::no, 1, x(), y(), 0, z());
  CHECK(z.get() == std::vector<double>(6, 0.0));
  gemm(be, trans::yes, trans::no, 1, x(), z(), 0, none());
  CHECK(none.get().empty());
}

TEST_CASE_TEMPLATE("backend/gemm: multiplies matrices of doubles on any backend", B, SSL_BACKENDS) {
  B be;
  const auto a = normals(12, 6), b = normals(20, 7);
  const doubles<B> x(be, 4, 3, a), y(be, 4, 5, b), z(be, 3, 5, std::vector<double>(15, nan));
  gemm(be, trans::yes, trans::no, 1.5, x.read(), y.read(), 0.0, z());
  CHECK(relative_error(z.get(), naive_gemm(trans::yes, trans::no, 3, 5, 4, 1.5, a, b, 0, {})) <= 1e-14);
}

TEST_CASE_TEMPLATE("backend/syrk: is the product with itself, exactly symmetric, over several tiles", B,
                   SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  for (const auto& extent :
       {std::pair<index, index>{1, 1}, {7, 3}, {3, 50}, {65, 20}, {129, 31}, {301, 70}, {50, 1100}})
    for (const trans op : {trans::no, trans::yes})
      for (const auto& factors : {std::pair{1.0, 0.0}, {0.5, -1.5}}) {
        const index n = extent.first, k = extent.second;
        const double alpha = factors.first, beta = factors.second;
        CAPTURE(n);
        CAPTURE(k);
        CAPTURE(beta);
        const auto a = rounded<B>(normals(n * k, 8));
        const auto c = rounded<B>(beta == 0 ? std::vector<double>(static_cast<std::size_t>(n * n), nan)
                                            : symmetric(n, 9));
        const block<B> x(be, op == trans::no ? n : k, op == trans::no ? k : n, a), z(be, n, n, c);
        syrk(be, op, static_cast<T>(alpha), x(), static_cast<T>(beta), z());
        const trans other = op == trans::no ? trans::yes : trans::no;
        const auto found = z.get();
        CHECK(relative_error(found, naive_gemm(op, other, n, n, k, alpha, a, a, beta, c)) <= tolerance<B>);
        CHECK(exactly_symmetric(found, n));
        CHECK(z.intact());
      }
}

TEST_CASE_TEMPLATE("backend/syrk: a sum over nothing scales c, and doubles work on any backend", B,
                   SSL_BACKENDS) {
  B be;
  const matrix<B> x(be, 2, 0), z(be, 2, 2, {1, 2, 2, 3});
  syrk(be, trans::no, 1, x(), 3, z());
  CHECK(z.get() == std::vector<double>{3, 6, 6, 9});
  const auto a = normals(12, 10);
  const doubles<B> y(be, 4, 3, a), w(be, 3, 3, std::vector<double>(9, nan));
  syrk(be, trans::yes, 2.0, y.read(), 0.0, w());
  CHECK(relative_error(w.get(), naive_gemm(trans::yes, trans::no, 3, 3, 4, 2, a, a, 0, {})) <= 1e-14);
}

TEST_CASE_TEMPLATE("backend/verbs: gemm and syrk name the extents that must agree", B, SSL_BACKENDS) {
  B be;
  const matrix<B> a(be, 2, 3), b(be, 4, 5), c(be, 2, 5);
  CHECK_THROWS_WITH_AS(
      gemm(be, trans::no, trans::no, 1, a(), b(), 0, c()),
      "ssl::gemm: op(a) is 2x3, op(b) is 4x5, c is 2x5; the inner extents must agree and c must "
      "be 2x5",
      shape_error);
  CHECK_THROWS_WITH_AS(
      gemm(be, trans::yes, trans::yes, 1, a(), a(), 0, c()),
      "ssl::gemm: op(a) is 3x2, op(b) is 3x2, c is 2x5; the inner extents must agree and c must "
      "be 3x2",
      shape_error);
  CHECK_THROWS_WITH_AS(syrk(be, trans::no, 1, a(), 0, c()), "ssl::syrk: a is 2x3, c is 2x5; c must be 2x2",
                       shape_error);
  CHECK_THROWS_WITH_AS(syrk(be, trans::yes, 1, a(), 0, c()), "ssl::syrk: a is 2x3, c is 2x5; c must be 3x3",
                       shape_error);
}

}  // namespace ssl::test
