#pragma once
// SPDX-License-Identifier: MIT

/// MoCo: every query finds its key among a queue of earlier keys.
///
///     s     = cosine / temperature
///     value = mean_j -log(e^{s(u_j, t_j)} / (e^{s(u_j, t_j)} + sum_k e^{s(u_j, q_k)}))
///
/// on columns of length one: u the view that asks, t another view's column of z.references() (the key
/// encoder's output, no gradient), q the queue. MoCo (arXiv 1911.05722: temperature 0.07, v2 arXiv
/// 2003.04297: 0.2): view 0 asks, view 1 answers. `both` is MoCo-v2+ (solo-learn): every view has a queue of
/// its keys, and the value is the mean over ordered pairs of views, each query against the queue of its key's
/// view.
///
/// State: the queues (d, K), started with random directions, and the place where the next key goes (one
/// scalar: K at most 2^24). `update` writes the batch's keys there, round the end, the last K of them where a
/// batch has more. A collapse, queue included, gives ln(K + 1). Zero for one view. Cost: bank_softmax.hpp's
/// for every pair.

#include <string>

#include "ssl/loss/bank_softmax.hpp"
#include "ssl/loss/directions.hpp"

namespace ssl {

struct moco {
  using kind = loss_kind;
  static constexpr std::string_view name = "moco";
  static constexpr bool unit_norm = true;
  static constexpr bool uses_targets = true;

  double temperature = 0.2;
  index queue = 65536;  // K
  bool both = false;

  constexpr index queues(index views) const { return views < 2 ? 0 : both ? views : 1; }
  constexpr index state_size(batch_shape s) const {
    return queues(s.views) * s.features * queue + (s.views < 2 ? 0 : 1);
  }

  /// Random directions, the same for the same key; the first key goes to the first place.
  template <class Ctx, class B = typename Ctx::backend>
  void start(Ctx& ctx, batch_shape s, rng_key key, view<B> state) const {
    if (queue < 1 || queue > (index{1} << 24))
      throw option_error("ssl::moco: queue is " + std::to_string(queue) + ", expected 1 to 2^24");
    const index count = queues(s.views) * queue;
    const view<B> all{state.data, s.features, count, s.features};
    for_each_column(ctx.be, count, detail::draw_directions<B>{all, key, queue, purpose::initialise, true});
    fill(ctx.be, slice(state, s.features * count, state.rows - s.features * count), typename B::scalar{0});
  }

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    const index n = z.samples(), d = z.features(), asking = both ? z.views : 1;
    if (z.views < 2) return;
    const cview<B> keys = z.references();
    const double factor = 1.0 / static_cast<double>(both ? z.views * (z.views - 1) : 1);
    for (index v = 0; v < asking; ++v)
      for (index w = both ? 0 : 1; w < (both ? z.views : 2); ++w) {
        if (v == w) continue;
        const cview<B> bank{z.state.data + (both ? w : 0) * d * queue, d, queue, d};
        detail::add_bank_softmax(ctx, weight, factor, temperature, z[v], keys.columns(w * n, n), bank, value,
                                 dz.columns(v * n, n));
      }
  }

  template <class Ctx, class B = typename Ctx::backend>
  void update(Ctx& ctx, view_batch<B> z, view<B> state) const {
    const index n = z.samples(), d = z.features(), count = queues(z.views);
    if (count == 0) return;
    const auto place = slice(state, count * d * queue, 1);
    const cview<B> keys = z.references();
    for (index q = 0; q < count; ++q) {
      const view<B> bank{state.data + q * d * queue, d, queue, d};
      for_each_column(ctx.be, std::min(n, queue),
                      enqueue<B>{keys.columns((both ? q : 1) * n, n), bank, place});
    }
    map(ctx.be, place, advance<typename B::scalar>{n, queue}, place);
  }

  collapse_value collapsed(batch_shape, double) const {
    return {std::log(static_cast<double>(queue + 1)), "ln(K + 1)"};
  }

  // The functors below are public because nvcc gives a kernel no private type.

  /// Writes the last of `keys` round the end of the bank.
  template <class B>
  struct enqueue {
    cview<B> keys;  // (d, n)
    view<B> bank;   // (d, K)
    view<B> place;  // (1, 1)
    template <class Team>
    SSL_FN void operator()(const Team& team, index k) const {
      const index skipped = keys.cols > bank.cols ? keys.cols - bank.cols : 0;
      const auto* const from = keys.column(skipped + k);
      auto* const to = bank.column((static_cast<index>(place.data[0]) + skipped + k) % bank.cols);
      team.for_each(keys.rows, [=](index i) { to[i] = from[i]; });
    }
  };
  template <class T>
  struct advance {
    index by, around;
    SSL_FN T operator()(T place) const { return static_cast<T>((static_cast<index>(place) + by) % around); }
  };
};

}  // namespace ssl
