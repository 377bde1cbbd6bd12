#pragma once
// SPDX-License-Identifier: MIT

/// Batches prepared ahead of the step that needs them, by threads of their own.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/core/random.hpp"
#include "ssl/data/dataset.hpp"
#include "ssl/data/joined_threads.hpp"
#include "ssl/data/loader.hpp"

namespace ssl {

/// The first `steps` batches of a loader, read by `workers` threads into at most 2 workers + 1 batches of
/// memory:
///
///     prefetcher batches(data, 256, {.seed = 1}, steps, 4);
///     for (index s = 0; s < steps; ++s) learn(batches.next());
///
/// A worker reads a whole batch at a time; which one reads it, and how many there are, changes no bit of it
/// and not the order. What a collection throws while it is read comes out of `next` of that batch, in the
/// caller's thread. The destructor ends the workers where they are, after the image in work. Refers to the
/// collection, which is read from several threads at once. Allocates only on construction.
template <Dataset D>
class prefetcher {
 public:
  /// A batch as `loader` gives it.
  struct batch {
    rng_key key{};                     // the epoch that crops and colours are drawn from
    std::vector<index> ids;            // n image numbers
    std::vector<std::uint8_t> pixels;  // (h w c, n)
  };

  /// Throws what `loader` throws; option_error unless there is a worker and no negative number of steps;
  /// backend_error where a thread cannot be started.
  prefetcher(const D& data, index batch_size, rng_key key, index steps, int workers)
      : data_(&data), loader_(data, batch_size, key), steps_(steps) {
    if (workers < 1 || steps < 0)
      throw option_error("ssl::prefetcher: workers is " + std::to_string(workers) + ", steps " +
                         std::to_string(steps) + "; expected at least 1 and 0");
    slots_.resize(static_cast<std::size_t>(2 * workers + 1));
    for (slot& s : slots_) {
      s.content.ids.resize(static_cast<std::size_t>(batch_size));
      s.content.pixels.resize(static_cast<std::size_t>(batch_size * data.shape().size()));
    }
    try {
      for (int k = 0; k < workers; ++k) workers_.start([this] { work(); });
    } catch (const std::system_error& e) {
      stop();
      throw backend_error("ssl::prefetcher: worker " + std::to_string(workers_.size() + 1) + " of " +
                          std::to_string(workers) + " could not be started: " + e.what());
    }
  }

  prefetcher(const prefetcher&) = delete;
  prefetcher& operator=(const prefetcher&) = delete;
  ~prefetcher() { stop(); }

  /// The next batch; waits until it is there. Valid until the next call. Throws option_error after the last,
  /// and what the collection threw.
  const batch& next() {
    std::unique_lock lock(mutex_);
    if (handed_out_ == steps_)
      throw option_error("ssl::prefetcher: batch " + std::to_string(steps_ + 1) +
                         " was asked for, expected at most " + std::to_string(steps_));
    released_ = handed_out_;
    room_.notify_all();
    slot& s = at(handed_out_);
    ready_.wait(lock, [&] { return s.holds == handed_out_; });
    if (s.error) std::rethrow_exception(s.error);
    ++handed_out_;
    return s.content;
  }

 private:
  struct slot {
    batch content;
    index holds = -1;  // the batch that is read to its end
    std::exception_ptr error;
  };

  slot& at(index step) { return slots_[static_cast<std::size_t>(step) % slots_.size()]; }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    room_.notify_all();
  }

  void work() {
    const auto size = static_cast<std::size_t>(data_->shape().size());
    for (;;) {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [&] {
        return stopped_ || claimed_ == steps_ || claimed_ < released_ + static_cast<index>(slots_.size());
      });
      if (stopped_ || claimed_ == steps_) return;
      const index step = claimed_++;
      slot& s = at(step);
      const std::span<const index> ids = loader_.next();
      std::copy(ids.begin(), ids.end(), s.content.ids.begin());
      s.content.key = loader_.key();
      lock.unlock();
      try {
        for (std::size_t k = 0; k < s.content.ids.size(); ++k) {
          if (stopped_) return;
          read_image(*data_, s.content.ids[k], std::span(s.content.pixels).subspan(k * size, size));
        }
      } catch (...) {
        s.error = std::current_exception();
      }
      lock.lock();
      s.holds = step;
      lock.unlock();
      ready_.notify_one();
    }
  }

  const D* data_;
  std::mutex mutex_;               // of all below but the contents of slots
  std::condition_variable room_;   // a slot became free
  std::condition_variable ready_;  // a slot was filled
  std::atomic<bool> stopped_{false};
  loader<D> loader_;
  index steps_, claimed_ = 0, handed_out_ = 0, released_ = 0;
  std::vector<slot> slots_;  // batch s goes through slot s modulo their number
  joined_threads workers_;   // last: joined before the rest goes
};

}  // namespace ssl
