#pragma once
/// The CPU backend with matrix products by their definition: for kernels that stand around a product, which
/// has sweeps of its own and takes long to compile.

#include "ssl/backend/eigen.hpp"

namespace ssl::test {

template <class T>
struct plain_products : eigen_backend<T> {
  using eigen_backend<T>::eigen_backend;

  template <class U>
  void gemm(trans ta, trans tb, std::type_identity_t<U> alpha, matrix_view<const U, host_space> a,
            matrix_view<const U, host_space> b, std::type_identity_t<U> beta, matrix_view<U, host_space> c) {
    const index k = ta == trans::no ? a.cols : a.rows;
    for (index j = 0; j < c.cols; ++j)
      for (index i = 0; i < c.rows; ++i) {
        U sum = 0;
        for (index l = 0; l < k; ++l)
          sum += (ta == trans::no ? a(i, l) : a(l, i)) * (tb == trans::no ? b(l, j) : b(j, l));
        c(i, j) = beta == U{0} ? alpha * sum : alpha * sum + beta * c(i, j);
      }
  }
  template <class U>
  void syrk(trans op, std::type_identity_t<U> alpha, matrix_view<const U, host_space> a,
            std::type_identity_t<U> beta, matrix_view<U, host_space> c) {
    gemm<U>(op, op == trans::no ? trans::yes : trans::no, alpha, a, a, beta, c);
  }
};

}  // namespace ssl::test
