#pragma once
// SPDX-License-Identifier: MIT

/// Decoupled contrastive learning: the positive is left out of the sum that every column is told from.
///
///     s        = cos / temperature
///     value    = mean over anchors r of [log sum_{a of other samples} exp(s_ra) - w_r s_rp]
///     gradient = 1 / (temperature V n) sum_i p_ij u_i  for u_j
///     p_ij     = softmax_i(j) + softmax_j(i) between samples, - 2 w_j between the columns of a sample
///     w        = 1 (DCL), or w_i = 2 - n q_i, q = softmax over the batch of cos(u_i, v_i) / sigma (DCLW)
///
/// DCL and DCLW (arXiv 2110.06848), on columns of length one, V >= 2 views; nothing for one. The mean of the
/// two directions, with one logarithm, as lightly has it since its pull request 1827 (2025); the authors'
/// script adds the directions: `2 * decoupled_contrastive{}`. A weight may be negative, and the loss has no
/// lower bound, by design.
///
/// More than two views: the mean over pairs of views (the default: the sources know two views), or with
/// `contrast::all_views` all columns of all other samples at once and the mean over the positives; weights
/// are per pair of views in both.
///
/// A collapsed batch gives log(2 n - 2), or log(V (n - 1)) over all views at once. Cost: as `nt_xent`.

#include "ssl/loss/contrast.hpp"

namespace ssl {

namespace detail {

/// q and the slope of sum_i w_i cos_i, for one ordered pair of views.
template <class B>
struct weights_of_pairs {
  matrix_view<const double, typename B::space> s;  // (V n, V) cosines
  accumulator_view<B> w, slope;                    // (V n, V)
  index n;
  double sigma;
  bool attached;

  template <class Team>
  SSL_FN void operator()(const Team& team, index pair) const {
    const auto self = *this;
    const index v = pair / s.cols, first = (pair - v * s.cols) * n;
    const double top = team.reduce(n, -2.0, fn::maximum{}, [=](index i) { return self.s(first + i, v); });
    const double sum = team.reduce(
        n, 0.0, fn::plus{}, [=](index i) { return std::exp((self.s(first + i, v) - top) / self.sigma); });
    const double mean = team.reduce(n, 0.0, fn::plus{}, [=](index i) {
      return std::exp((self.s(first + i, v) - top) / self.sigma) / sum * self.s(first + i, v);
    });
    team.for_each(n, [=](index i) {
      const double cosine = self.s(first + i, v);
      const double part = static_cast<double>(self.n) * std::exp((cosine - top) / self.sigma) / sum;
      self.w(first + i, v) = 2.0 - part;
      self.slope(first + i, v) = 2.0 - part - (self.attached ? part * (cosine - mean) / self.sigma : 0.0);
    });
  }
};

/// Mean over the other views of kappa (1 - w cos): `add_contrast` counts from kappa.
template <class B>
struct weighted_positives {
  accumulator_view<B> pull;  // (V n, V)
  index n;
  double factor;
  SSL_FN double operator()(index r, index v, double cosine, double w, double slope) const {
    const double part = r / n == v ? 0.0 : 1.0 / static_cast<double>(pull.cols - 1);
    pull(r, v) = -part * slope;
    return factor * part * (1.0 - w * cosine);
  }
};

/// Where all columns are equal the exponentials cancel, and the weights have mean one.
inline collapse_value collapsed_decoupled(contrast over, batch_shape shape) {
  if (shape.views < 2) return {};
  const double others = static_cast<double>(shape.samples - 1);
  if (over == contrast::pairs_of_views) return {std::log(2 * others), "ln(2 n - 2)"};
  return {std::log(static_cast<double>(shape.views) * others), "ln(V (n - 1))"};
}

/// `set_weights(s, w, slope)` fills the weights and the slopes, all (V n, V).
template <class Ctx, class B, class SetWeights>
void add_decoupled(Ctx& ctx, double weight, double temperature, contrast over, index memory, view_batch<B> z,
                   accumulator_view<B> value, view<B> dz, const SetWeights& set_weights) {
  if (z.views < 2) return;
  const index n = z.samples(), columns = z.z.cols;
  const double factor = 1.0 / (temperature * static_cast<double>(columns));
  scratch_scope scope(ctx);
  const auto w = ctx.take_accumulator(columns, z.views), slope = ctx.take_accumulator(columns, z.views);
  const auto pull_together = [&](matrix_view<const double, typename B::space> s, accumulator_view<B> pull) {
    set_weights(s, w, slope);
    map_reduce(ctx.be, value, fn::plus{}, weighted_positives<B>{pull, n, factor}, s, w, slope);
  };
  add_contrast(ctx, weight, temperature, over, n, memory, z, value, dz, pull_together);
}

}  // namespace detail

/// DCL.
struct decoupled_contrastive {
  using kind = loss_kind;
  static constexpr std::string_view name = "dcl";
  static constexpr bool unit_norm = true;

  double temperature = 0.1;
  contrast over = contrast::pairs_of_views;
  index memory = similarity_memory;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    const auto ones = [&](auto, accumulator_view<B> w, accumulator_view<B> slope) {
      fill(ctx.be, w, 1.0);
      fill(ctx.be, slope, 1.0);
    };
    detail::add_decoupled(ctx, weight, temperature, over, memory, z, value, dz, ones);
  }

  collapse_value collapsed(batch_shape shape, double) const {
    return detail::collapsed_decoupled(over, shape);
  }
};

/// DCLW: a positive counts less where the pair agrees already. Its weights are constants, as in lightly, or
/// carry their gradient (`attached`), as in raminnakhli/Decoupled-Contrastive-Learning.
struct weighted_decoupled_contrastive {
  using kind = loss_kind;
  static constexpr std::string_view name = "dclw";
  static constexpr bool unit_norm = true;

  double temperature = 0.1;
  double sigma = 0.5;
  bool attached = false;
  contrast over = contrast::pairs_of_views;
  index memory = similarity_memory;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    const auto by_agreement = [&](auto s, accumulator_view<B> w, accumulator_view<B> slope) {
      for_each_column(ctx.be, z.views * z.views,
                      detail::weights_of_pairs<B>{s, w, slope, z.samples(), sigma, attached});
    };
    detail::add_decoupled(ctx, weight, temperature, over, memory, z, value, dz, by_agreement);
  }

  collapse_value collapsed(batch_shape shape, double) const {
    return detail::collapsed_decoupled(over, shape);
  }
};

}  // namespace ssl
