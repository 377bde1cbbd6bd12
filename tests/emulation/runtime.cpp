// The CUDA runtime without a GPU: streams, events, memory, errors.

#include <cuda_runtime.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "emulation/device.hpp"

#if defined(SSL_EMULATION_ASAN)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, bytes) static_cast<void>(start)
#define ASAN_UNPOISON_MEMORY_REGION(start, bytes) static_cast<void>(start)
#endif

struct CUstream_st {
  std::deque<std::function<void()>> queue;
  std::uint64_t done = 0;
  std::uint64_t queued() const { return done + queue.size(); }
};
struct CUevent_st {
  cudaStream_t stream = nullptr;  // null before the first record
  std::uint64_t place = 0;
};

namespace ssl::test::emulation {
namespace {

constexpr std::size_t region_bytes = std::size_t{1} << 36;
constexpr std::size_t huge_page = std::size_t{1} << 21;  // a protection changes faster where pages are few
constexpr std::size_t guard_bytes = 256;
constexpr unsigned char guard_byte = 0xA5, fresh_byte = 0xFF;  // the latter: NaN, and -1
constexpr std::size_t many_bytes = std::size_t{1} << 20;

struct runtime {
  std::recursive_mutex mutex;
  char* region = nullptr;
  std::size_t used = 0;  // of the region, so far
  int open = 0;
  std::map<char*, std::size_t> live;       // what was asked for
  std::multimap<std::size_t, char*> free;  // by size, guard included
  std::map<char*, std::size_t> sizes;      // guard included, for good
  std::map<char*, std::size_t> pinned;
  std::set<cudaStream_t> streams;
  std::set<cudaEvent_t> events;
  CUstream_st default_stream;
  std::ptrdiff_t library_objects = 0;

  std::size_t limit = std::size_t{64} << 30, held = 0, peak = 0;
  timing when = timing::late;
  bool stage_late = false;
  std::uint64_t random = 1;
  cudaError_t last = cudaSuccess, sticky = cudaSuccess;
  struct failure {
    call where;
    int status;
    std::size_t after;
  };
  std::vector<failure> failures;
  std::string found;
  counts counted;

  runtime() {
    void* memory = mmap(nullptr, region_bytes + huge_page, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    std::size_t room = region_bytes + huge_page;
    if (memory == MAP_FAILED || std::align(huge_page, region_bytes, memory, room) == nullptr) {
      std::perror("emulation: address space for the device's memory");
      std::abort();
    }
    madvise(memory, region_bytes, MADV_HUGEPAGE);
    region = static_cast<char*>(memory);
    const auto number = [](const char* name, std::uint64_t otherwise) {
      const char* const text = std::getenv(name);
      return text ? std::strtoull(text, nullptr, 10) : otherwise;
    };
    const auto is = [](const char* name, std::string_view value) {
      const char* const text = std::getenv(name);
      return text && text == value;
    };
    limit = number("SSL_EMULATION_BYTES", std::size_t{8} << 30);
    if (is("SSL_EMULATION", "eager")) when = timing::eager;
    stage_late = is("SSL_EMULATION_STAGING", "late");
    random = number("SSL_EMULATION_SEED", 1) * 0x9E3779B97F4A7C15u;
    std::atexit([] {
      runtime& r = *all();
      std::string wrong = r.found;
      if (r.held > 0)
        wrong += "emulation: " + std::to_string(r.held) + " bytes of device memory were never freed\n";
      if (const auto n = objects_held(); n > 0)
        wrong +=
            "emulation: " + std::to_string(n) + " streams, events, handles or page-locked blocks were left\n";
      if (wrong.empty()) return;
      std::fflush(stdout);
      std::fputs((wrong + "emulation: the program failed\n").c_str(), stderr);
      std::_Exit(1);
    });
  }
  static runtime* all() {
    static runtime* const r = new runtime;
    return r;
  }
};

runtime& state() { return *runtime::all(); }

/// Device memory is accessible while one of these lives.
class device_access {
 public:
  device_access() { change(+1); }
  ~device_access() { change(-1); }
  device_access(const device_access&) = delete;
  device_access& operator=(const device_access&) = delete;

 private:
  static void change(int by) {
    runtime& r = state();
    if (by < 0 ? --r.open > 0 : r.open++ > 0) return;
    const std::size_t whole = (r.used + huge_page - 1) / huge_page * huge_page;
    if (whole > 0 && mprotect(r.region, whole, by > 0 ? PROT_READ | PROT_WRITE : PROT_NONE) != 0) {
      std::perror("emulation: mprotect");
      std::abort();
    }
  }
};

cudaError_t report(cudaError_t status) {
  runtime& r = state();
  if (r.sticky != cudaSuccess) status = r.sticky;
  if (status != cudaSuccess) r.last = status;
  return status;
}

void check_guard(char* memory, std::size_t bytes) {
  runtime& r = state();
  const std::size_t size = r.sizes.at(memory);
  ASAN_UNPOISON_MEMORY_REGION(memory + bytes, size - bytes);
  const std::size_t checked = std::min(size - bytes, guard_bytes);
  for (std::size_t k = 0; k < checked; ++k) {
    if (static_cast<unsigned char>(memory[bytes + k]) == guard_byte) continue;
    defect(cudaErrorIllegalAddress, "something wrote " + std::to_string(k) +
                                        " bytes behind an allocation of " + std::to_string(bytes) + " bytes");
    std::memset(memory + bytes, guard_byte, checked);
    break;
  }
  ASAN_POISON_MEMORY_REGION(memory + bytes, size - bytes);
}

void run_until(cudaStream_t stream, std::uint64_t place) {
  runtime& r = state();
  if (stream->done >= place) return;
  const device_access opened;
  while (stream->done < place && !stream->queue.empty()) {
    const auto work = std::move(stream->queue.front());
    stream->queue.pop_front();
    ++stream->done;
    if (r.sticky == cudaSuccess) work();
  }
  if (r.open == 1)
    for (const auto& [memory, bytes] : r.live) check_guard(memory, bytes);
}

void run_all(cudaStream_t stream) { run_until(stream, stream->queued()); }

cudaStream_t resolve(cudaStream_t s) { return s == nullptr ? &state().default_stream : s; }

/// Starts at `p` and reaches to the end of its allocation or page-locked block; 0 where there is none.
std::size_t room(const std::map<char*, std::size_t>& blocks, const void* p) {
  auto* const at = const_cast<char*>(static_cast<const char*>(p));
  auto found = blocks.upper_bound(at);
  if (found == blocks.begin()) return 0;
  --found;
  const auto offset = static_cast<std::size_t>(at - found->first);
  return offset < found->second ? found->second - offset : 0;
}
bool is_pinned(const void* p, std::size_t bytes) { return room(state().pinned, p) >= bytes; }
bool in_region(const void* p) {
  const auto* const at = static_cast<const char*>(p);
  return at >= state().region && at < state().region + region_bytes;
}

/// `height` lines of `width` bytes.
struct copy_job {
  char* to;
  std::size_t to_pitch;
  const char* from;
  std::size_t from_pitch, width, height;

  std::size_t to_extent() const { return (height - 1) * to_pitch + width; }
  std::size_t from_extent() const { return (height - 1) * from_pitch + width; }
  void run() const {
    for (std::size_t line = 0; line < height; ++line)
      std::memcpy(to + line * to_pitch, from + line * from_pitch, width);
  }
};

cudaError_t copy(copy_job job, cudaMemcpyKind kind, cudaStream_t stream) {
  runtime& r = state();
  if (r.sticky != cudaSuccess) return report(r.sticky);
  if (const auto status = injected(call::copy)) return report(static_cast<cudaError_t>(*status));
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (job.width == 0 || job.height == 0) return report(cudaSuccess);
  if (job.to_pitch < job.width || job.from_pitch < job.width) return report(cudaErrorInvalidValue);
  if (kind == cudaMemcpyDefault)
    kind = in_region(job.to)     ? in_region(job.from) ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice
           : in_region(job.from) ? cudaMemcpyDeviceToHost
                                 : cudaMemcpyHostToHost;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (to_device ? !on_device(job.to, job.to_extent()) : in_region(job.to))
    return report(cudaErrorInvalidValue);
  if (from_device ? !on_device(job.from, job.from_extent()) : in_region(job.from))
    return report(cudaErrorInvalidValue);

  stream = resolve(stream);
  if (kind == cudaMemcpyDeviceToHost && !is_pinned(job.to, job.to_extent())) {
    ++r.counted.pageable_downloads;
    run_all(stream);
    if (r.sticky != cudaSuccess) return report(r.sticky);
    const device_access opened;
    job.run();
  } else if (kind == cudaMemcpyHostToDevice && !is_pinned(job.from, job.from_extent())) {
    ++r.counted.pageable_uploads;
    if (r.stage_late) {
      enqueue(stream, [job] { job.run(); });
    } else {
      auto staged = std::make_shared<std::vector<char>>(job.width * job.height);
      copy_job{staged->data(), job.width, job.from, job.from_pitch, job.width, job.height}.run();
      enqueue(stream, [staged, job] {
        copy_job{job.to, job.to_pitch, staged->data(), job.width, job.width, job.height}.run();
      });
    }
  } else {
    enqueue(stream, [job] { job.run(); });
  }
  return report(cudaSuccess);
}

}  // namespace

std::unique_lock<std::recursive_mutex> lock() { return std::unique_lock(state().mutex); }

std::uint64_t draw() {
  std::uint64_t& x = state().random;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return x;
}

bool is_stream(cudaStream_t s) {
  return s == nullptr || s == &state().default_stream || state().streams.count(s) > 0;
}
bool on_device(const void* p, std::size_t bytes) { return room(state().live, p) >= bytes; }
bool broken() { return state().sticky != cudaSuccess; }
void count_dense_call() { ++state().counted.dense_calls; }
void count_object(int change) { state().library_objects += change; }

std::optional<int> injected(call where) {
  auto& failures = state().failures;
  for (auto f = failures.begin(); f != failures.end(); ++f) {
    if (f->where != where) continue;
    if (f->after-- > 0) return std::nullopt;
    const int status = f->status;
    failures.erase(f);
    return status;
  }
  return std::nullopt;
}

void defect(cudaError_t status, const std::string& what) {
  runtime& r = state();
  std::fputs(("emulation: " + what + "\n").c_str(), stderr);
  r.found += what + "\n";
  r.sticky = r.last = status;
}

void enqueue(cudaStream_t stream, std::function<void()> work) {
  stream = resolve(stream);
  stream->queue.push_back(std::move(work));
  if (state().when == timing::eager) run_all(stream);
}

void drain() {
  run_all(&state().default_stream);
  for (const cudaStream_t s : state().streams) run_all(s);
}

void launch(cudaStream_t stream, unsigned blocks, unsigned threads, std::function<void()> body) {
  const auto held = lock();
  runtime& r = state();
  if (r.sticky != cudaSuccess) return;
  if (const auto status = injected(call::launch)) return void(report(static_cast<cudaError_t>(*status)));
  if (!is_stream(stream)) return void(report(cudaErrorInvalidResourceHandle));
  if (blocks < 1 || blocks > 0x7FFFFFFFu || threads < 1 || threads > 1024)
    return void(report(cudaErrorInvalidConfiguration));
  ++r.counted.launches;
  // A fault that a test asked for belongs to this launch, whenever it runs.
  if (const auto status = injected(call::kernel)) {
    enqueue(stream, [&r, status] { r.sticky = r.last = static_cast<cudaError_t>(*status); });
    return;
  }
  enqueue(stream, [blocks, threads, body = std::move(body)] {
    gridDim = {blocks, 1, 1};
    blockDim = {threads, 1, 1};
    blockIdx = threadIdx = {0, 0, 0};
    shuffled order(blocks);
    for (unsigned k = 0; k < blocks; ++k) {
      blockIdx.x = static_cast<unsigned>(order.next());
      const std::string error = run_block(threads, body);
      if (!error.empty()) return defect(cudaErrorLaunchFailure, error);
    }
  });
}

// --- for tests
// -------------------------------------------------------------------------------------------------------

counts count() {
  const auto held = lock();
  return state().counted;
}
void reset_counts() {
  const auto held = lock();
  state().counted = {};
  state().peak = state().held;
}
std::size_t bytes_held() { return state().held; }
std::size_t bytes_peak() { return state().peak; }
std::size_t objects_held() {
  const runtime& r = state();
  return r.streams.size() + r.events.size() + r.pinned.size() + static_cast<std::size_t>(r.library_objects);
}
std::size_t pending() {
  const auto held = lock();
  std::size_t sum = state().default_stream.queue.size();
  for (const cudaStream_t s : state().streams) sum += s->queue.size();
  return sum;
}
void set_memory(std::size_t bytes) { state().limit = bytes; }
void set_timing(timing t) {
  const auto held = lock();
  drain();
  state().when = t;
}
void set_seed(std::uint64_t seed) {
  const auto held = lock();
  state().random = seed * 0x9E3779B97F4A7C15u;
}
void fail_next(call where, int status, std::size_t after) {
  const auto held = lock();
  state().failures.push_back({where, status, after});
}
std::string recover() {
  const auto held = lock();
  runtime& r = state();
  r.sticky = r.last = cudaSuccess;
  r.failures.clear();
  return std::exchange(r.found, {});
}

}  // namespace ssl::test::emulation

using namespace ssl::test::emulation;

// Every entry point: one caller at a time, and nothing works on a broken device.
#define SSL_ENTER              \
  const auto entered = lock(); \
  runtime& r = state();        \
  if (r.sticky != cudaSuccess) return report(r.sticky)

// --- errors and devices
// ----------------------------------------------------------------------------------------------

namespace {
struct error_text {
  cudaError_t status;
  const char *name, *text;
};
constexpr error_text error_texts[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidDevicePointer, "cudaErrorInvalidDevicePointer", "invalid device pointer"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
     "no kernel image is available for execution on the device"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources",
     "too many resources requested for launch"},
    {cudaErrorLaunchTimeout, "cudaErrorLaunchTimeout", "the launch timed out and was terminated"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"}};
const error_text& text_of(cudaError_t status) {
  static constexpr error_text unknown{cudaErrorUnknown, "unrecognized error code", "unrecognized error code"};
  for (const error_text& e : error_texts)
    if (e.status == status) return e;
  return unknown;
}
}  // namespace

const char* cudaGetErrorName(cudaError_t status) { return text_of(status).name; }
const char* cudaGetErrorString(cudaError_t status) { return text_of(status).text; }
cudaError_t cudaGetLastError() {
  const auto entered = lock();
  runtime& r = state();
  return r.sticky != cudaSuccess ? r.sticky : std::exchange(r.last, cudaSuccess);
}
cudaError_t cudaPeekAtLastError() {
  const auto entered = lock();
  return state().sticky != cudaSuccess ? state().sticky : state().last;
}

cudaError_t cudaGetDeviceCount(int* devices) {
  SSL_ENTER;
  *devices = 0;
  if (const auto status = injected(call::device_count)) return report(static_cast<cudaError_t>(*status));
  *devices = 1;
  return report(cudaSuccess);
}
cudaError_t cudaGetDevice(int* device) {
  SSL_ENTER;
  *device = 0;
  return report(cudaSuccess);
}
cudaError_t cudaSetDevice(int device) {
  SSL_ENTER;
  return report(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  SSL_ENTER;
  if (device != 0) return report(cudaErrorInvalidDevice);
  *p = {"emulated device", r.limit, std::size_t{48} << 10, 32, 1024, 1, 9, 0};
  return report(cudaSuccess);
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p;
  if (const cudaError_t status = cudaGetDeviceProperties(&p, device); status != cudaSuccess) return status;
  *value = attribute == cudaDevAttrMaxThreadsPerBlock       ? p.maxThreadsPerBlock
           : attribute == cudaDevAttrWarpSize               ? p.warpSize
           : attribute == cudaDevAttrMultiProcessorCount    ? p.multiProcessorCount
           : attribute == cudaDevAttrComputeCapabilityMajor ? p.major
                                                            : p.minor;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  SSL_ENTER;
  *version = CUDART_VERSION;
  return report(cudaSuccess);
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  SSL_ENTER;
  *version = CUDART_VERSION;
  return report(cudaSuccess);
}
cudaError_t cudaDeviceSynchronize() {
  SSL_ENTER;
  ++r.counted.device_waits;
  drain();
  return report(cudaSuccess);
}

// --- memory
// ----------------------------------------------------------------------------------------------------------

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  SSL_ENTER;
  ++r.counted.mallocs;
  *memory = nullptr;
  if (const auto status = injected(call::malloc)) return report(static_cast<cudaError_t>(*status));
  if (bytes == 0) return report(cudaSuccess);
  const std::size_t size = (bytes + guard_bytes + 255) / 256 * 256;
  if (bytes > r.limit || r.held > r.limit - bytes) return report(cudaErrorMemoryAllocation);
  char* found = nullptr;
  if (const auto fit = r.free.lower_bound(size); fit != r.free.end() && fit->first <= 2 * size) {
    found = fit->second;
    r.free.erase(fit);
  } else {
    if (size > region_bytes - r.used) return report(cudaErrorMemoryAllocation);
    found = r.region + r.used;
    r.used += size;
    r.sizes[found] = size;
  }
  const device_access opened;
  const std::size_t whole = r.sizes[found];
  ASAN_UNPOISON_MEMORY_REGION(found, whole);
  std::memset(found, fresh_byte, bytes);
  std::memset(found + bytes, guard_byte, std::min(whole - bytes, guard_bytes));
  ASAN_POISON_MEMORY_REGION(found + bytes, whole - bytes);
  r.live[found] = bytes;
  r.held += bytes;
  r.peak = std::max(r.peak, r.held);
  *memory = found;
  return report(cudaSuccess);
}

cudaError_t cudaFree(void* memory) {
  const auto entered = lock();
  runtime& r = state();
  ++r.counted.frees;
  if (memory == nullptr) return report(cudaSuccess);
  drain();
  const auto block = r.live.find(static_cast<char*>(memory));
  if (block == r.live.end()) return report(cudaErrorInvalidValue);
  const auto [start, bytes] = *block;
  const std::size_t whole = r.sizes[start];
  {
    const device_access opened;
    check_guard(start, bytes);
    if (whole < many_bytes) std::memset(start, fresh_byte, bytes);
  }
  if (whole >= many_bytes) {  // gives the pages back
    const std::size_t page = 4096;
    auto first = reinterpret_cast<std::uintptr_t>(start), last = first + whole;
    first = (first + page - 1) / page * page;
    last = last / page * page;
    madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  }
  ASAN_POISON_MEMORY_REGION(start, whole);
  r.held -= bytes;
  r.live.erase(block);
  r.free.emplace(whole, start);
  return report(cudaSuccess);
}

cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  SSL_ENTER;
  *memory = nullptr;
  if (const auto status = injected(call::malloc_host)) return report(static_cast<cudaError_t>(*status));
  if (bytes == 0) return report(cudaSuccess);
  *memory = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (*memory == nullptr) return report(cudaErrorMemoryAllocation);
  std::memset(*memory, fresh_byte, bytes);
  r.pinned[static_cast<char*>(*memory)] = bytes;
  return report(cudaSuccess);
}
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned) {
  return cudaMallocHost(memory, bytes);
}
cudaError_t cudaFreeHost(void* memory) {
  const auto entered = lock();
  runtime& r = state();
  if (memory == nullptr) return report(cudaSuccess);
  drain();
  if (r.pinned.erase(static_cast<char*>(memory)) == 0) return report(cudaErrorInvalidValue);
  std::free(memory);
  return report(cudaSuccess);
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  SSL_ENTER;
  *total = r.limit;
  *free = r.limit - std::min(r.limit, r.held);
  return report(cudaSuccess);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const auto entered = lock();
  return copy({static_cast<char*>(to), bytes, static_cast<const char*>(from), bytes, bytes, 1}, kind, stream);
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  const auto entered = lock();
  return copy({static_cast<char*>(to), to_pitch, static_cast<const char*>(from), from_pitch, width, height},
              kind, stream);
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const cudaError_t status = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return status == cudaSuccess ? cudaStreamSynchronize(nullptr) : status;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  SSL_ENTER;
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (bytes > 0 && !on_device(to, bytes)) return report(cudaErrorInvalidValue);
  if (bytes > 0) enqueue(stream, [=] { std::memset(to, value, bytes); });
  return report(cudaSuccess);
}
cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  return cudaMemsetAsync(to, value, bytes, nullptr);
}

// --- streams and events
// ----------------------------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  SSL_ENTER;
  *stream = nullptr;
  if (const auto status = injected(call::stream_create)) return report(static_cast<cudaError_t>(*status));
  *stream = new CUstream_st;
  r.streams.insert(*stream);
  return report(cudaSuccess);
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const auto entered = lock();
  runtime& r = state();
  if (r.streams.count(stream) == 0) return report(cudaErrorInvalidResourceHandle);
  run_all(stream);
  for (const cudaEvent_t e : r.events)
    if (e->stream == stream) e->stream = nullptr;
  r.streams.erase(stream);
  delete stream;
  return report(cudaSuccess);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  SSL_ENTER;
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  ++r.counted.stream_waits;
  run_all(resolve(stream));
  return report(cudaSuccess);
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  SSL_ENTER;
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  const bool done = resolve(stream)->queue.empty();
  run_all(resolve(stream));  // so that asking again and again ends
  if (r.sticky != cudaSuccess) return report(r.sticky);
  return done ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  SSL_ENTER;
  if (!is_stream(stream) || r.events.count(event) == 0) return report(cudaErrorInvalidResourceHandle);
  if (event->stream != nullptr)
    enqueue(stream, [other = event->stream, place = event->place] {
      if (is_stream(other)) run_until(other, place);
    });
  return report(cudaSuccess);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  SSL_ENTER;
  *event = nullptr;
  if (const auto status = injected(call::event_create)) return report(static_cast<cudaError_t>(*status));
  *event = new CUevent_st;
  r.events.insert(*event);
  return report(cudaSuccess);
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const auto entered = lock();
  if (state().events.erase(event) == 0) return report(cudaErrorInvalidResourceHandle);
  delete event;
  return report(cudaSuccess);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  SSL_ENTER;
  if (!is_stream(stream) || r.events.count(event) == 0) return report(cudaErrorInvalidResourceHandle);
  event->stream = resolve(stream);
  event->place = event->stream->queued();
  return report(cudaSuccess);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  SSL_ENTER;
  if (r.events.count(event) == 0) return report(cudaErrorInvalidResourceHandle);
  ++r.counted.event_waits;
  if (event->stream != nullptr && event->stream->done < event->place) {
    ++r.counted.unfinished_event_waits;
    run_until(event->stream, event->place);
  }
  return report(cudaSuccess);
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  SSL_ENTER;
  if (r.events.count(event) == 0) return report(cudaErrorInvalidResourceHandle);
  if (event->stream == nullptr || event->stream->done >= event->place) return report(cudaSuccess);
  run_until(event->stream, event->place);
  return r.sticky != cudaSuccess ? report(r.sticky) : cudaErrorNotReady;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  SSL_ENTER;
  *milliseconds = 0;
  return report(cudaSuccess);
}
