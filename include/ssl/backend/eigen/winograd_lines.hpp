#pragma once
// SPDX-License-Identifier: MIT

/// Winograd's minimal filtering in one dimension, F(m, 3): m neighbouring outputs of a filter of three taps
/// from m + 2 products. Source: arXiv 1509.09308 (Lavin and Gray).
///
/// y (m) = A^T [(G g) . (B^T d)] for inputs d (m + 2) and taps g (3), the dot entry by entry. Input and taps
/// are values of polynomials at m + 1 points and at infinity; A^T interpolates their product. In two
/// dimensions every matrix is applied to columns, then to rows. The adjoint of y in g is G^T [(A dy) . (B^T
/// d)].
///
/// Here a line is an array of vectors, one entry of the line for `panel<T>::width` channels at once.

#include "ssl/backend/eigen/panels.hpp"

namespace ssl::cpu {

namespace tiled {

/// Vectors by name, and by a constant.
template <class T>
struct lanes {
  using packet = typename panel<T>::packet;

  static packet add(packet x, packet y) { return Eigen::internal::padd(x, y); }
  static packet sub(packet x, packet y) { return Eigen::internal::psub(x, y); }
  static packet scale(double k, packet x) {
    return Eigen::internal::pmul(Eigen::internal::pset1<packet>(static_cast<T>(k)), x);
  }
  /// k x + y.
  static packet axpy(double k, packet x, packet y) {
    return Eigen::internal::pmadd(Eigen::internal::pset1<packet>(static_cast<T>(k)), x, y);
  }
};

}  // namespace tiled

/// The four matrices for m = Tile outputs: `taps` is G, `gather` its transpose, `input` B^T, `spread` A and
/// `output` its transpose.
template <index Tile, class T>
struct winograd_lines;

/// Points 0, 1, -1, infinity.
template <class T>
struct winograd_lines<2, T> {
  using packet = typename panel<T>::packet;
  using v = tiled::lanes<T>;

  static void taps(const packet (&g)[3], packet (&u)[4]) {
    const packet even = v::scale(0.5, v::add(g[0], g[2]));
    u[0] = g[0];
    u[1] = v::axpy(0.5, g[1], even);
    u[2] = v::axpy(-0.5, g[1], even);
    u[3] = g[2];
  }
  static void gather(const packet (&u)[4], packet (&g)[3]) {
    const packet even = v::add(u[1], u[2]);
    g[0] = v::axpy(0.5, even, u[0]);
    g[1] = v::scale(0.5, v::sub(u[1], u[2]));
    g[2] = v::axpy(0.5, even, u[3]);
  }
  static void input(const packet (&d)[4], packet (&t)[4]) {
    t[0] = v::sub(d[0], d[2]);
    t[1] = v::add(d[2], d[1]);
    t[2] = v::sub(d[2], d[1]);
    t[3] = v::sub(d[3], d[1]);
  }
  static void output(const packet (&m)[4], packet (&y)[2]) {
    y[0] = v::add(m[0], v::add(m[1], m[2]));
    y[1] = v::add(m[3], v::sub(m[1], m[2]));
  }
  static void spread(const packet (&y)[2], packet (&m)[4]) {
    m[0] = y[0];
    m[1] = v::add(y[0], y[1]);
    m[2] = v::sub(y[0], y[1]);
    m[3] = y[1];
  }
};

/// Points 0, +-a, +-b, infinity with a^2 = 1/2 and b = 1 / a: half the error of 1 and 2, or of 1 and 1/2. As
/// a b = 1, the point 0 needs no factor.
template <class T>
struct winograd_lines<4, T> {
  using packet = typename panel<T>::packet;
  using v = tiled::lanes<T>;

  static constexpr double aa = 0.5, bb = 2, a = 0.70710678118654752440, b = 2 * a;
  static constexpr double scale_a = 1 / (2 * aa * (aa - bb)), scale_b = 1 / (2 * bb * (bb - aa));

  static void taps(const packet (&g)[3], packet (&u)[6]) {
    const packet even_a = v::scale(scale_a, v::axpy(aa, g[2], g[0]));
    const packet even_b = v::scale(scale_b, v::axpy(bb, g[2], g[0]));
    u[0] = g[0];
    u[1] = v::axpy(scale_a * a, g[1], even_a);
    u[2] = v::axpy(-scale_a * a, g[1], even_a);
    u[3] = v::axpy(scale_b * b, g[1], even_b);
    u[4] = v::axpy(-scale_b * b, g[1], even_b);
    u[5] = g[2];
  }
  static void gather(const packet (&u)[6], packet (&g)[3]) {
    const packet even_a = v::add(u[1], u[2]), even_b = v::add(u[3], u[4]);
    g[0] = v::axpy(scale_a, even_a, v::axpy(scale_b, even_b, u[0]));
    g[1] = v::axpy(scale_a * a, v::sub(u[1], u[2]), v::scale(scale_b * b, v::sub(u[3], u[4])));
    g[2] = v::axpy(scale_a * aa, even_a, v::axpy(scale_b * bb, even_b, u[5]));
  }
  static void input(const packet (&d)[6], packet (&t)[6]) {
    const packet even_a = v::axpy(-bb, d[2], d[4]), odd_a = v::axpy(-bb, d[1], d[3]);
    const packet even_b = v::axpy(-aa, d[2], d[4]), odd_b = v::axpy(-aa, d[1], d[3]);
    t[0] = v::axpy(-(aa + bb), d[2], v::add(d[0], d[4]));
    t[1] = v::axpy(a, odd_a, even_a);
    t[2] = v::axpy(-a, odd_a, even_a);
    t[3] = v::axpy(b, odd_b, even_b);
    t[4] = v::axpy(-b, odd_b, even_b);
    t[5] = v::axpy(-(aa + bb), d[3], v::add(d[1], d[5]));
  }
  static void output(const packet (&m)[6], packet (&y)[4]) {
    const packet even_a = v::add(m[1], m[2]), odd_a = v::sub(m[1], m[2]);
    const packet even_b = v::add(m[3], m[4]), odd_b = v::sub(m[3], m[4]);
    y[0] = v::add(m[0], v::add(even_a, even_b));
    y[1] = v::axpy(a, odd_a, v::scale(b, odd_b));
    y[2] = v::axpy(aa, even_a, v::scale(bb, even_b));
    y[3] = v::axpy(a * aa, odd_a, v::axpy(b * bb, odd_b, m[5]));
  }
  static void spread(const packet (&y)[4], packet (&m)[6]) {
    const packet even_a = v::axpy(aa, y[2], y[0]), odd_a = v::axpy(aa, y[3], y[1]);
    const packet even_b = v::axpy(bb, y[2], y[0]), odd_b = v::axpy(bb, y[3], y[1]);
    m[0] = y[0];
    m[1] = v::axpy(a, odd_a, even_a);
    m[2] = v::axpy(-a, odd_a, even_a);
    m[3] = v::axpy(b, odd_b, even_b);
    m[4] = v::axpy(-b, odd_b, even_b);
    m[5] = y[3];
  }
};

}  // namespace ssl::cpu
