#pragma once
// SPDX-License-Identifier: MIT

/// Spectral contrastive loss: views of a sample agree, different samples are orthogonal.
///
///     part1 = -2/n sum_i z_i . z'_i
///     part2 = 1 / (n (n - 1)) sum_{i != j} (z_i . z'_j)^2,   mean over the pairs of views of both
///     dz    = -2/n z' + 2 / (n (n - 1)) z' offdiag(S)^T,     S = z^T z'
///
/// HaoChen et al. (arXiv 2106.04156): minus the low-rank approximation of the graph of augmentations. On
/// columns as they are; the released code first shortens them to sqrt(mu): `spectral_official`. The two parts
/// share their inner products, so they are one term with two values, `attraction` and `repulsion` their
/// weights. Negatives come from the other view only. Where all columns are z: -2 |z|^2 + |z|^4.
///
/// Linear in n by second moments of the views where d is small, see cross_moment.hpp; then sum_i (z_i .
/// z'_i)^2 is subtracted, which loses digits where single columns dwarf the rest; clipped columns do not.
/// Problems of d n min(d, n) <= 2^22, where it costs no time worth naming, are evaluated in double whatever
/// the scalar.

#include <cmath>

#include "ssl/loss/clipped.hpp"
#include "ssl/loss/cross_moment.hpp"
#include "ssl/loss/on.hpp"
#include "ssl/loss/small_in_double.hpp"

namespace ssl {

struct spectral {
  using kind = loss_kind;
  static constexpr std::string_view name = "spectral";
  static constexpr index parts = 2;

  double attraction = 1;
  double repulsion = 1;

  constexpr std::array<std::string_view, 2> part_names() const { return {"part1", "part2"}; }
  constexpr std::array<double, 2> part_weights() const { return {attraction, repulsion}; }
  std::array<collapse_value, 2> part_collapsed(batch_shape, double length) const {
    const double squared = length * length;
    return {{{-2 * squared, "-2 |z|^2", true}, {squared * squared, "|z|^4"}}};
  }

  /// values (1, 2) += (part1, part2).
  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> values, view<B> dz) const {
    if (z.views < 2) return;
    scratch_scope scope(ctx);
    in_double_where_small(ctx, z.z, z.views, dz, [&](auto columns, auto gradient) {
      using moment_type = cross_moment<typename decltype(gradient)::value_type, typename B::space>;
      const moment_type moment(ctx, columns, z.views, z.side, entries_over::samples);
      const double n = static_cast<double>(z.samples()), pairs = static_cast<double>(moment.pairs());
      const double attract = -2 / (pairs * n), repel = 1 / (pairs * n * (n - 1));
      map_reduce(ctx.be, values.columns(0, 1), fn::plus{}, fn::scale<double>{attract}, moment.diagonal());
      const auto slope = ctx.take_accumulator(moment.diagonal().rows, moment.pairs());
      fill(ctx.be, slope, weight * attraction * attract);
      moment.add(ctx, repel, weight * repulsion, slope, values.columns(1, 1), gradient);
    });
  }
};

/// The spectral contrastive loss as released (jhaochenz/spectral_contrastive_learning): columns in the ball
/// of radius sqrt(mu), the whole divided by mu; mu = 1 for CIFAR, 10 for ImageNet. A collapse gives -2 + mu.
inline auto spectral_official(double mu = 1) { return (1 / mu) * on(clipped{std::sqrt(mu)}, spectral{}); }

/// The loss L_S = -E[z . z'] + w/2 E[(z . z')^2] of patches, whose minimum factors their co-occurrence: with
/// p(x, x') the joint distribution of patches, E (w z . z' - p(x, x') / (p(x) p(x')))^2 = 2 w L_S + const
/// (arXiv 2206.08954).
constexpr auto co_occurrence(double w = 1) { return spectral{.attraction = 0.5, .repulsion = w / 2}; }

}  // namespace ssl
