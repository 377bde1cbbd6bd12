#pragma once
// SPDX-License-Identifier: MIT

/// DINO: every view predicts the teacher's distribution over K outputs on the views that teach.
///
///     value = 1/(A (V - 1)) sum_a sum_{v != a} mean_j -sum_k q_a,kj log softmax(z_vj / temperature)_k
///     q_a   = softmax((t_a - centre) / teacher_temperature),  t = z.references()
///
/// z and t (K, V n) are the student's and the teacher's logits. DINO (arXiv 2104.14294,
/// facebookresearch/dino). Only the first `teaching` views teach (the large crops; 0: all). The centre (K, 1)
/// is the state: it starts at zero and `update` moves it towards the mean of the teaching views' logits,
/// centre = momentum centre + (1 - momentum) mean. Logits without information give ln(K). Zero for one view.
/// Cost: cross_entropy.hpp, and one pass over the targets.

#include "ssl/loss/cross_entropy.hpp"

namespace ssl {

struct dino {
  using kind = loss_kind;
  static constexpr std::string_view name = "dino";
  static constexpr bool uses_targets = true;

  double temperature = 0.1;
  double teacher_temperature = 0.04;  // 0.07 after a warm-up, as the repository advises
  double momentum = 0.9;
  index teaching = 2;

  constexpr index state_size(batch_shape s) const { return s.features; }

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    if (z.views < 2) return;
    const index columns = detail::assigning_views(teaching, z.views) * z.samples();
    scratch_scope scope(ctx);
    const auto codes = ctx.take(z.features(), columns);
    for_each_column(ctx.be, columns, teach<B>{z.references(), z.state, codes, 1.0 / teacher_temperature});
    detail::add_code_entropy(ctx, weight, temperature, z, as_const(codes), value, dz);
  }

  template <class Ctx, class B = typename Ctx::backend>
  void update(Ctx& ctx, view_batch<B> z, view<B> state) const {
    const index columns = detail::assigning_views(teaching, z.views) * z.samples();
    scratch_scope scope(ctx);
    const auto mean = ctx.take_accumulator(z.features(), 1);
    fill(ctx.be, mean, 0.0);
    map_reduce(ctx.be, mean, fn::plus{}, fn::cast<double>{}, z.references().columns(0, columns));
    map(ctx.be, state,
        moving_mean<typename B::scalar>{momentum, (1.0 - momentum) / static_cast<double>(columns)}, state,
        mean);
  }

  /// Of equal scores: a collapse that the student has learnt to predict.
  collapse_value collapsed(batch_shape shape, double) const {
    return shape.views < 2 ? collapse_value{}
                           : collapse_value{std::log(static_cast<double>(shape.features)), "ln(K)"};
  }

  // The functors below are public because nvcc gives a kernel no private type.

  template <class B>
  struct teach {
    cview<B> t, centre;  // (K, V n), (K, 1)
    view<B> codes;       // (K, A n)
    double sharpness;

    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      using T = typename B::scalar;
      const T *const x = t.column(j), *const c = centre.data;
      T* const q = codes.column(j);
      const T scale = static_cast<T>(sharpness);
      const T top = team.reduce(t.rows, fn::least<T>, fn::maximum{}, [=](index i) { return x[i] - c[i]; });
      const double mass = team.reduce(t.rows, 0.0, fn::plus{}, [=](index i) {
        q[i] = branchless_exp(((x[i] - c[i]) - top) * scale);
        return static_cast<double>(q[i]);
      });
      const T inverse = static_cast<T>(1.0 / mass);
      team.for_each(t.rows, [=](index i) { q[i] *= inverse; });
    }
  };
  template <class T>
  struct moving_mean {
    double momentum, factor;
    SSL_FN T operator()(T centre, double sum) const {
      return static_cast<T>(momentum * static_cast<double>(centre) + factor * sum);
    }
  };
};

}  // namespace ssl
