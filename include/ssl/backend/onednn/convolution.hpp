#pragma once
// SPDX-License-Identifier: MIT

/// oneDNN's convolution of one size, forward and both gradients, on maps of floats: its primitives, which
/// take milliseconds to make, and the memory that they ask for. For versions 2 and 3 of oneDNN, whose
/// primitives are described in two ways.

#include <algorithm>
#include <array>
#include <cstddef>
#include <dnnl.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "ssl/backend/eigen/parallel.hpp"
#include "ssl/core/conv_geometry.hpp"
#include "ssl/core/error.hpp"

namespace ssl::onednn {

/// body(), and what oneDNN throws as backend_error.
template <class Body>
auto checked(const char* what, const Body& body) {
  try {
    return body();
  } catch (const dnnl::error& e) {
    throw backend_error("ssl: oneDNN refused " + std::string(what) + ": " + e.what() + " (status " +
                        std::to_string(static_cast<int>(e.status)) + ")");
  }
}

/// While it lives, oneDNN uses `threads` threads: its primitives ask OpenMP for its largest number, when they
/// are made and when they run. Does nothing where oneDNN was built on another pool.
class thread_limit {
 public:
  explicit thread_limit([[maybe_unused]] int threads) {
#if defined(_OPENMP) && DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
    before_ = omp_get_max_threads();
    if (before_ != threads) omp_set_num_threads(threads);
    changed_ = before_ != threads;
#endif
  }
  ~thread_limit() {
#if defined(_OPENMP) && DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
    if (changed_) omp_set_num_threads(before_);
#endif
  }
  thread_limit(const thread_limit&) = delete;
  thread_limit& operator=(const thread_limit&) = delete;

 private:
  [[maybe_unused]] int before_ = 0;
  [[maybe_unused]] bool changed_ = false;
};

inline std::size_t whole_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// A primitive and the memory objects of its arguments, whose addresses each call gives in the same order.
/// Calling it allocates nothing on our side.
class primitive_call {
 public:
  struct argument {
    int role;
    dnnl::memory::desc layout;
  };

  primitive_call(const dnnl::engine& engine, dnnl::primitive primitive,
                 std::initializer_list<argument> arguments)
      : primitive_(std::move(primitive)) {
    for (const argument& a : arguments) {
      if (a.role == DNNL_ARG_SCRATCHPAD) work_ = whole_lines(a.layout.get_size());
      memory_[count_] = dnnl::memory(a.layout, engine, DNNL_MEMORY_NONE);
      roles_[count_++] = a.role;
    }
  }

  /// Bytes of its scratchpad, a multiple of 64.
  std::size_t work() const { return work_; }

  void operator()(const dnnl::stream& stream, std::initializer_list<const void*> addresses) const {
    std::array<dnnl_exec_arg_t, most> arguments{};
    std::size_t k = 0;
    for (const void* const address : addresses) {
      memory_[k].set_data_handle(const_cast<void*>(address));
      arguments[k] = {roles_[k], memory_[k].get()};
      ++k;
    }
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(primitive_.get(), stream.get(), static_cast<int>(count_), arguments.data()),
        "could not execute a primitive");
  }

 private:
  static constexpr std::size_t most = 4;
  dnnl::primitive primitive_;
  std::array<dnnl::memory, most> memory_;
  std::array<int, most> roles_{};
  std::size_t count_ = 0, work_ = 0;
};

/// How the arguments of one convolution lie in memory: maps channel-last, weights as conv_geometry has them,
/// which oneDNN calls hwio.
struct layouts {
  dnnl::memory::desc x, y, weights, weights_any;
  dnnl::memory::dims strides, padding;

  layouts(const conv_geometry& g, index n) {
    using tag = dnnl::memory::format_tag;
    constexpr auto f32 = dnnl::memory::data_type::f32;
    const dnnl::memory::dims kernel{g.out_channels, g.in.channels, g.kernel, g.kernel};
    x = {{n, g.in.channels, g.in.height, g.in.width}, f32, tag::nhwc};
    y = {{n, g.out_channels, g.out_height(), g.out_width()}, f32, tag::nhwc};
    weights = {kernel, f32, tag::hwio};
    weights_any = {kernel, f32, tag::any};
    strides = {g.stride, g.stride};
    padding = {g.padding, g.padding};
  }
};

/// What version 2 describes in an object of its own, version 3 in the constructor.
template <class P, class... Hint>
typename P::primitive_desc describe_primitive(const dnnl::engine& engine, const dnnl::primitive_attr& rules,
                                              const layouts& at, const dnnl::memory::desc& x,
                                              const dnnl::memory::desc& weights, const dnnl::memory::desc& y,
                                              const Hint&... hint) {
  constexpr auto direct = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  if constexpr (std::is_same_v<P, dnnl::convolution_forward>) {
    return {
        engine, dnnl::prop_kind::forward_training, direct, x, weights, y, at.strides, at.padding, at.padding,
        rules};
  } else {
    return {engine, direct, x, weights, y, at.strides, at.padding, at.padding, hint..., rules};
  }
#else
  if constexpr (std::is_same_v<P, dnnl::convolution_forward>) {
    return {typename P::desc(dnnl::prop_kind::forward_training, direct, x, weights, y, at.strides, at.padding,
                             at.padding),
            rules, engine};
  } else {
    return {typename P::desc(direct, x, weights, y, at.strides, at.padding, at.padding), rules, engine,
            hint...};
  }
#endif
}

/// One direction: the primitive, and the way of the weights into or out of the layout that it prefers.
struct direction {
  primitive_call run;
  std::optional<primitive_call> reorder;  // absent where the primitive takes the weights as they lie
  std::size_t weights;                    // bytes of the reordered weights, a multiple of 64

  /// Bytes of the reordered weights and, behind them, of the scratchpad.
  std::size_t memory() const { return weights + std::max(run.work(), reorder ? reorder->work() : 0); }
};

/// A convolution of n images. The description of the forward pass stays, as a hint to the gradients.
class convolution {
 public:
  convolution(const dnnl::engine& engine, const conv_geometry& g, index n)
      : engine_(engine), at_(g, n), hint_(describe_forward()) {}

  /// Each is made at its first use.
  const direction& forward() {
    if (!forward_) {
      const auto layout = hint_.weights_desc();
      forward_ = {{engine_,
                   dnnl::convolution_forward(hint_),
                   {{DNNL_ARG_SRC, at_.x},
                    {DNNL_ARG_WEIGHTS, layout},
                    {DNNL_ARG_DST, at_.y},
                    {DNNL_ARG_SCRATCHPAD, hint_.scratchpad_desc()}}},
                  reorder_to(layout),
                  size_of(layout)};
    }
    return *forward_;
  }

  const direction& backward_data() {
    if (!backward_data_) {
      const auto chosen = describe_primitive<dnnl::convolution_backward_data>(engine_, rules(), at_, at_.x,
                                                                              at_.weights_any, at_.y, hint_);
      const auto layout = chosen.weights_desc();
      backward_data_ = {{engine_,
                         dnnl::convolution_backward_data(chosen),
                         {{DNNL_ARG_DIFF_DST, at_.y},
                          {DNNL_ARG_WEIGHTS, layout},
                          {DNNL_ARG_DIFF_SRC, at_.x},
                          {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}}},
                        reorder_to(layout),
                        size_of(layout)};
    }
    return *backward_data_;
  }

  /// The gradient of the weights goes into memory of its own; `reorder` adds it to the caller's.
  const direction& backward_weights() {
    if (!backward_weights_) {
      const auto chosen = describe_primitive<dnnl::convolution_backward_weights>(
          engine_, rules(), at_, at_.x, at_.weights_any, at_.y, hint_);
      const auto layout = chosen.diff_weights_desc();
      dnnl::primitive_attr add;
      dnnl::post_ops sum;
      sum.append_sum(1);
      add.set_post_ops(sum);
      backward_weights_ = {{engine_,
                            dnnl::convolution_backward_weights(chosen),
                            {{DNNL_ARG_SRC, at_.x},
                             {DNNL_ARG_DIFF_DST, at_.y},
                             {DNNL_ARG_DIFF_WEIGHTS, layout},
                             {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}}},
                           reorder(layout, at_.weights, add),
                           whole_lines(layout.get_size())};
    }
    return *backward_weights_;
  }

 private:
  static dnnl::primitive_attr rules() {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attributes;
  }

  dnnl::convolution_forward::primitive_desc describe_forward() const {
    return describe_primitive<dnnl::convolution_forward>(engine_, rules(), at_, at_.x, at_.weights_any,
                                                         at_.y);
  }

  primitive_call reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to,
                         dnnl::primitive_attr attributes) const {
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc chosen(engine_, from, engine_, to, attributes);
    return {engine_,
            dnnl::reorder(chosen),
            {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {DNNL_ARG_SCRATCHPAD, chosen.scratchpad_desc()}}};
  }
  std::optional<primitive_call> reorder_to(const dnnl::memory::desc& layout) const {
    if (layout == at_.weights) return std::nullopt;
    return reorder(at_.weights, layout, {});
  }
  std::size_t size_of(const dnnl::memory::desc& layout) const {
    return layout == at_.weights ? 0 : whole_lines(layout.get_size());
  }

  dnnl::engine engine_;
  layouts at_;
  dnnl::convolution_forward::primitive_desc hint_;
  std::optional<direction> forward_, backward_data_, backward_weights_;
};

}  // namespace ssl::onednn
