#pragma once
/// The backends that every test body runs on. One backend family per executable, chosen by the build.

#include <doctest/doctest.h>

#include <cmath>
#include <type_traits>
#include <vector>

#include "ssl/core/finite.hpp"
#include "ssl/core/random.hpp"
#include "ssl/exec/context.hpp"
#include "support/tolerance.hpp"

#if defined(SSL_TEST_CUDA)
#include "ssl/backend/cuda.cuh"
namespace ssl::test {
template <class T>
using backend = cuda_backend<T>;
}
#elif defined(SSL_TEST_THRUST)
#include "ssl/backend/eigen.hpp"
#include "ssl/backend/thrust.hpp"
namespace ssl::test {
template <class T>
using backend = thrust_backend<T, eigen_dense<T> >;
}
#elif defined(SSL_TEST_ONEDNN)
#include "ssl/backend/onednn.hpp"
namespace ssl::test {
template <class T>
struct of_scalar {
  using type = eigen_backend<T>;
};
template <>
struct of_scalar<float> {
  using type = onednn_backend<float>;
};
template <class T>
using backend = typename of_scalar<T>::type;
}  // namespace ssl::test
#else
#include "ssl/backend/eigen.hpp"
namespace ssl::test {
template <class T>
using backend = eigen_backend<T>;
}
#endif

/// TEST_CASE_TEMPLATE("...", B, SSL_BACKENDS): float and double of the family under test.
#define SSL_BACKENDS ssl::test::backend<float>, ssl::test::backend<double>
/// Gradient checks by finite differences need double.
#define SSL_DOUBLE_BACKENDS ssl::test::backend<double>

namespace ssl::test {

/// An owned matrix in a backend's memory together with the backend that moves it: fill from host, read back.
template <class B>
class matrix {
 public:
  using T = typename B::scalar;

  matrix(B& be, index rows, index cols)
      : be_(&be), rows_(rows), cols_(cols), buffer_(be.template allocate<T>(rows * cols)) {}
  matrix(B& be, index rows, index cols, const std::vector<double>& values) : matrix(be, rows, cols) {
    set(values);
  }

  view<B> operator()() const { return {buffer_.all().data, rows_, cols_, rows_}; }
  cview<B> read() const { return {buffer_.all().data, rows_, cols_, rows_}; }

  /// Column-major values.
  void set(const std::vector<double>& values) {
    std::vector<T> host(values.begin(), values.end());
    be_->upload(matrix_view<const T, host_space>{host.data(), rows_, cols_, rows_}, (*this)());
    be_->wait();  // `host` must outlive the upload
  }
  std::vector<double> get() const {
    std::vector<T> host(static_cast<std::size_t>(rows_ * cols_));
    be_->download(read(), matrix_view<T, host_space>{host.data(), rows_, cols_, rows_});
    be_->wait();
    return {host.begin(), host.end()};
  }

 private:
  B* be_;
  index rows_, cols_;
  decltype(std::declval<B&>().template allocate<T>(index{})) buffer_;
};

/// Deterministic test data: normal numbers of a seed.
inline std::vector<double> normals(index count, unsigned seed, double scale = 1, double shift = 0) {
  random_stream draw({seed, 0}, 0, 0, purpose::generate);
  std::vector<double> out(static_cast<std::size_t>(count));
  for (auto& x : out) x = scale * static_cast<double>(draw.normal()) + shift;
  return out;
}

/// Largest |a - b| over the largest |b| (or 1e-300).
inline double relative_error(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return 1e300;
  double worst = 0, scale = 1e-300;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = a[i] < b[i] ? b[i] - a[i] : a[i] - b[i];
    if (is_nan(difference)) return 1e300;
    if (difference > worst) worst = difference;
    const double magnitude = b[i] < 0 ? -b[i] : b[i];
    if (magnitude > scale) scale = magnitude;
  }
  return worst / scale;
}

/// Central differences of value(x) at x, entry by entry: the oracle of every gradient.
template <class Value>
std::vector<double> finite_difference(const Value& value, std::vector<double> x, double step = 1e-5) {
  std::vector<double> gradient(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double here = x[i];
    x[i] = here + step;
    const double above = value(x);
    x[i] = here - step;
    const double below = value(x);
    x[i] = here;
    gradient[i] = (above - below) / (2 * step);
  }
  return gradient;
}

}  // namespace ssl::test
