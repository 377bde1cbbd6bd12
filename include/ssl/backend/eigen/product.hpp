#pragma once
// SPDX-License-Identifier: MIT

/// Matrix products from panels, part two: how a product is cut into pieces for the caches and the threads.
///
/// The cuts depend on the shapes alone, so every thread count gives the same bits. Three ways:
///   - a long sum into a small c (a Gram matrix of few samples): runs of the inner index, each with its own
///     partial c, added in order at the end; each thread packs for itself;
///   - otherwise the operand with fewer rows is packed once for all, the other one in chunks of a few hundred
///     rows, each by the thread that multiplies it;
///   - the product of a matrix with itself packs it once and computes tiles of the lower triangle.
/// Packed copies live in memory that a thread keeps: nothing is allocated once the largest shape was seen.

#include "ssl/backend/backend.hpp"
#include "ssl/backend/eigen/panels.hpp"

namespace ssl::cpu {

namespace tiled {

/// Memory of the calling thread, kept until it ends: place 0 for what threads share, place 1 for a thread's
/// own.
template <class T>
T* panel_memory(int place, index count) {
  thread_local Eigen::Matrix<T, Eigen::Dynamic, 1> memory[2];
  if (memory[place].size() < count) memory[place].resize(count);
  return memory[place].data();
}

inline constexpr index small_product = index{1}
                                       << 20;  // multiply-adds below which threads cost more than they save

inline constexpr index shared_bytes = index{1} << 24;  // of an operand that is packed for all threads at once

/// How many inner indices of `wide` rows are packed at once: whole depths, `bytes` at most.
template <class T>
index packed_at_once(index wide, index bytes) {
  constexpr index depth = panel<T>::depth;
  return std::max(depth, bytes / (wide * static_cast<index>(sizeof(T))) / depth * depth);
}

/// Runs of the inner index for a long sum into a small c, or 0 where that does not pay.
template <class T>
index runs_of(index m, index n, index k) {
  if (k < 4 * panel<T>::depth || k < 2 * std::max(m, n) || m * n > (index{1} << 18)) return 0;
  return std::min<index>(8, k / (2 * panel<T>::depth));
}

template <class T>
operand<T> rows_of(matrix_view<const T, host_space> a, trans t) {
  return t == trans::no ? operand<T>{a.data, 1, a.ld} : operand<T>{a.data, a.ld, 1};
}

/// c = alpha a b^T + beta c by runs of the inner index; with `same` a is b and only the lower triangle is
/// computed.
template <class T>
void multiply_runs(int threads, index runs, T alpha, operand<T> a, operand<T> b, bool same, index k, T beta,
                   matrix_view<T, host_space> c) {
  constexpr index depth = panel<T>::depth;
  const index m = c.rows, n = c.cols, left = panel<T>::padded(m) * depth;
  T* const partial = panel_memory<T>(0, runs * m * n);
  parallel_for(threads, runs, [&](index r) {
    const range run = part(k, runs, r);
    T* const packed = panel_memory<T>(1, left + panel<T>::padded(n) * depth);
    for (index l = run.first; l < run.last; l += depth) {
      const index deep = std::min(depth, run.last - l);
      pack(a, 0, m, l, deep, packed);
      if (!same) pack(b, 0, n, l, deep, packed + left);
      multiply_panels<T>(deep, packed, m, same ? packed : packed + left, n, alpha,
                         l == run.first ? T{0} : T{1}, {partial + r * m * n, m, n, m}, same ? 0 : -n);
    }
  });
  parallel_for(m * n * runs < small_product / 8 ? 1 : threads, std::min<index>(n, 16), [&](index strip) {
    const range cols = part(n, std::min<index>(n, 16), strip);
    for (index j = cols.first; j < cols.last; ++j) {
      T* const out = c.column(j);
      const T* const in = partial + j * m;
      for (index i = same ? j : 0; i < m; ++i) out[i] = beta == T{0} ? in[i] : beta * out[i] + in[i];
      for (index r = 1; r < runs; ++r)
        for (index i = same ? j : 0; i < m; ++i) out[i] += in[r * m * n + i];
    }
  });
}

/// Packs all `count` rows for inner indices [l0, l0 + depth), depth by depth.
template <class T>
void pack_shared(int threads, operand<T> a, index count, index l0, index depth, T* out) {
  constexpr index step = panel<T>::depth, rows = panel<T>::rows;
  const index panels = panel<T>::padded(count) / rows, strips = std::min<index>(panels, 32);
  const index blocks = (depth + step - 1) / step;
  parallel_for(threads, strips * blocks, [&](index k) {
    const range mine = part(panels, strips, k % strips);
    const index l = k / strips * step, deep = std::min(step, depth - l), first = mine.first * rows;
    pack(a, first, std::min(mine.last * rows, count) - first, l0 + l, deep,
         out + l * panels * rows + first * deep);
  });
}

}  // namespace tiled

/// c (m, n) = alpha a b^T + beta c, op(a) and op(b)^T as rows, k deep.
template <class T>
void multiply(int threads, T alpha, operand<T> a, operand<T> b, index k, T beta, matrix_view<T, host_space> c,
              index shared_bytes = tiled::shared_bytes) {
  constexpr index depth = panel<T>::depth;
  const index m = c.rows, n = c.cols;
  if (m * n * k < tiled::small_product) threads = 1;
  if (const index runs = tiled::runs_of<T>(m, n, k); runs > 0)
    return tiled::multiply_runs(threads, runs, alpha, a, b, false, k, beta, c);

  // `shared` has fewer rows and is packed for so much of the inner index as fills `shared_bytes`.
  const bool left = m < n;  // whether a is the shared one
  const operand<T> shared = left ? a : b, own = left ? b : a;
  const index few = std::min(m, n), many = std::max(m, n), wide = panel<T>::padded(few);
  const index at_once = tiled::packed_at_once<T>(wide, shared_bytes);
  const index size = std::clamp<index>(panel<T>::padded(many / 8), panel<T>::rows, panel<T>::chunk);
  const index chunks = (many + size - 1) / size, groups = std::max<index>(1, few / 1024);
  const index group = panel<T>::padded((few + groups - 1) / groups);
  for (index l0 = 0; l0 < k; l0 += at_once) {
    const index length = std::min(at_once, k - l0);
    T* const packed = tiled::panel_memory<T>(0, wide * length);
    tiled::pack_shared(threads, shared, few, l0, length, packed);
    parallel_for(threads, chunks * groups, [&](index q) {
      const index first = q / groups * size, count = std::min(size, many - first);
      const index from = q % groups * group, to = std::min(few, from + group);  // of the shared rows
      T* const mine = tiled::panel_memory<T>(1, size * depth);
      for (index l = 0; l < length; l += depth) {
        const index deep = std::min(depth, length - l);
        const T keep = l0 + l == 0 ? beta : T{1};
        const T* const theirs = packed + l * wide;
        pack(own, first, count, l0 + l, deep, mine);
        if (!left) {
          multiply_panels<T>(deep, mine, count, theirs + from * deep, to - from, alpha, keep,
                             {c.data + first + from * c.ld, count, to - from, c.ld}, from - to);
          continue;
        }
        for (index i = from; i < to; i += panel<T>::chunk) {
          const index tall = std::min(panel<T>::chunk, to - i);
          multiply_panels<T>(deep, theirs + i * deep, tall, mine, count, alpha, keep,
                             {c.data + i + first * c.ld, tall, count, c.ld}, -count);
        }
      }
    });
  }
}

/// c (n, n) = alpha a a^T + beta c, op(a) as rows, k deep; both triangles written, from the lower one of c.
template <class T>
void multiply_by_itself(int threads, T alpha, operand<T> a, index k, T beta, matrix_view<T, host_space> c,
                        index shared_bytes = tiled::shared_bytes) {
  constexpr index depth = panel<T>::depth;
  const index n = c.rows;
  if (n * n / 2 * k < tiled::small_product) threads = 1;
  const index size = std::clamp<index>(panel<T>::padded(n / 8), panel<T>::rows, panel<T>::padded(256));
  const index tiles = (n + size - 1) / size, wide = panel<T>::padded(n);
  const auto for_each_tile = [&](const auto& body) {
    parallel_for(threads, tiles * (tiles + 1) / 2, [&](index q) {
      index i = 0;  // the q-th tile of the lower triangle is (i, j), i >= j
      while ((i + 1) * (i + 2) / 2 <= q) ++i;
      const index j = q - i * (i + 1) / 2;
      body(range{i * size, std::min(n, (i + 1) * size)}, range{j * size, std::min(n, (j + 1) * size)});
    });
  };
  if (const index runs = tiled::runs_of<T>(n, n, k); runs > 0) {
    tiled::multiply_runs(threads, runs, alpha, a, a, true, k, beta, c);
    return for_each_tile([&](range rows, range cols) { mirror_block(c, rows, cols); });
  }
  const index at_once = tiled::packed_at_once<T>(wide, shared_bytes);
  for (index l0 = 0; l0 < k; l0 += at_once) {
    const index length = std::min(at_once, k - l0);
    T* const packed = tiled::panel_memory<T>(0, wide * length);
    tiled::pack_shared(threads, a, n, l0, length, packed);
    for_each_tile([&](range rows, range cols) {
      const index tall = rows.last - rows.first, across = cols.last - cols.first;
      for (index l = 0; l < length; l += depth) {
        const index deep = std::min(depth, length - l);
        const T* const block = packed + l * wide;
        multiply_panels<T>(deep, block + rows.first * deep, tall, block + cols.first * deep, across, alpha,
                           l0 + l == 0 ? beta : T{1},
                           {c.data + rows.first + cols.first * c.ld, tall, across, c.ld},
                           cols.first - rows.first);
      }
      if (l0 + length == k) mirror_block(c, rows, cols);
    });
  }
}

}  // namespace ssl::cpu
