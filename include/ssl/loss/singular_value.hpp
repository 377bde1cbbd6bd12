#pragma once
// SPDX-License-Identifier: MIT

/// Singular values: the embeddings of a batch spread evenly over all directions, on columns of length one.
///
///     s1              ||d/n z z^T - I||^2 = sum_k (d s_k^2 / n - 1)^2
///     s1_per_feature  s1 / d
///     s1_centered     s1 of the columns minus their mean
///     s2              -1/n sum_k s_k, the nuclear norm (as SVMax has it)
///     s4              sum_{i != k} R_ik^2, R the correlation of the features (epsilon 1e-5)
///
///     gradient of s1  4 d^2 / n^2 (z z^T - n/d I) z = 4 d^2 / n^2 z (z^T z - n/d I)
///
/// per view, mean over the views by default; s_k the singular values of z (d, n). The term of MSBReg (arXiv
/// 2207.03552), whose formula and scale no source states: s1 is the default because it alone is zero exactly
/// where all singular values are equal and has a size that the paper's weight 0.004 can act on. `unbiased`
/// replaces ||z^T z||^2 / n^2 in s1 by (||z^T z||^2 - n) / (n (n - 1)): no bias from small batches, may be
/// negative.
///
/// s1 is the repulsion of squared cosines: n equal columns cost d^2 - d, uniform ones (d^2 - d) / n; with n <
/// d it cannot go below d^2 / n - d. No decomposition: one symmetric and one general product on the cheaper
/// side, 3 d n min(d, n) flops, scratch min(d, n)^2. No difference of large numbers on either side, as long
/// as it is the cheaper. s2 needs eigenvectors, in double, and may allocate in a step. Batches of d n min(d,
/// n) <= 2^22 are evaluated in double whatever the scalar.

#include "ssl/loss/nuclear_norm.hpp"
#include "ssl/loss/small_in_double.hpp"
#include "ssl/loss/standardized.hpp"

namespace ssl {

enum class singular_reading { s1, s1_per_feature, s1_centered, s2, s4 };

struct singular_value {
  using kind = loss_kind;
  static constexpr std::string_view name = "singular";
  static constexpr moment needs = moment::none;
  static constexpr bool unit_norm = true;

  singular_reading reading = singular_reading::s1;
  bool unbiased = false;  // of s1 and s1_per_feature
  over_views reduction = over_views::mean;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, one_view<B> z, accumulator_view<B> value, view<B> dz) const {
    const double factor = view_factor(reduction, z.views);
    if (reading == singular_reading::s2) {
      add_s2(ctx, factor, weight, z, value, dz);
    } else if (reading == singular_reading::s4) {
      add_s4(ctx, factor, weight, z, value, dz);
    } else {
      in_double_where_small(ctx, z.x, 1, dz,
                            [&](auto x, auto dx) { add_s1(ctx, factor, weight, z.side, x, value, dx); });
    }
  }

  collapse_value collapsed(batch_shape shape, double) const {
    const double d = static_cast<double>(shape.features), n = static_cast<double>(shape.samples);
    const double views = static_cast<double>(shape.views) * view_factor(reduction, shape.views);
    switch (reading) {
      case singular_reading::s1:
        return {views * (d * d - d), "d^2 - d"};
      case singular_reading::s1_per_feature:
        return {views * (d - 1), "d - 1"};
      case singular_reading::s1_centered:
        return {views * d, "d"};
      case singular_reading::s2:
        return {-views / std::sqrt(n), "-1 / sqrt(n)"};
      default:
        return {.value = 0, .best = true};
    }
  }

  // The functors below are public because nvcc gives a kernel no private type.

  template <class S, class Space>
  struct distance_from_first {
    matrix_view<const S, Space> first;
    SSL_FN double operator()(index i, index, S x) const {
      return static_cast<double>(x) - static_cast<double>(first.data[i]);
    }
  };
  template <class S, class Space>
  struct subtract_mean {  // x - (first_i + sum_i / n)
    matrix_view<const S, Space> first;
    matrix_view<const double, Space> sum;
    double n;
    SSL_FN S operator()(index i, index, S x) const {
      return static_cast<S>(static_cast<double>(x) - (static_cast<double>(first.data[i]) + sum.data[i] / n));
    }
  };
  struct squared_distance {  // factor (x - from)^2 + constant
    double factor, from, constant;
    SSL_FN double operator()(double x) const { return factor * (x - from) * (x - from) + constant; }
  };
  template <class S, class Space>
  struct with_diagonal {  // x off the diagonal, s_i - from on it, or 0 there
    matrix_view<const double, Space> diagonal;
    double from;
    bool zero;
    SSL_FN S operator()(index i, index j, S x) const {
      return i != j ? x : zero ? S{0} : static_cast<S>(diagonal.data[i] - from);
    }
  };

 private:
  template <class Ctx, class S, class Space>
  void add_s1(Ctx& ctx, double view_share, double weight, gram_side side, matrix_view<const S, Space> z,
              matrix_view<double, Space> value, matrix_view<S, Space> dz) const {
    scratch_scope scope(ctx);
    const bool centered = reading == singular_reading::s1_centered;
    const bool features = side == gram_side::features || (side == gram_side::automatic && z.rows <= z.cols);
    const double d = static_cast<double>(z.rows), n = static_cast<double>(z.cols);
    const index size = features ? z.rows : z.cols;
    const double m = static_cast<double>(size);
    const double share = reading == singular_reading::s1_per_feature ? view_share / d : view_share;

    auto x = z;
    if (centered) {
      const auto sum = ctx.take_accumulator(z.rows, 1);
      const auto moved = ctx.scratch.template take<S>(z.rows, z.cols);
      fill(ctx.be, sum, 0.0);
      map_reduce(ctx.be, sum, fn::plus{}, distance_from_first<S, Space>{z}, z);
      map(ctx.be, moved, subtract_mean<S, Space>{z, sum, n}, z);
      x = moved;
    }
    const auto diagonal = ctx.take_accumulator(size, 1);
    fill(ctx.be, diagonal, 0.0);
    map_reduce(ctx.be, features ? diagonal : diagonal.reshaped(1, size), fn::plus{}, fn::square<S>{}, x);
    const auto gram = ctx.scratch.template take<S>(size, size);
    syrk(ctx.be, features ? trans::no : trans::yes, S{1}, x, S{0}, gram);

    // Off the diagonal and on it, so that nothing cancels: ||d/n G - I_d||^2 = ||d/n G - I_m||^2 + d - m.
    const bool debias = unbiased && !centered;
    const double square = share * d * d / (debias ? n * (n - 1) : n * n);
    map_reduce(ctx.be, value, fn::plus{}, fn::off_diagonal_square<S>{square}, gram);
    map_reduce(ctx.be, value, fn::plus{},
               debias ? squared_distance{square, 0, (-square * n - share * d) / m}
                      : squared_distance{square, n / d, share * (d - m) / m},
               diagonal);
    // A multiple of z is no gradient of unit columns: leaving it out keeps digits.
    map(ctx.be, gram, with_diagonal<S, Space>{diagonal, n / d, !features && !centered}, gram);
    const S slope = static_cast<S>(4 * weight * square);
    if (features)
      gemm(ctx.be, trans::no, trans::no, slope, gram, x, S{1}, dz);
    else
      gemm(ctx.be, trans::no, trans::no, slope, x, gram, S{1}, dz);
  }

  template <class Ctx, class B = typename Ctx::backend>
  void add_s2(Ctx& ctx, double factor, double weight, const one_view<B>& z, accumulator_view<B> value,
              view<B> dz) const {
    scratch_scope scope(ctx);
    const auto x = ctx.take_accumulator(z.x.rows, z.x.cols), dx = ctx.take_accumulator(z.x.rows, z.x.cols);
    map(ctx.be, x, fn::cast<double>{}, z.x);
    fill(ctx.be, dx, 0.0);
    const double share = -factor / static_cast<double>(z.x.cols);
    detail::add_nuclear_norm(ctx, share, weight * share, as_const(x), value, dx);
    map(ctx.be, dz, detail::add_rounded<typename B::scalar>{}, dz, dx);
  }

  template <class Ctx, class B = typename Ctx::backend>
  void add_s4(Ctx& ctx, double factor, double weight, const one_view<B>& z, accumulator_view<B> value,
              view<B> dz) const {
    scratch_scope scope(ctx);
    const auto t = ctx.take(z.x.rows, z.x.cols), dt = ctx.take(z.x.rows, z.x.cols);
    constexpr standardized change;
    const view_batch<B> one{.z = z.x};
    const auto tape = change.forward(ctx, one, t);
    fill(ctx.be, dt, typename B::scalar{0});
    const second_moment<B> moment(ctx, t, z.side);
    const double n = static_cast<double>(z.x.cols), share = factor / (n * n);
    moment.add_off_diagonal(ctx, share, value);
    moment.add_off_diagonal_product(ctx, 4 * weight * share, dt);
    change.backward(ctx, tape, one, t, dt, dz);
  }
};

}  // namespace ssl
