#pragma once
// SPDX-License-Identifier: MIT

/// Memory of the GPU backend: owned device blocks that know what they are for, and host blocks that uploads
/// leave without waiting.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "ssl/backend/cuda/handles.cuh"
#include "ssl/core/view.hpp"

namespace ssl {

namespace cuda {

/// Bytes that are held on the device, by purpose.
class ledger {
 public:
  void add(const std::string& purpose, index bytes) { held_[purpose] += bytes; }
  void remove(const std::string& purpose, index bytes) { held_[purpose] -= bytes; }
  index total() const {
    index sum = 0;
    for (const auto& [purpose, bytes] : held_) sum += bytes;
    return sum;
  }
  /// "1.5 GB for the activations, 40 MB for scratch", the largest first.
  std::string text() const {
    std::multimap<index, std::string, std::greater<>> by_size;
    for (const auto& [purpose, bytes] : held_)
      if (bytes > 0) by_size.emplace(bytes, purpose);
    std::string out;
    for (const auto& [bytes, purpose] : by_size)
      out += (out.empty() ? "" : ", ") + bytes_text(static_cast<double>(bytes)) + " for " + purpose;
    return out.empty() ? "nothing" : out;
  }

 private:
  std::map<std::string, index> held_;
};

}  // namespace cuda

/// Owned device memory, uninitialised. Freed when no work on the device can still use it.
template <class T>
class device_buffer {
 public:
  device_buffer() = default;
  /// Throws out_of_memory with what was asked for, what is free, and what the ledger's other blocks hold.
  device_buffer(index count, const std::string& purpose, std::shared_ptr<cuda::ledger> book) : count_(count) {
    if (count == 0) return;
    void* memory = nullptr;
    const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
    const cudaError_t status = cudaMalloc(&memory, bytes);
    if (status == cudaErrorMemoryAllocation) refuse(static_cast<double>(bytes), purpose, *book);
    cuda::require_success(status, "cudaMalloc");
    book->add(purpose, static_cast<index>(bytes));
    data_ = {static_cast<T*>(memory), release{purpose, static_cast<index>(bytes), std::move(book)}};
  }

  /// Everything as one column (count, 1).
  matrix_view<T, device_space> all() const { return {data_.get(), count_, 1, count_}; }
  /// The first rows * cols elements as a matrix.
  matrix_view<T, device_space> as(index rows, index cols) const { return {data_.get(), rows, cols, rows}; }
  index size() const { return count_; }

 private:
  struct release {
    std::string purpose;
    index bytes = 0;
    std::shared_ptr<cuda::ledger> book;
    void operator()(T* p) const {
      cudaFree(p);
      book->remove(purpose, bytes);
    }
  };

  [[noreturn]] static void refuse(double bytes, const std::string& purpose, const cuda::ledger& book) {
    cudaGetLastError();
    std::size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    throw out_of_memory("ssl: out of GPU memory: " + bytes_text(bytes) + " were asked for " + purpose + ", " +
                        bytes_text(static_cast<double>(free)) + " of the device's " +
                        bytes_text(static_cast<double>(total)) + " are free; this backend holds " +
                        book.text());
  }

  std::unique_ptr<T, release> data_;
  index count_ = 0;
};

/// Page-locked host memory: an upload from it is queued and the host goes on. `mark` after the last upload,
/// `wait` before the next write.
template <class T>
class pinned_buffer {
 public:
  explicit pinned_buffer(index count) : count_(count) {
    void* memory = nullptr;
    cuda::require_success(
        cudaMallocHost(&memory, static_cast<std::size_t>(count > 0 ? count : 1) * sizeof(T)),
        "cudaMallocHost");
    data_.reset(static_cast<T*>(memory));
    cudaEvent_t event = nullptr;
    cuda::require_success(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
    sent_.reset(event);
  }
  pinned_buffer(pinned_buffer&&) = default;
  pinned_buffer& operator=(pinned_buffer&&) = delete;
  /// The device may still be reading.
  ~pinned_buffer() {
    if (sent_) cudaEventSynchronize(sent_.get());
  }

  matrix_view<T, host_space> all() const { return {data_.get(), count_, 1, count_}; }
  /// Everything queued on `stream` so far has been read when `wait` returns.
  void mark(cudaStream_t stream) {
    cuda::require_success(cudaEventRecord(sent_.get(), stream), "cudaEventRecord");
  }
  /// Returns at once where nothing was marked.
  void wait() { cuda::require_success(cudaEventSynchronize(sent_.get()), "the upload to the device"); }

 private:
  struct release {
    void operator()(T* p) const { cudaFreeHost(p); }
  };
  std::unique_ptr<T, release> data_;
  cuda::handles::owned<cudaEvent_t, &cudaEventDestroy> sent_;
  index count_;
};

}  // namespace ssl
