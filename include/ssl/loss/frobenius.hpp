#pragma once
// SPDX-License-Identifier: MIT

/// Squared Frobenius norm of the uncentred second moment: the sum of the fourth powers of the singular
/// values.
///
///     value    = ||z z^T||_F^2 / n^2 per view, mean over the views by default
///     gradient = 4 / n^2 (z z^T) z, times the views' factor
///
/// The repulsion that the spectral contrastive, singular value and covariance losses share (duality: arXiv
/// 2206.02574). Cost: 3 d n min(d, n) flops a view; scratch min(d, n)^2. Batches of d n min(d, n) <= 2^22 are
/// evaluated in double whatever the scalar.

#include "ssl/loss/small_in_double.hpp"

namespace ssl {

struct frobenius {
  using kind = loss_kind;
  static constexpr std::string_view name = "fro";
  static constexpr moment needs = moment::none;

  over_views reduction = over_views::mean;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, one_view<B> z, accumulator_view<B> value, view<B> dz) const {
    const index d = z.x.rows, columns = z.x.cols;
    const double n = static_cast<double>(columns);
    const double factor = view_factor(reduction, z.views) / (n * n);
    const bool features = z.side == gram_side::automatic ? columns >= d : z.side == gram_side::features;
    in_double_where_small(ctx, z.x, 1, dz, [&](auto x, auto dx) {
      using S = typename decltype(dx)::value_type;
      scratch_scope scope(ctx);
      const index size = features ? d : columns;
      const auto gram = ctx.scratch.template take<S>(size, size);
      const S slope = static_cast<S>(4.0 * weight * factor);
      syrk(ctx.be, features ? trans::no : trans::yes, S{1}, x, S{0}, gram);
      map_reduce(ctx.be, value, fn::plus{}, fn::scaled_square{factor}, gram);
      if (features) {
        gemm(ctx.be, trans::no, trans::no, slope, gram, x, S{1}, dx);
      } else {
        gemm(ctx.be, trans::no, trans::no, slope, x, gram, S{1}, dx);
      }
    });
  }

  constexpr collapse_value collapsed(batch_shape shape, double length) const {
    const double views = static_cast<double>(shape.views) * view_factor(reduction, shape.views);
    return {views * length * length * length * length, "|z|^4"};
  }
};

}  // namespace ssl
