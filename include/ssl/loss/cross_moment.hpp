#pragma once
// SPDX-License-Identifier: MIT

/// Squared off-diagonals of the products of two views, over all pairs of views v < w:
///
///     over features   C_vw = z_v z_w^T  (d, d),   what Barlow Twins decorrelates
///     over samples    C_vw = z_v^T z_w  (n, n),   what the spectral contrastive loss pushes apart
///
/// Each has an evaluation by the other side's matrices, because
///
///     ||z_v z_w^T||^2 = <z_v^T z_v, z_w^T z_w>,
///
/// which needs one matrix and one product a view instead of three products a pair: with K_v = z_v^T z_v the
/// gradient of the sum over pairs is 2 z_v (K_1 + ... + K_V - K_v). The diagonals are inner products in
/// double, on either side. The direct form zeroes the diagonal of C, so nothing cancels; the other subtracts
/// the squares of the diagonal, whose share in the whole is about m / (m + m') for even scales, m' the size
/// of C and m that of the other matrices: at most one half where it is chosen.
///
/// Flops: 3 V (V - 1) d n m' direct, 3 V d n m by the other side. Scratch: m'^2 direct; V m^2, and one more
/// m^2 for V > 2, by the other side.

#include "ssl/loss/loss.hpp"

namespace ssl {

namespace detail {

struct scaled_product {  // factor x y
  double factor = 1;
  template <class T>
  SSL_FN double operator()(T x, T y) const {
    return factor * static_cast<double>(x) * static_cast<double>(y);
  }
};

struct subtract_scaled {  // y - factor x
  double factor;
  SSL_FN double operator()(double y, double x) const { return y - factor * x; }
};

}  // namespace detail

/// What the entries of C count.
enum class entries_over { features, samples };

/// T is the precision of the matrices.
template <class T, class Space>
class cross_moment {
 public:
  using matrix = matrix_view<T, Space>;
  using const_matrix = matrix_view<const T, Space>;
  using statistics = matrix_view<double, Space>;

  /// Takes the diagonals of all C_vw of z (d, V n), which must outlive it; memory comes from the caller's
  /// scratch scope.
  template <class Ctx>
  cross_moment(Ctx& ctx, const_matrix z, index views, gram_side wanted, entries_over entries)
      : z_(z), views_(views), samples_(z.cols / views), entries_(entries) {
    const bool features = entries_ == entries_over::features;
    const index own = features ? z.rows : samples_, other = features ? samples_ : z.rows;
    const gram_side cheaper =
        (other < (views_ - 1) * own) == features ? gram_side::samples : gram_side::features;
    const gram_side side = wanted == gram_side::automatic ? cheaper : wanted;
    direct_ = (side == gram_side::features) == features;
    diagonal_ = ctx.take_accumulator(own, pairs());
    fill(ctx.be, diagonal_, 0.0);
    each_pair([&](index v, index w, index p) {
      const auto one = diagonal_.columns(p, 1);
      map_reduce(ctx.be, features ? one : one.reshaped(1, own), fn::plus{}, fn::product<T>{}, of(v), of(w));
    });
  }

  index pairs() const { return views_ * (views_ - 1) / 2; }
  /// The diagonal of C_vw in column p of (size of C, pairs), the pairs in the order 12, 13, ..., 23, ...
  statistics diagonal() const { return diagonal_; }

  /// value += factor * sum_{v<w} sum_{i!=j} C_ij^2, dz += weight times its gradient and that of a function of
  /// the diagonals whose slopes are `slope`, shaped like the diagonals. Overwrites `slope`.
  template <class Ctx>
  void add(Ctx& ctx, double factor, double weight, statistics slope, statistics value, matrix dz) const {
    scratch_scope scope(ctx);
    if (direct_)
      add_direct(ctx, factor, weight, slope, value, dz);
    else
      add_by_other_side(ctx, factor, weight, slope, value, dz);
  }

  /// dz += the gradient of a function of the diagonals whose slopes are `slope`.
  template <class Ctx>
  void add_diagonal(Ctx& ctx, statistics slope, matrix dz) const {
    each_pair([&](index v, index w, index p) {
      add_scaled(ctx, slope.columns(p, 1), of(w), of_view(dz, v));
      add_scaled(ctx, slope.columns(p, 1), of(v), of_view(dz, w));
    });
  }

  // The functors below are public because nvcc gives a kernel no private type.

  struct gradient_entry {  // 2 factor C_ij, the slope on the diagonal
    double factor;
    statistics slope;  // (m, 1)
    SSL_FN T operator()(index i, index j, T x) const {
      return static_cast<T>(i == j ? slope.data[i] : factor * static_cast<double>(x));
    }
  };

  struct scale_columns {  // y + s_j x
    statistics slope;
    SSL_FN T operator()(index, index j, T y, T x) const { return y + static_cast<T>(slope.data[j]) * x; }
  };

 private:
  template <class Body>
  void each_pair(const Body& body) const {
    index p = 0;
    for (index v = 0; v < views_; ++v)
      for (index w = v + 1; w < views_; ++w) body(v, w, p++);
  }
  const_matrix of(index v) const { return z_.columns(v * samples_, samples_); }
  matrix of_view(matrix dz, index v) const { return dz.columns(v * samples_, samples_); }

  template <class Ctx>
  void add_direct(Ctx& ctx, double factor, double weight, statistics slope, statistics value,
                  matrix dz) const {
    const auto c = ctx.scratch.template take<T>(slope.rows, slope.rows);
    const bool features = entries_ == entries_over::features;
    each_pair([&](index v, index w, index p) {
      gemm(ctx.be, features ? trans::no : trans::yes, features ? trans::yes : trans::no, T{1}, of(v), of(w),
           T{0}, c);
      map_reduce(ctx.be, value, fn::plus{}, fn::off_diagonal_square<T>{factor}, c);
      map(ctx.be, c, gradient_entry{2 * weight * factor, slope.columns(p, 1)}, c);
      if (features) {
        gemm(ctx.be, trans::no, trans::no, T{1}, c, of(w), T{1}, of_view(dz, v));
        gemm(ctx.be, trans::yes, trans::no, T{1}, c, of(v), T{1}, of_view(dz, w));
      } else {
        gemm(ctx.be, trans::no, trans::yes, T{1}, of(w), c, T{1}, of_view(dz, v));
        gemm(ctx.be, trans::no, trans::no, T{1}, of(v), c, T{1}, of_view(dz, w));
      }
    });
  }

  template <class Ctx>
  void add_by_other_side(Ctx& ctx, double factor, double weight, statistics slope, statistics value,
                         matrix dz) const {
    const bool features = entries_ == entries_over::features;
    const index views = views_, m = features ? samples_ : z_.rows;
    const auto grams = ctx.scratch.template take<T>(m, views * m);
    const auto gram = [&](index v) { return grams.columns(v * m, m); };
    const auto before = views > 2 ? ctx.scratch.template take<T>(m, m) : matrix{};
    for (index v = 0; v < views; ++v) {
      syrk(ctx.be, features ? trans::yes : trans::no, T{1}, of(v), T{0}, gram(v));
      if (v > 0)
        map_reduce(ctx.be, value, fn::plus{}, detail::scaled_product{factor}, v == 1 ? gram(0) : before,
                   gram(v));
      if (views == 2) continue;
      if (v == 0)
        copy(ctx.be, gram(0), before);
      else
        map(ctx.be, before, fn::axpy<T>{T{1}}, before, gram(v));
    }
    map_reduce(ctx.be, value, fn::plus{}, fn::scaled_square{-factor}, diagonal_);

    const T f = static_cast<T>(2 * weight * factor);
    for (index v = 0; v < views; ++v) {
      if (views > 2) map(ctx.be, gram(v), fn::axpy<T>{T{-1}}, gram(v), before);
      const auto others = gram(views > 2 ? v : 1 - v);
      if (features)
        gemm(ctx.be, trans::no, trans::no, f, of(v), others, T{1}, of_view(dz, v));
      else
        gemm(ctx.be, trans::no, trans::no, f, others, of(v), T{1}, of_view(dz, v));
    }
    map(ctx.be, slope, detail::subtract_scaled{2 * weight * factor}, slope, diagonal_);
    add_diagonal(ctx, slope, dz);
  }

  template <class Ctx>
  void add_scaled(Ctx& ctx, statistics slope, const_matrix x, matrix dx) const {
    if (entries_ == entries_over::features)
      map(ctx.be, dx, fn::add_scaled_rows<T, Space>{slope, 1.0}, dx, x);
    else
      map(ctx.be, dx, scale_columns{slope}, dx, x);
  }

  const_matrix z_;  // (d, V n)
  index views_, samples_;
  entries_over entries_;
  bool direct_ = true;
  statistics diagonal_;  // (d or n, pairs)
};

}  // namespace ssl
