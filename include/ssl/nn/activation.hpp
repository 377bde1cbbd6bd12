#pragma once
// SPDX-License-Identifier: MIT

/// Rectification: y = max(x, 0).

#include <cstdint>
#include <type_traits>

#include "ssl/backend/verbs.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

namespace detail {

/// v where y > 0, else 0. By its bits: a compiler turns the plain choice into a load of v under a mask that
/// waits for y, and a sweep over memory then takes twice as long.
template <class T>
SSL_FN T where_positive(T y, T v) {
  using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  return __builtin_bit_cast(T, __builtin_bit_cast(bits, v) & (bits{0} - static_cast<bits>(y > T{0})));
}

}  // namespace detail

namespace fn {

template <class T>
struct rectify {  // max(x, 0); a NaN stays one
  SSL_FN T operator()(T x) const { return x < T{0} ? T{0} : x; }
};

template <class T>
struct rectify_gradient {  // dy where y > 0, else 0
  SSL_FN T operator()(T y, T dy) const { return detail::where_positive(y, dy); }
};

}  // namespace fn

/// y = max(x, 0), dx = dy where y > 0: backward reads the output only, so nothing is kept.
struct relu {
  using kind = layer_kind;

  constexpr image_shape output(image_shape in) const { return in; }
  std::vector<segment> parameters(image_shape) const { return {}; }
  constexpr index parameter_count(image_shape) const { return 0; }
  constexpr index tape(image_shape, index) const { return 0; }
  constexpr backward_reads reads() const { return {.x = false, .y = true}; }
  constexpr bool in_place() const { return true; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape, index, pass<B, S> p) const {
    map(ctx.be, p.y, fn::rectify<typename Ctx::scalar>{}, p.x);
  }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape, index, pass<B, S> p) const {
    if (p.dx.data) map(ctx.be, p.dx, fn::rectify_gradient<typename Ctx::scalar>{}, p.y, p.dy);
  }
};

/// y = x.
struct identity_layer {
  using kind = layer_kind;

  constexpr image_shape output(image_shape in) const { return in; }
  std::vector<segment> parameters(image_shape) const { return {}; }
  constexpr index parameter_count(image_shape) const { return 0; }
  constexpr index tape(image_shape, index) const { return 0; }
  constexpr backward_reads reads() const { return {.x = false, .y = false}; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape, index, pass<B, S> p) const {
    copy(ctx.be, p.x, p.y);
  }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape, index, pass<B, S> p) const {
    if (p.dx.data) copy(ctx.be, p.dy, p.dx);
  }
};

}  // namespace ssl
