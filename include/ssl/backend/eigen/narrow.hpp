#pragma once
// SPDX-License-Identifier: MIT

/// The gradients of a large linear layer on a small batch: W^T dy, with few columns, and W += dy x^T, with
/// few inner indices. Memory bounds them, so the large matrix streams past once, in the order in which it
/// lies and asked for ahead, and is not packed. (W x is as fast packed.)
///
/// The cuts depend on the shapes alone: the same bits on every number of threads.

#include <Eigen/Core>
#include <algorithm>

#include "ssl/backend/eigen/columns.hpp"
#include "ssl/backend/eigen/product.hpp"

namespace ssl::cpu {

namespace narrow {

inline constexpr index few = 48;                // columns, or inner indices
inline constexpr index large = index{1} << 21;  // entries of the large matrix

/// Asks for `count` entries from p on.
template <class T>
void ask(const T* p, index count) {
  for (index i = 0; i < count; i += 64 / static_cast<index>(sizeof(T))) Eigen::internal::prefetch(p + i);
}

/// to[l wide + j] = alpha b(j, l), j < count, and zeros up to `wide`.
template <class T>
void lay_side_by_side(operand<T> b, T alpha, index count, index wide, index depth, T* to) {
  for (index l = 0; l < depth; ++l, to += wide) {
    for (index j = 0; j < count; ++j) to[j] = alpha * b.data[j * b.along + l * b.deep];
    for (index j = count; j < wide; ++j) to[j] = T{0};
  }
}

/// sum(p, q) += the scalar product of `length` entries at a + p lda and b + q ldb, p, q < 4; length is a
/// multiple of a vector's.
template <class T>
void four_by_four(index length, const T* a, index lda, const T* b, index ldb, bool ahead, T* sum, index ld) {
  namespace ei = Eigen::internal;
  using packet = typename panel<T>::packet;
  constexpr index width = panel<T>::width;
  packet s[4][4];
  SSL_UNROLL
  for (index p = 0; p < 4; ++p) {
    SSL_UNROLL
    for (index q = 0; q < 4; ++q) s[p][q] = ei::pset1<packet>(T{0});
  }
  for (index l = 0; l < length; l += width) {
    packet x[4];
    SSL_UNROLL
    for (index p = 0; p < 4; ++p) x[p] = ei::ploadu<packet>(a + p * lda + l);
    if (ahead) {
      SSL_UNROLL
      for (index p = 0; p < 4; ++p) ei::prefetch(a + (p + 4) * lda + l);
    }
    SSL_UNROLL
    for (index q = 0; q < 4; ++q) {
      const packet y = ei::ploadu<packet>(b + q * ldb + l);
      SSL_UNROLL
      for (index p = 0; p < 4; ++p) s[p][q] = ei::pmadd(x[p], y, s[p][q]);
    }
  }
  SSL_UNROLL
  for (index p = 0; p < 4; ++p) {
    SSL_UNROLL
    for (index q = 0; q < 4; ++q) sum[p + q * ld] += ei::predux(s[p][q]);
  }
}

/// c (m, n) = alpha a^T b^T + beta c with a (k, m) column by column in memory and n few: scalar products of
/// columns.
template <class T>
void rows_times(int threads, T alpha, matrix_view<const T, host_space> a, operand<T> b, T beta,
                matrix_view<T, host_space> c) {
  constexpr index width = panel<T>::width, page = panel<T>::page, together = 64;  // columns of a
  const index k = a.rows, wide = (c.cols + 3) / 4 * 4, whole = k / width * width;
  T* const right = tiled::panel_memory<T>(0, k * wide);
  for (index j = 0; j < wide; ++j)
    for (index l = 0; l < k; ++l)
      right[j * k + l] = j < c.cols ? alpha * b.data[j * b.along + l * b.deep] : T{0};
  parallel_for(threads, (c.rows + together - 1) / together, [&](index group) {
    const index first = group * together, count = std::min(together, c.rows - first), fours = count / 4 * 4;
    T* const sum = tiled::panel_memory<T>(1, together * wide);
    std::fill_n(sum, together * wide, T{0});
    for (index l = 0; l < whole; l += page)
      for (index i = 0; i < fours; i += 4)
        for (index j = 0; j < wide; j += 4)
          four_by_four(std::min(page, whole - l), a.column(first + i) + l, a.ld, right + j * k + l, k,
                       j == 0 && i + 8 <= fours, sum + i + j * together, together);
    for (index j = 0; j < c.cols; ++j)
      for (index i = 0; i < count; ++i) {
        T s = sum[i + j * together];
        for (index l = i < fours ? whole : 0; l < k; ++l) s += a(l, first + i) * right[j * k + l];
        T& to = c(first + i, j);
        to = beta == T{0} ? s : beta * to + s;
      }
  });
}

/// c (m, n) = alpha a b^T + beta c for a large c and few inner indices: a change of c of low rank.
template <class T>
void change(int threads, T alpha, operand<T> a, operand<T> b, index k, T beta, matrix_view<T, host_space> c) {
  constexpr index rows = panel<T>::rows, cols = panel<T>::cols;
  constexpr index down = panel<T>::page_of_rows, across = panel<T>::many_columns;  // of c in a task
  const index m = c.rows, groups = (c.cols + cols - 1) / cols, tall = panel<T>::padded(m);
  T* const right = tiled::panel_memory<T>(0, groups * cols * k + tall * k);
  T* const left = right + groups * cols * k;
  for (index q = 0; q < groups; ++q)
    lay_side_by_side(operand<T>{b.data + q * cols * b.along, b.along, b.deep}, alpha,
                     std::min(cols, c.cols - q * cols), cols, k, right + q * cols * k);
  pack(a, 0, m, 0, k, left);
  const index chunks = (m + down - 1) / down, strips = (c.cols + across - 1) / across;
  parallel_for(threads, chunks * strips, [&](index task) {
    const index first = task % chunks * down, last = std::min(m, first + down);
    const index begin = task / chunks * across, end = std::min(c.cols, begin + across);
    for (index j = begin; j < end; j += cols) {
      const T* const side = right + j * k;
      for (index i = first; i < last; i += rows) {
        const T* const top = left + i * k;
        T* const to = c.column(j) + i;
        if (i + rows <= last && j + cols <= end) {
          for (index q = 0; q < cols; ++q) ask(to + q * c.ld + 2 * rows, rows);
          if (beta != T{1})
            for (index q = 0; q < cols; ++q)
              for (index p = 0; p < rows; ++p)
                to[p + q * c.ld] = beta == T{0} ? T{0} : beta * to[p + q * c.ld];
          multiply_rows<T, panel<T>::strips>(1, k, &top, rows, &side, 0, cols, to, c.ld);
          continue;
        }
        T edge[std::size_t{rows * cols}] = {};
        multiply_rows<T, panel<T>::strips>(1, k, &top, rows, &side, 0, cols, edge, rows);
        for (index q = 0; q < std::min(cols, end - j); ++q)
          for (index p = 0; p < std::min(rows, last - i); ++p) {
            T& place = to[p + q * c.ld];
            place = beta == T{0} ? edge[p + q * rows] : beta * place + edge[p + q * rows];
          }
      }
    }
  });
}

}  // namespace narrow

/// c = alpha op(a) op(b) + beta c if one of the dimensions is small and the rest large; else false.
template <class T>
bool multiply_narrow(int threads, trans ta, trans tb, T alpha, matrix_view<const T, host_space> a,
                     matrix_view<const T, host_space> b, T beta, matrix_view<T, host_space> c) {
  const index k = ta == trans::no ? a.cols : a.rows;
  const operand<T> right = tiled::rows_of(b, tb == trans::no ? trans::yes : trans::no);
  if (ta == trans::yes && c.cols <= narrow::few && c.rows * k >= narrow::large &&
      std::min(c.rows, k) >= 256) {
    narrow::rows_times(threads, alpha, a, right, beta, c);
    return true;
  }
  if (k <= narrow::few && c.size() >= narrow::large && std::min(c.rows, c.cols) >= 256) {
    narrow::change(threads, alpha, tiled::rows_of(a, ta), right, k, beta, c);
    return true;
  }
  return false;
}

}  // namespace ssl::cpu
