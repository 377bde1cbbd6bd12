#pragma once
// SPDX-License-Identifier: MIT

/// Total coding rate: the volume that the embeddings of a batch fill, on columns of length one.
///
///     R(z)     = 1/2 logdet(I_d + alpha z z^T) = 1/2 logdet(I_n + alpha z^T z),  alpha = d / (n epsilon^2)
///     value    = -R(z) per view, mean over the views by default (a loss: smaller is more volume)
///     gradient = -alpha (I_d + alpha z z^T)^-1 z = -alpha z (I_n + alpha z^T z)^-1
///
/// NMCE (arXiv 2201.10000) and EMP-SSL (arXiv 2304.03977), whose code calls epsilon^2 `eps`: 0.2.
/// One Cholesky factor of the smaller side, m = min(d, n), serves value and gradient: d n m + m^3 11/6 + 2 d
/// n m flops. The factored matrix is at least the identity, so the factorisation cannot break down on finite
/// input; its condition is up to 1 + alpha n, so in float it costs digits. Problems of d n m <= 2^24, where
/// it costs no time worth naming, are evaluated in double whatever the scalar. Bounds for unit columns: 1/2
/// log(1 + alpha n) (collapsed) <= R <= m/2 log(1 + alpha n / m).

#include <algorithm>
#include <cmath>
#include <concepts>

#include "ssl/loss/loss.hpp"

namespace ssl {

struct coding_rate {
  using kind = loss_kind;
  static constexpr std::string_view name = "tcr";
  static constexpr moment needs = moment::none;
  static constexpr bool unit_norm = true;

  double epsilon_squared = 0.2;
  over_views reduction = over_views::mean;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, one_view<B> z, accumulator_view<B> value, view<B> dz) const {
    using T = typename B::scalar;
    const index d = z.x.rows, n = z.x.cols;
    const bool features = z.side == gram_side::features || (z.side == gram_side::automatic && d <= n);
    if (std::same_as<T, double> || d * n * (features ? d : n) > most_in_double)
      return add_in(ctx, weight, features, z, z.x, value, dz);

    scratch_scope scope(ctx);
    const auto x = ctx.take_accumulator(d, n), dx = ctx.take_accumulator(d, n);
    map(ctx.be, x, fn::cast<double>{}, z.x);
    fill(ctx.be, dx, 0.0);
    add_in(ctx, weight, features, z, as_const(x), value, dx);
    map(ctx.be, dz, add_rounded<T>{}, dz, dx);
  }

  collapse_value collapsed(batch_shape shape, double) const {
    const double views = static_cast<double>(shape.views) * view_factor(reduction, shape.views);
    return {-0.5 * views * std::log1p(static_cast<double>(shape.features) / epsilon_squared),
            "-1/2 ln(1 + d / epsilon^2)"};
  }

 private:
  static constexpr index most_in_double = index{1} << 24;

  /// The evaluation in the precision S of x and dx.
  template <class Ctx, class S, class Space, class B = typename Ctx::backend>
  void add_in(Ctx& ctx, double weight, bool features, const one_view<B>& z, matrix_view<const S, Space> x,
              accumulator_view<B> value, matrix_view<S, Space> dx) const {
    const index d = x.rows, n = x.cols, m = features ? d : n;
    const double alpha = static_cast<double>(d) / (static_cast<double>(n) * epsilon_squared);
    const double factor = view_factor(reduction, z.views);

    scratch_scope scope(ctx);
    const auto k = ctx.scratch.template take<S>(m, m), lower = ctx.scratch.template take<S>(m, m);
    const auto info = ctx.scratch.template take<S>(1, 1);
    syrk(ctx.be, features ? trans::no : trans::yes, static_cast<S>(alpha), x, S{0}, k);
    map(ctx.be, k, add_identity<S>{}, k);
    cholesky(ctx.be, k, info);
    map_reduce(ctx.be, value, fn::plus{}, minus_log_diagonal<S, Space>{k, info, factor}, k.columns(0, 1));
    // L^-1 by blocks of columns, none of which reaches above the diagonal; then K^-1 = L^-T L^-1.
    map(ctx.be, lower, identity_matrix<S>{});
    const index block = std::max<index>(64, (m / 8 + 31) / 32 * 32);
    for (index first = 0; first < m; first += block) {
      const index rest = m - first, corner = first * (k.ld + 1);
      const matrix_view<S, Space> corner_factor{k.data + corner, rest, rest, k.ld};
      triangular_solve(ctx.be, trans::no, corner_factor,
                       matrix_view<S, Space>{lower.data + corner, rest, std::min(block, rest), lower.ld});
    }
    const auto inverse = k;
    syrk(ctx.be, trans::yes, S{1}, lower, S{0}, inverse);
    const S slope = static_cast<S>(-weight * factor * alpha);
    if (features) {
      gemm(ctx.be, trans::no, trans::no, slope, inverse, x, S{1}, dx);
    } else {
      gemm(ctx.be, trans::no, trans::no, slope, x, inverse, S{1}, dx);
    }
  }

 public:
  // The functors below are public because nvcc gives a kernel no private type.

  template <class T>
  struct add_identity {
    SSL_FN T operator()(index i, index j, T x) const { return i == j ? x + T{1} : x; }
  };
  template <class T>
  struct identity_matrix {
    SSL_FN T operator()(index i, index j) const { return i == j ? T{1} : T{0}; }
  };
  /// 1/2 logdet = sum of the logarithms of the factor's diagonal; NaN where the factorisation failed.
  template <class S, class Space>
  struct minus_log_diagonal {
    matrix_view<const S, Space> l, info;
    double factor;
    SSL_FN double operator()(index i, index, S) const {
      const double pivot = info.data[0] == S{0} ? static_cast<double>(l(i, i)) : -1.0;
      return -factor * std::log(pivot);
    }
  };
  template <class T>
  struct add_rounded {
    SSL_FN T operator()(T y, double x) const { return static_cast<T>(static_cast<double>(y) + x); }
  };
};

}  // namespace ssl
