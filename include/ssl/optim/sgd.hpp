#pragma once
// SPDX-License-Identifier: MIT

/// Stochastic gradient descent with momentum, as PyTorch has it: weight decay joins the gradient, the rate
/// multiplies last, outside the momentum buffer.
///
///     u = g + decay w;   v = momentum v + u;   w -= rate (nesterov ? u + momentum v : v)
///
/// State: one scalar a parameter, none without momentum. One pass over memory: 3 reads and 2 writes a scalar.

#include "ssl/optim/optimizer.hpp"

namespace ssl {

namespace detail {

template <class T, class Space>
struct sgd_momentum_chunk {
  matrix_view<T, Space> w;        // (count, 1)
  matrix_view<const T, Space> g;  // (count, 1)
  matrix_view<T, Space> v;        // (count, 1)
  T rate, momentum, decay;
  bool nesterov;

  template <class Team>
  SSL_FN void operator()(const Team& team, index chunk) const {
    T* const ws = w.data + chunk * update_chunk;
    const T* const gs = g.data + chunk * update_chunk;
    T* const vs = v.data + chunk * update_chunk;
    // Steps by w -= a v + b u: a = rate, b = 0 plain, a = rate momentum, b = rate with Nesterov's look ahead.
    const T a = nesterov ? rate * momentum : rate, b = nesterov ? rate : T{0}, m = momentum, d = decay;
    team.for_each(chunk_size(w.rows, chunk), [=](index i) {
      const T u = gs[i] + d * ws[i], next = m * vs[i] + u;
      vs[i] = next;
      ws[i] -= a * next + b * u;
    });
  }
};

template <class T>
struct sgd_plain {  // w - rate (g + decay w)
  T rate, decay;
  SSL_FN T operator()(T w, T g) const { return w - rate * (g + decay * w); }
};

}  // namespace detail

/// Models `Optimizer`.
struct sgd {
  double momentum = 0.9;
  double weight_decay = 0;
  bool nesterov = false;
  bool decay_vectors = true;  // whether biases and normalisation parameters are decayed too, as PyTorch does

  index state(index count) const { return momentum == 0 ? 0 : count; }

  template <class Ctx>
  void step(Ctx& ctx, std::span<const segment> table, typename Ctx::matrix params,
            typename Ctx::const_matrix grads, typename Ctx::matrix buffer, double rate) const {
    using T = typename Ctx::scalar;
    detail::require_columns("sgd", table, params.rows, grads.rows, buffer.rows, state(params.rows));
    const auto same = [this](role a, role b) {
      return a == b || (decay_vectors && a != role::buffer && b != role::buffer);
    };
    detail::for_each_stretch(table, same, [&](index first, index count, role kind) {
      const T decay = static_cast<T>(kind == role::matrix || decay_vectors ? weight_decay : 0.0);
      const auto w = slice(params, first, count);
      const auto g = slice(grads, first, count);
      if (momentum == 0) {
        map(ctx.be, w, detail::sgd_plain<T>{static_cast<T>(rate), decay}, w, g);
      } else {
        for_each_column(ctx.be, detail::update_chunks(count),
                        detail::sgd_momentum_chunk<T, typename Ctx::space>{
                            w, g, slice(buffer, first, count), static_cast<T>(rate), static_cast<T>(momentum),
                            decay, nesterov});
      }
    });
  }
};

}  // namespace ssl
