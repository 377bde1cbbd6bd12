#pragma once
// SPDX-License-Identifier: MIT

/// The blocking constants of the CPU's kernels for every width of vectors, and what must hold between them.
///
/// A tile of c stays in registers: `strips` vectors of rows by `cols` columns.
///
///     vectors      bytes  registers  strips  cols             rows: float, double
///     none           -       16        2     2                   2,  2
///     SSE2          16       16        2     4                   8,  4
///     AVX, AVX2     32       16        3     4                  24, 12
///     NEON          16       32        2     8, double 4         8,  4
///     AVX-512       64       32        2     8                  32, 16
///
/// A kernel takes every size from here and assumes nothing about it but what `sound` says: it is compiled for
/// one row of the table, and most machines are another one.

#include <algorithm>

#include "ssl/core/config.hpp"

namespace ssl::cpu {

/// For vectors of `Width` scalars of `Size` bytes, and 32 registers of them or 16.
template <index Width, index Size, bool ManyRegisters>
struct blocking {
  static constexpr index width = Width;
  static constexpr bool many_registers = ManyRegisters;
  static constexpr bool wide = many_registers || width * Size >= 32;

  static constexpr index strips = wide && !many_registers ? 3 : 2;
  static constexpr index rows = strips * width;
  static constexpr index cols = std::min<index>(many_registers ? 8 : 4, rows);
  static constexpr index depth = 1024 / Size;  // rows x depth fill 2/3 of 48 KiB

  static constexpr index page = 4096 / Size;                 // scalars on one page of memory
  static constexpr index chunk = 384 / rows * rows;          // rows that a thread packs for itself
  static constexpr index page_of_rows = page / rows * rows;  // whole panels, a page at most
  static constexpr index many_columns = 256 / cols * cols;   // whole tiles

  /// The least multiple of `rows` that holds `count`.
  static constexpr index padded(index count) { return (count + rows - 1) / rows * rows; }

  /// What the kernels rely on.
  static constexpr bool sound() {
    return width > 0 && strips <= 3          // with_strips knows one, two and three
           && rows % cols == 0               // a tile's columns lie in one panel of the right operand
           && page % width == 0              // sums are cut between vectors
           && chunk > 0 && page_of_rows > 0  // and, by definition, multiples of `rows`
           && many_columns > 0;              // of `cols`
  }
};

// Every row of the table, whatever this program is compiled for.
static_assert(blocking<1, 4, false>::sound() && blocking<1, 8, false>::sound());
static_assert(blocking<4, 4, false>::sound() && blocking<2, 8, false>::sound());
static_assert(blocking<8, 4, false>::sound() && blocking<4, 8, false>::sound());
static_assert(blocking<4, 4, true>::sound() && blocking<2, 8, true>::sound());
static_assert(blocking<16, 4, true>::sound() && blocking<8, 8, true>::sound());

}  // namespace ssl::cpu
