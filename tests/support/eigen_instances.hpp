#pragma once
/// The CPU backend's matrix products, compiled once for all tests instead of once in every file: half of the
/// compile time. The build puts this header in front of each test.

#include "ssl/backend/eigen.hpp"

#define SSL_TEST_EIGEN_INSTANCES(linkage, T)                                                                 \
  linkage template void ssl::cpu::gemm<T>(                                                                   \
      ssl::trans, ssl::trans, T, ssl::matrix_view<const T, ssl::host_space>,                                 \
      ssl::matrix_view<const T, ssl::host_space>, T, ssl::matrix_view<T, ssl::host_space>);                  \
  linkage template void ssl::cpu::syrk<T>(int, ssl::trans, T, ssl::matrix_view<const T, ssl::host_space>, T, \
                                          ssl::matrix_view<T, ssl::host_space>);                             \
  linkage template void ssl::eigen_backend<T>::cholesky<T>(ssl::matrix_view<T, ssl::host_space>,             \
                                                           ssl::matrix_view<T, ssl::host_space>);            \
  linkage template void ssl::eigen_backend<T>::cholesky_solve<T>(ssl::matrix_view<const T, ssl::host_space>, \
                                                                 ssl::matrix_view<T, ssl::host_space>);      \
  linkage template void ssl::eigen_backend<T>::triangular_solve<T>(                                          \
      ssl::trans, ssl::matrix_view<const T, ssl::host_space>, ssl::matrix_view<T, ssl::host_space>);         \
  linkage template void ssl::eigen_backend<T>::eigh<T>(ssl::matrix_view<T, ssl::host_space>,                 \
                                                       ssl::matrix_view<T, ssl::host_space>,                 \
                                                       ssl::matrix_view<T, ssl::host_space>);

SSL_TEST_EIGEN_INSTANCES(extern, float)
SSL_TEST_EIGEN_INSTANCES(extern, double)
