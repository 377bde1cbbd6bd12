#pragma once
// SPDX-License-Identifier: MIT

/// The batches of a run, one after another, in a backend's memory: in the order of the loader, from the
/// collection's copy there, from the host, or from threads that read ahead.

#include <cstdint>
#include <optional>
#include <string>

#include "ssl/data/batch_source.hpp"
#include "ssl/data/loader.hpp"
#include "ssl/data/prefetch.hpp"

namespace ssl {

/// Where batches come from and who reads them.
struct stream_options {
  residence images = residence::automatic;
  int workers =
      0;  // threads that read ahead; of no use, and not started, where the images live with the backend
};

/// Refers to the backend and the collection.
template <Backend B, Dataset D>
class batch_stream {
 public:
  /// For `epochs` passes. Throws what loader, batch_source and prefetcher throw, option_error for a negative
  /// number of workers.
  batch_stream(B& be, const D& data, index batch, index epochs, rng_key key, stream_options options = {})
      : loader_(data, batch, key), source_(be, data, batch, options.images) {
    if (options.workers < 0)
      throw option_error("ssl::batch_stream: workers is " + std::to_string(options.workers) +
                         ", expected at least 0");
    if (options.workers > 0 && !source_.resident())
      ahead_.emplace(data, batch, key, steps_per_epoch() * epochs, options.workers);
  }

  index steps_per_epoch() const { return loader_.steps_per_epoch(); }

  /// bytes (h w c, n) = the next batch, names (n, 1) = its images' numbers; queued. Returns the key of its
  /// crops and colours.
  rng_key next(matrix_view<std::uint8_t, typename B::space> bytes,
               matrix_view<index, typename B::space> names) {
    if (!ahead_) {
      source_.load(loader_.next(), bytes, names);
      return loader_.key();
    }
    const auto& batch = ahead_->next();
    source_.send(batch.ids, batch.pixels, bytes, names);
    return batch.key;
  }

 private:
  loader<D> loader_;
  batch_source<B, D> source_;
  std::optional<prefetcher<D>> ahead_;
};

}  // namespace ssl
