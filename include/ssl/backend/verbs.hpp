#pragma once
// SPDX-License-Identifier: MIT

/// The checked front door to a backend's verbs: shapes are compared once, here, with the same sentence for
/// every backend. The checks are integer compares and always on.

#include <string>

#include "ssl/backend/backend.hpp"
#include "ssl/core/error.hpp"

namespace ssl {

namespace detail {

inline std::string extent(index rows, index cols) {
  return std::to_string(rows) + "x" + std::to_string(cols);
}

template <class V>
std::string extent(const V& v) {
  return extent(v.rows, v.cols);
}

/// Throws `ssl::verb: <what>` unless the condition holds.
inline void demand(bool holds, const char* verb, const std::string& what) {
  if (!holds) throw shape_error("ssl::" + std::string(verb) + ": " + what);
}

/// Throws unless op(a) op(b) is a matrix of c's shape.
template <class A, class Bm, class C>
void require_product(const char* verb, trans ta, trans tb, const A& a, const Bm& b, const C& c) {
  const index m = ta == trans::no ? a.rows : a.cols, k = ta == trans::no ? a.cols : a.rows;
  const index kb = tb == trans::no ? b.rows : b.cols, n = tb == trans::no ? b.cols : b.rows;
  if (k != kb || c.rows != m || c.cols != n)
    demand(false, verb,
           "op(a) is " + extent(m, k) + ", op(b) is " + extent(kb, n) + ", c is " + extent(c) +
               "; the inner extents must agree and c must be " + extent(m, n));
}

/// The dense verbs work in one precision: the backend's scalar, or double.
template <class B, class C, class... Vs>
consteval void one_precision() {
  static_assert(std::same_as<typename C::value_type, typename B::scalar> ||
                    std::same_as<typename C::value_type, double>,
                "ssl: a dense verb computes in the backend's scalar or in double; cast the matrices by map() "
                "with fn::cast.");
  static_assert((std::same_as<std::remove_const_t<typename Vs::value_type>, typename C::value_type> && ...),
                "ssl: the matrices of a dense verb must have one element type; cast them by map() with "
                "fn::cast.");
}

template <class B, class... Vs>
consteval void same_space() {
  static_assert((std::same_as<typename Vs::space, typename B::space> && ...),
                "ssl: this matrix lives in another memory than the backend computes in; upload() or "
                "download() it first.");
}

}  // namespace detail

/// out(i, j) = f(x...) or f(i, j, x...).
template <class B, MatrixView Out, class F, MatrixView... In>
void map(B& be, Out out, F f, In... in) {
  detail::same_space<B, Out, In...>();
  if (!((in.rows == out.rows && in.cols == out.cols) && ...)) {
    std::string found;
    ((found += (found.empty() ? "" : ", ") + detail::extent(in)), ...);
    detail::demand(false, "map",
                   "out is " + detail::extent(out) + ", the inputs are " + found + "; all must be equal");
  }
  if (out.size() > 0) be.map(out, f, as_const(in)...);
}

/// out = fold(out, f(x...)) along the collapsed sides.
template <class B, MatrixView Out, class Fold, class F, MatrixView First, MatrixView... In>
void map_reduce(B& be, Out out, Fold fold, F f, First first, In... in) {
  detail::same_space<B, Out, First, In...>();
  const bool same = ((in.rows == first.rows && in.cols == first.cols) && ...);
  const bool collapsed = (out.rows == 1 || out.rows == first.rows) &&
                         (out.cols == 1 || out.cols == first.cols) && (out.rows == 1 || out.cols == 1);
  if (!same || !collapsed)
    detail::demand(false, "map_reduce",
                   "out is " + detail::extent(out) + ", the first input is " + detail::extent(first) +
                       "; inputs must be equal, out must be 1x1, " + detail::extent(first.rows, 1) + " or " +
                       detail::extent(1, first.cols));
  if (first.size() > 0) be.map_reduce(out, fold, f, as_const(first), as_const(in)...);
}

/// f(team, j) for each j in [0, count).
template <class B, class F>
void for_each_column(B& be, index count, F f) {
  if (count > 0) be.for_each_column(count, f);
}

/// c = alpha op(a) op(b) + beta c. Cost 2 m n k flops. c must not overlap a or b.
template <class B, MatrixView A, MatrixView Bm, MatrixView C>
void gemm(B& be, trans ta, trans tb, typename C::value_type alpha, A a, Bm b, typename C::value_type beta,
          C c) {
  detail::same_space<B, A, Bm, C>();
  detail::one_precision<B, C, A, Bm>();
  detail::require_product("gemm", ta, tb, a, b, c);
  if (c.size() > 0) be.gemm(ta, tb, alpha, as_const(a), as_const(b), beta, c);
}

/// c = alpha op(a) op(a)^T + beta c, symmetric, both triangles written. Cost n^2 k flops.
template <class B, MatrixView A, MatrixView C>
void syrk(B& be, trans op, typename C::value_type alpha, A a, typename C::value_type beta, C c) {
  detail::same_space<B, A, C>();
  detail::one_precision<B, C, A>();
  const index n = op == trans::no ? a.rows : a.cols;
  if (c.rows != n || c.cols != n)
    detail::demand(
        false, "syrk",
        "a is " + detail::extent(a) + ", c is " + detail::extent(c) + "; c must be " + detail::extent(n, n));
  if (c.size() > 0) be.syrk(op, alpha, as_const(a), beta, c);
}

/// a = L L^T; L replaces the lower triangle of a, the rest of a is undefined. n^3 / 3 flops.
template <class B, MatrixView A, MatrixView Info>
void cholesky(B& be, A a, Info info) {
  detail::same_space<B, A, Info>();
  detail::one_precision<B, A, Info>();
  if (a.rows != a.cols || info.size() != 1)
    detail::demand(
        false, "cholesky",
        "a is " + detail::extent(a) + ", info is " + detail::extent(info) + "; a must be square, info 1x1");
  if (a.rows > 0)
    be.cholesky(a, info);
  else
    be.map(info, fn::constant<typename Info::value_type>{});
}

/// b = (L L^T)^-1 b with the factor that `cholesky` left. 2 n^2 cols flops.
template <class B, MatrixView L, MatrixView X>
void cholesky_solve(B& be, L l, X b) {
  detail::same_space<B, L, X>();
  detail::one_precision<B, X, L>();
  if (l.rows != l.cols || l.rows != b.rows)
    detail::demand(
        false, "cholesky_solve",
        "l is " + detail::extent(l) + ", b is " + detail::extent(b) + "; l must be square with b's rows");
  if (b.size() > 0) be.cholesky_solve(as_const(l), b);
}

/// b = op(l)^-1 b for l lower triangular, whose other triangle is not read. n^2 cols flops.
template <class B, MatrixView L, MatrixView X>
void triangular_solve(B& be, trans op, L l, X b) {
  detail::same_space<B, L, X>();
  detail::one_precision<B, X, L>();
  if (l.rows != l.cols || l.rows != b.rows)
    detail::demand(
        false, "triangular_solve",
        "l is " + detail::extent(l) + ", b is " + detail::extent(b) + "; l must be square with b's rows");
  if (b.size() > 0) be.triangular_solve(op, as_const(l), b);
}

/// Eigenvectors into a's columns, ascending eigenvalues into w (n, 1). May allocate: not for a step.
template <class B, MatrixView A, MatrixView W, MatrixView Info>
void eigh(B& be, A a, W w, Info info) {
  detail::same_space<B, A, W, Info>();
  detail::one_precision<B, A, W, Info>();
  if (a.rows != a.cols || w.rows != a.rows || w.cols != 1 || info.size() != 1)
    detail::demand(false, "eigh",
                   "a is " + detail::extent(a) + ", w is " + detail::extent(w) + "; a must be square, w " +
                       detail::extent(a.rows, 1) + ", info 1x1");
  if (a.rows > 0)
    be.eigh(a, w, info);
  else
    be.map(info, fn::constant<typename Info::value_type>{});
}

/// Memory for `count` values of T. The purpose ("the activations") goes into an out_of_memory's message,
/// where the backend takes it.
template <class T, class B>
auto allocate(B& be, index count, const char* purpose) {
  if constexpr (requires { be.template allocate<T>(count, purpose); }) {
    return be.template allocate<T>(count, purpose);
  } else {
    return be.template allocate<T>(count);
  }
}

/// out = x.
template <class B, MatrixView In, MatrixView Out>
void copy(B& be, In x, Out out) {
  map(be, out, fn::identity<typename Out::value_type>{}, x);
}

/// out = value everywhere.
template <class B, MatrixView Out>
void fill(B& be, Out out, typename Out::value_type value) {
  map(be, out, fn::constant<typename Out::value_type>{value});
}

}  // namespace ssl
