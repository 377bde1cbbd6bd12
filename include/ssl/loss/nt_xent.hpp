#pragma once
// SPDX-License-Identifier: MIT

/// NT-Xent (InfoNCE within a batch): every column finds the other views of its sample among all columns.
///
///     s        = cos / temperature
///     value    = mean over anchors r of [log sum_{a != r} exp(s_ra) - mean_{p positive} s_rp]
///     gradient = 1 / (temperature V n) sum_i p_ij u_i  for u_j
///     p_ij     = softmax_i(j) + softmax_j(i) - 2 [positive] / (V - 1)
///
/// SimCLR (arXiv 2002.05709), on columns of length one, V >= 2 views; nothing for one. More than two views:
/// all other columns at once (the default), or `contrast::pairs_of_views`, the mean over pairs of views.
/// `positives::inside` puts the sum over the positives into the logarithm, - log sum_p exp(s_rp), as
/// solo-learn does; it is the same for two views. The released SimCLR (TensorFlow) adds two means over n,
/// twice this mean over 2 n: `2 * nt_xent{}`.
///
/// A collapsed batch gives log(V n - 1). Cost: 3 d (V n)^2 flops and (V n)^2 scalars, or 6 d (V n)^2 in tiles
/// where that is more than `memory` bytes. Any temperature: below 1/40 the shift of the exponents is each
/// column's maximum.

#include "ssl/loss/contrast.hpp"

namespace ssl {

/// Where the other views of a sample enter: their mean outside the logarithm, or their sum inside it.
enum class positives { outside, inside };

struct nt_xent {
  using kind = loss_kind;
  static constexpr std::string_view name = "ntxent";
  static constexpr bool unit_norm = true;

  double temperature = 0.5;
  contrast over = contrast::all_views;
  positives place = positives::outside;
  index memory = similarity_memory;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    if (z.views < 2) return;
    const double kappa = 1.0 / temperature, share = 1.0 / static_cast<double>(z.z.cols);
    const auto pull_together = [&](matrix_view<const double, typename B::space> s, accumulator_view<B> pull) {
      if (place == positives::outside || over == contrast::pairs_of_views) {
        map_reduce(ctx.be, value, fn::plus{}, mean_outside<B>{pull, z.samples(), kappa * share}, s);
      } else {
        map_reduce(ctx.be, value, fn::plus{}, sum_inside<B>{s, pull, z.samples(), kappa, share},
                   s.columns(0, 1));
      }
    };
    detail::add_contrast(ctx, weight, temperature, over, z.z.cols, memory, z, value, dz, pull_together);
  }

  collapse_value collapsed(batch_shape shape, double) const {
    if (shape.views < 2) return {};
    const double n = static_cast<double>(shape.samples), views = static_cast<double>(shape.views);
    if (over == contrast::pairs_of_views) return {std::log(2 * n - 1), "ln(2 n - 1)"};
    if (place == positives::outside) return {std::log(views * n - 1), "ln(V n - 1)"};
    return {std::log((views * n - 1) / (views - 1)), "ln((V n - 1) / (V - 1))"};
  }

  // The functors below are public because nvcc gives a kernel no private type.

  /// - mean over the other views of kappa (s_rv - 1).
  template <class B>
  struct mean_outside {
    accumulator_view<B> pull;  // (V n, V)
    index n;
    double factor;
    SSL_FN double operator()(index r, index v, double s) const {
      const double part = r / n == v ? 0.0 : 1.0 / static_cast<double>(pull.cols - 1);
      pull(r, v) = -part;
      return factor * part * (1.0 - s);
    }
  };

  /// - log sum over the other views of exp(kappa (s_rv - 1)).
  template <class B>
  struct sum_inside {
    matrix_view<const double, typename B::space> s;  // (V n, V)
    accumulator_view<B> pull;                        // (V n, V)
    index n;
    double kappa, factor;
    SSL_FN double operator()(index r, index, double) const {
      const index own = r / n;
      double top = -2, sum = 0;
      for (index v = 0; v < s.cols; ++v)
        if (v != own && s(r, v) > top) top = s(r, v);
      for (index v = 0; v < s.cols; ++v)
        if (v != own) sum += std::exp(kappa * (s(r, v) - top));
      for (index v = 0; v < s.cols; ++v)
        pull(r, v) = v == own ? 0.0 : -std::exp(kappa * (s(r, v) - top)) / sum;
      return factor * (kappa * (1.0 - top) - std::log(sum));
    }
  };
};

}  // namespace ssl
