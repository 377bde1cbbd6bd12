// What a user's first program needs: the headers, Eigen behind them, C++20, and whatever components were
// asked for.

#include <Eigen/Core>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/view.hpp"

#if defined(WITH_zlib)
#include "ssl/data/gzip.hpp"
#endif
#if defined(WITH_image)
#include "ssl/data/image_file.hpp"
#endif
#if defined(WITH_openmp) != defined(_OPENMP)
#error "OpenMP reaches a program just where it asks for it"
#endif
#if defined(WITH_blas) != defined(EIGEN_USE_BLAS)
#error "a BLAS reaches a program just where it asks for it"
#endif
#if !defined(EIGEN_NO_CUDA)
#error "Eigen would drop to scalar code in .cu files"
#endif

#if defined(BACKEND)
double invariance_of_equal_views();
#else
double invariance_of_equal_views() { return 0; }
#endif

// Four bytes are no file: the libraries that would have read it say so.
template <class Read>
bool refuses(Read read) {
  const std::vector<std::uint8_t> bytes{1, 2, 3, 4};
  try {
    read(bytes, "four bytes");
  } catch (const ssl::data_error&) {
    return true;
  }
  return false;
}

int main() {
  Eigen::MatrixXf m = Eigen::MatrixXf::Ones(40, 3);
  auto v = ssl::make_view(m.data(), 40, 3);
  static_assert(ssl::MatrixView<decltype(v)>);
  bool right = v(1, 2) == 1.0f && v.columns(1, 2).size() == 80 && invariance_of_equal_views() == 0;
  right = right && (m * m.transpose())(39, 0) == 3.0f;  // by the BLAS where there is one
  std::thread([] {}).join();
#if defined(WITH_zlib)
  right = right && refuses(ssl::gunzip{});
#endif
#if defined(WITH_image)
  right = right && refuses([](auto bytes, auto name) { ssl::decode_image(bytes, name); });
#endif
  std::printf("bagssl %d.%d.%d, Eigen %d.%d.%d\n", SSL_VERSION_MAJOR, SSL_VERSION_MINOR, SSL_VERSION_PATCH,
              EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
  return right ? 0 : 1;
}
