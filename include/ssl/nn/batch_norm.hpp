#pragma once
// SPDX-License-Identifier: MIT

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
  bool moves;  // the running statistics
  template <class Team>
  SSL_FN void operator()(const Team& team, index) const {
    const index c = moments.rows;
    team.for_each(c, [&](index i) {
      const double mean = moments(i, 0), q = moments(i, 1);
      tape.data[i] = static_cast<T>(mean);
      tape.data[c + i] = static_cast<T>(1 / std::sqrt(q / count + eps));
      if (!moves) return;
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

/// (x - mean) inverse, times weight plus bias if Affine. Backward finds the sign of y by it: the same
/// arithmetic as forward's.
template <class B, bool Affine>
struct normalised {
  using T = typename B::scalar;
  const T* mean;
  const T* inverse;
  const T* weight;
  const T* bias;
  SSL_FN T operator()(index i, index, T x) const {
    const T y = (x - mean[i]) * inverse[i];
    if constexpr (Affine)
      return y * weight[i] + bias[i];
    else
      return y;
  }
};

/// The same, then max(y, 0).
template <class B, bool Affine>
struct normalised_rectified {
  using T = typename B::scalar;
  normalised<B, Affine> value;
  SSL_FN T operator()(index i, index j, T x) const {
    const T y = value(i, j, x);
    return y < T{0} ? T{0} : y;
  }
};

/// What lets a gradient pass: everything, ...
struct pass_all {
  template <class T>
  SSL_FN T operator()(index, index, T, T dy) const {
    return dy;
  }
};

/// ... a positive y, found from x, ...
template <class B, bool Affine>
struct pass_positive {
  using T = typename B::scalar;
  normalised<B, Affine> y;
  SSL_FN T operator()(index i, index j, T x, T dy) const { return where_positive(y(i, j, x), dy); }
};

/// ... or a positive entry of another map.
template <class B, class S>
struct pass_gate {
  using T = typename B::scalar;
  map_cview<B, S> gate;
  SSL_FN void prefetch(index i, index j) const { ask_for(gate.data + i + j * gate.ld); }
  SSL_FN T operator()(index i, index j, T, T dy) const {
    return where_positive(static_cast<T>(gate.data[i + j * gate.ld]), dy);
  }
};

/// g and g (x - mean), where g is the dy that passes.
template <class B, class S, class Gate>
struct gradient_moments {
  using T = typename B::scalar;
  map_cview<B, S> x, dy;
  const T* mean;
  Gate gate;
  SSL_FN void prefetch(index i, index j) const {
    ask_for(x.data + i + j * x.ld);
    ask_for(dy.data + i + j * dy.ld);
    if constexpr (requires { gate.prefetch(i, j); }) gate.prefetch(i, j);
  }
  SSL_FN two<T> operator()(index i, index j) const {
    const T v = static_cast<T>(x.data[i + j * x.ld]);
    const T g = gate(i, j, v, static_cast<T>(dy.data[i + j * dy.ld]));
    return {g, g * (v - mean[i])};
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
template <class B, class Gate>
struct normalised_gradient {
  using T = typename B::scalar;
  const T* mean;
  const T* a;
  const T* b;
  const T* c;
  Gate gate;
  SSL_FN T operator()(index i, index j, T x, T dy) const {
    return a[i] * (gate(i, j, x, dy) - b[i] - (x - mean[i]) * c[i]);
  }
};

}  // namespace detail

/// y = weight (x - mean) / sqrt(variance + eps) + bias, per channel over all pixels, images and ranks; then
/// max(y, 0) if `relu`. Training uses the batch's mean and biased variance and moves the running ones by
/// `momentum` (the variance unbiased, as PyTorch's); evaluation uses the running ones. Sums are in double.
/// Two sweeps forward, two backward, which read x and dy only. Ranks must hold equally many columns.
struct batch_norm {
  using kind = layer_kind;
  double momentum = 0.1, eps = 1e-5;
  bool affine = true;  // weight and bias
  bool relu = false;   // y = max(y, 0), at no cost
  double weight = 1;   // where the weight starts; 0 lets a residual block start as the identity
  bool keep = false;   // y stays on the tape; otherwise backward remakes it from x, in one sweep

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
  constexpr backward_reads reads() const { return {.x = true, .y = false}; }
  constexpr bool in_place() const { return true; }
  constexpr bool takes_gate() const { return !relu; }
  constexpr bool remakes(bool with_x) const { return with_x && !keep; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    using T = typename B::scalar;
    scratch_scope scope(ctx);
    const index c = in.channels;
    const view<B> running = slice(p.params, affine ? 2 * c : 0, 2 * c);
    if (ctx.phase == mode::eval) {
      const view<B> inverse = ctx.take(c, 1);
      map(ctx.be, inverse, detail::inverse_deviation<T>{eps}, slice(running, c, c));
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
    const view<B> kept = p.tape.data ? p.tape : ctx.take(2 * c, 1);
    for_each_column(ctx.be, 1,
                    detail::keep_statistics<B>{moments, kept, running, count, momentum, eps, !p.replay});
    apply(ctx, p, kept.data, kept.data + c);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void remake(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    apply(ctx, p, p.tape.data, p.tape.data + in.channels);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    using T = typename B::scalar;
    const T* const mean = p.tape.data;
    const T* const inverse = mean + in.channels;
    const T* const w = p.params.data;
    const T* const b = w + in.channels;
    if (relu && affine)
      backward_through(ctx, p, detail::pass_positive<B, true>{{mean, inverse, w, b}});
    else if (relu)
      backward_through(ctx, p, detail::pass_positive<B, false>{{mean, inverse, nullptr, nullptr}});
    else if (p.gate.data)
      backward_through(ctx, p, detail::pass_gate<B, S>{p.gate});
    else
      backward_through(ctx, p, detail::pass_all{});
  }

 private:
  /// y = the normalised x with the statistics at `mean` and `inverse`.
  template <class Ctx, class B, class S>
  void apply(Ctx& ctx, pass<B, S> p, const typename B::scalar* mean,
             const typename B::scalar* inverse) const {
    const auto* w = p.params.data;
    const auto* b = p.params.data + (affine ? p.x.rows : 0);
    const detail::normalised<B, true> scaled{mean, inverse, w, b};
    const detail::normalised<B, false> plain{mean, inverse, nullptr, nullptr};
    if (affine && relu)
      map(ctx.be, p.y, detail::normalised_rectified<B, true>{scaled}, p.x);
    else if (affine)
      map(ctx.be, p.y, scaled, p.x);
    else if (relu)
      map(ctx.be, p.y, detail::normalised_rectified<B, false>{plain}, p.x);
    else
      map(ctx.be, p.y, plain, p.x);
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

  template <class Ctx, class B, class S, class Gate>
  void backward_through(Ctx& ctx, pass<B, S> p, Gate gate) const {
    using T = typename B::scalar;
    scratch_scope scope(ctx);
    const index c = p.x.rows;
    const T* const mean = p.tape.data;
    const T* const inverse = mean + c;
    const auto sums = ctx.take_accumulator(c, 2);
    detail::row_sums(ctx, p.x.cols, detail::gradient_moments<B, S, Gate>{p.x, p.dy, mean, gate}, sums);
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
    map(ctx.be, p.dx, detail::normalised_gradient<B, Gate>{mean, k.data, k.data + c, k.data + 2 * c, gate},
        p.x, p.dy);
  }
};

}  // namespace ssl
