#pragma once
/// Squared Frobenius norm of the uncentred second moment: the sum of the fourth powers of the singular
/// values.
///
///     value    = ||z z^T||_F^2 / n^2 per view, mean over the views by default
///     gradient = 4 / n^2 (z z^T) z, times the views' factor
///
/// The repulsion that the spectral contrastive, singular value and covariance losses share (duality: arXiv
/// 2206.02574). Cost: 3 d n min(d, n) flops a view.

#include "ssl/loss/loss.hpp"

namespace ssl {

struct frobenius {
  using kind = loss_kind;
  static constexpr std::string_view name = "fro";
  static constexpr moment needs = moment::second;

  over_views reduction = over_views::mean;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, one_view<B> z, accumulator_view<B> value, view<B> dz) const {
    const double n = static_cast<double>(z.x.cols);
    const double factor = view_factor(reduction, z.views) / (n * n);
    z.second->add_square(ctx, factor, value);
    z.second->add_product(ctx, 4.0 * weight * factor, dz);
  }

  constexpr collapse_value collapsed(batch_shape shape, double length) const {
    const double views = static_cast<double>(shape.views) * view_factor(reduction, shape.views);
    return {views * length * length * length * length, "|z|^4"};
  }
};

}  // namespace ssl
