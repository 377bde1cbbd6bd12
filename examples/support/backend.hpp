#pragma once
/// The one place that chooses a program's backend: Eigen, unless the build defines SSL_EXAMPLE_THRUST_OMP or
/// SSL_EXAMPLE_CUDA (then in .cu files only; with SSL_EXAMPLE_CUDNN, convolutions come from cuDNN). And how
/// what lies in its memory meets the host.

#include <concepts>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ssl/ssl.hpp"
#include "support/backend_options.hpp"

#if defined(SSL_EXAMPLE_CUDA) && defined(SSL_EXAMPLE_CUDNN)
#include "ssl/backend/cudnn.cuh"
#elif defined(SSL_EXAMPLE_CUDA)
#include "ssl/backend/cuda.cuh"
#elif defined(SSL_EXAMPLE_THRUST_OMP)
#include "ssl/backend/thrust.hpp"
#include "support/eigen_products.hpp"
#else
#include "support/eigen_products.hpp"
#endif

namespace ssl_example {

using ssl::index;

#if defined(SSL_EXAMPLE_CUDA) && defined(SSL_EXAMPLE_CUDNN)
using backend = ssl::cudnn_backend;
#elif defined(SSL_EXAMPLE_CUDA)
using backend = ssl::cuda_backend<float>;
#elif defined(SSL_EXAMPLE_THRUST_OMP)
using backend = ssl::thrust_backend<float, ssl::eigen_dense<float> >;
#else
using backend = ssl::eigen_backend<float>;
#endif

/// The backend that the options describe. ssl::backend_error where the machine has none, ssl::option_error
/// where a profile is asked of one that keeps none.
backend make_backend(const backend_options& options);

/// What computes, in one line.
std::string describe_backend(const backend& be);

/// Floating-point operations a second of one large product of floats: what the rest is measured by.
double product_speed(backend& be);

inline constexpr bool on_host = std::same_as<backend::space, ssl::host_space>;

/// Memory of the backend.
template <class T>
using backend_buffer = decltype(std::declval<backend&>().allocate<T>(index{}));

/// An owned matrix of the backend.
struct owned_matrix {
  owned_matrix(backend& be, index rows, index cols)
      : buffer(ssl::allocate<float>(be, rows * cols, "the evaluation")), all(buffer.as(rows, cols)) {}
  backend_buffer<float> buffer;
  ssl::view<backend> all;  // (rows, cols)
};

/// A contiguous matrix of the backend as the host reads it, column by column: in its place where the memory
/// is the host's, a copy elsewhere.
class to_host {
 public:
  to_host(backend& be, ssl::cview<backend> m) {
    const auto size = static_cast<std::size_t>(m.size());
    if constexpr (on_host) {
      be.wait();
      values = {m.data, size};
    } else {
      copy_.resize(size);
      be.download(m, ssl::make_view(copy_.data(), m.rows, m.cols));
      be.wait();
      values = copy_;
    }
  }
  to_host(const to_host&) = delete;
  to_host& operator=(const to_host&) = delete;

  std::span<const float> values;

 private:
  std::vector<float> copy_;
};

}  // namespace ssl_example
