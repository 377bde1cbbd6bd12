#pragma once
// SPDX-License-Identifier: MIT

/// Matrix products of layers, whose maps may be stored in bf16: operands of bf16, sums in the scalar.

#include <algorithm>
#include <concepts>
#include <string>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/bf16.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

/// A backend with the wide verb
///
///     be.gemm_bf16(ta, tb, alpha, a, b, beta, c)    c = alpha op(a) op(b) + beta c, sums in float
///
/// for a, b of bf16 and c of bf16 or of its scalar, alpha and beta floats. A name of its own, so that a
/// `gemm` that takes any element type is not mistaken for it.
template <class B>
concept MultipliesBf16 = requires(B& be, map_cview<B, bf16> a, map_view<B, bf16> c, view<B> sum) {
  be.gemm_bf16(trans::no, trans::yes, 1.0F, a, a, 0.0F, c);
  be.gemm_bf16(trans::no, trans::yes, 1.0F, a, a, 0.0F, sum);
};

namespace detail {

/// What a matrix is stored in.
template <class X>
using stored_in = std::remove_const_t<typename X::value_type>;

/// What products on maps of S are computed from: S where the backend multiplies it, otherwise scalars of the
/// same values.
template <class B, class S>
using operand_type = std::conditional_t<MultipliesBf16<B>, S, typename B::scalar>;

/// x with its entries rounded to S, as an operand: x itself where it is one already, else in scratch.
template <class S, class Ctx, MatrixView X>
auto as_operand(Ctx& ctx, X x) {
  using O = operand_type<typename Ctx::backend, S>;
  using V = stored_in<X>;
  if constexpr (std::same_as<S, typename Ctx::scalar> || (std::same_as<V, S> && std::same_as<V, O>)) {
    return as_const(x);
  } else {
    const auto out = take_stored<O>(ctx, x.rows, x.cols);
    map(ctx.be, out, fn::cast<S>{}, x);
    return as_const(out);
  }
}

/// c = alpha op(a) op(b) + beta c, for two operands and c of the scalar or of bf16. Scratch of c's size where
/// c is bf16 and the backend does not multiply it.
template <class Ctx, MatrixView A, MatrixView C>
void multiply(Ctx& ctx, trans ta, trans tb, typename Ctx::scalar alpha, A a, A b, typename Ctx::scalar beta,
              C c) {
  using T = typename Ctx::scalar;
  if constexpr (std::same_as<stored_in<A>, bf16>) {
    if (c.size() > 0) ctx.be.gemm_bf16(ta, tb, static_cast<float>(alpha), a, b, static_cast<float>(beta), c);
  } else if constexpr (std::same_as<typename C::value_type, T>) {
    gemm(ctx.be, ta, tb, alpha, a, b, beta, c);
  } else {
    scratch_scope scope(ctx);
    const auto sum = ctx.take(c.rows, c.cols);
    if (beta != T{0}) copy(ctx.be, c, sum);
    gemm(ctx.be, ta, tb, alpha, a, b, beta, sum);
    map(ctx.be, c, fn::identity<T>{}, sum);
  }
}

/// The rows of a matrix that [first, first + count) names.
template <class T, class Space>
SSL_FN matrix_view<T, Space> rows_of(matrix_view<T, Space> m, index first, index count) {
  return {m.data + first, count, m.cols, m.ld};
}

/// Scalars that a product on maps of bf16 may widen at a time: two maps' worth of a second-level cache.
inline constexpr index widened_scalars = index{1} << 18;

/// `product` on maps of bf16 for a backend that does not multiply it: by runs of columns, widened to scalars.
template <class Ctx, MatrixView A, MatrixView Bm, MatrixView C>
void product_in_runs(Ctx& ctx, trans ta, trans tb, typename Ctx::scalar alpha, A a, Bm b,
                     typename Ctx::scalar beta, C c) {
  using T = typename Ctx::scalar;
  scratch_scope scope(ctx);
  const auto run_of = [](index rows, index count) {
    return std::clamp<index>(widened_scalars / std::max<index>(rows, 1), 64, std::max<index>(count, 64));
  };
  if constexpr (std::same_as<typename C::value_type, T>) {
    if (ta == trans::no && tb == trans::yes && a.cols > 0) {  // a sum over samples, such as dy x^T
      const index run = run_of(a.rows + b.rows, a.cols);
      for (index k = 0; k < a.cols; k += run) {
        scratch_scope part(ctx);
        const index m = std::min(run, a.cols - k);
        multiply(ctx, ta, tb, alpha, as_operand<bf16>(ctx, a.columns(k, m)),
                 as_operand<bf16>(ctx, b.columns(k, m)), k == 0 ? beta : T{1}, c);
      }
      return;
    }
  }
  const auto whole = as_operand<bf16>(ctx, a);
  const index run = run_of(c.rows + (tb == trans::no ? b.rows : b.cols), c.cols);
  for (index j = 0; j < c.cols; j += run) {
    scratch_scope part(ctx);
    const index m = std::min(run, c.cols - j);
    multiply(ctx, ta, tb, alpha, whole,
             as_operand<bf16>(ctx, tb == trans::no ? b.columns(j, m) : rows_of(b, j, m)), beta,
             c.columns(j, m));
  }
}

}  // namespace detail

/// c = alpha op(a) op(b) + beta c, as `gemm`. Where a or b is bf16 both are taken in it, the other one
/// rounded first, and sums are in the scalar (in float where the backend multiplies bf16); a c of bf16 is
/// rounded once, at the end. beta == 0 never reads c, which must not overlap a or b. Scratch, for bf16 only:
/// the operand that had to be rounded, and where the backend does not multiply bf16, a widened a and a few
/// hundred columns.
template <class Ctx, MatrixView A, MatrixView Bm, MatrixView C>
void product(Ctx& ctx, trans ta, trans tb, typename Ctx::scalar alpha, A a, Bm b, typename Ctx::scalar beta,
             C c) {
  constexpr bool stored =
      std::same_as<detail::stored_in<A>, bf16> || std::same_as<detail::stored_in<Bm>, bf16>;
  if constexpr (!stored) {
    gemm(ctx.be, ta, tb, alpha, a, b, beta, c);
  } else {
    detail::require_product("product", ta, tb, a, b, c);
    if constexpr (MultipliesBf16<typename Ctx::backend>) {
      scratch_scope scope(ctx);
      const auto left = detail::as_operand<bf16>(ctx, a), right = detail::as_operand<bf16>(ctx, b);
      detail::multiply(ctx, ta, tb, alpha, left, right, beta, c);
    } else {
      detail::product_in_runs(ctx, ta, tb, alpha, a, b, beta, c);
    }
  }
}

}  // namespace ssl
