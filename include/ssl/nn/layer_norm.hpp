#pragma once
// SPDX-License-Identifier: MIT

/// Layer normalisation (Ba, Kiros and Hinton, arXiv 1607.06450): over the channels of each pixel, so that no
/// sample depends on another.

#include <cmath>

#include "ssl/backend/verbs.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"
#include "ssl/nn/row_sums.hpp"

namespace ssl {

namespace detail {

/// y column j = weight (x - mean) inverse + bias; keeps mean and inverse deviation unless `kept` is null.
template <class B, class S>
struct normalise_pixel {
  using T = typename B::scalar;
  map_cview<B, S> x;
  map_view<B, S> y;
  const T* weight;  // null: one, and no bias
  const T* bias;
  T* kept;  // (2, columns)
  double eps;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const S* const from = x.column(j);
    S* const to = y.column(j);
    const T *const w = weight, *const b = bias;
    const double count = static_cast<double>(x.rows);
    const double mean = team.reduce(x.rows, 0.0, fn::plus{}, [=](index i) {
      return static_cast<double>(static_cast<T>(from[i]));
    }) / count;
    const double square = team.reduce(x.rows, 0.0, fn::plus{}, [=](index i) {
      const double d = static_cast<double>(static_cast<T>(from[i])) - mean;
      return d * d;
    });
    const T m = static_cast<T>(mean), inverse = static_cast<T>(1 / std::sqrt(square / count + eps));
    if (w)
      team.for_each(x.rows, [=](index i) {
        to[i] = static_cast<S>((static_cast<T>(from[i]) - m) * inverse * w[i] + b[i]);
      });
    else
      team.for_each(x.rows,
                    [=](index i) { to[i] = static_cast<S>((static_cast<T>(from[i]) - m) * inverse); });
    if (!kept) return;
    T* const out = kept + 2 * j;
    team.for_each(2, [=](index i) { out[i] = i == 0 ? m : inverse; });
  }
};

/// dy (x - mean) inverse and dy: what the gradients of weight and bias are sums of.
template <class B, class S>
struct pixel_norm_moments {
  using T = typename B::scalar;
  map_cview<B, S> x, dy;
  const T* kept;
  SSL_FN two<T> operator()(index i, index j) const {
    const T g = static_cast<T>(dy.data[i + j * dy.ld]);
    return {g * (static_cast<T>(x.data[i + j * x.ld]) - kept[2 * j]) * kept[2 * j + 1], g};
  }
};

/// dweight += sums column 0, dbias += sums column 1.
template <class T>
struct add_pixel_norm_sums {
  SSL_FN T operator()(T d, double sum) const { return d + static_cast<T>(sum); }
};

/// dx column j = inverse (g - mean of g - z mean of g z), g = weight dy, z the normalised x.
template <class B, class S>
struct normalise_pixel_gradient {
  using T = typename B::scalar;
  map_cview<B, S> x, dy;
  map_view<B, S> dx;
  const T* weight;
  const T* kept;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const S *const from = x.column(j), *const d = dy.column(j);
    S* const to = dx.column(j);
    const T *const w = weight, mean = kept[2 * j], inverse = kept[2 * j + 1];
    const double count = static_cast<double>(x.rows);
    const T g_mean = static_cast<T>(team.reduce(x.rows, 0.0, fn::plus{}, [=](index i) {
      const T g = static_cast<T>(d[i]);
      return static_cast<double>(w ? w[i] * g : g);
    }) / count);
    const T gz_mean = static_cast<T>(team.reduce(x.rows, 0.0, fn::plus{}, [=](index i) {
      const T g = static_cast<T>(d[i]);
      return static_cast<double>((w ? w[i] * g : g) * (static_cast<T>(from[i]) - mean) * inverse);
    }) / count);
    team.for_each(x.rows, [=](index i) {
      const T g = static_cast<T>(d[i]), z = (static_cast<T>(from[i]) - mean) * inverse;
      to[i] = static_cast<S>(inverse * ((w ? w[i] * g : g) - g_mean - z * gz_mean));
    });
  }
};

}  // namespace detail

/// y = weight (x - mean) / sqrt(variance + eps) + bias, mean and biased variance over the channels of each
/// pixel, weight and bias a channel; training and evaluation are the same. Sums are in double. A pixel whose
/// channels are all equal becomes the bias.
struct layer_norm {
  using kind = layer_kind;
  double eps = 1e-5;
  bool affine = true;  // weight and bias

  constexpr image_shape output(image_shape in) const { return in; }
  /// weight (c), bias (c) if affine.
  std::vector<segment> parameters(image_shape in) const {
    if (!affine) return {};
    return {{"weight", in.channels, 1, role::vector, initialiser::constant(1)},
            {"bias", in.channels, 1, role::vector, initialiser::constant(0)}};
  }
  constexpr index parameter_count(image_shape in) const { return affine ? 2 * in.channels : 0; }
  /// Mean and inverse deviation of each pixel.
  constexpr index tape(image_shape in, index n) const { return 2 * in.pixels() * n; }
  constexpr backward_reads reads() const { return {.x = true, .y = false}; }
  constexpr bool in_place() const { return true; }
  constexpr bool remakes(bool with_x) const { return with_x; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    const auto* const w = affine ? p.params.data : nullptr;
    for_each_column(
        ctx.be, p.x.cols,
        detail::normalise_pixel<B, S>{p.x, p.y, w, affine ? w + in.channels : nullptr, p.tape.data, eps});
  }

  /// The same sweep, so that the bits are the same.
  template <class Ctx, class B = typename Ctx::backend, class S>
  void remake(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    p.tape = {};
    forward(ctx, in, n, p);
  }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape in, index, pass<B, S> p) const {
    using T = typename B::scalar;
    const T* const kept = p.tape.data;
    if (affine) {
      scratch_scope scope(ctx);
      const auto sums = ctx.take_accumulator(in.channels, 2);
      detail::row_sums(ctx, p.x.cols, detail::pixel_norm_moments<B, S>{p.x, p.dy, kept}, sums);
      const view<B> d = p.dparams.reshaped(in.channels, 2);
      map(ctx.be, d, detail::add_pixel_norm_sums<T>{}, d, sums);
    }
    if (p.dx.data)
      for_each_column(
          ctx.be, p.dx.cols,
          detail::normalise_pixel_gradient<B, S>{p.x, p.dy, p.dx, affine ? p.params.data : nullptr, kept});
  }
};

}  // namespace ssl
