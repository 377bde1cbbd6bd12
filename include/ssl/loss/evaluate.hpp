#pragma once
/// Evaluates a loss: every term's value and the gradient of their weighted sum, with shared quantities
/// computed once.

#include <cmath>
#include <string>
#include <vector>

#include "ssl/loss/algebra.hpp"

namespace ssl {

namespace detail {

template <class T, class Space>
struct subtract_rows {                    // x - m_i
  matrix_view<const double, Space> mean;  // (d, 1)
  SSL_FN T operator()(index i, index, T x) const {
    return static_cast<T>(static_cast<double>(x) - mean.data[i]);
  }
};

/// u_j = z_j / max(|z_j|, 1e-12), norm (1, n) keeps the divisor.
template <class B>
struct scale_to_unit {
  cview<B> z;
  view<B> u;
  accumulator_view<B> norm;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const auto from = z;
    const auto to = u;
    const double squared = team.reduce(z.rows, 0.0, fn::plus{}, [=](index i) {
      const double x = static_cast<double>(from(i, j));
      return x * x;
    });
    const double length = std::sqrt(squared), divisor = length < 1e-12 ? 1e-12 : length;
    norm.data[j] = divisor;
    team.for_each(z.rows, [=](index i) {
      to(i, j) = static_cast<typename B::scalar>(static_cast<double>(from(i, j)) / divisor);
    });
  }
};

/// dz_j += (g_j - (u_j . g_j) u_j) / norm_j; without the projection where the norm was clamped.
template <class B>
struct unit_backward {
  view<B> u, g, dz;
  accumulator_view<B> norm;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    using T = typename B::scalar;
    const auto unit = u, gradient = g, out = dz;
    const double divisor = norm.data[j];
    const double along = divisor <= 1e-12 ? 0.0 : team.reduce(u.rows, 0.0, fn::plus{}, [=](index i) {
      return static_cast<double>(unit(i, j)) * static_cast<double>(gradient(i, j));
    });
    team.for_each(u.rows, [=](index i) {
      out(i, j) += static_cast<T>(
          (static_cast<double>(gradient(i, j)) - along * static_cast<double>(unit(i, j))) / divisor);
    });
  }
};

template <bool Unit, class Tuple>
consteval moment needs_of() {
  return []<class... W>(std::tuple<W...>*) {
    moment set = moment::none;
    auto take = [&]<class L>(L*) {
      if constexpr (requires { L::needs; })
        if (wants_unit_norm<L>() == Unit) set = set | L::needs;
    };
    (take(static_cast<decltype(W::term)*>(nullptr)), ...);
    return set;
  }(static_cast<Tuple*>(nullptr));
}

template <bool Unit, class Ctx, class Tuple>
consteval bool any_term(bool joint) {
  return [joint]<class... W>(std::tuple<W...>*) {
    return ((wants_unit_norm<decltype(W::term)>() == Unit && JointLoss<decltype(W::term), Ctx> == joint) ||
            ...);
  }(static_cast<Tuple*>(nullptr));
}

/// All terms that live on one kind of column (as they are, or of unit length).
template <bool Unit, class Ctx, class Tuple, class B = typename Ctx::backend>
void add_terms(Ctx& ctx, const Tuple& terms, view_batch<B> batch, gram_side side, accumulator_view<B> values,
               view<B> dz) {
  const auto each = [&](auto&& body) {
    [&]<std::size_t... k>(std::index_sequence<k...>) {
      (body(std::get<k>(terms), values.columns(static_cast<index>(k), 1)), ...);
    }
    (std::make_index_sequence<std::tuple_size_v<Tuple>>{});
  };

  if constexpr (any_term<Unit, Ctx, Tuple>(true)) {
    each([&]<class W>(const W& w, accumulator_view<B> value) {
      using L = decltype(w.term);
      if constexpr (JointLoss<L, Ctx> && wants_unit_norm<L>() == Unit)
        w.term.add(ctx, w.weight, batch, value, dz);
    });
  }
  if constexpr (any_term<Unit, Ctx, Tuple>(false)) {
    using T = typename B::scalar;
    constexpr moment needs = needs_of<Unit, Tuple>();
    const index d = batch.features(), n = batch.samples();
    for (index v = 0; v < batch.views; ++v) {
      scratch_scope scope(ctx);
      one_view<B> one{.x = batch[v], .views = batch.views, .side = side};
      second_moment<B> covariance, second;
      if constexpr (contains(needs, moment::centered)) {
        const auto mean = ctx.take_accumulator(d, 1);
        fill(ctx.be, mean, 0.0);
        map_reduce(ctx.be, mean, fn::plus{}, fn::cast<double>{}, one.x);
        map(ctx.be, mean, fn::scale<double>{1.0 / static_cast<double>(n)}, mean);
        const auto centered = ctx.take(d, n);
        map(ctx.be, centered, subtract_rows<T, typename B::space>{mean}, one.x);
        one.centered = centered;
      }
      if constexpr (contains(needs, moment::covariance)) {
        covariance = second_moment<B>(ctx, one.centered, side);
        one.covariance = &covariance;
      }
      if constexpr (contains(needs, moment::variance)) {
        const auto variance = ctx.take_accumulator(d, 1);
        const fn::scale<double> unbias{1.0 / static_cast<double>(n - 1)};
        if constexpr (contains(needs, moment::covariance)) {
          map(ctx.be, variance, unbias, covariance.diagonal());
        } else {
          fill(ctx.be, variance, 0.0);
          map_reduce(ctx.be, variance, fn::plus{}, fn::square<T>{}, one.centered);
          map(ctx.be, variance, unbias, variance);
        }
        one.variance = variance;
      }
      if constexpr (contains(needs, moment::second)) {
        second = second_moment<B>(ctx, one.x, side);
        one.second = &second;
      }
      each([&]<class W>(const W& w, accumulator_view<B> value) {
        using L = decltype(w.term);
        if constexpr (!JointLoss<L, Ctx> && wants_unit_norm<L>() == Unit)
          w.term.add(ctx, w.weight, one, value, dz.columns(v * n, n));
      });
    }
  }
}

}  // namespace detail

/// values (1, K) = every term's unweighted value, dz (d, V n) = gradient of the weighted sum. Both are
/// overwritten. z must not overlap dz. `side` forces one evaluation of the second moments; both give the same
/// result. Throws `shape_error` where the shapes do not fit or a view has fewer than two samples.
template <class Ctx, LossTerm L, class B = typename Ctx::backend>
void value_and_gradient(Ctx& ctx, const L& loss, view_batch<B> z, accumulator_view<B> values, view<B> dz,
                        gram_side side = gram_side::automatic) {
  const auto all = terms(loss);
  [&]<class... W>(const std::tuple<W...>&) {
    static_assert((check_loss<decltype(W::term), Ctx>() && ...));
  }(all);
  using Tuple = decltype(terms(loss));
  const index d = z.z.rows, columns = z.z.cols;
  if (z.views < 1 || columns % z.views != 0 || z.samples() < 2 || d < 1)
    throw shape_error("ssl::value_and_gradient: z is " + detail::extent(z.z) + " for " +
                      std::to_string(z.views) + " views; it must be (d, views * n) with d >= 1 and n >= 2");
  if (dz.rows != d || dz.cols != columns || values.rows != 1 || values.cols != term_count<L>)
    throw shape_error("ssl::value_and_gradient: dz is " + detail::extent(dz) + ", values is " +
                      detail::extent(values) + "; they must be " + detail::extent(z.z) + " and " +
                      detail::extent(1, term_count<L>));

  fill(ctx.be, values, 0.0);
  fill(ctx.be, dz, typename B::scalar{0});
  if constexpr (detail::any_term<false, Ctx, Tuple>(true) || detail::any_term<false, Ctx, Tuple>(false))
    detail::add_terms<false>(ctx, all, z, side, values, dz);
  if constexpr (detail::any_term<true, Ctx, Tuple>(true) || detail::any_term<true, Ctx, Tuple>(false)) {
    scratch_scope scope(ctx);
    const auto u = ctx.take(d, columns), du = ctx.take(d, columns);
    const auto norm = ctx.take_accumulator(1, columns);
    for_each_column(ctx.be, columns, detail::scale_to_unit<B>{z.z, u, norm});
    fill(ctx.be, du, typename B::scalar{0});
    detail::add_terms<true>(ctx, all, view_batch<B>{u, z.views}, side, values, du);
    for_each_column(ctx.be, columns, detail::unit_backward<B>{u, du, dz, norm});
  }
}

/// One evaluated term.
struct term_value {
  std::string name;
  double value = 0;  // unweighted
  double weight = 1;
};

/// A loss as numbers on the host.
struct loss_report {
  double total = 0;  // sum of weight * value
  std::vector<term_value> terms;
};

/// Brings `values` (1, K) to the host; waits for the backend.
template <class Ctx, LossTerm L>
loss_report report(Ctx& ctx, const L& loss, accumulator_view<typename Ctx::backend> values) {
  std::array<double, static_cast<std::size_t>(term_count<L>)> host{};
  ctx.be.download(as_const(values), make_view(host.data(), 1, term_count<L>));
  ctx.be.wait();
  loss_report out;
  const auto names = term_names(loss);
  const auto weights = term_weights(loss);
  for (std::size_t k = 0; k < host.size(); ++k) {
    out.terms.push_back({std::string(names[k]), host[k], weights[k]});
    out.total += weights[k] * host[k];
  }
  return out;
}

/// The loss and, into dz, its gradient, as numbers on the host. For programs that do not run a loop.
template <class Ctx, LossTerm L, class B = typename Ctx::backend>
loss_report evaluate(Ctx& ctx, const L& loss, view_batch<B> z, view<B> dz,
                     gram_side side = gram_side::automatic) {
  scratch_scope scope(ctx);
  const auto values = ctx.take_accumulator(1, term_count<L>);
  value_and_gradient(ctx, loss, z, values, dz, side);
  return report(ctx, loss, values);
}

}  // namespace ssl
