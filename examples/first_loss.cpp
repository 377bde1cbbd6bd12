// A loss and its gradient on two matrices: VICReg (arXiv 2105.04906) of two views of eight samples.
#include <cmath>
#include <cstdio>
#include <vector>

#include "ssl/backend/eigen.hpp"
#include "ssl/ssl.hpp"

int main() {
  const ssl::index d = 6, n = 8, views = 2;                                      // features, samples, views
  std::vector<double> z(static_cast<std::size_t>(d * n * views)), dz(z.size());  // (d, views * n)
  for (std::size_t k = 0; k < z.size(); ++k) z[k] = std::sin(0.7 * static_cast<double>(k * k));

  ssl::workspace<ssl::eigen_backend<double>> work;
  auto ctx = work.ctx();
  const auto loss = 25 * ssl::invariance{} + 25 * ssl::variance{} + ssl::covariance{};
  const auto views_of_z = ssl::make_view(z.data(), d, views * n),
             gradient = ssl::make_view(dz.data(), d, views * n);
  const auto result = ssl::evaluate(ctx, loss, {views_of_z, views}, gradient);

  for (const auto& term : result.terms)
    std::printf("%s  %.6f  (weight %g)\n", term.name.c_str(), term.value, term.weight);
  std::printf("loss %.6f, first entry of the gradient %.6f\n", result.total, dz[0]);
}
