#pragma once
// SPDX-License-Identifier: MIT

/// MMCR: the centroids of the images' views spread over all directions, on columns of length one.
///
///     value    = -||C||_*,  C (d, n) with columns c_j = 1/V sum_v z_vj
///     gradient = -1/V U V^T for every view, U and V the singular vectors of C
///
/// Maximum manifold capacity (arXiv 2303.03307) with the weight 0 that the paper trains with for the term of
/// single images: long centroids mean views that agree, a large nuclear norm many directions. Between -sqrt(n
/// min(d, n)) and 0; a collapse costs -sqrt(n). Needs eigenvectors, in double, and may allocate in a step:
/// see nuclear_norm.hpp, also for its cost and for small singular values.

#include "ssl/loss/nuclear_norm.hpp"
#include "ssl/loss/small_in_double.hpp"

namespace ssl {

struct mmcr {
  using kind = loss_kind;
  static constexpr std::string_view name = "mmcr";
  static constexpr bool unit_norm = true;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    scratch_scope scope(ctx);
    const index d = z.features(), n = z.samples();
    const auto c = ctx.take_accumulator(d, n), dc = ctx.take_accumulator(d, n);
    map(ctx.be, c, mean_of_views<B>{z});
    fill(ctx.be, dc, 0.0);
    detail::add_nuclear_norm(ctx, -1.0, -weight / static_cast<double>(z.views), as_const(c), value, dc);
    for (index v = 0; v < z.views; ++v) {
      const auto out = dz.columns(v * n, n);
      map(ctx.be, out, detail::add_rounded<typename B::scalar>{}, out, dc);
    }
  }

  collapse_value collapsed(batch_shape shape, double) const {
    return {-std::sqrt(static_cast<double>(shape.samples)), "-sqrt(n)"};
  }

  // The functors below are public because nvcc gives a kernel no private type.

  template <class B>
  struct mean_of_views {
    view_batch<B> z;
    SSL_FN double operator()(index i, index j) const {
      double sum = 0;
      for (index v = 0; v < z.views; ++v) sum += static_cast<double>(z.z(i, v * z.samples() + j));
      return sum / static_cast<double>(z.views);
    }
  };
};

}  // namespace ssl
