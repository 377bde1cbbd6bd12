// The CPU backend with a BLAS behind its products.

#include <doctest/doctest.h>

#include <vector>

#include "ssl/backend/eigen.hpp"
#include "support/backends.hpp"

namespace ssl::test {

static_assert(cpu::has_blas);

TEST_CASE("blas: the backend says who multiplies") {
  const eigen_backend<float> be(2);
  CHECK(be.description().find("products by " + cpu::blas_name() + ", ") != std::string::npos);
  CHECK(be.description().ends_with(", 2 threads"));
}

TEST_CASE_TEMPLATE("blas: a product inside a parallel region is the product outside", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be(2);
  const index m = 70, n = 50, k = 130;
  const matrix<B> a(be, m, k, normals(m * k, 1)), b(be, k, n, normals(k * n, 2)), c(be, m, n), s(be, m, m);
  gemm(be, trans::no, trans::no, T{1}, a(), b(), T{0}, c());
  syrk(be, trans::no, T{1}, a(), T{0}, s());
  std::vector<matrix<B>> products, squares;
  for (int i = 0; i < 4; ++i) {
    products.emplace_back(be, m, n, normals(m * n, 3));
    squares.emplace_back(be, m, m, normals(m * m, 3));
  }
  cpu::parallel_for(2, 4, [&](index i) {
    const auto at = static_cast<std::size_t>(i);
    cpu::gemm<T>(trans::no, trans::no, T{1}, a.read(), b.read(), T{0}, products[at]());
    cpu::syrk<T>(2, trans::no, T{1}, a.read(), T{0}, squares[at]());
  });
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(relative_error(products[i].get(), c.get()) < tolerance<B>);
    CHECK(relative_error(squares[i].get(), s.get()) < tolerance<B>);
  }
}

TEST_CASE_TEMPLATE("blas: a square is symmetric to the bit, whatever beta", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be(1);
  const index n = 37, k = 21;
  const matrix<B> a(be, n, k, normals(n * k, 1));
  for (const trans op : {trans::no, trans::yes}) {
    const index side = op == trans::no ? n : k;
    const matrix<B> once(be, side, side), again(be, side, side);
    syrk(be, op, T{1}, a(), T{0}, once());
    copy(be, once(), again());
    syrk(be, op, T{2}, a(), T{3}, again());
    auto expected = once.get();
    for (double& x : expected) x *= 5;
    const auto found = again.get();
    CHECK(relative_error(found, expected) < tolerance<B>);
    for (index i = 0; i < side; ++i)
      for (index j = 0; j < i; ++j)
        REQUIRE(found[static_cast<std::size_t>(i + j * side)] ==
                found[static_cast<std::size_t>(j + i * side)]);
  }
}

TEST_CASE("blas: OpenMP's own number of threads stays as it was") {
  const int before = cpu::hardware_threads();
  eigen_backend<float> be(before + 1);
  const matrix<eigen_backend<float>> a(be, 64, 64, normals(4096, 1)), c(be, 64, 64);
  gemm(be, trans::no, trans::no, 1.0f, a(), a(), 0.0f, c());
  syrk(be, trans::no, 1.0f, a(), 0.0f, c());
  CHECK(cpu::hardware_threads() == before);
}

}  // namespace ssl::test
