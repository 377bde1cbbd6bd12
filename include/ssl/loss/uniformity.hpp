#pragma once
// SPDX-License-Identifier: MIT

/// Uniformity: the samples of a view spread over the sphere.
///
///     value    = log mean_{i < j} exp(-t |u_i - u_j|^2) per view, mean over the views by default
///     gradient = 4 t / S sum_i e_ij (u_i - u_j),  e_ij = exp(-t |u_i - u_j|^2), S = sum over ordered pairs
///
/// arXiv 2005.10242 (SsnL/align_uniform; t = 2), on columns of length one; lightly defaults to t = 1. 0 for a
/// collapsed view, about -2 t at best in high dimension. Distances are those of the centred columns, |x_i|^2
/// + |x_j|^2 - 2 x_i . x_j: a batch that lies close together keeps its digits. Cost: 3 d n^2 flops a view, or
/// 6 d n^2 in tiles where n^2 scalars are more than `memory` bytes.

#include <cmath>

#include "ssl/loss/loss.hpp"
#include "ssl/loss/similarity.hpp"

namespace ssl {

struct uniformity {
  using kind = loss_kind;
  static constexpr std::string_view name = "unif";
  static constexpr moment needs = moment::centered;
  static constexpr bool unit_norm = true;

  double t = 2;
  over_views reduction = over_views::mean;
  index memory = similarity_memory;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, one_view<B> z, accumulator_view<B> value, view<B> dz) const {
    const index n = z.x.cols;
    const double kappa = 2 * t, factor = view_factor(reduction, z.views);
    const double pairs = static_cast<double>(n) * static_cast<double>(n - 1);
    scratch_scope scope(ctx);
    const auto top = ctx.take_accumulator(1, 1), sum = ctx.take_accumulator(1, 1);
    detail::in_double_where_few_pairs(
        ctx, z.centered, dz, minus_first<B>{z.x},
        [&]<class T, class Space>(matrix_view<const T, Space> x, matrix_view<T, Space> dx) {
          const similarity_kernel<T, Space> all(
              ctx, x, {.kappa = kappa, .period = n, .distances = true, .balanced = true, .memory = memory});
          const auto peaks = all.peaks();
          const auto c = ctx.scratch.template take<T>(n, 1);
          fill(ctx.be, sum, 0.0);
          fill(ctx.be, top, peaks.data != nullptr ? fn::least<double> : 0.0);
          if (peaks.data != nullptr) map_reduce(ctx.be, top, fn::maximum{}, fn::cast<double>{}, peaks);
          map_reduce(ctx.be, sum, fn::plus{}, below_top<T, Space>{{peaks, top}}, all.sums());
          map(ctx.be, c, share<T, Space>{{peaks, top}, sum});
          map(ctx.be, value, log_mean<Space>{top, factor, pairs}, value, sum);
          all.add_product(ctx, 2 * weight * factor * kappa, c, {}, dx);
        });
  }

  /// The largest value; healthy ones lie far below, towards -2 t.
  constexpr collapse_value collapsed(batch_shape, double) const { return {.value = 0}; }

  // The functors below are public because nvcc gives a kernel no private type.

  /// The difference of two floats, exact in double: distances do not notice, and equal columns become zero.
  template <class B>
  struct minus_first {
    cview<B> x;
    SSL_FN double operator()(index i, index j, typename B::scalar) const {
      return static_cast<double>(x(i, j)) - static_cast<double>(x(i, 0));
    }
  };
  /// exp(peak_j - top)
  template <class T, class Space>
  struct height {
    matrix_view<const T, Space> peaks;  // (n, 1), or empty
    matrix_view<double, Space> top;     // (1, 1)
    SSL_FN double at(index j) const {
      return peaks.data != nullptr ? std::exp(static_cast<double>(peaks.data[j]) - top.data[0]) : 1.0;
    }
  };
  /// sums_j exp(peak_j - top)
  template <class T, class Space>
  struct below_top : height<T, Space> {
    SSL_FN double operator()(index j, index, double sum) const { return this->at(j) * sum; }
  };
  /// Half of exp(peak_j - top) / sum: an exponential gets it from both of its columns.
  template <class T, class Space>
  struct share : height<T, Space> {
    matrix_view<double, Space> sum;  // (1, 1)
    SSL_FN T operator()(index j, index) const { return static_cast<T>(0.5 * this->at(j) / sum.data[0]); }
  };
  template <class Space>
  struct log_mean {  // y + factor log of the mean
    matrix_view<double, Space> top;
    double factor, pairs;
    SSL_FN double operator()(index, index, double y, double sum) const {
      return y + factor * (top.data[0] + std::log(sum / pairs));
    }
  };
};

}  // namespace ssl
