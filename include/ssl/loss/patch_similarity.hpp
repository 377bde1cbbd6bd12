#pragma once
// SPDX-License-Identifier: MIT

/// Patch similarity: every patch embedding points towards the mean of its image's patches, on columns of
/// length one.
///
///     value    = -mean over images and patches of cos(z_v, zbar) = -mean over images of ||zbar||
///     gradient = -zbar / (V n ||zbar||) for every view
///
/// The invariance of EMP-SSL (arXiv 2304.03977; tsb0601/EMP-SSL), without a stop-gradient, in closed form:
/// for unit columns the mean cosine to the mean is the length of the mean. Random directions give about -1 /
/// sqrt(V). For V = 2 it is a monotone function of the pair's cosine. Cost: one pass over z and dz.

#include <cmath>

#include "ssl/loss/loss.hpp"

namespace ssl {

struct patch_similarity {
  using kind = loss_kind;
  static constexpr std::string_view name = "sim";
  static constexpr bool unit_norm = true;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    const index n = z.samples();
    scratch_scope scope(ctx);
    const auto length = ctx.take_accumulator(1, n);
    for_each_column(ctx.be, n, towards_mean<B>{z, dz, length, -weight / static_cast<double>(z.views * n)});
    map_reduce(ctx.be, value, fn::plus{}, fn::scale<double>{-1.0 / static_cast<double>(n)}, length);
  }

  constexpr collapse_value collapsed(batch_shape, double) const { return {.value = -1, .best = true}; }

  // The functors below are public because nvcc gives a kernel no private type.

  template <class B>
  struct towards_mean {
    view_batch<B> z;
    view<B> dz;
    accumulator_view<B> length;  // (1, n)
    double factor;

    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      const auto self = *this;
      const index n = z.samples();
      const double squared = team.reduce(z.z.rows, 0.0, fn::plus{}, [=](index i) {
        const double mean = self.mean(i, j, n);
        return mean * mean;
      });
      const double norm = std::sqrt(squared), inverse = norm > 0 ? 1.0 / norm : 0.0;
      length.data[j] = norm;
      team.for_each(z.z.rows, [=](index i) {
        const double slope = self.factor * inverse * self.mean(i, j, n);
        for (index v = 0; v < self.z.views; ++v)
          self.dz(i, v * n + j) += static_cast<typename B::scalar>(slope);
      });
    }
    SSL_FN double mean(index i, index j, index n) const {
      double sum = 0;
      for (index v = 0; v < z.views; ++v) sum += static_cast<double>(z.z(i, v * n + j));
      return sum / static_cast<double>(z.views);
    }
  };
};

}  // namespace ssl
