#pragma once
// SPDX-License-Identifier: MIT

/// Host memory that is filled every step and sent to the backend, without the host waiting for the device.

#include <span>
#include <type_traits>
#include <vector>

#include "ssl/backend/verbs.hpp"

namespace ssl {

/// A backend with memory that uploads leave without waiting.
template <class B, class T>
concept PinningBackend = requires(B& be, index count) {
  be.template allocate_pinned<T>(count).wait();
  be.template allocate_pinned<T>(count).mark(be.stream());
};

/// `count` values, sent again and again:
///
///     upload_stage<B, index> names(be, n);
///     auto host = names.next();   // to be written
///     names.send(ids);            // queued; host may be forgotten
///
/// On a device two page-locked blocks take turns, so `next` waits only for the upload of two turns ago. On a
/// CPU it is one block, and `send` copies.
template <Backend B, class T>
class upload_stage {
 public:
  upload_stage(B& be, index count) : be_(&be), count_(count) {
    if constexpr (PinningBackend<B, T>) {
      for (int k = 0; k < 2; ++k) blocks_.push_back(be.template allocate_pinned<T>(count));
    } else {
      blocks_.resize(static_cast<std::size_t>(count));
    }
  }

  std::span<T> next() {
    if constexpr (PinningBackend<B, T>) {
      turn_ = 1 - turn_;
      blocks_[turn_].wait();
    }
    return {host().data, static_cast<std::size_t>(count_)};
  }

  /// to (rows, cols) = what was written, column by column; rows * cols must be `count`.
  void send(matrix_view<T, typename B::space> to) {
    detail::demand(
        to.size() == count_, "upload_stage",
        "the target is " + detail::extent(to) + ", expected " + std::to_string(count_) + " values in all");
    be_->upload(as_const(host().reshaped(to.rows, to.cols)), to);
    if constexpr (PinningBackend<B, T>) blocks_[turn_].mark(be_->stream());
  }

 private:
  template <class Memory>
  struct pinned_blocks {
    using type = std::vector<decltype(std::declval<Memory&>().template allocate_pinned<T>(index{}))>;
  };
  struct plain_block {
    using type = std::vector<T>;
  };

  matrix_view<T, host_space> host() {
    if constexpr (PinningBackend<B, T>) {
      return blocks_[turn_].all();
    } else {
      return {blocks_.data(), count_, 1, count_};
    }
  }

  B* be_;
  index count_;
  std::size_t turn_ = 0;
  typename std::conditional_t<PinningBackend<B, T>, pinned_blocks<B>, plain_block>::type blocks_;
};

}  // namespace ssl
