// All of an installed library: the umbrella and a backend, in a loss that is zero for equal views.

#include <vector>

#include "ssl/backend/eigen.hpp"
#include "ssl/ssl.hpp"

double invariance_of_equal_views() {
  const ssl::index features = 3, samples = 4;
  std::vector<double> z(24), dz(24);  // (3, 2 * 4)
  for (std::size_t k = 0; k < 12; ++k) z[k] = z[k + 12] = static_cast<double>(k * k);
  ssl::workspace<ssl::eigen_backend<double>> work;
  auto ctx = work.ctx();
  const auto batch = ssl::make_view<ssl::host_space, const double>(z.data(), features, 2 * samples);
  return ssl::evaluate(ctx, 25 * ssl::invariance{}, {batch, 2},
                       ssl::make_view(dz.data(), features, 2 * samples))
      .total;
}
