// A backend of your own: thirteen verbs, here as the plainest loops that are right. Losses, layers and
// evaluation are written over these verbs, so the library runs on it as it runs on Eigen.
#include <cmath>
#include <cstdio>
#include <tuple>

#include "ssl/backend/eigen.hpp"
#include "ssl/ssl.hpp"

template <std::floating_point T>
struct plain_backend {
  using scalar = T;               // of data and parameters
  using space = ssl::host_space;  // device_space where the host cannot follow the pointers
  using index = ssl::index;
  using trans = ssl::trans;
  using enum ssl::trans;  // no, yes
  // Elementwise. f takes the elements or, where it wants to know its place, f(i, j, elements...).
  static auto call(auto f, index, index, auto... x) -> decltype(f(x...)) { return f(x...); }
  static auto call(auto f, index i, index j, auto... x) -> decltype(f(i, j, x...)) { return f(i, j, x...); }
  void map(auto out, auto f, auto... in) {  // out = f(in...); out may be one of the inputs
    using U = typename decltype(out)::value_type;
    for (index j = 0; j < out.cols; ++j)
      for (index i = 0; i < out.rows; ++i) out(i, j) = static_cast<U>(call(f, i, j, in(i, j)...));
  }
  void map_reduce(auto out, auto fold, auto f, auto x, auto... in) {  // out = fold(out, f(x, in...))
    using U = typename decltype(out)::value_type;
    for (index j = 0; j < x.cols; ++j)
      for (index i = 0; i < x.rows; ++i) {
        U& sum = out(out.rows == 1 ? 0 : i, out.cols == 1 ? 0 : j);  // a side of length one collapses
        sum = fold(sum, static_cast<U>(call(f, i, j, x(i, j), in(i, j)...)));
      }
  }
  void for_each_column(index count, auto f) {  // a team shares a column's work; here it has one member
    for (index j = 0; j < count; ++j) f(ssl::serial_team{}, j);
  }
  // Dense algebra, on matrices of the scalar and on matrices of doubles.
  static auto at(trans op, auto a, index i, index j) { return op == no ? a(i, j) : a(j, i); }
  void gemm(trans ta, trans tb, auto s, auto a, auto b, auto t, auto c) {  // c = s op(a) op(b) + t c
    map(c, [=](index i, index j) { return t == 0 ? t : t * c(i, j); });
    for (index k = 0; k < (ta == no ? a.cols : a.rows); ++k)
      map(c, [=](index i, index j) { return c(i, j) + s * at(ta, a, i, k) * at(tb, b, k, j); });
  }
  void syrk(trans op, auto s, auto a, auto t, auto c) { gemm(op, op == no ? yes : no, s, a, a, t, c); }
  void cholesky(auto a, auto info) {  // a = L L^T, L in the lower triangle; info = 0 where there is one
    for (index j = 0; j < a.cols; ++j)
      for (index i = j; i < a.rows; ++i) {
        for (index k = 0; k < j; ++k) a(i, j) -= a(i, k) * a(j, k);
        a(i, j) = i == j ? std::sqrt(a(j, j)) : a(i, j) / a(j, j);
      }
    info(0, 0) = a(a.rows - 1, a.rows - 1) > 0 ? 0 : 1;  // a pivot below zero makes the later ones NaN
  }
  void triangular_solve(trans op, auto l, auto b) {  // b = op(L)^-1 b, from the top or from the bottom
    const auto row = [=](index s) { return op == no ? s : b.rows - 1 - s; };
    for (index j = 0; j < b.cols; ++j)
      for (index s = 0; s < b.rows; b(row(s), j) /= l(row(s), row(s)), ++s)
        for (index r = 0; r < s; ++r) b(row(s), j) -= at(op, l, row(s), row(r)) * b(row(r), j);
  }
  void cholesky_solve(auto l, auto b) { triangular_solve(no, l, b), triangular_solve(yes, l, b); }
  void eigh(auto a, auto w, auto info) {  // a = its eigenvectors, w = its eigenvalues, ascending
    const auto memory = allocate<typename decltype(a)::value_type>(a.size());
    const auto v = memory.as(a.rows, a.cols);
    map(v, [](index i, index j) { return i == j; });
    for (index k = 0; k < 20 * a.size(); ++k) {  // Jacobi: turn pairs of axes until they are uncorrelated
      const index p = k % a.rows, q = k / a.rows % a.rows;
      if (p >= q) continue;
      const auto t = std::atan2(2 * a(p, q), a(q, q) - a(p, p)) / 2, c = std::cos(t), s = std::sin(t);
      const auto turn = [=](auto& x, auto& y) { std::tie(x, y) = std::pair(c * x - s * y, s * x + c * y); };
      for (index i = 0; i < a.rows; ++i) turn(a(i, p), a(i, q)), turn(v(i, p), v(i, q));
      for (index i = 0; i < a.rows; ++i) turn(a(p, i), a(q, i));
    }
    map(w, [=](index i, index) { return a(i, i); });
    upload(v, a);
    info(0, 0) = 0;
  }
  // Memory: the verbs that may wait or allocate.
  void upload(auto from, auto to) { ssl::copy(*this, from, to); }
  void download(auto from, auto to) { upload(from, to); }
  void wait() {}
  template <class U = T>
  auto allocate(index count) {
    return ++allocated, ssl::host_buffer<U>(count);
  }
  index allocations() const { return allocated; }
  index allocated = 0;
};
static_assert(ssl::check_backend<plain_backend<float>>() && ssl::check_backend<plain_backend<double>>());

int main() {
  double z[6 * 32], dz[6 * 32];  // two views of sixteen samples with six features, and their gradient
  for (int k = 0; k < 6 * 32; ++k) z[k] = std::sin(0.7 * k * k);
  const auto x = ssl::make_view(z, 6, 32), dx = ssl::make_view(dz, 6, 32);
  const auto loss = 25 * ssl::invariance{} + 25 * ssl::variance{} + ssl::covariance{} + ssl::coding_rate{};
  const auto value_in = [&](auto ctx) { return ssl::evaluate(ctx, loss, {x, 2}, dx).total; };
  ssl::workspace<plain_backend<double>> plain;
  ssl::workspace<ssl::eigen_backend<double>> eigen;
  const double mine = value_in(plain.ctx()), theirs = value_in(eigen.ctx());
  std::printf("%.12f on loops, %.12f on Eigen\n", mine, theirs);
  return std::abs(mine - theirs) < 1e-9 ? 0 : 1;
}
