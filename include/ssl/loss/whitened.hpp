#pragma once
// SPDX-License-Identifier: MIT

/// Every view centred and decorrelated over the batch by the Cholesky factor of its covariance.
///
///     x = z - mean,  S = (1 - epsilon) / (w - 1) x x^T + epsilon I = L L^T,  t = L^-1 x
///     dz = L^-T (dt - (1 - epsilon) / (w - 1) T t), centred,  T symmetric with the lower triangle of dt t^T
///
/// over w samples: all of a view, or `sub_batch` of them at a time in the order of a permutation that is
/// drawn from the batch's key and shared by the views. W-MSE (arXiv 2007.06346; htdt/self-supervised), where
/// epsilon is 0; a singular covariance, as w <= d has it, then fails and gives NaN: epsilon > 0 is the cure.
///
/// Cost for a view: 4 w d^2 + d^3 / 3 flops forward, 8 w d^2 back, nothing as large as d^2 w in memory; the
/// factors of all views and sub-batches are kept. There is no sample side: the factor depends on the
/// features' order. Batches of d^2 (w + d) <= 2^24, which holds for the published widths, are whitened in
/// double whatever the scalar. Throws shape_error where sub_batch does not divide n.

#include <algorithm>
#include <concepts>
#include <string>

#include "ssl/core/finite.hpp"
#include "ssl/loss/small_in_double.hpp"
#include "ssl/loss/standardized.hpp"

namespace ssl {

struct whitened {
  using kind = columns_kind;

  double epsilon = 0;
  index sub_batch = 0;  // samples whitened together; 0: the whole view
  index draw = 0;       // which permutation of the key

  /// In one of the two precisions; the other is empty.
  template <class B>
  struct tape {
    matrix_view<index, typename B::space>
        order;                     // (n, 1) the samples in the order of the sub-batches, or empty
    view<B> factors{}, columns{};  // (d, d V n / w) L; (d, V n) t in that order
    accumulator_view<B> wide_factors{}, wide_columns{};
  };

  /// t (d, V n) = the columns of z, decorrelated. `=`.
  template <class Ctx, class B = typename Ctx::backend>
  tape<B> forward(Ctx& ctx, view_batch<B> z, view<B> t) const {
    const index d = z.features(), n = z.samples(), w = sub_batch == 0 ? n : sub_batch;
    if (w < 2 || n % w != 0)
      throw shape_error("ssl::whitened: sub-batches of " + std::to_string(w) + " do not divide " +
                        std::to_string(n) + " samples");
    tape<B> kept{};
    if (w < n) {
      kept.order = ctx.scratch.template take<index>(n, 1);
      for_each_column(ctx.be, 1, permute<B>{kept.order, z.key, draw});
    }
    if constexpr (!std::same_as<typename B::scalar, double>) {
      if (in_double(d, w)) {
        kept.wide_factors = ctx.take_accumulator(d, d * (z.z.cols / w));
        kept.wide_columns = ctx.take_accumulator(d, z.z.cols);
        whiten(ctx, z, w, kept.order, kept.wide_factors, kept.wide_columns);
        put_back(ctx, n, kept.order, kept.wide_columns, t);
        return kept;
      }
    }
    kept.factors = ctx.take(d, d * (z.z.cols / w));
    kept.columns = w < n ? ctx.take(d, z.z.cols) : t;
    whiten(ctx, z, w, kept.order, kept.factors, kept.columns);
    if (w < n) put_back(ctx, n, kept.order, kept.columns, t);
    return kept;
  }

  /// dz += the gradient of z for the gradient dt of t.
  template <class Ctx, class B = typename Ctx::backend>
  void backward(Ctx& ctx, const tape<B>& kept, view_batch<B> z, cview<B>, view<B> dt, view<B> dz) const {
    if constexpr (!std::same_as<typename B::scalar, double>) {
      if (kept.wide_factors.data != nullptr)
        return carry_back(ctx, z, kept.order, kept.wide_factors, kept.wide_columns, dt, dz);
    }
    carry_back(ctx, z, kept.order, kept.factors, kept.columns, dt, dz);
  }

  double collapsed_length(double) const { return epsilon > 0 ? 0 : not_a_number<double>(); }

  // The functors below are public because nvcc gives a kernel no private type.

  /// order = a permutation of 0, ..., n - 1 (Fisher and Yates), by one member of the team.
  template <class B>
  struct permute {
    matrix_view<index, typename B::space> order;
    rng_key key;
    index draw;
    template <class Team>
    SSL_FN void operator()(const Team& team, index) const {
      const auto self = *this;
      team.for_each(1, [=](index) {
        random_stream stream(self.key, self.draw, 0, purpose::shuffle, 1);
        for (index j = 0; j < self.order.rows; ++j) self.order.data[j] = j;
        for (index j = self.order.rows - 1; j > 0; --j) {
          const index k = stream.below(j + 1), held = self.order.data[j];
          self.order.data[j] = self.order.data[k];
          self.order.data[k] = held;
        }
      });
    }
  };

  template <class B, class S, class T>
  struct gather {  // x(i, order_j)
    matrix_view<const T, typename B::space> x;
    matrix_view<const index, typename B::space> order;
    SSL_FN S operator()(index i, index j) const { return static_cast<S>(x(i, order.data[j])); }
  };

  template <class B, class S>
  struct subtract_mean {  // x - mean_i
    accumulator_view<B> mean;
    template <class T>
    SSL_FN S operator()(index i, index, T x) const {
      return static_cast<S>(static_cast<double>(x) - mean.data[i]);
    }
  };

  template <class B, class S>
  struct distance_from_first {
    matrix_view<const S, typename B::space> first;
    SSL_FN double operator()(index i, index, S x) const {
      return static_cast<double>(x) - static_cast<double>(first.data[i]);
    }
  };

  template <class S>
  struct add_to_diagonal {
    double epsilon;
    SSL_FN S operator()(index i, index j, S x) const { return i == j ? x + static_cast<S>(epsilon) : x; }
  };

  template <class S, class Space>
  struct nan_where_failed {  // the factor's first entry; a NaN there spreads through every solution
    matrix_view<const S, Space> info;
    SSL_FN S operator()(S x) const { return info.data[0] == S{0} ? x : not_a_number<S>(); }
  };

  template <class B, class S>
  struct scatter {  // t(i, order_j) = x(i, j)
    matrix_view<const S, typename B::space> x;
    matrix_view<const index, typename B::space> order;
    view<B> t;
    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      const auto self = *this;
      const index to = order.data[j];
      team.for_each(x.rows, [=](index i) { self.t(i, to) = static_cast<typename B::scalar>(self.x(i, j)); });
    }
  };

  template <class B, class S>
  struct add_centered {  // dz(i, order_j) += g(i, j) - mean_i
    matrix_view<const S, typename B::space> g;
    accumulator_view<B> mean;
    matrix_view<const index, typename B::space> order;  // or empty
    view<B> dz;
    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      const auto self = *this;
      const index to = order.data == nullptr ? j : order.data[j];
      team.for_each(g.rows, [=](index i) {
        const double x = static_cast<double>(self.g(i, j)) - self.mean.data[i];
        self.dz(i, to) = static_cast<typename B::scalar>(static_cast<double>(self.dz(i, to)) + x);
      });
    }
  };

  static constexpr index tile = 32;

  /// The upper triangle of e = the transpose of its lower one, a tile at a time.
  template <class S, class Space>
  struct mirror_lower {
    matrix_view<S, Space> e;
    template <class Team>
    SSL_FN void operator()(const Team& team, index k) const {
      const index across = (e.rows + tile - 1) / tile, p = k % across, q = k / across;
      if (p < q) return;
      const auto self = *this;
      team.for_each(tile * tile, [=](index item) {
        const index i = q * tile + item % tile, j = p * tile + item / tile;
        if (i < j && j < self.e.cols) self.e(i, j) = self.e(j, i);
      });
    }
  };

 private:
  static bool in_double(index d, index w) { return d * d * (d + w) <= index{1} << 24; }

  template <class S, class Space>
  static matrix_view<S, Space> rows_from(matrix_view<S, Space> m, index first) {
    return {m.data + first, m.rows - first, m.cols, m.ld};
  }
  template <class Space>
  static matrix_view<const index, Space> part_of(matrix_view<index, Space> order, index first, index count) {
    if (order.data == nullptr) return {};
    return {order.data + first, count, 1, count};
  }

  template <class Ctx, class S, class Space, class B = typename Ctx::backend>
  void whiten(Ctx& ctx, view_batch<B> z, index w, matrix_view<index, Space> order,
              matrix_view<S, Space> factors, matrix_view<S, Space> columns) const {
    scratch_scope scope(ctx);
    const index d = z.features(), n = z.samples(), blocks = z.z.cols / w;
    const auto mean = ctx.take_accumulator(d, 1);
    const auto info = ctx.scratch.template take<S>(1, 1);
    const auto center = [&]<class T>(matrix_view<const T, Space> x, matrix_view<S, Space> out) {
      fill(ctx.be, mean, 0.0);
      map_reduce(ctx.be, mean, fn::plus{}, distance_from_first<B, T>{x}, x);
      map(ctx.be, mean, mean_from_first<T>{static_cast<double>(w)}, mean, x.columns(0, 1));
      map(ctx.be, out, subtract_mean<B, S>{mean}, x);
    };
    for (index k = 0; k < blocks; ++k) {
      const auto x = columns.columns(k * w, w);
      const auto factor = factors.columns(k * d, d);
      if (order.data == nullptr) {
        center(z.z.columns(k * w, w), x);
      } else {
        const index view = k * w / n;
        map(ctx.be, x, gather<B, S, typename B::scalar>{z[view], part_of(order, k * w % n, w)});
        center(as_const(x), x);
      }
      syrk(ctx.be, trans::no, static_cast<S>((1 - epsilon) / static_cast<double>(w - 1)), x, S{0}, factor);
      if (epsilon != 0) map(ctx.be, factor, add_to_diagonal<S>{epsilon}, factor);
      cholesky(ctx.be, factor, info);
      const matrix_view<S, Space> first{factor.data, 1, 1, 1};
      map(ctx.be, first, nan_where_failed<S, Space>{info}, first);
      triangular_solve(ctx.be, trans::no, factor, x);
    }
  }

  template <class Ctx, class S, class Space, class B = typename Ctx::backend>
  void put_back(Ctx& ctx, index n, matrix_view<index, Space> order, matrix_view<S, Space> columns,
                view<B> t) const {
    if (order.data == nullptr) return map(ctx.be, t, fn::cast<typename B::scalar>{}, columns);
    for (index first = 0; first < t.cols; first += n)
      for_each_column(ctx.be, n,
                      scatter<B, S>{columns.columns(first, n), part_of(order, 0, n), t.columns(first, n)});
  }

  template <class Ctx, class S, class Space, class B = typename Ctx::backend>
  void carry_back(Ctx& ctx, view_batch<B> z, matrix_view<index, Space> order, matrix_view<S, Space> factors,
                  matrix_view<S, Space> columns, view<B> dt, view<B> dz) const {
    scratch_scope scope(ctx);
    const index d = z.features(), n = z.samples(), w = sub_batch == 0 ? n : sub_batch, blocks = z.z.cols / w;
    const auto e = ctx.scratch.template take<S>(d, d), g = ctx.scratch.template take<S>(d, w);
    const auto mean = ctx.take_accumulator(d, 1);
    const index panel = std::max<index>(256, d / 8), across = (d + tile - 1) / tile;
    for (index k = 0; k < blocks; ++k) {
      const index view = k * w / n, inside = k * w % n;
      const auto y = columns.columns(k * w, w);
      const auto from = part_of(order, inside, w);
      const auto whole = order.data == nullptr ? dt.columns(k * w, w) : dt.columns(view * n, n);
      if (order.data == nullptr)
        map(ctx.be, g, fn::cast<S>{}, whole);
      else
        map(ctx.be, g, gather<B, S, typename B::scalar>{whole, from});
      for (index first = 0; first < d; first += panel) {  // the lower triangle, and what a panel has above it
        const index count = std::min(panel, d - first);
        const matrix_view<S, Space> left{y.data + first, count, w, y.ld};
        gemm(ctx.be, trans::no, trans::yes, S{1}, rows_from(g, first), left, S{0},
             rows_from(e, first).columns(first, count));
      }
      for_each_column(ctx.be, across * across, mirror_lower<S, Space>{e});
      gemm(ctx.be, trans::no, trans::no, static_cast<S>(-(1 - epsilon) / static_cast<double>(w - 1)), e, y,
           S{1}, g);
      triangular_solve(ctx.be, trans::yes, factors.columns(k * d, d), g);
      fill(ctx.be, mean, 0.0);
      map_reduce(ctx.be, mean, fn::plus{}, fn::cast<double>{}, g);
      map(ctx.be, mean, standardized::divide{static_cast<double>(w)}, mean);
      const auto out = order.data == nullptr ? dz.columns(k * w, w) : dz.columns(view * n, n);
      for_each_column(ctx.be, w, add_centered<B, S>{g, mean, from, out});
    }
  }

 public:
  template <class T>
  struct mean_from_first {
    double count;
    SSL_FN double operator()(double sum, T first) const { return static_cast<double>(first) + sum / count; }
  };
};

}  // namespace ssl
