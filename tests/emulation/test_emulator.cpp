// The emulated device itself: it runs what a device runs, and punishes what a device punishes.

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdio>

#include "emulation/device.hpp"
#include "support/backends.hpp"

namespace ssl::test {
namespace {

using backend_f = cuda_backend<float>;

/// Runs `body` in a child process; true where that dies of a signal.
template <class Body>
bool dies(const Body& body) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(3);
    for (const int signal : {SIGSEGV, SIGABRT}) std::signal(signal, SIG_DFL);  // not the test program's
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

/// The message of the backend_error that `body` throws, or "".
template <class Body>
std::string refusal(const Body& body) {
  try {
    body();
  } catch (const backend_error& e) {
    return e.what();
  }
  return "";
}

/// Reverses each block of 64 values through shared memory, with the barrier or without.
void reverse_kernel(const int* in, int* out, bool with_barrier) {
  __shared__ int memory[64];
  const unsigned me = threadIdx.x;
  memory[me] = in[64 * blockIdx.x + me];
  if (with_barrier) __syncthreads();
  out[64 * blockIdx.x + me] = memory[63 - me];
  __syncthreads();
}
/// Half of the block waits at a barrier that the other half does not reach.
void split_kernel(int* out) {
  if (threadIdx.x < 16) __syncthreads();
  out[threadIdx.x] = 1;
}
void throwing_kernel(int* out) {
  if (threadIdx.x == 3) throw 1;
  __syncthreads();
  out[threadIdx.x] = 1;
}
void write_behind_kernel(int* out, int count) { out[count] = 7; }
/// sums[w] = the sum of the numbers of warp w's threads; rotated[t] = the number of the lane before.
void warp_kernel(int* sums, double* rotated) {
  const int me = static_cast<int>(threadIdx.x);
  int sum = me;
  for (unsigned by = 16; by > 0; by /= 2) sum += __shfl_down_sync(0xFFFFFFFFu, sum, by);
  if (me % 32 == 0) sums[me / 32] = sum;
  rotated[me] = __shfl_sync(0xFFFFFFFFu, static_cast<double>(me), (me + 31) % 32);
  if (__shfl_xor_sync(0xFFFFFFFFu, me, 1) != (me ^ 1)) sums[me / 32] = -1;
  __syncwarp();
}

template <class T>
std::vector<T> fetch(backend_f& be, const device_buffer<T>& from) {
  std::vector<T> host(static_cast<std::size_t>(from.size()));
  be.download(as_const(from.all()), make_view(host.data(), from.size(), 1));
  be.wait();
  return host;
}
template <class T>
device_buffer<T> send(backend_f& be, const std::vector<T>& host) {
  auto out = be.template allocate<T>(static_cast<index>(host.size()));
  be.upload(make_view<host_space>(host.data(), out.size(), 1), out.all());
  be.wait();
  return out;
}

bool reverses(bool with_barrier) {
  backend_f be;
  std::vector<int> values(64 * 5);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int>(i);
  const auto in = send(be, values), out = be.allocate<int>(64 * 5);
  cuda::launch("a test", reverse_kernel, 5, 64, be.stream(), in.all().data, out.all().data, with_barrier);
  const auto found = fetch(be, out);
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i] != static_cast<int>(i / 64 * 64 + 63 - i % 64)) return false;
  return true;
}

/// What a test may change is put back.
struct usual_device {
  usual_device() { emulation::set_timing(emulation::timing::late); }
  ~usual_device() {
    emulation::set_seed(1);
    emulation::set_timing(emulation::timing::late);
    emulation::set_memory(std::size_t{8} << 30);
    emulation::recover();
  }
};

}  // namespace

TEST_CASE("emulation: threads of a block share memory, and a missing barrier shows under any seed") {
  const usual_device device;
  for (const unsigned seed : {0u, 1u, 2u, 3u, 4u}) {
    emulation::set_seed(seed);
    CHECK(reverses(true));
    CHECK_FALSE(reverses(false));
  }
}

TEST_CASE("emulation: lanes of a warp exchange values") {
  backend_f be;
  const auto sums = be.allocate<int>(3);
  const auto rotated = be.allocate<double>(96);
  cuda::launch("a test", warp_kernel, 1, 96, be.stream(), sums.all().data, rotated.all().data);
  CHECK(fetch(be, sums) == std::vector<int>{31 * 16, 31 * 16 + 32 * 32, 31 * 16 + 64 * 32});
  const auto found = fetch(be, rotated);
  for (std::size_t k = 0; k < 96; ++k) CHECK(found[k] == static_cast<double>(k / 32 * 32 + (k + 31) % 32));
}

TEST_CASE("emulation: a barrier that a part of a block misses breaks the device until it is taken note of") {
  const usual_device device;
  backend_f be;
  const auto out = be.allocate<int>(64);
  cuda::launch("the launch", split_kernel, 1, 64, be.stream(), out.all().data);
  const std::string expected =
      "ssl: the work on the device failed with cudaErrorLaunchFailure (unspecified launch failure)";
  CHECK(refusal([&] { be.wait(); }) == expected);
  CHECK(refusal([&] { be.wait(); }) == expected);
  CHECK(emulation::recover() == "a barrier that 48 of 64 threads of block 0 did not reach\n");
  fill(be, matrix_view<int, device_space>{out.all()}, 3);
  CHECK(fetch(be, out) == std::vector<int>(64, 3));
}

TEST_CASE("emulation: a kernel that throws is a launch failure") {
  const usual_device device;
  backend_f be;
  const auto out = be.allocate<int>(64);
  cuda::launch("the launch", throwing_kernel, 1, 64, be.stream(), out.all().data);
  CHECK(refusal([&] { be.wait(); }).find("cudaErrorLaunchFailure") != std::string::npos);
  CHECK(emulation::recover() == "a kernel threw\n");
}

TEST_CASE("emulation: work runs when the host waits, or at once where that is asked for") {
  const usual_device device;
  backend_f be;
  const auto out = be.allocate<float>(10);
  fill(be, out.all(), 1);
  CHECK(emulation::pending() == 1);
  be.wait();
  CHECK(emulation::pending() == 0);
  emulation::set_timing(emulation::timing::eager);
  fill(be, out.all(), 2);
  CHECK(emulation::pending() == 0);
}

TEST_CASE("emulation: an upload reads page-locked memory late and other memory before it returns") {
  const usual_device device;
  backend_f be;
  std::vector<float> host(4, 1);
  auto pinned = be.allocate_pinned<float>(4);
  std::fill_n(pinned.all().data, 4, 1.0f);
  const auto from_host = be.allocate<float>(4), from_pinned = be.allocate<float>(4);
  be.upload(make_view<host_space>(const_cast<const float*>(host.data()), 4, 1), from_host.all());
  be.upload(as_const(pinned.all()), from_pinned.all());
  host.assign(4, 2);
  std::fill_n(pinned.all().data, 4, 2.0f);
  CHECK(fetch(be, from_host) == std::vector<float>(4, 1));
  CHECK(fetch(be, from_pinned) == std::vector<float>(4, 2));

  be.upload(as_const(pinned.all()), from_pinned.all());
  pinned.mark(be.stream());
  pinned.wait();
  std::fill_n(pinned.all().data, 4, 3.0f);
  CHECK(fetch(be, from_pinned) == std::vector<float>(4, 2));
}

TEST_CASE("emulation: the host cannot touch device memory, before or after work on it") {
  backend_f be;
  const auto block = be.allocate<float>(16);
  fill(be, block.all(), 1);
  be.wait();
  volatile float* const p = block.all().data;
  CHECK(dies([&] { static_cast<void>(p[3]); }));
  CHECK(dies([&] { p[3] = 1; }));
  CHECK_FALSE(dies([&] { be.wait(); }));
}

TEST_CASE("emulation: fresh memory is NaN") {
  backend_f be;
  CHECK(std::isnan(fetch(be, be.allocate<float>(3))[2]));
  CHECK(std::isnan(fetch(be, be.allocate<double>(3))[2]));
}

TEST_CASE("emulation: a write behind an allocation breaks the device") {
  const usual_device device;
  backend_f be;
  const auto out = be.allocate<int>(5);
  const auto write = [&] {
    cuda::launch("the launch", write_behind_kernel, 1, 1, be.stream(), out.all().data, 5);
  };
#if defined(SSL_EMULATION_ASAN)  // stops at the write itself
  CHECK(dies([&] {
    write();
    be.wait();
  }));
#else
  write();
  CHECK(refusal([&] { be.wait(); }).find("cudaErrorIllegalAddress") != std::string::npos);
  CHECK(emulation::recover() == "something wrote 0 bytes behind an allocation of 20 bytes\n");
#endif
}

TEST_CASE("emulation: a matrix that is not on the device breaks it, a wrong leading dimension is refused") {
  const usual_device device;
  backend_f be;
  std::vector<float> host(9);
  const auto out = be.allocate<float>(9);
  const matrix_view<const float, device_space> here{host.data(), 3, 3, 3};
  be.gemm<float>(trans::no, trans::no, 1, here, here, 0, out.as(3, 3));
  CHECK(refusal([&] { be.wait(); }).find("cudaErrorIllegalAddress") != std::string::npos);
  CHECK(emulation::recover() == "gemm was given a matrix that is not in device memory\n");

  cublasHandle_t blas = nullptr;
  REQUIRE(cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS);
  const float one = 1;
  CHECK(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 3, 3, 3, &one, here.data, 2, here.data, 3, &one,
                    out.all().data, 3) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(cublasDestroy(blas) == CUBLAS_STATUS_SUCCESS);
  CHECK(cublasDestroy(blas) == CUBLAS_STATUS_NOT_INITIALIZED);
}

TEST_CASE("emulation: products of bf16 round their results once") {
  backend_f be;
  // 1 + 2^-7 is a bf16; its square is 1 + 2^-6 + 2^-14, which rounds to 1 + 2^-6.
  const auto a = send(be, std::vector<std::uint16_t>{0x3F81});
  const auto c = be.allocate<std::uint16_t>(1);
  const auto wide = be.allocate<float>(1);
  cublasHandle_t blas = nullptr;
  REQUIRE(cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS);
  REQUIRE(cublasSetStream(blas, be.stream()) == CUBLAS_STATUS_SUCCESS);
  const float one = 1, zero = 0;
  const auto multiply = [&](void* out, cudaDataType type) {
    return cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_T, 1, 1, 1, &one, a.all().data, CUDA_R_16BF, 1,
                        a.all().data, CUDA_R_16BF, 1, &zero, out, type, 1, CUBLAS_COMPUTE_32F,
                        CUBLAS_GEMM_DEFAULT);
  };
  CHECK(multiply(c.all().data, CUDA_R_16BF) == CUBLAS_STATUS_SUCCESS);
  CHECK(multiply(wide.all().data, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS);
  CHECK(multiply(wide.all().data, CUDA_R_64F) == CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(fetch(be, c)[0] == 0x3F82);
  CHECK(fetch(be, wide)[0] == 1.0f + 0x1p-6f + 0x1p-14f);
  cublasDestroy(blas);
}

}  // namespace ssl::test
