#pragma once
// SPDX-License-Identifier: MIT

/// Exponentials of all pairs of columns of a batch x (d, M), e_ij = exp(exponent_ij): what soft-max losses
/// over the batch and the Gaussian potential share. Either
///
///     exponent_ij = kappa (x_i . x_j - 1)        of columns of length one, or
///     exponent_ij = - kappa / 2 |x_i - x_j|^2    with `distances`, of any columns (best centred)
///
/// Some entries are left out (e = 0): those with i = j mod `period`. A period of M leaves out i = j, a period
/// of n all columns of one sample. Rows fall into `groups` equal runs, whose sums are kept apart:
///
///     sums_jg  = sum_{i in g} exp(exponent_ij - peaks_jg)
///     peaks_jg = max_{i in g} exponent_ij where kappa is large enough for the plain sum to underflow (40 in
///                float, 300 in double), else 0
///     add_product: dx_j += alpha sum_i p_ij x_i
///     p_ij = c_j g(i) exp(exponent_ij - peaks_j g(i)) + c_i g(j) exp(exponent_ij - peaks_i g(j))
///
/// for a given c (M, groups). p is symmetric, and for c = 1 / sums each half is a soft-max. `pull` (M, V), if
/// given, is added between the V columns of a sample: where i != j, p_ij += pull_j v(i) + pull_i v(j), v(i) =
/// i V / M. `balanced` puts p_jj = - sum_i p_ij, so that dx_j += alpha sum_i p_ij (x_i - x_j); it goes
/// without a pull.
///
/// Two evaluations with equal results. Whole: where M^2 scalars fit into `memory` bytes, one symmetric
/// product, exponentials in its place, one product: 3 d M^2 flops. In tiles, otherwise: up to 256 columns at
/// a time (fewer, but at least 16, where `memory` asks for it), computed again for the product: 6 d M^2
/// flops, scratch tile x M.
///
/// T is the scalar of x, or double where a backend of floats asks for it: `in_double_where_few_pairs`.

#include <algorithm>
#include <type_traits>

#include "ssl/core/exp.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/core/fn.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/loss/small_in_double.hpp"

namespace ssl {

/// Bytes that a matrix of all pairs may take before it is evaluated in tiles: 4096 columns in float.
inline constexpr index similarity_memory = index{64} << 20;

struct similarity_options {
  double kappa = 1;
  index period = 1;  // divides M
  index groups = 1;  // divides M
  bool distances = false;
  bool balanced = false;
  index memory = similarity_memory;
};

template <class T, class Space>
class similarity_kernel {
 public:
  using matrix = matrix_view<T, Space>;
  using const_matrix = matrix_view<const T, Space>;
  using accumulator = matrix_view<double, Space>;
  using const_accumulator = matrix_view<const double, Space>;

  /// Computes sums and peaks. x (d, M) must outlive it; memory comes from the caller's scratch scope.
  template <class Ctx>
  similarity_kernel(Ctx& ctx, const_matrix x, similarity_options options) : x_(x), options_(options) {
    const index m = x.cols, fit = options.memory / (m * static_cast<index>(sizeof(T)));
    tile_ = fit >= m ? m : std::min(m, std::clamp<index>(fit, 16, 256));
    sums_ = ctx.take_accumulator(m, options.groups);
    if (options.kappa > (std::is_same_v<T, float> ? 40.0 : 300.0))
      peaks_ = ctx.scratch.template take<T>(m, options.groups);
    half_ = ctx.scratch.template take<T>(m, 1);
    tiles_ = ctx.scratch.template take<T>(m, tile_);
    const T half_kappa = static_cast<T>(0.5 * options.kappa);
    if (!options.distances) {
      fill(ctx.be, half_, half_kappa);
    } else if (tile_ < m) {
      for (index first = 0; first < m; first += tile_) {
        const index count = std::min(tile_, m - first);
        const matrix square{tiles_.data, count, count, m};
        syrk(ctx.be, trans::yes, T{1}, x.columns(first, count), T{0}, square);
        map(ctx.be, slice(half_, first, count), half_of_diagonal{square, half_kappa});
      }
    }
    for (index first = 0; first < m; first += tile_) {
      multiply_tile(ctx, first);
      if (options.distances && tile_ == m) map(ctx.be, half_, half_of_diagonal{tiles_, half_kappa});
      measure_tile(ctx, first);
    }
  }

  /// (M, groups)
  accumulator sums() const { return sums_; }
  /// (M, groups), empty where all are 0.
  const_matrix peaks() const { return peaks_; }

  /// dx (d, M) += alpha x p. Overwrites the exponentials: call it once. c and pull as above;
  /// pull may be empty.
  template <class Ctx>
  void add_product(Ctx& ctx, double alpha, const_matrix c, const_accumulator pull, matrix dx) const {
    for (index first = 0; first < x_.cols; first += tile_) {
      const index count = std::min(tile_, x_.cols - first);
      if (tile_ < x_.cols) {
        multiply_tile(ctx, first);
        measure_tile(ctx, first);
      }
      const auto p = tiles_.columns(0, count);
      if (peaks_.data != nullptr) {
        for_each_column(ctx.be, count, weigh<true>{p, c, peaks_, pull, first, options_.balanced});
      } else {
        for_each_column(ctx.be, count, weigh<false>{p, c, peaks_, pull, first, options_.balanced});
      }
      gemm(ctx.be, trans::no, trans::no, static_cast<T>(alpha), x_, p, T{1}, dx.columns(first, count));
    }
  }

  // The functors below are public because nvcc gives a kernel no private type.

  /// kappa / 2 |x_j|^2 out of the same products as x_i . x_j, so that columns that coincide have distance
  /// zero up to less than their own rounding.
  struct half_of_diagonal {
    matrix products;
    T factor;
    SSL_FN T operator()(index j, index) const { return factor * products(j, j); }
  };

  /// Column k of a tile: inner products become exponentials (`Peaks`: exponents); their sums.
  template <bool Peaks>
  struct measure {
    matrix s;           // (M, tile)
    const_matrix half;  // (M, 1)
    accumulator sums;   // (M, groups)
    matrix peaks;       // (M, groups), or empty
    index first, period;
    T kappa;

    template <class Team>
    SSL_FN void operator()(const Team& team, index k) const {
      const index j = first + k, left_out = j % period, step = period, rows = s.rows / sums.cols;
      T* const column = s.column(k);
      const T never = -infinite<T>();
      team.for_each(s.rows / period, [=](index v) { column[left_out + v * step] = never; });
      const T own = half.data[j], scale = kappa;
      for (index g = 0; g < sums.cols; ++g) {
        T* const x = column + g * rows;
        const T* const h = half.data + g * rows;
        const auto all = sums;
        double sum = 0;
        if constexpr (Peaks) {
          const T peak = team.reduce(rows, fn::least<T>, fn::maximum{}, [=](index i) {
            x[i] = scale * x[i] - (h[i] + own);
            return x[i];
          });
          sum = team.reduce(rows, 0.0, fn::plus{},
                            [=](index i) { return static_cast<double>(branchless_exp(x[i] - peak)); });
          const auto tops = peaks;
          team.for_each(1, [=](index) { tops(j, g) = peak; });
        } else {
          sum = team.reduce(rows, 0.0, fn::plus{}, [=](index i) {
            const T e = branchless_exp(scale * x[i] - (h[i] + own));
            x[i] = e;
            return static_cast<double>(e);
          });
        }
        team.for_each(1, [=](index) { all(j, g) = sum; });
      }
    }
  };

  /// Column k of a tile: what `measure` left becomes p.
  template <bool Peaks>
  struct weigh {
    matrix e;                // (M, tile)
    const_matrix c;          // (M, groups)
    const_matrix peaks;      // (M, groups), or empty
    const_accumulator pull;  // (M, V), or empty
    index first;
    bool balanced;

    template <class Team>
    SSL_FN void operator()(const Team& team, index k) const {
      const index j = first + k, rows = e.rows / c.cols, own_group = j / rows;
      T* const column = e.column(k);
      double sum = 0;
      for (index g = 0; g < c.cols; ++g) {
        T* const x = column + g * rows;
        const T* const others = c.column(own_group) + g * rows;
        const T own = c(j, g);
        if constexpr (Peaks) {
          const T* const tops = peaks.column(own_group) + g * rows;
          const T top = peaks(j, g);
          sum += each(team, rows, [=](index i) {
            x[i] = branchless_exp(x[i] - top) * own + branchless_exp(x[i] - tops[i]) * others[i];
            return static_cast<double>(x[i]);
          });
        } else {
          sum += each(team, rows, [=](index i) {
            x[i] *= own + others[i];
            return static_cast<double>(x[i]);
          });
        }
      }
      if (balanced) team.for_each(1, [=](index) { column[j] = static_cast<T>(-sum); });
      if (pull.data != nullptr) {
        const auto pulls = pull;
        const index n = e.rows / pull.cols, own_view = j / n, sample = j - own_view * n;
        team.for_each(pull.cols, [=](index v) {
          const index i = v * n + sample;
          if (i != j) column[i] += static_cast<T>(pulls(j, v) + pulls(i, own_view));
        });
      }
    }

    /// The sum of body(i) where it is wanted, else 0.
    template <class Team, class Body>
    SSL_FN double each(const Team& team, index count, const Body& body) const {
      if (balanced) return team.reduce(count, 0.0, fn::plus{}, body);
      team.for_each(count, body);
      return 0;
    }
  };

 private:
  /// Inner products of the tile that begins at column `first`.
  template <class Ctx>
  void multiply_tile(Ctx& ctx, index first) const {
    const index count = std::min(tile_, x_.cols - first);
    if (tile_ == x_.cols) {
      syrk(ctx.be, trans::yes, T{1}, x_, T{0}, tiles_);
    } else {
      gemm(ctx.be, trans::yes, trans::no, T{1}, x_, x_.columns(first, count), T{0}, tiles_.columns(0, count));
    }
  }

  /// Its sums, peaks and exponentials.
  template <class Ctx>
  void measure_tile(Ctx& ctx, index first) const {
    const index count = std::min(tile_, x_.cols - first);
    const auto s = tiles_.columns(0, count);
    const T kappa = static_cast<T>(options_.kappa);
    if (peaks_.data != nullptr) {
      for_each_column(ctx.be, count, measure<true>{s, half_, sums_, peaks_, first, options_.period, kappa});
    } else {
      for_each_column(ctx.be, count, measure<false>{s, half_, sums_, peaks_, first, options_.period, kappa});
    }
  }

  const_matrix x_;  // (d, M)
  similarity_options options_;
  index tile_ = 0;
  accumulator sums_;  // (M, groups)
  matrix peaks_;      // (M, groups), or empty
  matrix half_;       // (M, 1)
  matrix tiles_;      // (M, tile)
};

namespace detail {

/// body(x, dx), or, where d M^2 is so small that it costs no time worth naming, the same in double:
/// body(change(x), dx), the gradient rounded once.
template <class Ctx, class T, class Space, class Change, class Body>
void in_double_where_few_pairs(Ctx& ctx, matrix_view<const T, Space> x, matrix_view<T, Space> dx,
                               const Change& change, const Body& body) {
  if constexpr (!std::is_same_v<T, double>) {
    if (x.rows * x.cols * x.cols <= index{1} << 20) {
      scratch_scope scope(ctx);
      const auto wide = ctx.take_accumulator(x.rows, x.cols), gradient = ctx.take_accumulator(x.rows, x.cols);
      map(ctx.be, wide, change, x);
      fill(ctx.be, gradient, 0.0);
      body(as_const(wide), gradient);
      map(ctx.be, dx, add_rounded<T>{}, dx, gradient);
      return;
    }
  }
  body(x, dx);
}

}  // namespace detail

}  // namespace ssl
