#pragma once
// SPDX-License-Identifier: MIT

/// Convolution 3x3 with stride 1 by Winograd's minimal filtering: with tiles of 4x4 outputs 36 products
/// instead of 144, of 2x2 outputs 16 instead of 36. Source: arXiv 1509.09308.
///
/// U = G w G^T of the weights, V = B^T d B of each window of x, M = U V summed over the channels for each of
/// the (Tile + 2)^2 positions, y = A^T M A of each tile. Maps and weights are contiguous. The results are the
/// same bits for any number of threads.
///
/// Error in float on normal data, 64 to 512 channels, of y, dx and dweights against sums in double: with 4x4
/// tiles root mean square 0.8e-6 to 1.3e-6 and largest 1e-5 of the result's root mean square; with 2x2 tiles
/// 0.4e-6 and 3e-6, which is what sums without transforms have.
///
/// Scratch does not depend on the number of images: for y and dx up to about 5 MB and 3 MB a thread, for
/// dweights 10 MB, or 9 KB for every channel of x and y if that is more, and 0.15 MB a thread.

#include <algorithm>

#include "ssl/backend/eigen/parallel.hpp"
#include "ssl/backend/eigen/winograd_tiles.hpp"
#include "ssl/core/view.hpp"

namespace ssl::cpu {

/// Whether the functions here can do a convolution.
inline bool winograd_fits(const conv_geometry& g) {
  return g.kernel == 3 && g.stride == 1 && g.padding >= 0 && g.padding <= 2 && g.out_height() > 0 &&
         g.out_width() > 0;
}

/// Bytes: U is kept whole up to `whole`, which every thread then reads from the third-level cache; V and M of
/// one thread, where each works alone, are about `own`, a part of the second-level cache; V that threads
/// share is up to `shared`, more of which would not stay in cache.
struct winograd_memory {
  static constexpr index whole = index{3} << 20, own = index{320} << 10, shared = index{5} << 20;
};

namespace tiled {

/// m (width Strips, cols) = (or, if `add`, +=) u (., c) v (c, cols): u is a panel; column j of v runs in
/// panels from v + j rows, `across` apart, the last of them `last` deep; columns of m are `rows` apart. On
/// the way it fetches as much from `soon` as it reads of v.
template <class T, index Strips>
void multiply_positions(index panels, index last, const T* u, const T* v, index across, const T* soon,
                        bool add, T* m) {
  namespace ei = Eigen::internal;
  using packet = typename panel<T>::packet;
  constexpr index width = panel<T>::width, rows = panel<T>::rows, cols = panel<T>::cols;
  packet sum[std::size_t{cols}][std::size_t{Strips}];
  SSL_UNROLL
  for (index j = 0; j < cols; ++j) {
    SSL_UNROLL
    for (index s = 0; s < Strips; ++s) sum[j][s] = ei::pset1<packet>(T{0});
  }
  for (index r = 0; r < panels; ++r, v += across) {
    const index depth = r + 1 < panels ? rows : last;
    const T* const end = v + depth;
    for (const T* b = v; b != end; ++b, u += rows, soon += cols) {
      ei::prefetch(soon);
      packet x[std::size_t{Strips}];
      SSL_UNROLL
      for (index s = 0; s < Strips; ++s) x[s] = ei::ploadu<packet>(u + s * width);
      SSL_UNROLL
      for (index j = 0; j < cols; ++j) {
        const packet y = ei::pset1<packet>(b[j * rows]);
        SSL_UNROLL
        for (index s = 0; s < Strips; ++s) sum[j][s] = ei::pmadd(x[s], y, sum[j][s]);
      }
    }
  }
  SSL_UNROLL
  for (index j = 0; j < cols; ++j) {
    SSL_UNROLL
    for (index s = 0; s < Strips; ++s) {
      T* const to = m + j * rows + s * width;
      ei::pstoreu(to, add ? ei::padd(ei::ploadu<packet>(to), sum[j][s]) : sum[j][s]);
    }
  }
}

}  // namespace tiled

/// A convolution whose weights come from `taps`: winograd_taps or winograd_turned_taps.
///
/// Tiles go in groups of panel<T>::cols: V is [group][position][panel of channels][tile][rows] and M, of one
/// panel of outputs, [group][position][tile][rows].
template <index Tile, class T, class Taps>
struct winograd_product {
  static constexpr index rows = panel<T>::rows, cols = panel<T>::cols, positions = (Tile + 2) * (Tile + 2);

  tile_grid<Tile> grid;
  Taps taps;
  const T* x;
  T* y;
  index tiles;
  const T* zeros = nullptr;

  index panels_in() const { return panel<T>::padded(grid.g.in.channels) / rows; }
  index panels_out() const { return panel<T>::padded(grid.g.out_channels) / rows; }
  index step_in() const { return panels_in() * cols * rows + pad; }
  index group_in() const { return positions * step_in(); }
  /// Between positions: without it all that a tile writes would fall into a few sets of the first-level
  /// cache.
  static constexpr index pad = rows, step_out = cols * rows + pad, group_out = positions * step_out;

  /// V of group `group`, of which tiles below `tiles` exist.
  void windows(index group, T* v) const {
    const index step = step_in();
    for (index q = 0; q < cols; ++q) {
      const index t = group * cols + q;
      if (t < tiles) {
        winograd_window(grid, x, t, zeros, v + q * rows, step, cols * rows);
        continue;
      }
      for (index p = 0; p < positions; ++p)
        for (index r = 0; r < panels_in(); ++r) std::fill_n(v + p * step + (r * cols + q) * rows, rows, T{0});
    }
  }

  /// M of `groups` groups (+)= U V for panels of channels [first, last) of v; U of a position is `step` long.
  template <index Strips>
  void multiply(const T* u, index step, const T* v, index groups, index first, index last, T* m) const {
    const index deep = std::min(rows, grid.g.in.channels - (last - 1) * rows);
    const auto at = [=, this](index p, index k) {
      return v + k * group_in() + p * step_in() + first * cols * rows;
    };
    for (index p = 0; p < positions; ++p)
      for (index k = 0; k < groups; ++k) {
        const T* const soon = k + 1 < groups ? at(p, k + 1) : at(std::min(p + 1, positions - 1), 0);
        tiled::multiply_positions<T, Strips>(last - first, deep, u + p * step, at(p, k), cols * rows, soon,
                                             first > 0, m + k * group_out + p * step_out);
      }
  }
  void multiply(index out, const T* u, index step, const T* v, index groups, index first, index last,
                T* m) const {
    with_strips<T>(std::min(rows, grid.g.out_channels - out * rows),
                   [&](auto strips) { multiply<strips()>(u, step, v, groups, first, last, m); });
  }

  /// The outputs of panel `out` of groups [group, group + groups) from M.
  void outputs(index out, index group, index groups, const T* m) const {
    for (index k = 0; k < groups; ++k)
      for (index q = 0; q < std::min(cols, tiles - (group + k) * cols); ++q)
        winograd_output(grid, m + k * group_out + q * rows, step_out, (group + k) * cols + q, out * rows, y);
  }

  /// The way is chosen by the size of U alone.
  template <class Workspace>
  void run(int threads, const Workspace& workspace) {
    constexpr index size = static_cast<index>(sizeof(T));
    const index groups = (tiles + cols - 1) / cols;
    if (groups == 0) return;
    if (panels_out() * rows * positions * grid.g.in.channels * size <= winograd_memory::whole) {
      const index fit = winograd_memory::own / ((group_in() + group_out) * size);
      by_tiles(threads, workspace, std::clamp<index>(fit, 2, 8));
    } else {
      by_channels(threads, workspace,
                  std::clamp<index>(winograd_memory::shared / (group_in() * size), 1, groups));
    }
  }

  /// Few channels: U is held whole, and a thread takes so many groups of tiles as stay in its cache.
  template <class Workspace>
  void by_tiles(int threads, const Workspace& workspace, index block) {
    const index channels = grid.g.in.channels, panels = panels_out(), groups = (tiles + cols - 1) / cols;
    const index step = channels * rows + pad, one = positions * step;
    block = std::clamp<index>(groups / threads, 1, block);
    const index own = block * (group_in() + group_out);
    T* const u = workspace(panels * one + panels_in() * rows + threads * own);
    T* const work = u + panels * one;
    std::fill_n(work, panels_in() * rows, T{0});
    zeros = work;
    T* const blocks = work + panels_in() * rows;
    parallel_for(threads, panels * panels_in(), [&](index k) {
      const index first = k % panels_in() * rows;
      taps(k / panels_in() * rows, first, std::min(rows, channels - first),
           u + k / panels_in() * one + first * rows, step);
    });
    parallel_for(threads, (groups + block - 1) / block, [&](index k) {
      const index first = k * block, count = std::min(block, groups - first);
      T* const v = blocks + thread_number() * own;
      T* const m = v + block * group_in();
      for (index i = 0; i < count; ++i) windows(first + i, v + i * group_in());
      for (index out = 0; out < panels; ++out) {
        multiply(out, u + out * one, step, v, count, 0, panels_in(), m);
        outputs(out, first, count, m);
      }
    });
  }

  /// Many channels: V of many tiles is made together, then each thread takes panels of outputs and makes
  /// their U piece by piece, where it is used.
  template <class Workspace>
  void by_channels(int threads, const Workspace& workspace, index block) {
    const index channels = grid.g.in.channels, panels = panels_out(), groups = (tiles + cols - 1) / cols;
    const index piece = std::max<index>(1, panel<T>::depth / 2 / rows), length = std::min(piece, panels_in());
    block = std::min(block, groups);
    const index own = positions * (length * rows * rows + pad) + block * group_out;
    T* const work = workspace(panels_in() * rows + block * group_in() + threads * own);
    std::fill_n(work, panels_in() * rows, T{0});
    zeros = work;
    T* const v = work + panels_in() * rows;
    T* const rest = v + block * group_in();
    for (index begin = 0; begin < groups; begin += block) {
      const index count = std::min(block, groups - begin);
      parallel_for(threads, count, [&](index k) { windows(begin + k, v + k * group_in()); });
      const index cuts = std::clamp<index>((2 * threads + panels - 1) / panels, 1, count);
      parallel_for(threads, panels * cuts, [&](index job) {
        const index out = job / cuts;
        const range mine = part(count, cuts, job % cuts);
        T* const u = rest + thread_number() * own;
        T* const m = u + positions * (length * rows * rows + pad);
        for (index first = 0; first < panels_in(); first += piece) {
          const index last = std::min(first + piece, panels_in());
          const index deep = std::min(last * rows, channels) - first * rows;
          taps(out * rows, first * rows, deep, u, deep * rows + pad);
          multiply(out, u, deep * rows + pad, v + mine.first * group_in(), mine.last - mine.first, first,
                   last, m);
        }
        outputs(out, begin + mine.first, mine.last - mine.first, m);
      });
    }
  }
};

/// The gradient of the weights: dweights += G^T [the sum over the tiles of (A dy A^T) . V^T] G.
///
/// V and the transformed dy of `block` tiles at a time are made together, [position][panel of
/// channels][tile][rows]; then each thread takes pairs of panels, whose dU stays in its cache.
template <index Tile, class T>
struct winograd_outer_product {
  static constexpr index rows = panel<T>::rows, cols = panel<T>::cols, positions = (Tile + 2) * (Tile + 2);
  static constexpr index pad = rows, step_du = rows * rows + pad;

  tile_grid<Tile> grid;
  const T* x;
  const T* dy;
  T* dweights;
  index tiles;

  /// dU of `count` input channels of panel `in` and of output panel `out`, `depth` tiles deep; columns are
  /// `rows` apart.
  template <index Strips>
  static void multiply(index depth, const T* w, index step_w, const T* v, index step_v, index count, T* du) {
    constexpr index deepest = panel<T>::depth / 2, line = rows / 2;
    for (index p = 0; p < positions; ++p, w += step_w, v += step_v, du += step_du)
      for (index l = 0; l < depth; l += deepest)
        for (index j = 0; j < count; j += cols) {
          const T* const a = w + l * rows;
          const T* const b = v + l * rows;
          // Four tiles of columns fetch the four halves of what the next position needs.
          const T* const soon = (j / cols % 4 < 2 ? a + step_w : b + step_v) + j / cols % 2 * line;
          tiled::multiply_tile<T, Strips>(std::min(deepest, depth - l), a, b + j, rows, soon, T{1},
                                          l == 0 ? T{0} : T{1}, du + j * rows, rows);
        }
  }

  template <class Workspace>
  void run(int threads, const Workspace& workspace) const {
    const index tile = positions *
                       (panel<T>::padded(grid.g.in.channels) + panel<T>::padded(grid.g.out_channels)) *
                       static_cast<index>(sizeof(T));
    if (tiles > 0) run(threads, workspace, std::clamp<index>(2 * winograd_memory::shared / tile, 64, 128));
  }

  template <class Workspace>
  void run(int threads, const Workspace& workspace, index block) const {
    const image_shape in = grid.g.in, out = grid.g.out();
    const index panels_in = panel<T>::padded(in.channels) / rows;
    const index panels_out = panel<T>::padded(out.channels) / rows;
    block = std::min(block, tiles);
    const index across = block * rows, step_v = panels_in * across + pad, step_w = panels_out * across + pad;
    const index zero_count = std::max(panels_in, panels_out) * rows, own = positions * step_du;
    T* const zeros = workspace(zero_count + positions * (step_v + step_w) + threads * own);
    std::fill_n(zeros, zero_count, T{0});
    T* const v = zeros + zero_count;
    T* const w = v + positions * step_v;
    T* const rest = w + positions * step_w;
    // Input channels to a piece of dU: fewer where there would not be enough pieces for the threads, but
    // always so many that a panel falls into whole pieces.
    constexpr index most = rows / cols;  // tiles of columns in a panel
    index wide = most;
    while (wide > 1 && panels_out * panels_in * (most / wide) < 2 * threads) {
      do --wide;
      while (most % wide != 0);
    }
    wide *= cols;
    const index pieces = (in.channels + wide - 1) / wide;
    for (index begin = 0; begin < tiles; begin += block) {
      const index count = std::min(block, tiles - begin);
      parallel_for(threads, (count + cols - 1) / cols, [&](index k) {
        for (index t = k * cols; t < std::min((k + 1) * cols, count); ++t) {
          winograd_window(grid, x, begin + t, zeros, v + t * rows, step_v, across);
          winograd_spread(grid, dy, begin + t, zeros, w + t * rows, step_w, across);
        }
      });
      parallel_for(threads, panels_out * pieces, [&](index job) {
        const index o = job / pieces, c = job % pieces * wide, n = std::min(wide, in.channels - c);
        const T* const left = w + o * across;
        const T* const right = v + c / rows * across + c % rows;
        T* const du = rest + thread_number() * own;
        with_strips<T>(std::min(rows, out.channels - o * rows),
                       [&](auto strips) { multiply<strips()>(count, left, step_w, right, step_v, n, du); });
        winograd_gather<Tile>(grid.g, du, step_du, o * rows, c, n, dweights);
      });
    }
  }
};

/// y = W * x where `winograd_fits(g)`. `workspace(count)` hands out `count` elements, once a call.
template <index Tile, class T, class Workspace>
void winograd_forward(int threads, const Workspace& workspace, const conv_geometry& g,
                      matrix_view<const T, host_space> x, matrix_view<const T, host_space> weights,
                      matrix_view<T, host_space> y) {
  const tile_grid<Tile> grid(g);
  winograd_product<Tile, T, winograd_taps<Tile, T>> product{
      grid, {g, weights.data}, x.data, y.data, grid.count(x.cols / g.in.pixels())};
  product.run(threads, workspace);
}

/// dx = the gradient of x: the convolution of dy, padded by 2 - g.padding, with the weights turned.
template <index Tile, class T, class Workspace>
void winograd_input_gradient(int threads, const Workspace& workspace, const conv_geometry& g,
                             matrix_view<const T, host_space> weights, matrix_view<const T, host_space> dy,
                             matrix_view<T, host_space> dx) {
  const tile_grid<Tile> grid(conv_geometry{g.out(), g.in.channels, 3, 1, 2 - g.padding});
  winograd_product<Tile, T, winograd_turned_taps<Tile, T>> product{
      grid, {g, weights.data}, dy.data, dx.data, grid.count(dx.cols / g.in.pixels())};
  product.run(threads, workspace);
}

/// dweights += the gradient of the weights, from x and dy.
template <index Tile, class T, class Workspace>
void winograd_weight_gradient(int threads, const Workspace& workspace, const conv_geometry& g,
                              matrix_view<const T, host_space> x, matrix_view<const T, host_space> dy,
                              matrix_view<T, host_space> dweights) {
  const tile_grid<Tile> grid(g);
  const winograd_outer_product<Tile, T> product{grid, x.data, dy.data, dweights.data,
                                                grid.count(x.cols / g.in.pixels())};
  product.run(threads, workspace);
}

}  // namespace ssl::cpu
