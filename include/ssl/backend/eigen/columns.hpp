#pragma once
// SPDX-License-Identifier: MIT

/// A product with a packed left operand and right columns that are read where they lie: the kernel of the
/// convolutions.
///
/// The left operand is a panel (panels.hpp): `panel<T>::rows` rows side by side for every inner index. The
/// right one is a table of pointers: the inner index is cut into runs, and each run of each column begins
/// wherever it likes. A convolution's columns are the neighbourhoods of pixels: a run is one tap, so nothing
/// is gathered and nothing is copied.

#include "ssl/backend/eigen/panels.hpp"

namespace ssl::cpu {

namespace tiled {

/// The tile of `multiply_columns`, with run r of the left operand at left(r), column j of c at place(j), and
/// `skip` entries of each column left out.
template <class T, index Strips, class Left, class Place>
void multiply_columns_at(index runs, index length, index skip, const Left& left, const T* const* b,
                         index valid, bool add, const Place& place) {
  namespace ei = Eigen::internal;
  using packet = typename panel<T>::packet;
  constexpr index width = panel<T>::width, step = panel<T>::rows, cols = panel<T>::cols;
  packet sum[std::size_t{cols}][std::size_t{Strips}];
  SSL_UNROLL
  for (index j = 0; j < cols; ++j) {
    SSL_UNROLL
    for (index s = 0; s < Strips; ++s) sum[j][s] = ei::pset1<packet>(T{0});
  }
  for (index r = 0; r < runs; ++r, b += cols) {
    const T* a = left(r);
    const T* column[std::size_t{cols}];
    SSL_UNROLL
    for (index j = 0; j < cols; ++j) column[j] = b[j] + skip;
    for (index l = 0; l < length; ++l, a += step) {
      packet x[std::size_t{Strips}];
      SSL_UNROLL
      for (index s = 0; s < Strips; ++s) x[s] = ei::ploadu<packet>(a + s * width);
      SSL_UNROLL
      for (index j = 0; j < cols; ++j) {
        const packet y = ei::pset1<packet>(column[j][l]);
        SSL_UNROLL
        for (index s = 0; s < Strips; ++s) sum[j][s] = ei::pmadd(x[s], y, sum[j][s]);
      }
    }
  }
  SSL_UNROLL
  for (index j = 0; j < cols; ++j) {
    if (j >= valid) break;
    T* const to = place(j);
    SSL_UNROLL
    for (index s = 0; s < Strips; ++s)
      ei::pstoreu(to + s * width, add ? ei::padd(ei::ploadu<packet>(to + s * width), sum[j][s]) : sum[j][s]);
  }
}

}  // namespace tiled

/// With `add` +=, else =:
///
///     c(i, j) = sum over runs r and l < length of a[(r length + l) rows + i] b[r cols + j][l]
///
/// for width Strips rows i and the first `valid` of cols columns j; rows, cols as in panel<T>. All cols
/// pointers of a run must be readable. c is column-major.
template <class T, index Strips>
void multiply_columns(index runs, index length, const T* a, const T* const* b, index valid, bool add, T* c,
                      index ldc) {
  tiled::multiply_columns_at<T, Strips>(
      runs, length, 0, [=](index r) { return a + r * length * panel<T>::rows; }, b, valid, add,
      [=](index j) { return c + j * ldc; });
}

/// Both operands have a run's inner index along memory, for width Strips rows i and cols columns j:
///
///     c(i, j) += sum over runs r and l < length of a[r][l step_a + i] b[r][l step_b + shift + j]
template <class T, index Strips>
void multiply_rows(index runs, index length, const T* const* a, index step_a, const T* const* b, index shift,
                   index step_b, T* c, index ldc) {
  namespace ei = Eigen::internal;
  using packet = typename panel<T>::packet;
  constexpr index width = panel<T>::width, cols = panel<T>::cols;
  packet sum[std::size_t{cols}][std::size_t{Strips}];
  SSL_UNROLL
  for (index j = 0; j < cols; ++j) {
    SSL_UNROLL
    for (index s = 0; s < Strips; ++s) sum[j][s] = ei::pset1<packet>(T{0});
  }
  for (index r = 0; r < runs; ++r) {
    const T* left = a[r];
    const T* right = b[r] + shift;
    for (index l = 0; l < length; ++l, left += step_a, right += step_b) {
      packet x[std::size_t{Strips}];
      SSL_UNROLL
      for (index s = 0; s < Strips; ++s) x[s] = ei::ploadu<packet>(left + s * width);
      SSL_UNROLL
      for (index j = 0; j < cols; ++j) {
        const packet y = ei::pset1<packet>(right[j]);
        SSL_UNROLL
        for (index s = 0; s < Strips; ++s) sum[j][s] = ei::pmadd(x[s], y, sum[j][s]);
      }
    }
  }
  SSL_UNROLL
  for (index j = 0; j < cols; ++j) {
    SSL_UNROLL
    for (index s = 0; s < Strips; ++s) {
      T* const place = c + j * ldc + s * width;
      ei::pstoreu(place, ei::padd(ei::ploadu<packet>(place), sum[j][s]));
    }
  }
}

}  // namespace ssl::cpu
