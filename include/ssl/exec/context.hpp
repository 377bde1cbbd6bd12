#pragma once
// SPDX-License-Identifier: MIT

/// What a step runs in: a backend, a communicator, and scratch memory.

#include <cstddef>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/exec/communicator.hpp"

namespace ssl {

/// Scratch memory: take, mark, release, like a stack. It grows while the first step runs and settles into one
/// block at the next full release; after that a step of the same shape allocates nothing. Nobody has to
/// promise a size beforehand, so nobody can promise too little. What was taken keeps its address until it is
/// released.
template <Backend B>
class arena {
 public:
  struct mark_type {
    std::size_t block = 0;
    index top = 0;
  };

  explicit arena(B& be) : be_(&be) {}

  /// A (rows, cols) matrix of uninitialised T, aligned to 64 bytes.
  template <class T>
  matrix_view<T, typename B::space> take(index rows, index cols) {
    const index bytes = (rows * cols * static_cast<index>(sizeof(T)) + 63) / 64 * 64;
    while (current_ < blocks_.size() && top_ + bytes > size_[current_]) {
      ++current_;
      top_ = 0;
    }
    if (current_ == blocks_.size()) grow(bytes);
    auto* start = blocks_[current_].all().data + top_;
    top_ += bytes;
    used_ = used_ < before(current_) + top_ ? before(current_) + top_ : used_;
    return {reinterpret_cast<T*>(start), rows, cols, rows};
  }

  mark_type mark() const { return {current_, top_}; }

  void release(mark_type m) {
    current_ = m.block;
    top_ = m.top;
    if (current_ == 0 && top_ == 0 && blocks_.size() > 1) settle();
  }

  /// The most bytes that were ever in use at once.
  index high_water() const { return used_; }

 private:
  using buffer = decltype(std::declval<B&>().template allocate<std::byte>(index{}));

  index before(std::size_t block) const {
    index sum = 0;
    for (std::size_t k = 0; k < block; ++k) sum += size_[k];
    return sum;
  }

  void grow(index bytes) {
    const index doubled = 2 * before(size_.size());
    const index count = bytes > doubled ? bytes : doubled;
    blocks_.push_back(allocate<std::byte>(*be_, count, "scratch"));
    size_.push_back(count);
    top_ = 0;
  }

  /// Runs from destructors, so it keeps a failure to itself: a device's error shows at the next wait, and
  /// memory that cannot be allocated is asked for again by the next take.
  void settle() noexcept {
    const index needed = used_;  // less than the blocks that doubling has made
    try {
      be_->wait();
      blocks_.clear();
      size_.clear();
      grow(needed);
    } catch (const error&) {
    }
  }

  B* be_;
  std::vector<buffer> blocks_;
  std::vector<index> size_;
  std::size_t current_ = 0;
  index top_ = 0, used_ = 0;
};

/// Whether layers learn statistics from the batch (train) or use the running ones (eval).
enum class mode { train, eval };

/// Verbs take a backend; everything above them takes a context.
template <Backend B, class C = single<B>>
requires Communicator<C, B>
struct context {
  using backend = B;
  using communicator = C;
  using scalar = typename B::scalar;
  using space = typename B::space;
  using matrix = view<B>;
  using const_matrix = cview<B>;

  B& be;
  C& comm;
  arena<B>& scratch;
  mode phase = mode::train;

  /// Uninitialised scratch until the enclosing `scratch_scope` ends.
  matrix take(index rows, index cols) { return scratch.template take<scalar>(rows, cols); }
  accumulator_view<B> take_accumulator(index rows, index cols) {
    return scratch.template take<double>(rows, cols);
  }
};

/// Releases on leaving a block what was taken inside it.
template <class Ctx>
class scratch_scope {
 public:
  explicit scratch_scope(Ctx& ctx) : ctx_(&ctx), mark_(ctx.scratch.mark()) {}
  ~scratch_scope() { ctx_->scratch.release(mark_); }
  scratch_scope(const scratch_scope&) = delete;
  scratch_scope& operator=(const scratch_scope&) = delete;

 private:
  Ctx* ctx_;
  typename arena<typename Ctx::backend>::mark_type mark_;
};

/// Backend, communicator and arena of a program that runs in one process: the shortest way to a context.
///
///     workspace<eigen_backend<float>> work;
///     auto values = value_and_gradient(work.ctx(), loss, ...);
template <Backend B>
class workspace {
 public:
  explicit workspace(B be = B{}) : be_(std::move(be)), scratch_(be_) {}
  workspace(const workspace&) = delete;
  workspace& operator=(const workspace&) = delete;

  context<B> ctx(mode phase = mode::train) { return {be_, comm_, scratch_, phase}; }
  B& backend() { return be_; }
  const arena<B>& scratch() const { return scratch_; }

 private:
  B be_;
  single<B> comm_;
  arena<B> scratch_;
};

}  // namespace ssl
