#pragma once
/// Exponentials of all inner products of a batch, e_ij = exp(kappa x_i . x_j - h_i - h_j), for columns x (d,
/// M): what soft-max losses over the batch and the Gaussian potential share. With columns of length one and
/// h = kappa / 2 it is exp(kappa (cos_ij - 1)); with h_i = kappa / 2 |x_i|^2 it is exp(-kappa / 2 |x_i -
/// x_j|^2). The exponent must not be positive beyond rounding.
///
/// Some entries are left out (e = 0): those with i = j mod `period`. A period of M leaves out i = j, a period
/// of n all columns of one sample. Rows fall into `groups` equal runs, whose sums are kept apart:
///
///     sums_jg = sum_{i in g} exp(exponent_ij - peaks_jg),  peaks_jg = max_{i in g} exponent_ij where kappa
///     is
///               large enough for the plain sum to underflow (40 in float, 300 in double), else 0
///     add_product:  dx_j += alpha sum_i p_ij x_i,
///               p_ij = e_ij (c_j g(i) + c_i g(j)),  c_jg = exp(-peaks_jg) a_jg for the given a (M, groups)
///
/// p is symmetric, and for a_j = 1 / sums_j each part is a soft-max over the column. `pull` (M, V), if given,
/// is added between the V columns of a sample: p_ij += pull_j v(i) + pull_i v(j), v(i) = i V / M, i != j.
/// `balanced` puts p_jj = - sum_i p_ij, so that dx_j += alpha sum_i p_ij (x_i - x_j); it goes without a pull.
///
/// Two evaluations with equal results. Whole: where M^2 scalars fit into `memory` bytes, one symmetric
/// product, exponentials in its place, one product: 3 d M^2 flops. In tiles, otherwise: up to 256 columns at
/// a time (fewer, but at least 16, where `memory` asks for it), computed again for the product: 6 d M^2
/// flops, scratch tile x M.

#include <algorithm>
#include <type_traits>

#include "ssl/core/exp.hpp"
#include "ssl/core/fn.hpp"
#include "ssl/exec/context.hpp"

namespace ssl {

/// Bytes that a matrix of all pairs may take before it is evaluated in tiles: 4096 columns in float.
inline constexpr index similarity_memory = index{64} << 20;

struct similarity_options {
  double kappa = 1;
  index period = 1;  // divides M
  index groups = 1;  // divides M
  bool balanced = false;
  index memory = similarity_memory;
};

template <class B>
class similarity_kernel {
 public:
  using T = typename B::scalar;

  /// Computes sums and peaks. x (d, M) and half (M, 1) must outlive it; memory comes from the caller's
  /// scratch scope.
  template <class Ctx>
  similarity_kernel(Ctx& ctx, cview<B> x, cview<B> half, similarity_options options)
      : x_(x), half_(half), options_(options) {
    const index m = x.cols, fit = options.memory / (m * static_cast<index>(sizeof(T)));
    tile_ = fit >= m ? m : std::min(m, std::clamp<index>(fit, 16, 256));
    sums_ = ctx.take_accumulator(m, options.groups);
    if (options.kappa > (std::is_same_v<T, float> ? 40.0 : 300.0)) peaks_ = ctx.take(m, options.groups);
    tiles_ = ctx.take(m, tile_);
    for (index first = 0; first < m; first += tile_) measure_tile(ctx, first);
  }

  /// (M, groups)
  accumulator_view<B> sums() const { return sums_; }
  /// (M, groups), empty where all are 0.
  cview<B> peaks() const { return peaks_; }

  /// dx (d, M) += alpha x p. Overwrites the exponentials: call it once. a and pull as above; pull may be
  /// empty.
  template <class Ctx>
  void add_product(Ctx& ctx, double alpha, cview<B> a, cview<B> pull, view<B> dx) const {
    for (index first = 0; first < x_.cols; first += tile_) {
      const index count = std::min(tile_, x_.cols - first);
      if (tile_ < x_.cols) measure_tile(ctx, first);
      const auto p = tiles_.columns(0, count);
      if (peaks_.data != nullptr) {
        for_each_column(ctx.be, count, weigh<true>{p, a, peaks_, pull, first, options_.balanced});
      } else {
        for_each_column(ctx.be, count, weigh<false>{p, a, peaks_, pull, first, options_.balanced});
      }
      gemm(ctx.be, trans::no, trans::no, static_cast<T>(alpha), x_, p, T{1}, dx.columns(first, count));
    }
  }

  // The functors below are public because nvcc gives a kernel no private type.

  /// Column k of a tile: inner products become exponentials (`Peaks`: exponents); their sums.
  template <bool Peaks>
  struct measure {
    view<B> s;                 // (M, tile)
    cview<B> half;             // (M, 1)
    accumulator_view<B> sums;  // (M, groups)
    view<B> peaks;             // (M, groups), or empty
    index first, period;
    T kappa;

    template <class Team>
    SSL_FN void operator()(const Team& team, index k) const {
      const index j = first + k, left_out = j % period, step = period, rows = s.rows / sums.cols;
      T* const column = s.column(k);
      team.for_each(s.rows / period, [=](index v) { column[left_out + v * step] = -detail::infinity<T>; });
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
    view<B> e;       // (M, tile)
    cview<B> a;      // (M, groups)
    cview<B> peaks;  // (M, groups), or empty
    cview<B> pull;   // (M, V), or empty
    index first;
    bool balanced;

    template <class Team>
    SSL_FN void operator()(const Team& team, index k) const {
      const index j = first + k, rows = e.rows / a.cols, own_group = j / rows;
      T* const column = e.column(k);
      double sum = 0;
      for (index g = 0; g < a.cols; ++g) {
        T* const x = column + g * rows;
        const T* const others = a.column(own_group) + g * rows;
        const T own = a(j, g);
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
          if (i != j) column[i] += pulls(j, v) + pulls(i, own_view);
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
  /// Sums, peaks and exponentials of the tile that begins at column `first`.
  template <class Ctx>
  void measure_tile(Ctx& ctx, index first) const {
    const index m = x_.cols, count = std::min(tile_, m - first);
    const auto s = tiles_.columns(0, count);
    if (tile_ == m) {
      syrk(ctx.be, trans::yes, T{1}, x_, T{0}, s);
    } else {
      gemm(ctx.be, trans::yes, trans::no, T{1}, x_, x_.columns(first, count), T{0}, s);
    }
    const T kappa = static_cast<T>(options_.kappa);
    if (peaks_.data != nullptr) {
      for_each_column(ctx.be, count, measure<true>{s, half_, sums_, peaks_, first, options_.period, kappa});
    } else {
      for_each_column(ctx.be, count, measure<false>{s, half_, sums_, peaks_, first, options_.period, kappa});
    }
  }

  cview<B> x_, half_;  // (d, M), (M, 1)
  similarity_options options_;
  index tile_ = 0;
  accumulator_view<B> sums_;  // (M, groups)
  view<B> peaks_;             // (M, groups), or empty
  view<B> tiles_;             // (M, tile)
};

}  // namespace ssl
