#pragma once
// SPDX-License-Identifier: MIT

/// Layer-wise adaptive rate scaling (arXiv 1708.03888) in the four forms that published code has. They
/// differ, so a learning rate means nothing without the name of its form.
///
///     u = g + decay w,  trust q, momentum m, buffer v, rate r
///     fair    q = trust |w| / |u|                                    v = m v + q u;    w -= r v
///     simclr  the same q                                             v = m v + r q u;  w -= v
///     bolts   q = trust |w| / (|g| + decay |w| + eps)                v = m v + q u;    w -= r v
///     larc    q as bolts, and vectors are treated like matrices      v = m v + q u;    w -= r v
///
/// fair: VICReg, Barlow Twins, DINO, BYOL. simclr: google-research/simclr; differs from fair as soon as the
/// rate changes. bolts: lightning-bolts, lightly, solo-learn, EMP-SSL. larc: apex, as SwAV uses it. Where |w|
/// or |g| (fair, simclr: |u|) is zero, q is 1, and bolts and larc also leave the decay out; so tensors that
/// start at zero do move. With `clip`, q becomes min(q / r, 1): the step r q is the trust rate with r as its
/// upper bound. Excluded vectors get neither q nor decay: heavy-ball SGD at `vector_rate` times the rate.
///
/// State: one scalar a parameter. A step reads w and g once for both norms, in double, then runs the update:
/// 5 reads and 2 writes a scalar, 3 and 2 for a tensor of up to 65,536, which one team keeps in its cache. No
/// host synchronisation.

#include <cmath>

#include "ssl/optim/optimizer.hpp"

namespace ssl {

enum class lars_variant { fair, bolts, simclr, larc };

namespace detail {

/// Sums of w^2 and of (g + decay w)^2 over `count` scalars, for every member of the team.
struct lars_squares {
  double w = 0, u = 0;
};
template <class Team, class T>
SSL_FN lars_squares squares_of(const Team& team, const T* w, const T* g, index count, T decay) {
  const double ww = team.reduce(
      count, 0.0, fn::plus{}, [=](index i) { return static_cast<double>(w[i]) * static_cast<double>(w[i]); });
  const double uu = team.reduce(count, 0.0, fn::plus{}, [=](index i) {
    const double u = static_cast<double>(g[i] + decay * w[i]);
    return u * u;
  });
  return {ww, uu};
}

/// Column `chunk` of `partial` (2, chunks): the sums over one chunk.
template <class T, class Space>
struct lars_norms {
  matrix_view<const T, Space> w, g;    // (count, 1)
  matrix_view<double, Space> partial;  // (2, chunks)
  T decay;

  template <class Team>
  SSL_FN void operator()(const Team& team, index chunk) const {
    const index first = chunk * update_chunk;
    const lars_squares sums =
        squares_of(team, w.data + first, g.data + first, chunk_size(w.rows, chunk), decay);
    const auto out = partial;
    team.for_each(1, [=](index) {
      out(0, chunk) = sums.w;
      out(1, chunk) = sums.u;
    });
  }
};

/// What one segment's update needs to know.
struct lars_numbers {
  double rate = 0, trust = 0, momentum = 0, decay = 0, eps = 0;
  bool adapt = false, sum_of_norms = false, rate_inside = false, clip = false, nesterov = false;
};

/// Moves `count` scalars of a tensor with these square norms, which are unread unless k.adapt.
template <class Team, class T>
SSL_FN void lars_move(const Team& team, const lars_numbers& k, lars_squares norms, T* ws, const T* gs, T* vs,
                      index count) {
  double q = 1, decay = k.decay;
  if (k.adapt) {
    const double wn = std::sqrt(norms.w), gn = std::sqrt(norms.u);
    if (wn > 0 && gn > 0) {
      q = k.trust * wn / (k.sum_of_norms ? gn + k.decay * wn + k.eps : gn + k.eps);
      if (k.clip) q = q < k.rate ? q / k.rate : 1.0;
    } else if (k.sum_of_norms) {
      decay = 0;
    }
  }
  // v = m v + a g + b w;  w -= c v + e (a g + b w)
  const double outside = k.rate_inside ? 1 : k.rate;
  const double scale = k.rate_inside ? k.rate * q : q;
  const T a = static_cast<T>(scale), b = static_cast<T>(scale * decay), m = static_cast<T>(k.momentum);
  const T c = static_cast<T>(k.nesterov ? outside * k.momentum : outside);
  const T e = static_cast<T>(k.nesterov ? outside : 0.0);
  team.for_each(count, [=](index i) {
    const T u = a * gs[i] + b * ws[i], next = m * vs[i] + u;
    vs[i] = next;
    ws[i] -= c * next + e * u;
  });
}

template <class T, class Space>
struct lars_update {
  matrix_view<T, Space> w;                        // (count, 1)
  matrix_view<const T, Space> g;                  // (count, 1)
  matrix_view<T, Space> v;                        // (count, 1)
  matrix_view<const double, Space> square_norms;  // (2, 1); unread unless k.adapt
  lars_numbers k;

  /// From the end: what the norms read last is still in a cache.
  template <class Team>
  SSL_FN void operator()(const Team& team, index place) const {
    const index chunk = update_chunks(w.rows) - 1 - place, first = chunk * update_chunk;
    lars_squares norms;
    if (k.adapt) norms = {square_norms(0, 0), square_norms(1, 0)};
    lars_move(team, k, norms, w.data + first, g.data + first, v.data + first, chunk_size(w.rows, chunk));
  }
};

/// Tensors small enough for one team to read twice from its cache: norms and update in one pass over memory,
/// and one kernel for many.
template <class T, class Space>
struct lars_group {
  static constexpr index most = 32, largest = index{1} << 16;
  struct group_slice {
    index first, count;
    bool adapt;
  };

  matrix_view<T, Space> w;        // (all, 1)
  matrix_view<const T, Space> g;  // (all, 1)
  matrix_view<T, Space> v;        // (all, 1)
  lars_numbers adapted, plain;
  group_slice slices[most] = {};
  index count = 0;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const group_slice s = slices[j];
    T* const ws = w.data + s.first;
    const T* const gs = g.data + s.first;
    lars_squares norms;
    if (s.adapt) {
      const T decay = static_cast<T>(adapted.sum_of_norms ? 0.0 : adapted.decay);
      for (index chunk = 0; chunk < update_chunks(s.count); ++chunk) {
        const index first = chunk * update_chunk;
        const lars_squares part = squares_of(team, ws + first, gs + first, chunk_size(s.count, chunk), decay);
        norms.w += part.w;
        norms.u += part.u;
      }
    }
    lars_move(team, s.adapt ? adapted : plain, norms, ws, gs, v.data + s.first, s.count);
  }
};

}  // namespace detail

/// Models `Optimizer`.
struct lars {
  double trust = 0.001;
  double momentum = 0.9;
  double weight_decay = 0;
  lars_variant variant = lars_variant::fair;
  double eps = 0;               // in the denominator of q
  bool clip = false;            // min(q / rate, 1) in place of q
  bool nesterov = false;        // step along u + momentum v
  bool exclude_vectors = true;  // biases and normalisation parameters: neither q nor decay; larc ignores this
  double vector_rate = 1;       // rate of excluded vectors over the rate

  index state(index count) const { return count; }

  template <class Ctx>
  void step(Ctx& ctx, std::span<const segment> table, typename Ctx::matrix params,
            typename Ctx::const_matrix grads, typename Ctx::matrix buffer, double rate) const {
    using group_of = detail::lars_group<typename Ctx::scalar, typename Ctx::space>;
    detail::require_columns("lars", table, params.rows, grads.rows, buffer.rows, state(params.rows));
    const bool all = !exclude_vectors || variant == lars_variant::larc;
    const auto one_by_one = [all](role a, role b) { return !all && a == role::vector && b == role::vector; };
    group_of group{params, grads, buffer, numbers(rate, true), numbers(rate, false)};
    const auto run_group = [&] {
      for_each_column(ctx.be, group.count, group);
      group.count = 0;
    };
    detail::for_each_stretch(table, one_by_one, [&](index first, index count, role kind) {
      const bool adapt = all || kind == role::matrix;
      if (count <= group_of::largest) {
        group.slices[group.count++] = {first, count, adapt};
        if (group.count == group_of::most) run_group();
      } else {
        update(ctx, slice(params, first, count), slice(grads, first, count), slice(buffer, first, count),
               numbers(rate, adapt));
      }
    });
    run_group();
  }

 private:
  detail::lars_numbers numbers(double rate, bool adapt) const {
    return {.rate = adapt ? rate : rate * vector_rate,
            .trust = trust,
            .momentum = momentum,
            .decay = adapt ? weight_decay : 0.0,
            .eps = eps,
            .adapt = adapt,
            .sum_of_norms = variant == lars_variant::bolts || variant == lars_variant::larc,
            .rate_inside = variant == lars_variant::simclr,
            .clip = clip,
            .nesterov = nesterov};
  }

  template <class Ctx>
  void update(Ctx& ctx, typename Ctx::matrix w, typename Ctx::const_matrix g, typename Ctx::matrix v,
              const detail::lars_numbers& k) const {
    using T = typename Ctx::scalar;
    using S = typename Ctx::space;
    scratch_scope scope(ctx);
    const index chunks = detail::update_chunks(w.rows);
    accumulator_view<typename Ctx::backend> norms;
    if (k.adapt) {
      norms = ctx.take_accumulator(2, 1);
      const auto partial = ctx.take_accumulator(2, chunks);
      for_each_column(
          ctx.be, chunks,
          detail::lars_norms<T, S>{w, g, partial, static_cast<T>(k.sum_of_norms ? 0.0 : k.decay)});
      fill(ctx.be, norms, 0.0);
      map_reduce(ctx.be, norms, fn::plus{}, fn::identity<double>{}, partial);
    }
    for_each_column(ctx.be, chunks, detail::lars_update<T, S>{w, g, v, norms, k});
  }
};

/// facebookresearch/vicreg, main_vicreg.py; rate 0.2 batch / 256.
inline constexpr lars vicreg_official_lars() { return {.weight_decay = 1e-6}; }

/// facebookresearch/barlowtwins, main.py; rate 0.2 batch / 256 for weights, 0.0048 batch / 256 for vectors.
inline constexpr lars barlow_official_lars() { return {.weight_decay = 1e-6, .vector_rate = 0.0048 / 0.2}; }

/// BYOL (arXiv 2006.07733), 1000 epochs; rate 0.2 batch / 256.
inline constexpr lars byol_official_lars() { return {.weight_decay = 1.5e-6}; }

/// google-research/simclr; rate 0.3 batch / 256.
inline constexpr lars simclr_official_lars() {
  return {.weight_decay = 1e-6, .variant = lars_variant::simclr};
}

/// solo-learn on CIFAR and ImageNet-100; rates 0.3 to 1, which the clip makes an upper bound.
inline constexpr lars solo_learn_lars() {
  return {.trust = 0.02, .weight_decay = 1e-4, .variant = lars_variant::bolts, .eps = 1e-8, .clip = true};
}

/// facebookresearch/swav: apex LARC without its clip.
inline constexpr lars swav_official_larc() {
  return {.weight_decay = 1e-6, .variant = lars_variant::larc, .eps = 1e-8};
}

/// tsb0601/EMP-SSL: rate 0.3, Nesterov momentum inside, clipped.
inline constexpr lars emp_ssl_lars() {
  return {.trust = 0.005,
          .weight_decay = 1e-4,
          .variant = lars_variant::bolts,
          .eps = 1e-8,
          .clip = true,
          .nesterov = true};
}

}  // namespace ssl
