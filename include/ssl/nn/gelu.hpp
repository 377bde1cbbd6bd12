#pragma once
// SPDX-License-Identifier: MIT

/// The Gaussian error linear unit (Hendrycks and Gimpel, arXiv 1606.08415): y = x P(N < x).

#include <cmath>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/exp.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/nn/layer.hpp"

namespace ssl {

namespace detail {

/// erf(x) without a branch or a call, to 5e-7: a quotient of polynomials (the one that Eigen and XLA use)
/// within [-4, 4], beyond which a float's erf is +-1. A NaN stays one. double, and device code: the machine's
/// own.
SSL_FN float branchless_erf(float x) {
#if defined(__CUDA_ARCH__)
  return ::erff(x);
#else
  const float above = x < -4.0F ? -4.0F : x, z = above > 4.0F ? 4.0F : above, s = z * z;
  float p = -2.72614225801306e-10F;
  p = p * s + 2.77068142495902e-08F;
  p = p * s - 2.10102402082508e-06F;
  p = p * s - 5.69250639462346e-05F;
  p = p * s - 7.34990630326855e-04F;
  p = p * s - 2.95459980854025e-03F;
  p = p * s - 1.60960333262415e-02F;
  float q = -1.45660718464996e-05F;
  q = q * s - 2.13374055278905e-04F;
  q = q * s - 1.68282697438203e-03F;
  q = q * s - 7.37332916720468e-03F;
  q = q * s - 1.42647390514189e-02F;
  const float y = z * p / q;
  return z >= 4.0F ? 1.0F : z <= -4.0F ? -1.0F : y;
#endif
}
SSL_FN double branchless_erf(double x) { return std::erf(x); }

}  // namespace detail

namespace fn {

template <class T>
struct gelu {  // x (1 + erf(x / sqrt 2)) / 2
  SSL_FN T operator()(T x) const {
    return T{0.5} * x * (T{1} + detail::branchless_erf(x * static_cast<T>(0.70710678118654752)));
  }
};

template <class T>
struct gelu_gradient {  // dy (P(N < x) + x density(x))
  SSL_FN T operator()(T x, T dy) const {
    const T below = T{0.5} * (T{1} + detail::branchless_erf(x * static_cast<T>(0.70710678118654752)));
    const T density = static_cast<T>(0.39894228040143268) * branchless_exp(T{-0.5} * x * x);
    return dy * (below + x * density);
  }
};

/// x (1 + tanh u) / 2 = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3).
template <class T>
struct gelu_tanh {
  SSL_FN static T share(T x) {
    const T u = static_cast<T>(0.79788456080286536) * (x + static_cast<T>(0.044715) * x * x * x);
    return T{1} / (T{1} + branchless_exp(T{-2} * u));
  }
  SSL_FN T operator()(T x) const { return x * share(x); }
};

template <class T>
struct gelu_tanh_gradient {
  SSL_FN T operator()(T x, T dy) const {
    const T s = gelu_tanh<T>::share(x);
    const T slope = static_cast<T>(0.79788456080286536) * (T{1} + static_cast<T>(3 * 0.044715) * x * x);
    return dy * (s + T{2} * x * s * (T{1} - s) * slope);
  }
};

}  // namespace fn

/// Which formula: with the error function, or with the tanh that the paper approximates it by (to 5e-4).
enum class gelu_form { erf, tanh };

/// y = x P(N < x), N a standard normal number; PyTorch's nn.GELU, both forms.
struct gelu {
  using kind = layer_kind;
  gelu_form form = gelu_form::erf;

  constexpr image_shape output(image_shape in) const { return in; }
  std::vector<segment> parameters(image_shape) const { return {}; }
  constexpr index parameter_count(image_shape) const { return 0; }
  constexpr index tape(image_shape, index) const { return 0; }
  constexpr backward_reads reads() const { return {.x = true, .y = false}; }
  constexpr bool in_place() const { return true; }
  constexpr bool remakes(bool with_x) const { return with_x; }

  template <class Ctx, class B = typename Ctx::backend, class S>
  void forward(Ctx& ctx, image_shape, index, pass<B, S> p) const {
    using T = typename B::scalar;
    if (form == gelu_form::erf)
      map(ctx.be, p.y, fn::gelu<T>{}, p.x);
    else
      map(ctx.be, p.y, fn::gelu_tanh<T>{}, p.x);
  }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void remake(Ctx& ctx, image_shape in, index n, pass<B, S> p) const {
    forward(ctx, in, n, p);
  }
  template <class Ctx, class B = typename Ctx::backend, class S>
  void backward(Ctx& ctx, image_shape, index, pass<B, S> p) const {
    using T = typename B::scalar;
    if (!p.dx.data) return;
    if (form == gelu_form::erf)
      map(ctx.be, p.dx, fn::gelu_gradient<T>{}, p.x, p.dy);
    else
      map(ctx.be, p.dx, fn::gelu_tanh_gradient<T>{}, p.x, p.dy);
  }
};

}  // namespace ssl
