#pragma once
// SPDX-License-Identifier: MIT

/// The law of this folder: what a backend is. Thirteen verbs; everything above them is written once.
///
/// `map`               out(i, j) = f(x...) or f(i, j, x...); out may be one of the inputs, f may read views
///                     that it carries, but never another element of `out`.
/// `map_reduce`        out = fold(out, f(x...)) along the sides that `out` collapses: (1, 1), (rows, 1) or
///                     (1, cols). Accumulates onto `out`. The order is fixed by the shapes alone.
/// `for_each_column`   f(team, j) for j in [0, count), in any order; `team.for_each(n, body)` and
///                     `team.reduce(n, init, fold, body)` share one column's work (serial here, a thread
///                     block there).
/// `gemm`              c = alpha op(a) op(b) + beta c; beta == 0 never reads c.
/// `syrk`              c = alpha op(a) op(a)^T + beta c, both triangles written, half the work of `gemm`.
/// `cholesky`          a = L in the lower triangle, in place; info (1, 1) is 0 on success and stays on
///                     the device.
/// `cholesky_solve`    b = (L L^T)^-1 b, in place.
/// `triangular_solve`  b = op(L)^-1 b, in place, L lower triangular; its upper triangle is not read.
/// `eigh`              a (n, n) symmetric: columns become eigenvectors, w (n, 1) ascending eigenvalues;
///                     info as for `cholesky`.
/// `upload`, `download`, `wait`, `allocate`: the only verbs that may wait or allocate; none appears in a
///                     step.
///
/// The dense verbs (`gemm` to `eigh`) take matrices of the backend's scalar, and also matrices of doubles:
/// what must not lose digits (spectra, least squares) is computed in double on any backend.
///
/// A backend may offer wider verbs (`conv2d_forward`, ...); the front door that needs one prefers it and
/// otherwise composes it from these thirteen, with equal results.

#include <concepts>

#include "ssl/core/config.hpp"
#include "ssl/core/fn.hpp"
#include "ssl/core/view.hpp"

namespace ssl {

enum class trans { no, yes };

template <class B>
concept BackendTypes = std::floating_point<typename B::scalar> &&
    (std::same_as<typename B::space, host_space> || std::same_as<typename B::space, device_space>);

template <class B>
concept Mapping = BackendTypes<B> && requires(B& be, view<B> out, cview<B> in) {
  be.map(out, fn::constant<typename B::scalar>{});
  be.map(out, fn::identity<typename B::scalar>{}, in);
};

template <class B>
concept Reducing = BackendTypes<B> && requires(B& be, accumulator_view<B> out, cview<B> in) {
  be.map_reduce(out, fn::plus{}, fn::square<typename B::scalar>{}, in);
};

/// A functor for `for_each_column` that does nothing: what the concept below calls the verb with.
struct idle_column {
  template <class Team>
  SSL_FN void operator()(const Team&, index) const {}
};

template <class B>
concept Iterating = BackendTypes<B> && requires(B& be, index count) {
  be.for_each_column(count, idle_column{});
};

template <class B>
concept Multiplying = BackendTypes<B> &&
    requires(B& be, view<B> c, cview<B> a, typename B::scalar s, accumulator_view<B> cd,
             matrix_view<const double, typename B::space> ad) {
  be.gemm(trans::no, trans::yes, s, a, a, s, c);
  be.syrk(trans::no, s, a, s, c);
  be.gemm(trans::no, trans::yes, 1.0, ad, ad, 0.0, cd);
  be.syrk(trans::no, 1.0, ad, 0.0, cd);
};

template <class B>
concept Factoring = BackendTypes<B> &&
    requires(B& be, view<B> a, cview<B> l, view<B> b, view<B> info, accumulator_view<B> ad,
             matrix_view<const double, typename B::space> ld) {
  be.cholesky(a, info);
  be.cholesky_solve(l, b);
  be.triangular_solve(trans::yes, l, b);
  be.eigh(a, b, info);
  be.cholesky(ad, ad);
  be.cholesky_solve(ld, ad);
  be.triangular_solve(trans::yes, ld, ad);
  be.eigh(ad, ad, ad);
};

template <class B>
concept Moving = BackendTypes<B> && requires(B& be, view<B> here, cview<B> there, index count,
                                             matrix_view<const typename B::scalar, host_space> from,
                                             matrix_view<typename B::scalar, host_space> to) {
  be.upload(from, here);
  be.download(there, to);
  be.wait();
  be.template allocate<typename B::scalar>(count).all();
  { be.allocations() } -> std::same_as<index>;
};

template <class B>
concept Backend = Mapping<B> && Reducing<B> && Iterating<B> && Multiplying<B> && Factoring<B> && Moving<B>;

/// Says which verb a type lacks, in a sentence, where a plain `requires` would print a page.
template <class B>
consteval bool check_backend() {
  static_assert(BackendTypes<B>,
                "ssl: a Backend has `scalar` (float or double) and `space` (host_space or device_space).");
  static_assert(Mapping<B>, "ssl: a Backend has `map(out, f, in...)`.");
  static_assert(Reducing<B>,
                "ssl: a Backend has `map_reduce(out, fold, f, in...)`; out is 1x1, rows x 1 or 1 x cols.");
  static_assert(Iterating<B>, "ssl: a Backend has `for_each_column(count, f)`, calling f(team, j).");
  static_assert(
      Multiplying<B>,
      "ssl: a Backend has `gemm(ta, tb, alpha, a, b, beta, c)` and `syrk(op, alpha, a, beta, c)`, for its "
      "scalar and for double.");
  static_assert(
      Factoring<B>,
      "ssl: a Backend has `cholesky(a, info)`, `cholesky_solve(l, b)`, `triangular_solve(op, l, b)` and "
      "`eigh(a, w, info)`, for its scalar and for double.");
  static_assert(Moving<B>,
                "ssl: a Backend has `upload(from, to)`, `download(from, to)`, `wait()`, `allocate<T>(count)` "
                "and `allocations()`.");
  return Backend<B>;
}

}  // namespace ssl
