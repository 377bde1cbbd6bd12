#pragma once
/// The one place that chooses a benchmark's backend, and all that differs with it: the clock, what memory is,
/// and how numbers get in and out. Eigen, unless the build defines SSL_BENCH_CUDA (then in .cu files only;
/// with SSL_BENCH_CUDNN, convolutions come from cuDNN) or SSL_BENCH_ONEDNN (Eigen with oneDNN's
/// convolutions).

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#if defined(SSL_BENCH_CUDNN)
#include "ssl/backend/cudnn.cuh"
#elif defined(SSL_BENCH_CUDA)
#include "ssl/backend/cuda.cuh"
#elif defined(SSL_BENCH_ONEDNN)
#include "ssl/backend/onednn.hpp"
#else
#include "ssl/backend/eigen.hpp"
#endif
#include "ssl/backend/verbs.hpp"

namespace ssl_bench {

using ssl::index;

struct backend_options {
  int threads = 0;    // of a CPU
  bool tf32 = false;  // on a GPU
};

#if defined(SSL_BENCH_CUDNN)
using backend = ssl::cudnn_backend;
/// cuDNN may choose algorithms that do not repeat to the bit, as it may in PyTorch.
inline backend make_backend(backend_options o) {
  return backend(ssl::cudnn_options{.cuda = {.tf32 = o.tf32}, .deterministic = false});
}
#elif defined(SSL_BENCH_CUDA)
using backend = ssl::cuda_backend<float>;
inline backend make_backend(backend_options o) { return backend(ssl::cuda_options{.tf32 = o.tf32}); }
#elif defined(SSL_BENCH_ONEDNN)
using backend = ssl::onednn_backend<float>;
inline backend make_backend(backend_options o) { return backend(o.threads); }
#else
using backend = ssl::eigen_backend<float>;
inline backend make_backend(backend_options o) { return backend(o.threads); }
#endif

inline constexpr bool on_host = std::same_as<backend::space, ssl::host_space>;

template <class T>
using buffer = decltype(std::declval<backend&>().allocate<T>(index{}));

/// What computes, as a part of a JSON object.
inline std::string machine([[maybe_unused]] const backend& be, [[maybe_unused]] const backend_options& o) {
#if defined(SSL_BENCH_CUDA)
  cudaDeviceProp found{};
  ssl::cuda::require_success(cudaGetDeviceProperties(&found, 0), "cudaGetDeviceProperties");
  return std::string("\"backend\": \"") + backend::name() + "\", \"device\": \"" + found.name +
         "\", \"tf32\": " + (o.tf32 ? "true" : "false");
#else
  return "\"threads\": " + std::to_string(be.threads());
#endif
}

inline double median(std::vector<double> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

struct seconds_of {
  double wall, processor;  // what all threads of the host took together
};

/// Medians of one `body`, from at least `seconds` of repetitions and at least `least` samples, after `warm`
/// bodies. A sample is one body on a CPU; on a GPU as many as make the wait for the device, which ends the
/// sample, less than a hundredth of it.
template <class Body>
seconds_of time_of(backend& be, double seconds, int warm, std::size_t least, const Body& body) {
  using clock = std::chrono::steady_clock;
  const auto since = [](clock::time_point t) {
    return std::chrono::duration<double>(clock::now() - t).count();
  };
  const auto sample = [&](int repetitions) {
    const auto before = clock::now();
    for (int k = 0; k < repetitions; ++k) body();
    if constexpr (!on_host) be.wait();
    return since(before);
  };
  if (warm > 0) sample(warm);
  int repetitions = 1;
  if constexpr (!on_host) {
    const auto before = clock::now();
    for (int k = 0; k < 16; ++k) be.wait();
    const double enough = std::max(100 * since(before) / 16, 2e-3);
    while (repetitions < 4096 && sample(repetitions) < enough) repetitions *= 2;
  }
  std::vector<double> samples, work;
  for (const auto start = clock::now(); samples.size() < least || since(start) < seconds;) {
    const std::clock_t worked = std::clock();
    samples.push_back(sample(repetitions) / repetitions);
    work.push_back(static_cast<double>(std::clock() - worked) / CLOCKS_PER_SEC / repetitions);
  }
  return {median(samples), median(work)};
}

/// Megabytes that a computation adds: to the process's resident set at its peak, or to what its backend holds
/// on the device.
template <class B>
class memory_meter {
 public:
  explicit memory_meter(const B& be) : be_(&be) {
    if constexpr (on_host) std::ofstream("/proc/self/clear_refs") << 5;  // forgets the peak so far
    before_ = now("VmRSS:");
  }
  double added() const { return now("VmHWM:") - before_; }

 private:
  double now([[maybe_unused]] const char* line) const {
    if constexpr (on_host) {
      std::ifstream status("/proc/self/status");
      for (std::string word; status >> word;)
        if (word == line) {
          double kilobytes = 0;
          status >> kilobytes;
          return kilobytes * 1024 / 1e6;
        }
      return 0;
    } else {
      return static_cast<double>(be_->held_bytes()) / 1e6;
    }
  }

  const B* be_;
  double before_ = 0;
};

/// fill(host view) writes the matrix, which is uploaded where the host cannot write it.
template <class T, class Fill>
void fill_from_host(backend& be, ssl::matrix_view<T, backend::space> out, const Fill& fill) {
  if constexpr (on_host) {
    fill(out);
  } else {
    std::vector<T> host(static_cast<std::size_t>(out.size()));
    fill(ssl::make_view<ssl::host_space>(host.data(), out.rows, out.cols));
    be.upload(ssl::as_const(ssl::make_view<ssl::host_space>(host.data(), out.rows, out.cols)), out);
    be.wait();
  }
}

/// The matrix's values, column after column.
template <class T>
std::vector<T> on_the_host(backend& be, ssl::matrix_view<T, backend::space> m) {
  std::vector<T> host(static_cast<std::size_t>(m.size()));
  be.download(ssl::as_const(m), ssl::make_view<ssl::host_space>(host.data(), m.rows, m.cols));
  be.wait();
  return host;
}

}  // namespace ssl_bench
