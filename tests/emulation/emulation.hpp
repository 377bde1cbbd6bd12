#pragma once
/// CUDA on a machine without a GPU: what a test may ask of it and do to it. The library's CUDA headers are
/// compiled by the host compiler against the headers in include/; runtime.cpp, threads.cpp and dense.cpp
/// stand behind them.
///
/// Work on a stream runs when the host waits for it, not before; a block's threads and a grid's blocks run in
/// an order that a seed chooses; device memory is unreadable for the host and full of NaNs at first.
///
/// Environment:
///   SSL_EMULATION=eager          work runs at once
///   SSL_EMULATION_SEED=<n>       another order; 0 is the natural one
///   SSL_EMULATION_BYTES=<n>      the device's memory
///   SSL_EMULATION_STAGING=late   an upload from pageable memory reads it when it runs, as a device that
///   shares the host's
///                                page table may; else it is copied before the call returns
///
/// A mistake in the use of the device (a write beside an allocation, a barrier that a part of a block misses,
/// a wrong pointer) is printed, breaks the device as a fault does (every later call fails), and fails the
/// program at exit unless `recover` took note of it.

#include <cstddef>
#include <cstdint>
#include <string>

namespace ssl::test::emulation {

/// How often the host called what, since the start or since `reset_counts`.
struct counts {
  std::size_t launches = 0, dense_calls = 0, mallocs = 0, frees = 0;
  std::size_t stream_waits = 0, event_waits = 0, device_waits = 0, pageable_uploads = 0,
              pageable_downloads = 0;
  /// Of event_waits: those whose work was not done yet.
  std::size_t unfinished_event_waits = 0;

  /// Calls at which the host may stand still.
  std::size_t blocking() const {
    return stream_waits + event_waits + device_waits + pageable_uploads + pageable_downloads + mallocs +
           frees;
  }
};
counts count();
void reset_counts();

/// Device memory that is allocated now, and the most since `reset_counts`.
std::size_t bytes_held();
std::size_t bytes_peak();
/// Streams, events, library handles, and page-locked blocks that are alive.
std::size_t objects_held();
/// Queued and not run.
std::size_t pending();

/// The device's memory from now on.
void set_memory(std::size_t bytes);
enum class timing { late, eager };
void set_timing(timing);
void set_seed(std::uint64_t);

/// Where `fail_next` strikes. `kernel` is a fault while one runs: it shows at the next wait.
enum class call {
  device_count,
  stream_create,
  event_create,
  malloc,
  malloc_host,
  copy,
  launch,
  kernel,
  blas_create,
  blas,
  solver_create,
  solver
};
/// The call after the next `after` of its kind fails with `status`, a value of the enumeration that it
/// returns.
void fail_next(call, int status, std::size_t after = 0);
/// The device works again and no injected failure is left. Returns what had been found wrong, a line each.
std::string recover();

}  // namespace ssl::test::emulation
