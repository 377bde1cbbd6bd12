#pragma once
/// Total coding rate: the volume that the embeddings of a batch fill, on columns of length one.
///
///     R(z)     = 1/2 logdet(I_d + alpha z z^T) = 1/2 logdet(I_n + alpha z^T z),  alpha = d / (n epsilon^2)
///     value    = -R(z) per view, mean over the views by default (a loss: smaller is more volume)
///     gradient = -alpha (I_d + alpha z z^T)^-1 z = -alpha z (I_n + alpha z^T z)^-1
///
/// NMCE (arXiv 2201.10000) and EMP-SSL (arXiv 2304.03977), whose code calls epsilon^2 `eps`: 0.2.
/// One Cholesky factor of the smaller side, m = min(d, n), serves value and gradient: d n m + m^3 5/3 + 2 d n
/// m flops. The factored matrix is at least the identity, so the factorisation cannot break down on finite
/// input. Bounds for unit columns: 1/2 log(1 + alpha n) (collapsed) <= R <= m/2 log(1 + alpha n / m).

#include <cmath>

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
    const index m = features ? d : n;
    const double alpha = static_cast<double>(d) / (static_cast<double>(n) * epsilon_squared);
    const double factor = view_factor(reduction, z.views);

    scratch_scope scope(ctx);
    const auto k = ctx.take(m, m), inverse = ctx.take(m, m), info = ctx.take(1, 1);
    syrk(ctx.be, features ? trans::no : trans::yes, static_cast<T>(alpha), z.x, T{0}, k);
    map(ctx.be, k, add_identity<T>{}, k);
    cholesky(ctx.be, k, info);
    map_reduce(ctx.be, value, fn::plus{}, minus_log_diagonal<B>{k, info, factor}, k.columns(0, 1));
    map(ctx.be, inverse, identity_matrix<T>{});
    cholesky_solve(ctx.be, k, inverse);
    const T slope = static_cast<T>(-weight * factor * alpha);
    if (features) {
      gemm(ctx.be, trans::no, trans::no, slope, inverse, z.x, T{1}, dz);
    } else {
      gemm(ctx.be, trans::no, trans::no, slope, z.x, inverse, T{1}, dz);
    }
  }

 private:
  template <class T>
  struct add_identity {
    SSL_FN T operator()(index i, index j, T x) const { return i == j ? x + T{1} : x; }
  };
  template <class T>
  struct identity_matrix {
    SSL_FN T operator()(index i, index j) const { return i == j ? T{1} : T{0}; }
  };
  /// 1/2 logdet = sum of the logarithms of the factor's diagonal; NaN where the factorisation failed.
  template <class B>
  struct minus_log_diagonal {
    view<B> l, info;
    double factor;
    SSL_FN double operator()(index i, index, typename B::scalar) const {
      const double pivot = info.data[0] == 0 ? static_cast<double>(l(i, i)) : -1.0;
      return -factor * std::log(pivot);
    }
  };
};

}  // namespace ssl
