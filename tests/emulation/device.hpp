#pragma once
/// What the emulation's parts know of each other; tests want emulation.hpp.

#include <cuda_runtime.h>

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "emulation/emulation.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define SSL_EMULATION_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SSL_EMULATION_ASAN 1
#endif
#endif

namespace ssl::test::emulation {

/// Held by every entry point.
std::unique_lock<std::recursive_mutex> lock();

/// Queues `body`, which is called once a thread.
void launch(cudaStream_t, unsigned blocks, unsigned threads, std::function<void()> body);
/// Queues work that may touch device memory.
void enqueue(cudaStream_t, std::function<void()> work);
/// Runs everything.
void drain();

bool is_stream(cudaStream_t);
/// Whether all of [p, p + bytes) is in one live allocation.
bool on_device(const void* p, std::size_t bytes);
/// The failure that is injected into this call, if one is.
std::optional<int> injected(call);
/// Whether the device is broken.
bool broken();
/// Says what is wrong and breaks the device.
void defect(cudaError_t, const std::string& what);
void count_dense_call();
void count_object(int change);

/// Uniform numbers of the seed.
std::uint64_t draw();

/// Runs the threads of one block, body() once for each. Returns what went wrong, or nothing.
std::string run_block(unsigned threads, const std::function<void()>& body);

/// A permutation of [0, n) that costs nothing to hold: k -> (first + k step) mod n.
class shuffled {
 public:
  explicit shuffled(std::uint64_t n);
  std::uint64_t next() {
    const std::uint64_t now = at_;
    at_ = at_ >= n_ - step_ ? at_ - (n_ - step_) : at_ + step_;
    return now;
  }

 private:
  std::uint64_t n_, at_ = 0, step_ = 1;
};

}  // namespace ssl::test::emulation
