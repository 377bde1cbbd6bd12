#pragma once
// SPDX-License-Identifier: MIT

/// Batches of image numbers, epoch after epoch, in an order that is a pure function of (seed, epoch).

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/core/random.hpp"
#include "ssl/data/dataset.hpp"

namespace ssl {

/// The order of epoch `key.epoch`: writes a permutation of 0 ... order.size() - 1, uniform over all
/// permutations (Fisher-Yates; good for up to 2^26 images).
inline void shuffle(rng_key key, std::span<index> order) {
  std::iota(order.begin(), order.end(), index{0});
  random_stream draw(key, 0, 0, purpose::shuffle);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[static_cast<std::size_t>(draw.below(static_cast<index>(i)))]);
}

/// Walks through a collection in batches:
///
///     loader batches(data, 256, {.seed = 1});
///     for (index step = 0; step < 10 * batches.steps_per_epoch(); ++step) {
///       auto images = batches.next();   // 256 image numbers
///       batches.gather(pixels);         // their bytes, channel-last: (h * w * c, 256)
///     }
///
/// `key.epoch` is the first epoch's number. With `drop_last` every batch has the same size and the images
/// left over wait for another epoch's order; without, the last batch of an epoch is shorter. Refers to the
/// collection, which must outlive it. Allocates only on construction.
template <Dataset D>
class loader {
 public:
  /// Throws option_error unless 1 <= batch, and batch <= size when the last batch is dropped; data_error if
  /// there is no image.
  loader(const D& data, index batch, rng_key key, bool drop_last = true)
      : data_(&data), batch_(batch), start_(key), drop_last_(drop_last) {
    if (batch < 1) throw option_error("loader: batch is " + std::to_string(batch) + ", expected at least 1");
    if (data.size() < 1) throw data_error("loader: there is no image to load");
    if (drop_last && batch > data.size())
      throw option_error("loader: batch is " + std::to_string(batch) + ", expected at most the " +
                         std::to_string(data.size()) + " images that there are");
    order_.resize(static_cast<std::size_t>(data.size()));
    shuffle(start_, order_);
  }

  index batch() const { return batch_; }
  image_shape shape() const { return data_->shape(); }
  index steps_per_epoch() const {
    return drop_last_ ? data_->size() / batch_ : (data_->size() - 1) / batch_ + 1;
  }

  /// Batches handed out so far, counted from the first epoch.
  index step() const { return step_; }
  /// (seed, epoch) of the batch that `next` gave last: what crops and colours of these images are drawn from.
  rng_key key() const { return epoch_key(shuffled_); }

  /// The numbers of the next batch's images; valid until the next call. A new epoch brings a new order.
  std::span<const index> next() {
    const index epoch = step_ / steps_per_epoch();
    if (epoch != shuffled_) {
      shuffle(epoch_key(epoch), order_);
      shuffled_ = epoch;
    }
    const index first = step_ % steps_per_epoch() * batch_;
    const index count = std::min(batch_, data_->size() - first);
    ++step_;
    current_ = std::span<const index>(order_).subspan(static_cast<std::size_t>(first),
                                                      static_cast<std::size_t>(count));
    return current_;
  }

  /// Copies the images of the last `next` into `out`, one after another: (h * w * c, images). Throws
  /// shape_error unless `out` has exactly that size.
  void gather(std::span<std::uint8_t> out) const {
    const auto size = static_cast<std::size_t>(data_->shape().size());
    if (out.size() != current_.size() * size)
      throw shape_error("loader::gather: out has " + std::to_string(out.size()) + " bytes, expected " +
                        std::to_string(current_.size()) + " images of " + std::to_string(size) + " bytes");
    for (std::size_t k = 0; k < current_.size(); ++k)
      read_image(*data_, current_[k], out.subspan(k * size, size));
  }

  /// Continues as if `step` batches had been handed out: the following batches are those of an uninterrupted
  /// run.
  void seek(index step) {
    if (step < 0)
      throw option_error("loader::seek: step is " + std::to_string(step) + ", expected at least 0");
    step_ = step;
    current_ = {};
  }

 private:
  rng_key epoch_key(index epoch) const {
    return {start_.seed, start_.epoch + static_cast<std::uint32_t>(epoch)};
  }

  const D* data_;
  index batch_;
  rng_key start_;
  bool drop_last_;
  index step_ = 0, shuffled_ = 0;
  std::vector<index> order_;
  std::span<const index> current_;
};

}  // namespace ssl
