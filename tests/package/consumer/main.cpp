// What a user's first program needs: the headers, Eigen behind them, C++20.

#include <Eigen/Core>
#include <cstdio>

#include "ssl/core/config.hpp"
#include "ssl/core/view.hpp"

#if defined(WHOLE_LIBRARY)
double invariance_of_equal_views();
#else
double invariance_of_equal_views() { return 0; }
#endif

int main() {
  Eigen::MatrixXf m = Eigen::MatrixXf::Ones(2, 3);
  auto v = ssl::make_view(m.data(), 2, 3);
  static_assert(ssl::MatrixView<decltype(v)>);
  std::printf("bagssl %d.%d.%d\n", SSL_VERSION_MAJOR, SSL_VERSION_MINOR, SSL_VERSION_PATCH);
  return v(1, 2) == 1.0f && v.columns(1, 2).size() == 4 && invariance_of_equal_views() == 0 ? 0 : 1;
}
