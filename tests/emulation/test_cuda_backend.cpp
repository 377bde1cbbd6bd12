// What cuda_backend says and does where the device refuses, and that it leaves nothing behind.

#include <optional>

#include "emulation/emulation.hpp"
#include "support/backends.hpp"

namespace ssl::test {
namespace {

using B = cuda_backend<float>;
using emulation::call;

template <class Body>
std::string refusal(const Body& body) {
  std::string message;
  try {
    body();
  } catch (const backend_error& e) {
    message = e.what();
  }
  emulation::recover();
  return message;
}

void square_of(B& be, const matrix<B>& x) {
  gemm(be, trans::no, trans::no, 1.0f, x.read(), x.read(), 0.0f, x());
}

}  // namespace

TEST_CASE("cuda-backend: a machine without a device or driver is told in a sentence") {
  const auto construct = [](cudaError_t status) {
    emulation::fail_next(call::device_count, status);
    return refusal([] { B be; });
  };
  CHECK(construct(cudaErrorNoDevice) == "ssl: this machine has no CUDA device; cuda_backend needs one");
  CHECK(construct(cudaErrorInsufficientDriver) ==
        "ssl: no CUDA device can be used: the driver is missing, or older than CUDA 13.0 needs");
  CHECK(construct(cudaErrorInitializationError) ==
        "ssl: the search for a CUDA device failed with cudaErrorInitializationError (initialization error)");
}

TEST_CASE("cuda-backend: a constructor that fails half-way leaves nothing") {
  const std::size_t objects = emulation::objects_held();
  emulation::fail_next(call::stream_create, cudaErrorMemoryAllocation);
  CHECK(refusal([] { B be; }) ==
        "ssl: cudaStreamCreate failed with cudaErrorMemoryAllocation (out of memory)");
  CHECK(emulation::objects_held() == objects);
  emulation::fail_next(call::blas_create, CUBLAS_STATUS_ALLOC_FAILED);
  CHECK(refusal([] { B be; }) == "ssl: cublasCreate failed with CUBLAS_STATUS_ALLOC_FAILED");
  CHECK(emulation::objects_held() == objects);
  emulation::fail_next(call::solver_create, CUSOLVER_STATUS_ALLOC_FAILED);
  CHECK(refusal([] { B be; }) == "ssl: cusolverDnCreate failed with CUSOLVER_STATUS_ALLOC_FAILED");
  CHECK(emulation::objects_held() == objects);
}

TEST_CASE("cuda-backend: a refused launch is told where it happens, a fault of a kernel at the next wait") {
  B be;
  const matrix<B> x(be, 2, 2, {1, 2, 3, 4});
  emulation::fail_next(call::launch, cudaErrorLaunchOutOfResources);
  CHECK(refusal([&] { fill(be, x(), 1); }) ==
        "ssl: the launch of a map failed with cudaErrorLaunchOutOfResources (too many resources requested "
        "for launch)");
  CHECK(x.get() == std::vector<double>{1, 2, 3, 4});  // and the next verb is not blamed

  emulation::set_timing(emulation::timing::late);
  emulation::fail_next(call::kernel, cudaErrorIllegalAddress);
  CHECK_NOTHROW(fill(be, x(), 1));
  CHECK(refusal([&] { be.wait(); }) ==
        "ssl: the work on the device failed with cudaErrorIllegalAddress (an illegal memory access was "
        "encountered)");
}

TEST_CASE("cuda-backend: a kernel of an architecture that the program lacks is told so") {
  B be;
  const matrix<B> x(be, 2, 2);
  emulation::fail_next(call::launch, cudaErrorNoKernelImageForDevice);
  CHECK(refusal([&] { fill(be, x(), 1); }) ==
        "ssl: the launch of a map failed with cudaErrorNoKernelImageForDevice (no kernel image is available "
        "for "
        "execution on the device); this program was not compiled for the architecture of this device");
}

TEST_CASE("cuda-backend: what the libraries refuse is told with their status") {
  B be;
  const matrix<B> x(be, 2, 2, {2, 0, 0, 2}), info(be, 1, 1);
  emulation::fail_next(call::blas, CUBLAS_STATUS_EXECUTION_FAILED);
  CHECK(refusal([&] { square_of(be, x); }) == "ssl: cublas gemm failed with CUBLAS_STATUS_EXECUTION_FAILED");
  emulation::fail_next(call::solver, CUSOLVER_STATUS_INTERNAL_ERROR);
  CHECK(refusal([&] { cholesky(be, x(), info()); }) ==
        "ssl: cusolverDnXpotrf failed with CUSOLVER_STATUS_INTERNAL_ERROR");
  emulation::fail_next(call::copy, cudaErrorInvalidValue);
  CHECK(refusal([&] { x.get(); }) ==
        "ssl: cudaMemcpyAsync failed with cudaErrorInvalidValue (invalid argument)");
  CHECK(x.get() == std::vector<double>{2, 0, 0, 2});
}

TEST_CASE("cuda-backend: memory that is not there is refused and the backend goes on") {
  B be;
  emulation::set_memory(emulation::bytes_held() + 3000);
  const matrix<B> x(be, 10, 10, std::vector<double>(100, 2));
  CHECK(refusal([&] { be.allocate<float>(900, "the activations"); }) ==
        "ssl: out of GPU memory: 3.6 kB were asked for the activations, 2.6 kB of the device's 3 kB are "
        "free; this "
        "backend holds 400 bytes for a matrix");
  CHECK(B::free_bytes() == 2600);
  map(be, x(), fn::scale<float>{2}, x());
  CHECK(x.get() == std::vector<double>(100, 4));
  emulation::set_memory(std::size_t{8} << 30);
}

TEST_CASE("cuda-backend: several objects in one process do not meet") {
  emulation::set_timing(emulation::timing::late);
  B first, second;
  cuda_backend<double> third;
  const matrix<B> a(first, 30, 30, normals(900, 1)), b(second, 30, 30, normals(900, 1));
  const matrix<cuda_backend<double>> c(third, 30, 30, normals(900, 1));
  for (int k = 0; k < 3; ++k) {
    map(first, a(), fn::scale<float>{0.5f}, a());
    map(second, b(), fn::scale<float>{0.5f}, b());
    map(third, c(), fn::scale<double>{0.5}, c());
  }
  const auto of_first = a.get();
  CHECK(emulation::pending() >= 6);  // the others' work is still queued
  CHECK(of_first == b.get());
  CHECK(relative_error(of_first, c.get()) < 1e-6);
}

TEST_CASE("cuda-backend: everything is given back") {
  const std::size_t bytes = emulation::bytes_held(), objects = emulation::objects_held();
  {
    std::optional<B> be(std::in_place);
    const index n = 200;
    std::optional<matrix<B>> x(std::in_place, *be, n, n, normals(n * n, 1)), sum(std::in_place, *be, 1, 1);
    const auto pinned = be->allocate_pinned<float>(10);
    fill(*be, (*sum)(), 0);
    map_reduce(*be, (*sum)(), fn::plus{}, fn::identity<float>{}, (*x)());
    square_of(*be, *x);
    const matrix<B> w(*be, n, 1), info(*be, 1, 1);
    eigh(*be, (*x)(), w(), info());
    CHECK(emulation::bytes_held() > bytes);
    CHECK(emulation::objects_held() > objects);
  }
  CHECK(emulation::bytes_held() == bytes);
  CHECK(emulation::objects_held() == objects);
}

TEST_CASE("cuda-backend: verbs neither wait nor allocate") {
  B be;
  const index n = 60;
  const matrix<B> x(be, n, 700, normals(n * 700, 1)), row(be, 1, 700), column(be, n, 1), all(be, 1, 1),
      c(be, n, n), info(be, 1, 1);
  const auto verbs = [&] {
    map(be, x(), fn::scale<float>{1}, x());
    fill(be, all(), 0);
    fill(be, row(), 0);
    fill(be, column(), 0);
    map_reduce(be, all(), fn::plus{}, fn::identity<float>{}, x());
    map_reduce(be, row(), fn::plus{}, fn::identity<float>{}, x());
    map_reduce(be, column(), fn::plus{}, fn::identity<float>{}, x());
    gemm(be, trans::no, trans::yes, 1.0f, x.read(), x.read(), 0.0f, c());
    syrk(be, trans::no, 1.0f, x.read(), 0.0f, c());
    cholesky(be, c(), info());
    cholesky_solve(be, c.read(), x());
    triangular_solve(be, trans::yes, c.read(), x());
  };
  verbs();
  emulation::reset_counts();
  for (int k = 0; k < 3; ++k) verbs();
  CHECK(emulation::count().blocking() == 0);
  CHECK(emulation::count().launches > 0);
  CHECK(emulation::count().dense_calls == 15);
  CHECK(info.get() == std::vector<double>{0});
}

}  // namespace ssl::test
