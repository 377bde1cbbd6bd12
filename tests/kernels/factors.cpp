// Factorisations and triangular systems by halves, on integers: the factor has powers of two on its diagonal,
// so that every pivot, quotient and sum on the way is exact.

#include <cmath>

#include "kernels/plain_products.hpp"
#include "kernels/sweep.hpp"
#include "ssl/backend/eigen/factor.hpp"
#include "ssl/loss/coding_rate.hpp"

namespace ssl::test {
namespace {

/// A lower triangle (n, n): 1, 2, 4 on the diagonal, a few -1 and 1 below it, which keep to `reach` columns.
template <class T>
std::vector<T> triangle(index n, index reach) {
  std::vector<T> l(static_cast<std::size_t>(n * n), T{0});
  const auto draws = integers<T>(n * n, 1);
  for (index j = 0; j < n; ++j)
    for (index i = j; i < n; ++i) {
      const auto k = static_cast<std::size_t>(i + j * n);
      if (i == j)
        l[k] = static_cast<T>(1 << (j % 3));
      else if (i - j <= reach || (i + 7 * j) % 31 == 0)
        l[k] = draws[k] == T{3} ? T{1} : draws[k] == T{-3} ? T{-1} : T{0};
    }
  return l;
}

/// op(l) x, or with the result on the left of l^T: x l^T.
template <class T>
std::vector<T> times(trans op, const std::vector<T>& l, index n, const std::vector<T>& x, index cols) {
  std::vector<T> out(x.size(), T{0});
  for (index c = 0; c < cols; ++c)
    for (index j = 0; j < n; ++j)
      for (index i = j; i < n; ++i) {
        const T value = l[static_cast<std::size_t>(i + j * n)];
        if (value == T{0}) continue;
        const index to = op == trans::no ? i : j, from = op == trans::no ? j : i;
        out[static_cast<std::size_t>(to + c * n)] += value * x[static_cast<std::size_t>(from + c * n)];
      }
  return out;
}

template <class T>
void check_factor(int threads, index n) {
  CAPTURE(threads);
  CAPTURE(n);
  const auto l = triangle<T>(n, 40);
  std::vector<T> square(l.size(), T{0});
  for (index k = 0; k < n; ++k)
    for (index j = k; j < n; ++j) {
      const T b = l[static_cast<std::size_t>(j + k * n)];
      if (b == T{0}) continue;
      for (index i = j; i < n; ++i)
        square[static_cast<std::size_t>(i + j * n)] += l[static_cast<std::size_t>(i + k * n)] * b;
    }
  for (index j = 0; j < n; ++j)
    for (index i = 0; i < j; ++i)
      square[static_cast<std::size_t>(i + j * n)] = square[static_cast<std::size_t>(j + i * n)];
  fenced<T> a(n, n, square);
  CHECK(cpu::cholesky<T>(threads, a()));
  auto found = a.get();
  for (index j = 0; j < n; ++j)
    for (index i = 0; i < j; ++i) found[static_cast<std::size_t>(i + j * n)] = T{0};
  CHECK(first_difference(found, l) == -1);
  CHECK(a.intact());
}

template <class T>
void check_solves(int threads, index n, index cols) {
  CAPTURE(threads);
  CAPTURE(n);
  CAPTURE(cols);
  const auto l = triangle<T>(n, 12), x = integers<T>(n * cols, 2);
  const fenced<T> factor(n, n, l);
  const auto below = times(trans::no, l, n, x, cols), above = times(trans::yes, l, n, x, cols),
             both = times(trans::no, l, n, above, cols);
  fenced<T> b(n, cols, below), c(n, cols, above), d(n, cols, both);
  cpu::triangular_solve<T>(threads, trans::no, factor.read(), b());
  cpu::triangular_solve<T>(threads, trans::yes, factor.read(), c());
  cpu::cholesky_solve<T>(threads, factor.read(), d());
  CHECK(first_difference(b.get(), x) == -1);
  CHECK(first_difference(c.get(), x) == -1);
  CHECK(first_difference(d.get(), x) == -1);
  CHECK((b.intact() && c.intact() && d.intact()));
}

}  // namespace

TEST_CASE_TEMPLATE("kernels/cholesky: the factor of every size around the leaves, and where halves are cut",
                   T, float, double) {
  int shapes = 0;
  for (const index n : sizes(34, {64, 96, 256, 288, 320})) {
    check_factor<T>(1, n);
    ++shapes;
  }
  for (const int threads : thread_counts)
    for (const index n : {257, 321}) {
      check_factor<T>(threads, n);
      ++shapes;
    }
  for (const index n :
       {511, 513, 577}) {  // an update of four tiles, of five with one row and with half a tile left
    check_factor<T>(3, n);
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE(
    "kernels/triangular_solve: every size around the leaves, any number of columns and threads", T, float,
    double) {
  int shapes = 0;
  for (const index n : sizes(34, {64, 96, 128, 192, 256}))
    for (const index cols : {1, 2, 3, 7, 17}) {
      check_solves<T>(1, n, cols);
      ++shapes;
    }
  for (const int threads : thread_counts)
    for (const index cols : sizes(0, {16, 32, 48, 64})) {
      check_solves<T>(threads, 129, cols);
      ++shapes;
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE("kernels/coding_rate: the inverse by blocks of columns solves its system, around blocks of 64") {
  int shapes = 0;
  for (const index m : sizes(6, {64, 128})) {
    CAPTURE(m);
    using backend = plain_products<double>;
    workspace<backend> work{backend(2)};
    auto ctx = work.ctx();
    const index n = m + 3;  // more samples than features
    auto x = integers<double>(m * n, 1);
    for (double& v : x) v /= std::sqrt(static_cast<double>(m));
    std::vector<double> value(1, 0.0), dx(x.size(), 0.0);
    const auto in = make_view<host_space, const double>(x.data(), m, n);
    coding_rate{}.add(ctx, 1.0, one_view<backend>{.x = in}, make_view(value.data(), 1, 1),
                      make_view(dx.data(), m, n));
    // (I + alpha x x^T) dx = - alpha x
    const double alpha = static_cast<double>(m) / (static_cast<double>(n) * 0.2);
    double worst = 0;
    for (index j = 0; j < n; ++j) {
      std::vector<double> inner;  // x^T dx
      for (index k = 0; k < n; ++k) {
        double sum = 0;
        for (index i = 0; i < m; ++i) sum += in(i, k) * dx[static_cast<std::size_t>(i + j * m)];
        inner.push_back(sum);
      }
      for (index i = 0; i < m; ++i) {
        double sum = dx[static_cast<std::size_t>(i + j * m)] + alpha * in(i, j);
        for (index k = 0; k < n; ++k) sum += alpha * in(i, k) * inner[static_cast<std::size_t>(k)];
        worst = std::max(worst, std::abs(sum));
      }
    }
    CHECK(worst <= 1e-10);
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

}  // namespace ssl::test
