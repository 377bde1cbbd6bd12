#pragma once
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
    using T = typename B::scalar;
    const index n = z.x.cols;
    const double kappa = 2 * t, factor = view_factor(reduction, z.views);
    scratch_scope scope(ctx);
    const auto squares = ctx.take_accumulator(1, n), top = ctx.take_accumulator(1, 1),
               sum = ctx.take_accumulator(1, 1);
    const auto half = ctx.take(n, 1), a = ctx.take(n, 1);
    fill(ctx.be, squares, 0.0);
    map_reduce(ctx.be, squares, fn::plus{}, fn::square<T>{}, z.centered);
    map(ctx.be, half.reshaped(1, n), half_exponent<T>{t}, squares);
    const similarity_kernel<B> all(ctx, z.centered, half,
                                   {.kappa = kappa, .period = n, .balanced = true, .memory = memory});
    fill(ctx.be, sum, 0.0);
    fill(ctx.be, top, all.peaks().data != nullptr ? fn::least<double> : 0.0);
    if (all.peaks().data != nullptr) map_reduce(ctx.be, top, fn::maximum{}, fn::cast<double>{}, all.peaks());
    map_reduce(ctx.be, sum, fn::plus{}, below_peak<B>{all.peaks(), top}, all.sums());
    map(ctx.be, a, share<B>{all.peaks(), top, sum});
    const double pairs = static_cast<double>(n) * static_cast<double>(n - 1);
    map(ctx.be, value, log_mean<B>{top, factor, pairs}, value, sum);
    all.add_product(ctx, 2 * weight * factor * kappa, a, {}, dz);
  }

  // The functors below are public because nvcc gives a kernel no private type.

  template <class T>
  struct half_exponent {  // t |x|^2
    double t;
    SSL_FN T operator()(double squared) const { return static_cast<T>(t * squared); }
  };
  /// sums_j exp(peak_j - top)
  template <class B>
  struct below_peak {
    cview<B> peaks;  // (n, 1), or empty
    accumulator_view<B> top;
    SSL_FN double operator()(index j, index, double sum) const {
      return peaks.data != nullptr ? std::exp(static_cast<double>(peaks.data[j]) - top.data[0]) * sum : sum;
    }
  };
  /// Half of exp(peak_j - top) / sum: an exponential gets it from both of its columns.
  template <class B>
  struct share {
    cview<B> peaks;  // (n, 1), or empty
    accumulator_view<B> top, sum;
    SSL_FN typename B::scalar operator()(index j, index) const {
      const double part =
          peaks.data != nullptr ? std::exp(static_cast<double>(peaks.data[j]) - top.data[0]) : 1.0;
      return static_cast<typename B::scalar>(0.5 * part / sum.data[0]);
    }
  };
  template <class B>
  struct log_mean {  // y + factor log of the mean
    accumulator_view<B> top;
    double factor, pairs;
    SSL_FN double operator()(index, index, double y, double sum) const {
      return y + factor * (top.data[0] + std::log(sum / pairs));
    }
  };
};

}  // namespace ssl
