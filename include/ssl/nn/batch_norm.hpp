#pragma once
/// Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167), with an optional rectification in the same
/// sweep.

#include <cmath>

#include "ssl/nn/activation.hpp"
#include "ssl/nn/row_sums.hpp"

namespace ssl {

namespace detail {

/// x - x(i, 0) and its square: sums about a value of the row itself keep their digits however large the mean.
template <class B, class S = typename B::scalar>
struct shifted_moments {
  using T = typename B::scalar;
  map_cview<B, S> x;
  SSL_FN two<T> operator()(index i, index j) const {
    const T d = static_cast<T>(x.data[i + j * x.ld]) - static_cast<T>(x.data[i]);
    return {d, d * d};
  }
};

/// moments (c, 2): sums about the shift become the mean and the sum of squares about it.
template <class B, class S = typename B::scalar>
struct center_moments {
  accumulator_view<B> moments;
  map_cview<B, S> x;
  double count;
  template <class Team>
  SSL_FN void operator()(const Team& team, index) const {
    team.for_each(moments.rows, [&](index i) {
      const double s = moments(i, 0), q = moments(i, 1) - s * s / count;
      moments(i, 0) = static_cast<double>(x.data[i]) + s / count;
      moments(i, 1) = q < 0 ? 0 : q;
    });
  }
};

/// q + n (mean of this rank - mean of all)^2: this rank's share of the sum of squares about the common mean.
struct recenter_square {
  double count;
  SSL_FN double operator()(double q, double mean, double common) const {
    return q + count * (mean - common) * (mean - common);
  }
};

/// Keeps mean and 1 / sqrt(variance + eps) for backward and moves the running statistics towards the batch's.
template <class B>
struct keep_statistics {
  using T = typename B::scalar;
  accumulator_view<B> moments;  // (c, 2)
  view<B> tape, running;        // (2c, 1): mean, inverse deviation; (2c, 1): mean, variance
  double count, momentum, eps;
  template <class Team>
  SSL_FN void operator()(const Team& team, index) const {
    const index c = moments.rows;
    team.for_each(c, [&](index i) {
      const double mean = moments(i, 0), q = moments(i, 1);
      tape.data[i] = static_cast<T>(mean);
      tape.data[c + i] = static_cast<T>(1 / std::sqrt(q / count + eps));
      T& m = running.data[i];
      T& v = running.data[c + i];
      m = static_cast<T>((1 - momentum) * static_cast<double>(m) + momentum * mean);
      v = static_cast<T>((1 - momentum) * static_cast<double>(v) + momentum * q / (count - 1));
    });
  }
};

/// 1 / sqrt(v + eps).
template <class T>
struct inverse_deviation {
  double eps;
  SSL_FN T operator()(T v) const { return static_cast<T>(1 / std::sqrt(static_cast<double>(v) + eps)); }
};

/// (x - mean) scale + shift, rectified or not; without weights scale is the inverse deviation, shift zero.
template <class B, bool Affine, bool Rectified>
struct normalise {
  using T = typename B::scalar;
  const T* mean;
  const T* inverse;
  const T* weight;
  const T* bias;
  SSL_FN T operator()(index i, index, T x) const {
    T y = (x - mean[i]) * inverse[i];
    if constexpr (Affine) y = y * weight[i] + bias[i];
    if constexpr (Rectified) y = y < T{0} ? T{0} : y;
    return y;
  }
};

/// g and g (x - mean), where g = dy, zero where a rectified y is zero.
template <class B, class S, bool Rectified>
struct gradient_moments {
  using T = typename B::scalar;
  map_cview<B, S> x, y, dy;
  const T* mean;
  SSL_FN two<T> operator()(index i, index j) const {
    T g = static_cast<T>(dy.data[i + j * dy.ld]);
    if constexpr (Rectified) g = static_cast<T>(y.data[i + j * y.ld]) > T{0} ? g : T{0};
    return {g, g * (static_cast<T>(x.data[i + j * x.ld]) - mean[i])};
  }
};

/// dweight += inverse sum g (x - mean), dbias += sum g.
template <class B>
struct add_affine_gradient {
  using T = typename B::scalar;
  accumulator_view<B> sums;  // (c, 2)
  const T* inverse;
  view<B> dparams;
  template <class Team>
  SSL_FN void operator()(const Team& team, index) const {
    const index c = sums.rows;
    team.for_each(c, [&](index i) {
      dparams.data[i] += static_cast<T>(static_cast<double>(inverse[i]) * sums(i, 1));
      dparams.data[c + i] += static_cast<T>(sums(i, 0));
    });
  }
};

/// coefficients (c, 3): weight inverse, mean of g, inverse^2 mean of g (x - mean).
template <class B>
struct gradient_coefficients {
  using T = typename B::scalar;
  accumulator_view<B> sums;
  const T* inverse;
  const T* weight;  // null: one
  double count;
  view<B> out;
  template <class Team>
  SSL_FN void operator()(const Team& team, index) const {
    team.for_each(sums.rows, [&](index i) {
      const double r = static_cast<double>(inverse[i]);
      out(i, 0) = weight ? weight[i] * inverse[i] : inverse[i];
      out(i, 1) = static_cast<T>(sums(i, 0) / count);
      out(i, 2) = static_cast<T>(r * r * sums(i, 1) / count);
    });
  }
};

/// dx = a (g - b - (x - mean) c).
template <class B, bool Rectified>
struct normalise_gradient {
  using T = typename B::scalar;
  const T* mean;
  const T* a;
  const T* b;
  const T* c;
  SSL_FN T operator()(index i, index, T x, T y, T dy) const {
    const T g = !Rectified || y > T{0} ? dy : T{0};
    return a[i] * (g - b[i] - (x - mean[i]) * c[i]);
  }
};

}  // namespace detail

/// y = weight (x - mean) / sqrt(variance + eps) + bias, per channel over all pixels, images and ranks; then
/// max(y, 0) if `relu`. Training uses the batch's mean and biased variance and moves the running ones by
/// `momentum` (the variance unbiased, as PyTorch's); evaluation uses the running ones. Sums are in double.
/// Two sweeps forward, two backward. Ranks must hold equally many columns.
struct batch_norm {
  using kind = layer_kind;
  double momentum = 0.1, eps = 1e-5;
  bool affine = true;  // weight and bias
  bool relu = false;   // y = max(y, 0), at no cost
  double weight = 1;   // where the weight starts; 0 lets a residual block start as the identity

  constexpr image_shape output(image_shape in) const { return in; }
  /// weight (c), bias (c) if affine; running_mean (c), running_var (c).
  std::vector<segment> parameters(image_shape in) const {
    const index c = in.channels;
    std::vector<segment> table;
    if (affine) {
      table.push_back({"weight", c, 1, role::vector, initialiser::constant(weight)});
      table.push_back({"bias", c, 1, role::vector, initialiser::constant(0)});
    }
    table.push_back({"running_mean", c, 1, role::buffer, initialiser::constant(0)});
    table.push_back({"running_var", c, 1, role::buffer, initialiser::constant(1)});
    return table;
  }
  constexpr index parameter_count(image_shape in) const { return in.channels * (affine ? 4 : 2); }
  /// mean (c), inverse deviation (c).
  constexpr index tape(image_shape in, index) const { return 2 * in.channels; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    using T = typename B::scalar;
    scratch_scope scope(ctx);
    const index c = in.channels;
    const view<B> running = stretch(p.params, affine ? 2 * c : 0, 2 * c);
    if (ctx.phase == mode::eval) {
      const view<B> inverse = ctx.take(c, 1);
      map(ctx.be, inverse, detail::inverse_deviation<T>{eps}, stretch(running, c, c));
      apply(ctx, p, running.data, inverse.data);
      return;
    }
    const double count = static_cast<double>(p.x.cols) * ctx.comm.size();
    if (count < 2)
      throw shape_error("ssl::batch_norm: the batch has one value per channel, expected at least 2 to train");
    const auto moments = ctx.take_accumulator(c, 2);
    detail::row_sums(ctx, p.x.cols, detail::shifted_moments<B, S>{p.x}, moments);
    for_each_column(ctx.be, 1, detail::center_moments<B, S>{moments, p.x, static_cast<double>(p.x.cols)});
    if (ctx.comm.size() > 1) join_ranks(ctx, p.x.cols, moments);
    for_each_column(ctx.be, 1, detail::keep_statistics<B>{moments, p.tape, running, count, momentum, eps});
    apply(ctx, p, p.tape.data, p.tape.data + c);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    if (relu)
      backward_as<true>(ctx, in.channels, p);
    else
      backward_as<false>(ctx, in.channels, p);
  }

 private:
  /// y = the normalised x with the statistics at `mean` and `inverse`.
  template <class Ctx, class B, class S>
  void apply(Ctx& ctx, pass<B, S> p, const typename B::scalar* mean,
             const typename B::scalar* inverse) const {
    const auto* w = p.params.data;
    const auto* b = p.params.data + (affine ? p.x.rows : 0);
    if (affine && relu)
      map(ctx.be, p.y, detail::normalise<B, true, true>{mean, inverse, w, b}, p.x);
    else if (affine)
      map(ctx.be, p.y, detail::normalise<B, true, false>{mean, inverse, w, b}, p.x);
    else if (relu)
      map(ctx.be, p.y, detail::normalise<B, false, true>{mean, inverse, w, b}, p.x);
    else
      map(ctx.be, p.y, detail::normalise<B, false, false>{mean, inverse, w, b}, p.x);
  }

  /// moments (c, 2): mean and sum of squares of one rank become those of all.
  template <class Ctx, class B = typename Ctx::backend>
  static void join_ranks(Ctx& ctx, index cols, accumulator_view<B> moments) {
    using T = typename B::scalar;
    const auto mean = moments.columns(0, 1), square = moments.columns(1, 1);
    const view<B> shared = ctx.take(moments.rows, 1);
    const auto common = ctx.take_accumulator(moments.rows, 1);
    map(ctx.be, shared, fn::cast<T>{}, mean);
    ctx.comm.all_reduce_sum(ctx.be, shared);
    map(ctx.be, common, fn::cast<double>{}, shared);
    map(ctx.be, common, fn::scale<double>{1.0 / ctx.comm.size()}, common);
    map(ctx.be, square, detail::recenter_square{static_cast<double>(cols)}, square, mean, common);
    map(ctx.be, shared, fn::cast<T>{}, square);
    ctx.comm.all_reduce_sum(ctx.be, shared);
    map(ctx.be, square, fn::cast<double>{}, shared);
    copy(ctx.be, common, mean);
  }

  template <bool Rectified, class Ctx, class B = typename Ctx::backend, class S>
  void backward_as(Ctx& ctx, index c, pass<B, S> p) const {
    using T = typename B::scalar;
    scratch_scope scope(ctx);
    const T* const mean = p.tape.data;
    const T* const inverse = mean + c;
    const auto sums = ctx.take_accumulator(c, 2);
    detail::row_sums(ctx, p.x.cols, detail::gradient_moments<B, S, Rectified>{p.x, p.y, p.dy, mean}, sums);
    if (affine) for_each_column(ctx.be, 1, detail::add_affine_gradient<B>{sums, inverse, p.dparams});
    if (!p.dx.data) return;
    if (ctx.comm.size() > 1) {
      const view<B> shared = ctx.take(c, 2);
      map(ctx.be, shared, fn::cast<T>{}, sums);
      ctx.comm.all_reduce_sum(ctx.be, shared);
      map(ctx.be, sums, fn::cast<double>{}, shared);
    }
    const view<B> k = ctx.take(c, 3);
    const double count = static_cast<double>(p.x.cols) * ctx.comm.size();
    for_each_column(
        ctx.be, 1,
        detail::gradient_coefficients<B>{sums, inverse, affine ? p.params.data : nullptr, count, k});
    map(ctx.be, p.dx, detail::normalise_gradient<B, Rectified>{mean, k.data, k.data + c, k.data + 2 * c}, p.x,
        p.y, p.dy);
  }
};

}  // namespace ssl
