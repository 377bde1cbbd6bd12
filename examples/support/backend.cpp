#include "support/backend.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "support/cli.hpp"

#if defined(SSL_EXAMPLE_CUDA)
#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cusolverDn.h>
#endif
#if defined(SSL_EXAMPLE_THRUST_OMP)
#include <thrust/version.h>
#endif
#if defined(_OPENMP)
#include <omp.h>
#endif

namespace ssl_example {
namespace {

std::string dotted(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

#if defined(SSL_EXAMPLE_CUDA)

/// The device that a run would take, or why there is none.
std::string device() {
  int count = 0, current = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess) status = cudaGetDevice(&current);
  cudaDeviceProp found{};
  if (status == cudaSuccess) status = cudaGetDeviceProperties(&found, current);
  if (status != cudaSuccess) return "none (" + std::string(cudaGetErrorString(status)) + ")";
  return std::string(found.name) + ", " + ssl::bytes_text(static_cast<double>(found.totalGlobalMem)) +
         ", compute capability " + std::to_string(found.major) + "." + std::to_string(found.minor);
}

std::string libraries() {
  int runtime = 0;
  cudaRuntimeGetVersion(&runtime);
  std::string text =
      "CUDA runtime " + std::to_string(runtime / 1000) + "." + std::to_string(runtime % 1000 / 10);
#if defined(CUBLAS_VER_MAJOR)
  text += ", cuBLAS " + dotted(CUBLAS_VER_MAJOR, CUBLAS_VER_MINOR, CUBLAS_VER_PATCH);
#endif
#if defined(CUSOLVER_VER_MAJOR)
  text += ", cuSOLVER " + dotted(CUSOLVER_VER_MAJOR, CUSOLVER_VER_MINOR, CUSOLVER_VER_PATCH);
#endif
#if defined(SSL_EXAMPLE_CUDNN)
  text += "\nconvolution: cuDNN " + dotted(CUDNN_MAJOR, CUDNN_MINOR, CUDNN_PATCHLEVEL);
#else
  text += "\nconvolution: im2col and cuBLAS";
#endif
  return text + "\ndevice: " + device();
}

#else

std::string libraries() {
  std::string text = "Eigen " + dotted(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
#if defined(SSL_EXAMPLE_THRUST_OMP)
  text += ", Thrust " + dotted(THRUST_MAJOR_VERSION, THRUST_MINOR_VERSION, THRUST_SUBMINOR_VERSION);
#endif
  text += "\ncomputes with: " + describe_backend(make_backend({}));
#if !defined(_OPENMP)
  text += " (built without OpenMP)";
#endif
  return text;
}

#endif

}  // namespace

backend make_backend([[maybe_unused]] const backend_options& options) {
  if (options.profile && !ssl::ProfiledBackend<backend>)
    throw ssl::option_error("--profile: the backend " + std::string(backend_name()) +
                            " does not time its operations, expected eigen");
#if defined(_OPENMP)
  // What runs in parallel beside the verbs: Thrust, and images that are generated.
  if (options.threads > 0) omp_set_num_threads(options.threads);
#endif
#if defined(SSL_EXAMPLE_CUDA) && defined(SSL_EXAMPLE_CUDNN)
  return backend(ssl::cudnn_options{.cuda = {.tf32 = options.tf32}});
#elif defined(SSL_EXAMPLE_CUDA)
  return backend(ssl::cuda_options{.tf32 = options.tf32});
#elif defined(SSL_EXAMPLE_THRUST_OMP)
  return backend(ssl::eigen_dense<float>(options.threads));
#else
  return backend(options.threads);
#endif
}

std::string describe_backend([[maybe_unused]] const backend& be) {
#if defined(SSL_EXAMPLE_CUDA)
  return device();
#elif defined(SSL_EXAMPLE_THRUST_OMP)
  return ssl::cpu::describe<float>("unrolled columns and products", ssl::cpu::hardware_threads());
#else
  return be.description();
#endif
}

double product_speed(backend& be) {
  using clock = std::chrono::steady_clock;
  constexpr index side = 1024;
  owned_matrix a(be, side, side), b(be, side, side), c(be, side, side);
  ssl::fill(be, a.all, 1.0f);
  ssl::fill(be, b.all, 1.0f);
  double best = 0;
  for (int run = 0; run < 6; ++run) {
    be.wait();
    const auto start = clock::now();
    ssl::gemm(be, ssl::trans::no, ssl::trans::no, 1.0f, a.all, b.all, 0.0f, c.all);
    be.wait();
    const double seconds = std::chrono::duration<double>(clock::now() - start).count();
    best = std::max(best, 2.0 * side * side * side / seconds);
  }
  return best;
}

const char* backend_name() {
#if defined(SSL_EXAMPLE_CUDA)
  return "cuda";
#elif defined(SSL_EXAMPLE_THRUST_OMP)
  return "thrust-omp";
#else
  return "eigen";
#endif
}

std::string compiler_text() {
#if defined(__clang__)
  const std::string host = "Clang " __clang_version__;
#elif defined(__GNUC__)
  const std::string host = "GCC " __VERSION__;
#elif defined(_MSC_VER)
  const std::string host = "MSVC " + std::to_string(_MSC_VER);
#else
  const std::string host = "an unknown compiler";
#endif
#if defined(__CUDACC__)
  return "nvcc " + std::to_string(__CUDACC_VER_MAJOR__) + "." + std::to_string(__CUDACC_VER_MINOR__) +
         " with " + host;
#else
  return host;
#endif
}

std::string version_text(const std::string& program) {
  return program + " " + dotted(SSL_VERSION_MAJOR, SSL_VERSION_MINOR, SSL_VERSION_PATCH) + ", backend " +
         backend_name() + "\n" + libraries() + "\ncompiler: " + compiler_text();
}

void add_backend_options(CLI::App& app, backend_options& o) {
  offer_backends(app, backend_name());
  app.add_option("--threads", o.threads, "of the CPU backends, 0 for as many as there are cores")
      ->check(between(0, 1024));
  app.add_flag("--tf32", o.tf32, "the CUDA backend may round the factors of float products to 10 bits");
  app.set_version_flag(
      "--version", [&app] { return version_text(app.get_name()); },
      "version, backend, and the libraries behind it");
}

}  // namespace ssl_example
