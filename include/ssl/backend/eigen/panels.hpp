#pragma once
// SPDX-License-Identifier: MIT

/// Matrix products from panels, part one: packing, and the kernel that multiplies two panels on one thread.
///
/// A panel holds `rows` rows of op(a) for a run of the inner index, the rows side by side, zeros below the
/// last row:
///
///     op(a)(i, l) at l * rows + i
///
/// Both operands use the one format, the right one as its transpose, so that a product of a matrix with
/// itself is packed once. The vectors are Eigen's, so this follows the instruction set that the program is
/// compiled for.

#include <Eigen/Core>
#include <algorithm>
#include <type_traits>

#include "ssl/backend/eigen/blocking.hpp"
#include "ssl/backend/eigen/parallel.hpp"
#include "ssl/backend/eigen/unroll.hpp"
#include "ssl/core/view.hpp"

namespace ssl::cpu {

/// The vectors that this program is compiled for, and their blocking constants.
template <class T>
struct panel
    : blocking<static_cast<index>(
                   Eigen::internal::unpacket_traits<typename Eigen::internal::packet_traits<T>::type>::size),
               static_cast<index>(sizeof(T)), (EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32)> {
  using packet = typename Eigen::internal::packet_traits<T>::type;
  static_assert(panel::sound(), "ssl: these vectors need a row of their own in blocking.hpp");
};

/// f(n) with n, a constant, the number of strips that hold `count` rows of a panel, 0 < count <= rows.
template <class T, class F>
void with_strips(index count, const F& f) {
  constexpr index strips = panel<T>::strips;
  if (count <= panel<T>::width) return f(std::integral_constant<index, 1>{});
  if constexpr (strips > 2)
    if (count <= 2 * panel<T>::width) return f(std::integral_constant<index, 2>{});
  f(std::integral_constant<index, strips>{});
}

/// op(a) as rows: entry (i, l) at data[i * along + l * deep]; one of the strides is 1.
template <class T>
struct operand {
  const T* data;
  index along, deep;
};

namespace tiled {

/// to(l, i) = from(i, l) for a square block of the width of a vector; both run along their second index.
template <class T>
void transpose_block(const T* from, index from_ld, T* to, index to_ld) {
  namespace ei = Eigen::internal;
  using packet = typename panel<T>::packet;
  constexpr index width = panel<T>::width;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // a vector type as a template argument
#endif
  ei::PacketBlock<packet, width> block;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
  SSL_UNROLL
  for (index i = 0; i < width; ++i) block.packet[i] = ei::ploadu<packet>(from + i * from_ld);
  ei::ptranspose(block);
  SSL_UNROLL
  for (index l = 0; l < width; ++l) ei::pstoreu(to + l * to_ld, block.packet[l]);
}

/// c (width Strips, cols) = alpha a b^T + beta c for one panel of each, `depth` deep. beta == 0 never reads
/// c.
template <class T, index Strips>
void multiply_tile(index depth, const T* a, const T* b, index step_b, const T* soon, T alpha, T beta, T* c,
                   index ldc) {
  namespace ei = Eigen::internal;
  using packet = typename panel<T>::packet;
  constexpr index width = panel<T>::width, step = panel<T>::rows, cols = panel<T>::cols;
  packet sum[std::size_t{cols}][std::size_t{Strips}];
  SSL_UNROLL
  for (index j = 0; j < cols; ++j) {
    SSL_UNROLL
    for (index s = 0; s < Strips; ++s) sum[j][s] = ei::pset1<packet>(T{0});
  }
  for (index l = 0; l < depth; ++l, a += step, b += step_b, soon += step) {
    ei::prefetch(soon);
    packet x[std::size_t{Strips}];
    SSL_UNROLL
    for (index s = 0; s < Strips; ++s) x[s] = ei::ploadu<packet>(a + s * width);
    SSL_UNROLL
    for (index j = 0; j < cols; ++j) {
      const packet y = ei::pset1<packet>(b[j]);
      SSL_UNROLL
      for (index s = 0; s < Strips; ++s) sum[j][s] = ei::pmadd(x[s], y, sum[j][s]);
    }
  }
  const packet factor = ei::pset1<packet>(alpha), keep = ei::pset1<packet>(beta);
  SSL_UNROLL
  for (index j = 0; j < cols; ++j) {
    SSL_UNROLL
    for (index s = 0; s < Strips; ++s) {
      T* const place = c + j * ldc + s * width;
      const packet scaled = ei::pmul(factor, sum[j][s]);
      ei::pstoreu(place, beta == T{0} ? scaled : ei::pmadd(keep, ei::ploadu<packet>(place), scaled));
    }
  }
}

}  // namespace tiled

/// Packs rows [first, first + count) and inner indices [l0, l0 + depth) into panels of `depth` * rows each.
template <class T>
void pack(operand<T> a, index first, index count, index l0, index depth, T* out) {
  constexpr index width = panel<T>::width, rows = panel<T>::rows;
  for (index i0 = 0; i0 < count; i0 += rows, out += rows * depth) {
    const index m = std::min(rows, count - i0);
    const T* const from = a.data + (first + i0) * a.along + l0 * a.deep;
    index done = 0;  // inner indices that whole vectors took care of
    if (m == rows && a.along == 1) {
      for (; done < depth; ++done) {
        const T* const line = from + done * a.deep;
        for (index i = 0; i < rows; i += width) Eigen::internal::prefetch(line + rows + i);
        std::copy(line, line + rows, out + done * rows);
      }
    } else if (m == rows && a.deep == 1) {
      for (; done + width <= depth; done += width) {
        for (index i = 0; i < rows; ++i) Eigen::internal::prefetch(from + (rows + i) * a.along + done);
        for (index i = 0; i < rows; i += width)
          tiled::transpose_block(from + i * a.along + done, a.along, out + done * rows + i, rows);
      }
    }
    for (index l = done; l < depth; ++l) {
      for (index i = 0; i < m; ++i) out[l * rows + i] = from[i * a.along + l * a.deep];
      for (index i = m; i < rows; ++i) out[l * rows + i] = T{0};
    }
  }
}

/// c (m, n) = alpha a b^T + beta c, from packed panels of m and of n rows, `depth` deep. For one triangle:
/// `ahead` is by how much c's first column lies right of its first row's diagonal; tiles wholly above are
/// left out.
template <class T>
void multiply_panels(index depth, const T* a, index m, const T* b, index n, T alpha, T beta,
                     matrix_view<T, host_space> c, index ahead) {
  constexpr index rows = panel<T>::rows, cols = panel<T>::cols;
  alignas(64) T strip[panel<T>::depth * cols];
  for (index j = 0; j < n; j += cols) {
    const index first = std::max<index>(0, ahead + j) / rows * rows, wide = std::min(cols, n - j);
    // A strip of the right panel that many left ones meet is laid side by side, so that it stays in cache.
    const T* right = b + j / rows * rows * depth + j % rows;
    index step = rows;
    if (m - first > 2 * rows) {
      for (index l = 0; l < depth; ++l)
        std::copy(right + l * rows, right + l * rows + cols, strip + l * cols);
      right = strip;
      step = cols;
    }
    for (index i = first; i < m; i += rows) {
      const T* const left = a + i * depth;
      const T* const soon = i == first ? b + (j + cols) / rows * rows * depth + (j + cols) % rows : left;
      const index tall = std::min(rows, m - i);
      if (tall == rows && wide == cols) {
        tiled::multiply_tile<T, panel<T>::strips>(depth, left, right, step, soon, alpha, beta,
                                                  c.data + i + j * c.ld, c.ld);
        continue;
      }
      T edge[std::size_t{rows * cols}];
      with_strips<T>(tall, [&](auto strips) {
        tiled::multiply_tile<T, strips()>(depth, left, right, step, soon, alpha, T{0}, edge, rows);
      });
      for (index q = 0; q < wide; ++q)
        for (index p = 0; p < tall; ++p) {
          T& place = c(i + p, j + q);
          place = beta == T{0} ? edge[q * rows + p] : beta * place + edge[q * rows + p];
        }
    }
  }
}

/// Copies what a block of c holds below the diagonal to its mirror image.
template <class T>
void mirror_block(matrix_view<T, host_space> c, range rows, range cols) {
  constexpr index width = panel<T>::width;
  for (index j = cols.first; j < cols.last; j += width)
    for (index i = std::max(rows.first, j / width * width); i < rows.last; i += width) {
      if (i > j && i + width <= rows.last && j + width <= cols.last) {
        tiled::transpose_block(c.data + i + j * c.ld, c.ld, c.data + j + i * c.ld, c.ld);
        continue;
      }
      for (index q = j; q < std::min(j + width, cols.last); ++q)
        for (index p = std::max(i, q + 1); p < std::min(i + width, rows.last); ++p) c(q, p) = c(p, q);
    }
}

}  // namespace ssl::cpu
