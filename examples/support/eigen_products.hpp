#pragma once
/// The CPU backend's products and factorisations, compiled once (eigen_products.cpp) instead of in every
/// file.

#include "ssl/backend/eigen.hpp"

#define SSL_EXAMPLE_EIGEN_PRODUCTS(linkage, T)                                                               \
  linkage template void ssl::cpu::gemm<T>(                                                                   \
      ssl::trans, ssl::trans, T, ssl::matrix_view<const T, ssl::host_space>,                                 \
      ssl::matrix_view<const T, ssl::host_space>, T, ssl::matrix_view<T, ssl::host_space>);                  \
  linkage template void ssl::cpu::syrk<T>(int, ssl::trans, T, ssl::matrix_view<const T, ssl::host_space>, T, \
                                          ssl::matrix_view<T, ssl::host_space>);                             \
  linkage template void ssl::eigen_backend<T>::cholesky<T>(ssl::matrix_view<T, ssl::host_space>,             \
                                                           ssl::matrix_view<T, ssl::host_space>);            \
  linkage template void ssl::eigen_backend<T>::cholesky_solve<T>(ssl::matrix_view<const T, ssl::host_space>, \
                                                                 ssl::matrix_view<T, ssl::host_space>);      \
  linkage template void ssl::eigen_backend<T>::eigh<T>(ssl::matrix_view<T, ssl::host_space>,                 \
                                                       ssl::matrix_view<T, ssl::host_space>,                 \
                                                       ssl::matrix_view<T, ssl::host_space>);

SSL_EXAMPLE_EIGEN_PRODUCTS(extern, float)
SSL_EXAMPLE_EIGEN_PRODUCTS(extern, double)
