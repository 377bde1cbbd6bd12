#pragma once
// SPDX-License-Identifier: MIT

/// The second moment M = x x^T of a batch x (d, n), on whichever side is cheaper: the (d, d) matrix itself,
/// or the (n, n) Gram matrix K = x^T x. Every quadratic function of M has an exact evaluation on both,
/// because
///
///     ||x x^T||_F = ||x^T x||_F      and      (x x^T) x = x (x^T x).
///
/// Feature side: M is held with its diagonal zeroed and the diagonal apart, so nothing ever cancels.
/// Sample side: the off-diagonal part is ||K||^2 - sum_i s_i^2, s_i = ||x_i||^2 of feature i, which loses
/// every digit when a few features dwarf the rest. So the up to eight features of largest s are split off as
/// a block A and treated exactly; only the rest B uses the difference:
///
///     off(M)   = off(A A^T) + 2 ||A B^T||^2 + ||B^T B||^2 - sum_B s^2
///     off(M) x = x (B^T B) + off(x A^T) A - s_B x_B.
///
/// The split needs no decision on the host. With even scales sum s^2 / ||K||^2 is about n / (n + d), at most
/// one half wherever the sample side is chosen.
///
/// Cost: 3 d n min(d, n) flops for value and gradient. Scratch: min(d, n)^2, and on the sample side d n
/// unless the batch may be written for a while.

#include <algorithm>

#include "ssl/core/fn.hpp"
#include "ssl/exec/context.hpp"

namespace ssl {

/// Which evaluation of a second moment to use: the cheaper one, or the one named.
enum class gram_side { automatic, features, samples };

namespace fn {

template <class T>
struct zero_diagonal {  // x off the diagonal, 0 on it
  SSL_FN T operator()(index i, index j, T x) const { return i == j ? T{0} : x; }
};

template <class T>
struct off_diagonal_square {  // factor x^2 off the diagonal, in double
  double factor = 1;
  SSL_FN double operator()(index i, index j, T x) const {
    return i == j ? 0.0 : factor * static_cast<double>(x) * static_cast<double>(x);
  }
};

struct scaled_square {  // factor x^2
  double factor = 1;
  template <class T>
  SSL_FN double operator()(T x) const {
    return factor * static_cast<double>(x) * static_cast<double>(x);
  }
};

template <class T, class Space>
struct add_scaled_rows {                  // y + factor r_i x
  matrix_view<const double, Space> rows;  // (d, 1)
  double factor = 1;
  SSL_FN T operator()(index i, index, T y, T x) const {
    return y + static_cast<T>(factor * rows.data[i]) * x;
  }
};

template <class T, class Space>
struct add_row_multiples {           // y + r_i x
  matrix_view<const T, Space> rows;  // (d, 1)
  SSL_FN T operator()(index i, index, T y, T x) const { return y + rows.data[i] * x; }
};

template <class T>
struct scale_to {  // factor x, rounded once
  double factor = 1;
  SSL_FN T operator()(double x) const { return static_cast<T>(factor * x); }
};

}  // namespace fn

namespace detail {

/// dz (d, n) += factor * rows (d, 1) times x (d, n), row by row. The factors are rounded once a row.
template <class Ctx, class T, class Space>
void add_row_multiples(Ctx& ctx, double factor, matrix_view<double, Space> rows,
                       matrix_view<const T, Space> x, matrix_view<T, Space> dz) {
  scratch_scope scope(ctx);
  const auto rounded = ctx.scratch.template take<T>(rows.rows, 1);
  map(ctx.be, rounded, fn::scale_to<T>{factor}, rows);
  map(ctx.be, dz, fn::add_row_multiples<T, Space>{rounded}, dz, x);
}

}  // namespace detail

template <class B>
class second_moment {
 public:
  using T = typename B::scalar;
  using space = typename B::space;

  second_moment() = default;

  /// Computes the moment of x, which must outlive it. Memory comes from the caller's scratch scope.
  template <class Ctx>
  second_moment(Ctx& ctx, cview<B> x, gram_side side) : x_(x) {
    compute(ctx, side, view<B>{});
  }
  /// The same for an x that may be written meanwhile: it is left as it was. Saves a copy.
  template <class Ctx>
  second_moment(Ctx& ctx, view<B> x, gram_side side) : x_(x) {
    compute(ctx, side, x);
  }

  gram_side side() const { return side_; }

  /// diag(M) as (d, 1): the squared norms of the features over the batch.
  matrix_view<const double, space> diagonal() const { return diagonal_; }

  /// value += factor * sum_{i != k} M_ik^2.
  template <class Ctx>
  void add_off_diagonal(Ctx& ctx, double factor, accumulator_view<B> value) const {
    if (side_ == gram_side::features) {
      map_reduce(ctx.be, value, fn::plus{}, fn::scaled_square{factor}, gram_);
      return;
    }
    map_reduce(ctx.be, value, fn::plus{}, fn::scaled_square{factor}, gram_);
    map_reduce(ctx.be, value, fn::plus{}, fn::scaled_square{-factor}, rest_);
    map_reduce(ctx.be, value, fn::plus{}, square_beside{rest_, factor}, beside_);
  }

  /// value += factor * ||M||_F^2.
  template <class Ctx>
  void add_square(Ctx& ctx, double factor, accumulator_view<B> value) const {
    add_off_diagonal(ctx, factor, value);
    map_reduce(ctx.be, value, fn::plus{}, fn::scaled_square{factor}, diagonal_);
  }

  /// dz += factor * offdiag(M) x. The gradient of `add_off_diagonal` with respect to x at factor / 4.
  template <class Ctx>
  void add_off_diagonal_product(Ctx& ctx, double factor, view<B> dz) const {
    const T f = static_cast<T>(factor);
    if (side_ == gram_side::features) {
      gemm(ctx.be, trans::no, trans::no, f, gram_, x_, T{1}, dz);
      return;
    }
    gemm(ctx.be, trans::no, trans::no, f, x_, gram_, T{1}, dz);
    gemm(ctx.be, trans::no, trans::no, f, beside_, dominant_, T{1}, dz);
    detail::add_row_multiples(ctx, -factor, rest_, x_, dz);
  }

  /// dz += factor * M x. The gradient of `add_square` with respect to x at factor / 4.
  template <class Ctx>
  void add_product(Ctx& ctx, double factor, view<B> dz) const {
    add_off_diagonal_product(ctx, factor, dz);
    detail::add_row_multiples(ctx, factor, diagonal_, x_, dz);
  }

  // The functors below are public because nvcc gives a kernel no private type.

  struct candidate {
    double value = -1;
    index at = 0;
  };
  struct larger {
    SSL_FN candidate operator()(candidate a, candidate b) const {
      return b.value > a.value || (b.value == a.value && b.at < a.at) ? b : a;
    }
    template <class V>
    SSL_FN static constexpr V identity() {
      return V{};
    }
  };

  /// Writes the places of the largest entries of `from` into `picked`, and zeroes them in `rest`, a copy of
  /// `from`.
  struct pick_largest {
    matrix_view<const double, space> from;  // (d, 1)
    matrix_view<double, space> rest;        // (d, 1)
    matrix_view<index, space> picked;       // (a, 1)

    template <class Team>
    SSL_FN void operator()(const Team& team, index) const {
      const auto source = from;
      const auto left = rest;
      team.for_each(source.rows, [=](index i) { left.data[i] = source.data[i]; });
      for (index k = 0; k < picked.rows; ++k) {
        const candidate best = team.reduce(source.rows, candidate{}, larger{}, [=](index i) {
          return candidate{left.data[i], i};
        });
        const auto places = picked;
        team.for_each(1, [=](index) {
          places.data[k] = best.at;
          left.data[best.at] = -1.0;
        });
      }
      team.for_each(source.rows, [=](index i) {
        if (left.data[i] < 0.0) left.data[i] = 0.0;
      });
    }
  };

  struct pick_rows {  // x(picked_i, j)
    cview<B> x;
    matrix_view<index, space> picked;
    SSL_FN T operator()(index i, index j) const { return x(picked.data[i], j); }
  };

  struct keep_rest {  // x where the feature was not picked, else 0
    matrix_view<const double, space> rest;
    SSL_FN T operator()(index i, index, T x) const { return rest.data[i] != 0.0 ? x : T{0}; }
  };

  struct square_beside {  // features of B meet those of A twice, in (A, B) and in (B, A)
    matrix_view<const double, space> rest;
    double factor = 1;
    SSL_FN double operator()(index i, index, T x) const {
      return (rest.data[i] != 0.0 ? 2 * factor : factor) * static_cast<double>(x) * static_cast<double>(x);
    }
  };

  struct clear_own {  // beside(picked_k, k) = 0
    matrix_view<const index, space> picked;
    view<B> beside;
    template <class Team>
    SSL_FN void operator()(const Team& team, index k) const {
      const auto self = *this;
      team.for_each(1, [=](index) { self.beside(self.picked.data[k], k) = T{0}; });
    }
  };

  struct set_rows {  // x(picked_i, j) = rows(i, j), or 0 where rows is empty
    matrix_view<const index, space> picked;
    cview<B> rows;
    view<B> x;
    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      const auto self = *this;
      team.for_each(picked.rows, [=](index i) {
        self.x(self.picked.data[i], j) = self.rows.data == nullptr ? T{0} : self.rows(i, j);
      });
    }
  };

 private:
  static constexpr index most_dominant = 8;

  template <class Ctx>
  void compute(Ctx& ctx, gram_side side, view<B> writable) {
    const index d = x_.rows, n = x_.cols;
    side_ = side != gram_side::automatic ? side : n < d ? gram_side::samples : gram_side::features;
    diagonal_ = ctx.take_accumulator(d, 1);
    fill(ctx.be, diagonal_, 0.0);
    map_reduce(ctx.be, diagonal_, fn::plus{}, fn::square<T>{}, x_);
    if (side_ == gram_side::features) {
      gram_ = ctx.take(d, d);
      syrk(ctx.be, trans::no, T{1}, x_, T{0}, gram_);
      map(ctx.be, gram_, fn::zero_diagonal<T>{}, gram_);
    } else {
      split(ctx, writable);
    }
  }

  template <class Ctx>
  void split(Ctx& ctx, view<B> writable) {
    const index d = x_.rows, n = x_.cols, a = std::min(most_dominant, d);
    rest_ = ctx.take_accumulator(d, 1);
    const auto picked = ctx.scratch.template take<index>(a, 1);
    for_each_column(ctx.be, 1, pick_largest{diagonal_, rest_, picked});
    dominant_ = ctx.take(a, n);
    map(ctx.be, dominant_, pick_rows{x_, picked});
    beside_ = ctx.take(d, a);
    gemm(ctx.be, trans::no, trans::yes, T{1}, x_, dominant_, T{0}, beside_);
    for_each_column(ctx.be, a, clear_own{picked, beside_});
    gram_ = ctx.take(n, n);
    if (writable.data != nullptr) {
      for_each_column(ctx.be, n, set_rows{picked, {}, writable});
      syrk(ctx.be, trans::yes, T{1}, writable, T{0}, gram_);
      for_each_column(ctx.be, n, set_rows{picked, dominant_, writable});
    } else {
      scratch_scope scope(ctx);
      const auto others = ctx.take(d, n);  // B: x with the features of A zeroed
      map(ctx.be, others, keep_rest{rest_}, x_);
      syrk(ctx.be, trans::yes, T{1}, others, T{0}, gram_);
    }
  }

  cview<B> x_;  // (d, n)
  gram_side side_ = gram_side::features;
  accumulator_view<B> diagonal_;  // (d, 1)
  view<B> gram_;                  // (d, d) with zero diagonal, or (n, n) of B
  accumulator_view<B> rest_;      // (d, 1) s_i, 0 for the features of A
  view<B> dominant_;              // (a, n) A
  view<B> beside_;                // (d, a) x A^T, 0 where a feature meets itself
};

}  // namespace ssl
