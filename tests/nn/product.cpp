#include "ssl/nn/product.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/bf16.hpp"
#include "support/layers.hpp"

using ssl::bf16;
using ssl::trans;
using ssl::test::bf16_matrix;

namespace {

/// op(a) op(b) by loops.
std::vector<double> naive(trans ta, trans tb, ssl::index m, ssl::index n, ssl::index k,
                          const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> c(static_cast<std::size_t>(m * n), 0.0);
  for (ssl::index j = 0; j < n; ++j)
    for (ssl::index l = 0; l < k; ++l)
      for (ssl::index i = 0; i < m; ++i)
        c[static_cast<std::size_t>(i + j * m)] +=
            a[static_cast<std::size_t>(ta == trans::no ? i + l * m : l + i * k)] *
            b[static_cast<std::size_t>(tb == trans::no ? l + j * k : j + l * n)];
  return c;
}

/// All products of one shape: bf16 with bf16, with the scalar on either side, into either. The entries of a
/// scalar operand are no bf16, so that leaving out their rounding would show.
template <class B>
void all_products(ssl::index m, ssl::index n, ssl::index k) {
  const double tolerance =
      ssl::MultipliesBf16<B> ? 2e-5 : ssl::test::tolerance<B>;  // such a product sums in float
  const auto a = ssl::test::normals(m * k, 1), b = ssl::test::normals(k * n, 2),
             c = ssl::test::normals(m * n, 3);
  for (const trans ta : {trans::no, trans::yes})
    for (const trans tb : {trans::no, trans::yes})
      for (const bool add : {false, true}) {
        CAPTURE(static_cast<int>(ta));
        CAPTURE(static_cast<int>(tb));
        CAPTURE(add);
        ssl::workspace<B> work;
        B& be = work.backend();
        const ssl::index ar = ta == trans::no ? m : k, ac = ta == trans::no ? k : m;
        const ssl::index br = tb == trans::no ? k : n, bc = tb == trans::no ? n : k;
        const bf16_matrix<B> a16(be, ar, ac, a), b16(be, br, bc, b);
        const ssl::test::matrix<B> at(be, ar, ac, a), bt(be, br, bc, b);
        auto expected = naive(ta, tb, m, n, k, ssl::test::rounded(a), ssl::test::rounded(b));
        for (std::size_t i = 0; i < expected.size(); ++i)
          expected[i] = 0.5 * expected[i] + (add ? ssl::test::rounded(c[i]) : 0);
        auto ctx = work.ctx();
        const auto check = [&](auto left, auto right) {
          const ssl::test::matrix<B> sum(be, m, n, ssl::test::rounded(c));
          ssl::product(ctx, ta, tb, 0.5, left, right, add ? 1 : 0, sum());
          CHECK(ssl::test::relative_error(sum.get(), expected) < tolerance);
          const bf16_matrix<B> half(be, m, n, c);
          ssl::product(ctx, ta, tb, 0.5, left, right, add ? 1 : 0, half());
          CHECK(ssl::test::is_rounding_of(half.get(), expected, tolerance));
        };
        check(a16(), b16());
        check(at(), ssl::as_const(b16()));
        check(ssl::as_const(a16()), bt.read());
      }
}

}  // namespace

TEST_CASE_TEMPLATE("nn/product: bf16 operands are rounded once each, the sum once at the end", B,
                   SSL_BACKENDS) {
  all_products<B>(5, 7, 3);
  all_products<B>(1, 1, 1);
  all_products<B>(40, 33, 70);
}

TEST_CASE_TEMPLATE("nn/product: many columns are the same in runs", B, SSL_BACKENDS) {
  const ssl::index long_enough = 2 * ssl::detail::widened_scalars / 5 + 7;
  all_products<B>(2, long_enough, 3);
  all_products<B>(2, 3, long_enough);
  all_products<B>(long_enough, 3, 2);
}

TEST_CASE_TEMPLATE("nn/product: a backend that multiplies bf16 is asked to", B, ssl::test::backend<float>) {
  using native = ssl::test::with_products<B>;
  static_assert(ssl::MultipliesBf16<native>);
  all_products<native>(5, 7, 3);
  all_products<native>(40, 33, 70);
  if constexpr (requires(native be) { be.products; }) {
    static_assert(!ssl::MultipliesBf16<B>);
    ssl::workspace<native> work;
    auto ctx = work.ctx();
    const bf16_matrix<native> a(work.backend(), 2, 3, std::vector<double>(6, 1.0));
    ssl::product(ctx, trans::no, trans::yes, 1, a(), a(), 0, ctx.take(2, 2));
    CHECK(work.backend().products == 1);
  }
}

TEST_CASE_TEMPLATE("nn/product: without bf16 it is gemm, to the bit", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  B& be = work.backend();
  auto ctx = work.ctx();
  const ssl::test::matrix<B> a(be, 20, 30, ssl::test::normals(600, 1)),
      b(be, 30, 25, ssl::test::normals(750, 2)), c(be, 20, 25, ssl::test::normals(500, 3)),
      d(be, 20, 25, c.get());
  ssl::product(ctx, trans::no, trans::no, 1, a.read(), b.read(), 1, c());
  ssl::gemm(be, trans::no, trans::no, 1, a.read(), b.read(), 1, d());
  CHECK(c.get() == d.get());
}

TEST_CASE_TEMPLATE("nn/product: matrices that do not belong together are refused", B, SSL_BACKENDS) {
  ssl::workspace<B> work;
  auto ctx = work.ctx();
  const bf16_matrix<B> a(work.backend(), 2, 3, std::vector<double>(6, 1.0));
  CHECK_THROWS_WITH_AS(
      ssl::product(ctx, trans::no, trans::no, 1, a(), a(), 0, ctx.take(2, 2)),
      "ssl::product: op(a) is 2x3, op(b) is 2x3, c is 2x2; the inner extents must agree and c "
      "must be 2x3",
      ssl::shape_error);
}
