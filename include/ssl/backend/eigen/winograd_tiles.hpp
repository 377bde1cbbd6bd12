#pragma once
// SPDX-License-Identifier: MIT

/// Winograd's transforms in two dimensions, between channel-last maps or weights and panels (panels.hpp).
///
/// A tile is Tile x Tile pixels of the output; its window is the (Tile + 2)^2 pixels of the input that it
/// depends on. A transformed window has (Tile + 2)^2 positions, each of them one matrix product over the
/// channels. Every transform works on vectors of neighbouring channels.

#include <algorithm>

#include "ssl/backend/eigen/winograd_lines.hpp"
#include "ssl/core/conv_geometry.hpp"

namespace ssl::cpu {

/// How the output of a convolution is cut into tiles, those at the lower and right edges overhanging: tile t
/// of the batch is tile t % (down across) of an image, row by row.
template <index Tile>
struct tile_grid {
  conv_geometry g;
  index down, across;

  explicit tile_grid(const conv_geometry& geometry)
      : g(geometry), down((g.out_height() + Tile - 1) / Tile), across((g.out_width() + Tile - 1) / Tile) {}

  /// Tiles of so many images.
  index count(index images) const { return images * down * across; }

  /// The image and the first row and column of output of tile t.
  struct place {
    index image, row, col;
  };
  place operator[](index t) const {
    const divided image = divide(t, down * across), row = divide(image.remainder, across);
    return {image.quotient, row.quotient * Tile, row.remainder * Tile};
  }
};

namespace tiled {

/// The first `count` of a vector's entries, zeros after them.
template <class T>
typename panel<T>::packet load_some(const T* from, index count) {
  namespace ei = Eigen::internal;
  constexpr index width = panel<T>::width;
  if (count >= width) return ei::ploadu<typename panel<T>::packet>(from);
  T whole[std::size_t{width}] = {};
  for (index i = 0; i < count; ++i) whole[i] = from[i];
  return ei::ploadu<typename panel<T>::packet>(whole);
}

template <class T>
void store_some(T* to, typename panel<T>::packet value, index count) {
  namespace ei = Eigen::internal;
  constexpr index width = panel<T>::width;
  if (count >= width) return ei::pstoreu(to, value);
  T whole[std::size_t{width}];
  ei::pstoreu(whole, value);
  for (index i = 0; i < count; ++i) to[i] = whole[i];
}

/// store(i, j, .) for i, j < Out gets L X L^T, where `line` applies L (Out, In) and load(i, j) gives X's
/// entries.
template <class T, index In, index Out, class Line, class Load, class Store>
void both_ways(const Line& line, const Load& load, const Store& store) {
  using packet = typename panel<T>::packet;
  packet half[std::size_t{Out}][std::size_t{In}];
  for (index j = 0; j < In; ++j) {
    packet from[std::size_t{In}], to[std::size_t{Out}];
    SSL_UNROLL
    for (index i = 0; i < In; ++i) from[i] = load(i, j);
    line(from, to);
    SSL_UNROLL
    for (index i = 0; i < Out; ++i) half[i][j] = to[i];
  }
  for (index i = 0; i < Out; ++i) {
    packet to[std::size_t{Out}];
    line(half[i], to);
    SSL_UNROLL
    for (index j = 0; j < Out; ++j) store(i, j, to[j]);
  }
}

/// The transform of a Size x Size square of a map whose upper left corner is at (row, col) of an image,
/// pixels off the image being zeros. Position p of channel c goes to to[p step + c / rows * across + c %
/// rows]; panels are filled up with zeros. `zeros` are map.channels of them.
template <class T, index Size, index Positions, class Line>
void transform_square(const Line& line, const T* map, const image_shape& shape, index row, index col,
                      const T* zeros, T* to, index step, index across) {
  constexpr index width = panel<T>::width, rows = panel<T>::rows, tile = Positions - 2;
  const index channels = shape.channels, padded = panel<T>::padded(channels);
  const index left = -col, right = shape.width - col, above = -row, below = shape.height - row;
  const T* at[std::size_t{Size}][std::size_t{Size}];
  for (index i = 0; i < Size; ++i) {
    index place = ((row + i) * shape.width + col) * channels;
    SSL_UNROLL
    for (index j = 0; j < Size; ++j, place += channels)
      at[i][j] = i >= above && i < below && j >= left && j < right ? map + place : zeros;
  }
  for (index c = 0; c < padded; c += width) {
    T* const here = to + c / rows * across + c % rows;
    const auto store = [=](index i, index j, typename panel<T>::packet value) {
      Eigen::internal::pstoreu(here + (i * Positions + j) * step, value);
    };
    if (c + width <= channels) {
      both_ways<T, Size, Positions>(
          line,
          [&](index i, index j) {
            // What the next tile needs beyond this one.
            if (j >= Size - tile) Eigen::internal::prefetch(at[i][j] + c + tile * channels);
            return Eigen::internal::ploadu<typename panel<T>::packet>(at[i][j] + c);
          },
          store);
    } else {
      both_ways<T, Size, Positions>(
          line, [&](index i, index j) { return load_some(at[i][j] + std::min(c, channels), channels - c); },
          store);
    }
  }
}

}  // namespace tiled

/// The window of tile t of x, transformed by B^T.
template <index Tile, class T>
void winograd_window(const tile_grid<Tile>& grid, const T* x, index t, const T* zeros, T* to, index step,
                     index across) {
  const auto place = grid[t];
  const image_shape& in = grid.g.in;
  tiled::transform_square<T, Tile + 2, Tile + 2>(
      [](const auto& d, auto& v) { winograd_lines<Tile, T>::input(d, v); }, x + place.image * in.size(), in,
      place.row - grid.g.padding, place.col - grid.g.padding, zeros, to, step, across);
}

/// Tile t of a map of the output's shape, transformed by A.
template <index Tile, class T>
void winograd_spread(const tile_grid<Tile>& grid, const T* dy, index t, const T* zeros, T* to, index step,
                     index across) {
  const auto place = grid[t];
  const image_shape out = grid.g.out();
  tiled::transform_square<T, Tile, Tile + 2>(
      [](const auto& d, auto& v) { winograd_lines<Tile, T>::spread(d, v); }, dy + place.image * out.size(),
      out, place.row, place.col, zeros, to, step, across);
}

/// Tile t of y for the channels of one panel, from its products: y = A^T M A, position p at from[p step].
template <index Tile, class T>
void winograd_output(const tile_grid<Tile>& grid, const T* from, index step, index t, index first, T* y) {
  constexpr index width = panel<T>::width;
  const auto place = grid[t];
  const image_shape out = grid.g.out();
  const index high = std::min(Tile, out.height - place.row), wide = std::min(Tile, out.width - place.col);
  T* const corner = y + place.image * out.size() + (place.row * out.width + place.col) * out.channels + first;
  const index channels = std::min(panel<T>::rows, out.channels - first);
  for (index c = 0; c < channels; c += width) {
    const index count = channels - c;
    tiled::both_ways<T, Tile + 2, Tile>(
        [](const auto& m, auto& v) { winograd_lines<Tile, T>::output(m, v); },
        [=](index i, index j) {
          return Eigen::internal::ploadu<typename panel<T>::packet>(from + (i * (Tile + 2) + j) * step + c);
        },
        [=](index i, index j, typename panel<T>::packet value) {
          Eigen::internal::prefetch(corner + (i * out.width + j + Tile) * out.channels + c);
          if (i < high && j < wide)
            tiled::store_some(corner + (i * out.width + j) * out.channels + c, value, count);
        });
  }
}

/// Weights (out, 9 in) of a forward convolution as left operands: U = G w G^T for a panel of output channels
/// and any run of input channels.
template <index Tile, class T>
struct winograd_taps {
  const conv_geometry& g;
  const T* weights;

  /// Position p of output channel `first` + i and input channel `from` + l to to[p step + l rows + i].
  void operator()(index first, index from, index count, T* to, index step) const {
    constexpr index width = panel<T>::width, rows = panel<T>::rows;
    const index out = g.out_channels, tap = g.in.channels * out;
    for (index l = 0; l < count; ++l)
      for (index i = 0; i < rows; i += width) {
        const index left = out - first - i;
        const T* const w = weights + first + std::min(i, out - first) + (from + l) * out;
        T* const here = to + l * rows + i;
        tiled::both_ways<T, 3, Tile + 2>([](const auto& d, auto& u) { winograd_lines<Tile, T>::taps(d, u); },
                                         [=](index ky, index kx) {
                                           const T* const place = w + (ky * 3 + kx) * tap;
                                           Eigen::internal::prefetch(place + out * 4);
                                           return tiled::load_some(place, left);
                                         },
                                         [=](index p, index q, typename panel<T>::packet value) {
                                           Eigen::internal::pstoreu(here + (p * (Tile + 2) + q) * step,
                                                                    value);
                                         });
      }
  }
};

/// The weights of the convolution that takes the gradient of y to that of x: turned by half a circle, the
/// channels' roles exchanged. `g` and `weights` are those of the forward convolution.
template <index Tile, class T>
struct winograd_turned_taps {
  const conv_geometry& g;
  const T* weights;

  /// Position p of input channel `first` + i and output channel `from` + l to to[p step + l rows + i].
  void operator()(index first, index from, index count, T* to, index step) const {
    constexpr index width = panel<T>::width, rows = panel<T>::rows;
    const index in = g.in.channels, out = g.out_channels;
    alignas(64) T block[9][std::size_t{width * width}];
    for (index i = 0; i < rows; i += width)
      for (index l = 0; l < count; l += width) {
        const index deep = std::min(width, count - l), tall = std::clamp<index>(in - first - i, 0, width);
        for (index tap = 0; tap < 9; ++tap) {
          const T* const w = weights + from + l + (tap * in + first + i) * out;
          for (index p = 0; p < tall; ++p) Eigen::internal::prefetch(w + p * out + width);
          if (deep == width && tall == width) {
            tiled::transpose_block(w, out, block[8 - tap], width);
            continue;
          }
          for (index q = 0; q < deep; ++q)
            for (index p = 0; p < width; ++p)
              block[8 - tap][q * width + p] = p < tall ? w[p * out + q] : T{0};
        }
        for (index q = 0; q < deep; ++q) {
          T* const here = to + (l + q) * rows + i;
          tiled::both_ways<T, 3, Tile + 2>(
              [](const auto& d, auto& u) { winograd_lines<Tile, T>::taps(d, u); },
              [&](index ky, index kx) {
                return Eigen::internal::ploadu<typename panel<T>::packet>(block[ky * 3 + kx] + q * width);
              },
              [=](index p, index s, typename panel<T>::packet value) {
                Eigen::internal::pstoreu(here + (p * (Tile + 2) + s) * step, value);
              });
        }
      }
  }
};

/// dweights += G^T dU G for `count` input channels from `from` and a panel of output channels from `first`;
/// position p of dU (rows, count) at du + p step, column-major.
template <index Tile, class T>
void winograd_gather(const conv_geometry& g, const T* du, index step, index first, index from, index count,
                     T* dweights) {
  constexpr index width = panel<T>::width, rows = panel<T>::rows;
  const index out = g.out_channels, tap = g.in.channels * out, tall = std::min(rows, out - first);
  for (index l = 0; l < count; ++l)
    for (index i = 0; i < tall; i += width) {
      const T* const from_here = du + l * rows + i;
      T* const to = dweights + first + i + (from + l) * out;
      tiled::both_ways<T, Tile + 2, 3>(
          [](const auto& u, auto& w) { winograd_lines<Tile, T>::gather(u, w); },
          [=](index p, index q) {
            return Eigen::internal::ploadu<typename panel<T>::packet>(from_here +
                                                                      (p * (Tile + 2) + q) * step);
          },
          [=](index ky, index kx, typename panel<T>::packet value) {
            T* const place = to + (ky * 3 + kx) * tap;
            const index left = tall - i;
            tiled::store_some(place, Eigen::internal::padd(value, tiled::load_some<T>(place, left)), left);
          });
    }
}

}  // namespace ssl::cpu
