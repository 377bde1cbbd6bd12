#pragma once
// SPDX-License-Identifier: MIT

/// Every feature over the batch to mean 0 and variance 1: batch normalisation without weights.
///
///     t_ij  = (z_ij - mean_i) / s_i,   s_i = sqrt(Var_i + epsilon)  or  sqrt(Var_i) + epsilon
///     dz_ij = (dt_ij - mean_i(dt) - t_ij p_i sum_j dt_ij t_ij) / s_i
///
/// with p_i = 1 / n (1 / (n - 1) where the variance is unbiased), times s_i / sqrt(Var_i) where epsilon is
/// added to the standard deviation. Exact for every epsilon. A feature with s_i = 0 becomes 0 and gets no
/// gradient.
///
/// Barlow Twins (arXiv 2103.03230; facebookresearch/barlowtwins) divides by n and has epsilon inside the
/// root; stable-pretraining divides by n - 1 and adds it; vissl normalises the views together (`joint`).
/// Statistics are double. Cost: three passes forward, three back.

#include <cmath>

#include "ssl/loss/loss.hpp"

namespace ssl {

struct standardized {
  using kind = columns_kind;

  double epsilon = 1e-5;
  bool unbiased = false;        // divide the variance by n - 1
  bool epsilon_in_root = true;  // sqrt(Var + epsilon); else sqrt(Var) + epsilon
  bool joint = false;           // one mean and variance for all views together

  /// What the features were changed by, one column a group: a view, or all views.
  template <class B>
  struct tape {
    accumulator_view<B> mean;        // (d, groups)
    accumulator_view<B> inverse;     // (d, groups) 1 / s_i, or 0
    accumulator_view<B> projection;  // (d, groups) p_i
  };

  /// Mean and spread of z (d, V n), in the caller's scratch scope.
  template <class Ctx, class B = typename Ctx::backend>
  tape<B> statistics(Ctx& ctx, view_batch<B> z) const {
    const index d = z.features(), groups = joint ? 1 : z.views, m = z.z.cols / groups;
    const auto take = [&] { return ctx.take_accumulator(d, groups); };
    const auto mean = take(), inverse = take(), projection = take();
    fill(ctx.be, mean, 0.0);
    scratch_scope scope(ctx);
    const auto squares = ctx.take_accumulator(d, 1);
    for (index g = 0; g < groups; ++g) {
      const auto x = z.z.columns(g * m, m);
      const auto center = mean.columns(g, 1);
      map_reduce(ctx.be, center, fn::plus{}, distance_from_first<B>{x}, x);
      map(ctx.be, center, mean_of<B>{static_cast<double>(m)}, center, x.columns(0, 1));
      fill(ctx.be, squares, 0.0);
      map_reduce(ctx.be, squares, fn::plus{}, squared_distance<B>{center}, x);
      const spread of{epsilon, static_cast<double>(unbiased ? m - 1 : m), epsilon_in_root};
      map(ctx.be, inverse.columns(g, 1), inverse_of{of}, squares);
      map(ctx.be, projection.columns(g, 1), projection_of{of}, squares);
    }
    return {mean, inverse, projection};
  }

  /// t (d, V n) = the features of z at mean 0 and variance 1. `=`.
  template <class Ctx, class B = typename Ctx::backend>
  tape<B> forward(Ctx& ctx, view_batch<B> z, view<B> t) const {
    using T = typename B::scalar;
    const auto kept = statistics(ctx, z);
    const index groups = kept.mean.cols, m = t.cols / groups;
    for (index g = 0; g < groups; ++g)
      map(ctx.be, t.columns(g * m, m), standardize<B, T>{kept.mean.columns(g, 1), kept.inverse.columns(g, 1)},
          z.z.columns(g * m, m));
    return kept;
  }

  /// dz += the gradient of z for the gradient dt of t.
  template <class Ctx, class B = typename Ctx::backend>
  void backward(Ctx& ctx, tape<B> kept, view_batch<B>, cview<B> t, view<B> dt, view<B> dz) const {
    using T = typename B::scalar;
    const index d = t.rows, groups = kept.inverse.cols, m = t.cols / groups;
    scratch_scope scope(ctx);
    const auto sum = ctx.take_accumulator(d, 1), along = ctx.take_accumulator(d, 1);
    for (index g = 0; g < groups; ++g) {
      const auto y = t.columns(g * m, m);
      const auto dy = dt.columns(g * m, m), dx = dz.columns(g * m, m);
      fill(ctx.be, sum, 0.0);
      fill(ctx.be, along, 0.0);
      map_reduce(ctx.be, sum, fn::plus{}, fn::cast<double>{}, dy);
      map_reduce(ctx.be, along, fn::plus{}, fn::product<T>{}, dy, y);
      map(ctx.be, sum, divide{static_cast<double>(m)}, sum);
      map(ctx.be, along, fn::product<double>{}, along, kept.projection.columns(g, 1));
      map(ctx.be, dx, carry_back<B>{sum, along, kept.inverse.columns(g, 1)}, dx, dy, y);
    }
  }

  /// Equal columns become 0.
  double collapsed_length(double) const { return 0; }

  // The functors below are public because nvcc gives a kernel no private type.

  struct divide {
    double count;
    SSL_FN double operator()(double x) const { return x / count; }
  };

  /// Sums start from the first sample, so that the mean of equal numbers is that number.
  template <class B>
  struct distance_from_first {
    cview<B> first;
    SSL_FN double operator()(index i, index, typename B::scalar x) const {
      return static_cast<double>(x) - static_cast<double>(first.data[i]);
    }
  };
  template <class B>
  struct mean_of {
    double count;
    SSL_FN double operator()(double sum, typename B::scalar first) const {
      return static_cast<double>(first) + sum / count;
    }
  };

  template <class B>
  struct squared_distance {
    accumulator_view<B> mean;
    SSL_FN double operator()(index i, index, typename B::scalar x) const {
      const double distance = static_cast<double>(x) - mean.data[i];
      return distance * distance;
    }
  };

  struct spread {
    double epsilon, count;
    bool in_root;
    SSL_FN double deviation(double squares) const { return std::sqrt(squares / count); }
    SSL_FN double scale(double squares) const {
      return in_root ? std::sqrt(squares / count + epsilon) : deviation(squares) + epsilon;
    }
  };
  struct inverse_of {
    spread of;
    SSL_FN double operator()(double squares) const {
      const double s = of.scale(squares);
      return s == 0 ? 0.0 : 1 / s;
    }
  };
  struct projection_of {
    spread of;
    SSL_FN double operator()(double squares) const {
      if (of.in_root) return 1 / of.count;
      const double deviation = of.deviation(squares);
      return deviation == 0 ? 0.0 : of.scale(squares) / (deviation * of.count);
    }
  };

  template <class B, class S>
  struct standardize {  // the scalar x as an S
    accumulator_view<B> mean, inverse;
    SSL_FN S operator()(index i, index, typename B::scalar x) const {
      return static_cast<S>((static_cast<double>(x) - mean.data[i]) * inverse.data[i]);
    }
  };

  template <class B>
  struct carry_back {
    accumulator_view<B> mean, along, inverse;
    using T = typename B::scalar;
    SSL_FN T operator()(index i, index, T dx, T dy, T y) const {
      return dx + static_cast<T>(inverse.data[i] * (static_cast<double>(dy) - mean.data[i] -
                                                    along.data[i] * static_cast<double>(y)));
    }
  };
};

}  // namespace ssl
