// A loss term of your own, beside the library's: a distance between two views that forgives outliers,
//
//     value    = 1/(n d) sum_ij (sqrt(1 + (x_ij - y_ij)^2) - 1)
//     gradient = 1/(n d) (x - y) / sqrt(1 + (x - y)^2) for x, its negative for y
//
// It opts in with `kind`, has a name for the log, and adds its value and its weighted gradient. No more is
// needed to use it in a sum, on every backend.
#include <cmath>
#include <cstdio>
#include <vector>

#include "ssl/backend/eigen.hpp"
#include "ssl/ssl.hpp"

namespace mine {

using ssl::operator*, ssl::operator+;  // so that 10 * soft_distance{} is found

struct soft_distance {
  using kind = ssl::loss_kind;
  static constexpr std::string_view name = "soft";

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, ssl::view_batch<B> z, ssl::accumulator_view<B> value,
           ssl::view<B> dz) const {
    const auto n = z.samples();
    const double share = 1.0 / static_cast<double>(n * z.features());
    map_reduce(ctx.be, value, ssl::fn::plus{}, cost{share}, z[0], z[1]);
    map(ctx.be, dz.columns(0, n), pull{weight * share}, dz.columns(0, n), z[0], z[1]);
    map(ctx.be, dz.columns(n, n), pull{weight * share}, dz.columns(n, n), z[1], z[0]);
  }

 private:
  struct cost {  // share (sqrt(1 + (x - y)^2) - 1)
    double share;
    SSL_FN double operator()(double x, double y) const { return share * (std::hypot(1.0, x - y) - 1.0); }
  };
  struct pull {  // dx + share (x - y) / sqrt(1 + (x - y)^2)
    double share;
    template <class T>
    SSL_FN T operator()(T dx, T x, T y) const {
      const double difference = static_cast<double>(x - y);
      return dx + static_cast<T>(share * difference / std::hypot(1.0, difference));
    }
  };
};

}  // namespace mine

int main() {
  const ssl::index d = 6, n = 8, views = 2;
  const auto loss = 10 * mine::soft_distance{} + 25 * ssl::variance{} + ssl::covariance{};
  const auto size = static_cast<std::size_t>(d * n * views);
  std::vector<double> z(size), direction(size), dz(size), unused(size);  // (d, views * n)
  ssl::random_stream draw({.seed = 7}, 0, 0, ssl::purpose::generate);
  for (double& x : z) x = 0.8 * static_cast<double>(draw.normal());
  for (double& x : direction) x = static_cast<double>(draw.normal());

  ssl::workspace<ssl::eigen_backend<double>> work;
  auto ctx = work.ctx();
  const auto evaluate = [&](std::vector<double>& at, std::vector<double>& gradient) {
    const auto x = ssl::make_view(at.data(), d, views * n),
               dx = ssl::make_view(gradient.data(), d, views * n);
    return ssl::evaluate(ctx, loss, {x, views}, dx);
  };
  const auto moved = [&](double step) {
    std::vector<double> at = z;
    for (std::size_t k = 0; k < size; ++k) at[k] += step * direction[k];
    return evaluate(at, unused).total;
  };

  for (const auto& term : evaluate(z, dz).terms)
    std::printf("%-4s  %9.6f  (weight %g)\n", term.name.c_str(), term.value, term.weight);
  double slope = 0;
  for (std::size_t k = 0; k < size; ++k) slope += dz[k] * direction[k];
  const double difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
  std::printf("slope along a direction: %.9f by the gradient, %.9f by a difference\n", slope, difference);
  return std::abs(slope - difference) < 1e-7 * std::abs(difference) ? 0 : 1;
}
