#pragma once
// SPDX-License-Identifier: MIT

/// SwAV: every view predicts the cluster assignments of the views that assign.
///
///     value = 1/(A (V - 1)) sum_a sum_{v != a} mean_j -sum_k q_a,kj log softmax(z_vj / temperature)_k
///
/// z = (K, V n) are scores: similarities of embeddings to K prototypes (nn/prototypes.hpp), both of length
/// one. Codes q_a are Sinkhorn's assignments of view a's scores, held constant. SwAV (arXiv 2006.09882,
/// facebookresearch/swav). With `z.bank` (K, A m), the scores of m earlier embeddings for each assigning
/// view, a view is assigned together with its m columns, and only the batch's codes are used: for batches
/// that are small beside K. Small views of a multi-crop do not assign: `assigning` is 2, or 0 for all views.
///
/// Scores without information give ln(K). Zero for one view. Cost: cross_entropy.hpp, and sinkhorn.hpp for
/// every assigning view.

#include "ssl/loss/cross_entropy.hpp"
#include "ssl/loss/sinkhorn.hpp"

namespace ssl {

struct swav {
  using kind = loss_kind;
  static constexpr std::string_view name = "swav";

  double temperature = 0.1;
  sinkhorn assignment{};
  index assigning = 2;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    if (z.views < 2) return;
    const index k = z.features(), n = z.samples(), views = detail::assigning_views(assigning, z.views);
    if (z.bank.data != nullptr && (z.bank.rows != k || z.bank.cols % views != 0))
      throw shape_error("ssl::swav: the bank is " + detail::extent(z.bank) + "; it must be (" +
                        std::to_string(k) + ", " + std::to_string(views) + " * m)");
    const index m = z.bank.data == nullptr ? 0 : z.bank.cols / views;
    scratch_scope scope(ctx);
    const auto codes = ctx.take(k, views * n);
    for (index a = 0; a < views; ++a) {
      const auto mine = codes.columns(a * n, n);
      if (m == 0) {
        copy(ctx.be, z[a], mine);
        assignment.assign(ctx, mine);
        continue;
      }
      scratch_scope inner(ctx);
      const auto all = ctx.take(k, n + m);
      copy(ctx.be, z[a], all.columns(0, n));
      copy(ctx.be, z.bank.columns(a * m, m), all.columns(n, m));
      assignment.assign(ctx, all);
      copy(ctx.be, all.columns(0, n), mine);
    }
    detail::add_code_entropy(ctx, weight, temperature, z, as_const(codes), value, dz);
  }

  /// Of equal scores: a collapse that the prototypes have followed.
  collapse_value collapsed(batch_shape shape, double) const {
    return shape.views < 2 ? collapse_value{}
                           : collapse_value{std::log(static_cast<double>(shape.features)), "ln(K)"};
  }
};

}  // namespace ssl
