#pragma once
// SPDX-License-Identifier: MIT

/// Where the time of a run goes, by operation: what a backend's verbs tell when they are asked to.
///
///     ssl::profile times;
///     backend.record_into(&times);
///     train.run(...);
///     backend.record_into(nullptr);
///     for (const ssl::profile::row& r : times.rows()) ...

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/conv_geometry.hpp"

namespace ssl {

/// What one call of a verb does. `functor` is a type as `spelled` gives it, empty for the dense verbs, which
/// are told apart by their shape instead.
struct operation {
  const char* verb;
  const char* functor = "";
  std::array<index, 8> shape{};  // m, n, k of a product; as conv_operation has it of a convolution
  double flops = 0;              // 0 where they are unknown: a functor's arithmetic is
  double bytes = 0;              // of the matrices that the call names, each once; 0 where it names none
};

namespace detail {

/// The compiler's spelling of this function, which has that of F in it.
template <class F>
constexpr const char* spelled() {
#if defined(_MSC_VER) && !defined(__clang__)
  return __FUNCSIG__;
#else
  return __PRETTY_FUNCTION__;
#endif
}

/// The arguments of a template between its outermost commas.
inline std::vector<std::string> template_arguments(std::string_view text) {
  std::vector<std::string> out;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      std::string_view part = text.substr(start, i - start);
      while (part.starts_with(' ')) part.remove_prefix(1);
      while (part.ends_with(' ')) part.remove_suffix(1);
      if (!part.empty()) out.emplace_back(part);
      start = i + 1;
    } else if (text[i] == '<' || text[i] == '(' || text[i] == '{') {
      ++depth;
    } else if (text[i] == '>' || text[i] == ')' || text[i] == '}') {
      --depth;
    }
  }
  return out;
}

/// A type's name without namespaces and without the arguments that say only where and in what precision it
/// computes.
inline std::string short_type(std::string_view type) {
  const std::size_t open = type.find('<');
  std::string_view head = type.substr(0, open);
  if (const std::size_t colon = head.rfind("::"); colon != std::string_view::npos)
    head.remove_prefix(colon + 2);
  std::string name(head);
  if (open == std::string_view::npos || !type.ends_with('>')) return name;
  std::string inner;
  for (const std::string& argument : template_arguments(type.substr(open + 1, type.size() - open - 2))) {
    const std::string shown = short_type(argument);
    const bool plain = shown == "float" || shown == "double" || shown == "bf16" || shown.ends_with("char") ||
                       shown.starts_with("long") || shown.ends_with("_space") ||
                       shown.find("_backend") != std::string::npos;
    if (!plain) inner += (inner.empty() ? "" : ", ") + shown;
  }
  return inner.empty() ? name : name + "<" + inner + ">";
}

/// What `spelled` has of F, as a person would say it; at most 60 characters.
inline std::string readable(const char* functor) {
  std::string_view text = functor;
  std::size_t start = text.find("F = "), end = text.rfind(']');
  if (start != std::string_view::npos && end != std::string_view::npos) {
    start += 4;
    text = text.substr(start, end - start);
  } else if (start = text.find("spelled<"), end = text.rfind(">(");
             start != std::string_view::npos && end > start) {
    text = text.substr(start + 8, end - start - 8);
  }
  for (const std::string_view keyword : {"struct ", "class "})
    if (text.starts_with(keyword)) text.remove_prefix(keyword.size());
  std::string name = short_type(text);
  if (name.size() > 60) name = name.substr(0, 57) + "...";
  return name;
}

}  // namespace detail

/// Calls, seconds, arithmetic and memory by operation. Not thread-safe: it belongs to one backend.
class profile {
  using clock = std::chrono::steady_clock;

 public:
  /// A sum over calls. Operations on functors are added over their shapes.
  struct row {
    std::string verb{};
    std::string what{};  // the functor, or the shape
    index calls = 0;
    double seconds = 0, flops = 0, bytes = 0;
  };

  /// Times one call while it lives; does nothing without a profile, or inside another span.
  class span {
   public:
    template <class Describe>
    span(profile* to, const Describe& describe) : to_(to && !to->busy_ ? to : nullptr) {
      if (!to_) return;
      what_ = describe();
      to_->busy_ = true;
      start_ = clock::now();
    }
    ~span() {
      if (!to_) return;
      to_->add(what_, std::chrono::duration<double>(clock::now() - start_).count());
      to_->busy_ = false;
    }
    span(const span&) = delete;
    span& operator=(const span&) = delete;

   private:
    profile* to_;
    operation what_{};
    clock::time_point start_{};
  };

  void add(const operation& what, double seconds) {
    totals& t = totals_[{what.verb, what.functor, what.shape}];
    ++t.calls;
    t.seconds += seconds;
    t.flops += what.flops;
    t.bytes += what.bytes;
  }

  /// The operations, the longest first.
  std::vector<row> rows() const {
    std::map<std::pair<std::string, std::string>, row> merged;
    for (const auto& [key, t] : totals_) {
      const std::string verb = key.verb, what = *key.functor ? detail::readable(key.functor) : text(key);
      row& r = merged[{verb, what}];
      r.verb = verb;
      r.what = what;
      r.calls += t.calls;
      r.seconds += t.seconds;
      r.flops += t.flops;
      r.bytes += t.bytes;
    }
    std::vector<row> out;
    for (auto& [name, r] : merged) out.push_back(std::move(r));
    std::sort(out.begin(), out.end(), [](const row& a, const row& b) {
      return std::tie(b.seconds, a.verb, a.what) < std::tie(a.seconds, b.verb, b.what);
    });
    return out;
  }

  /// Seconds inside verbs.
  double seconds() const {
    double sum = 0;
    for (const auto& [key, t] : totals_) sum += t.seconds;
    return sum;
  }

  void clear() { totals_.clear(); }

 private:
  struct key_type {
    const char* verb;
    const char* functor;
    std::array<index, 8> shape;

    bool operator<(const key_type& other) const {
      if (const int order = std::strcmp(verb, other.verb)) return order < 0;
      if (functor != other.functor)
        if (const int order = std::strcmp(functor, other.functor)) return order < 0;
      return shape < other.shape;
    }
  };
  struct totals {
    index calls = 0;
    double seconds = 0, flops = 0, bytes = 0;
  };

  /// "m x n x k" of a product, "channels@height x width -> channels kernel/stride, n images" of a
  /// convolution.
  static std::string text(const key_type& key) {
    const auto at = [&](std::size_t i) { return std::to_string(key.shape[i]); };
    if (key.shape[7] > 0)  // a convolution
      return at(0) + "@" + at(1) + "x" + at(2) + " -> " + at(3) + ", " + at(4) + "x" + at(4) + "/" + at(5) +
             ", n " + at(7);
    std::string out;
    for (std::size_t i = 0; i < key.shape.size() && key.shape[i] > 0; ++i) out += (i ? " x " : "") + at(i);
    return out;
  }

  std::map<key_type, totals> totals_;
  bool busy_ = false;
};

/// A verb on matrices of m x k, k x n and m x n, of `times` m n k flops.
inline operation dense_operation(const char* verb, std::array<index, 3> shape, double times,
                                 std::size_t scalar) {
  const auto m = static_cast<double>(shape[0]), n = static_cast<double>(shape[1]),
             k = static_cast<double>(shape[2]);
  return {verb,
          "",
          {shape[0], shape[1], shape[2]},
          times * m * n * k,
          times > 0 ? (m * k + k * n + m * n) * static_cast<double>(scalar) : 0};
}

/// A convolution of n images in so many passes of 2 out_channels patch out.pixels n flops over maps of a
/// scalar's size.
inline operation conv_operation(const char* verb, const conv_geometry& g, index n, int passes,
                                std::size_t scalar) {
  const auto out = static_cast<double>(g.out().size() * n), in = static_cast<double>(g.in.size() * n);
  return {verb,
          "",
          {g.in.channels, g.in.height, g.in.width, g.out_channels, g.kernel, g.stride, g.padding, n},
          2 * passes * out * static_cast<double>(g.patch()),
          (in + out) * passes * static_cast<double>(scalar)};
}

/// A backend whose verbs tell a profile what they do.
template <class B>
concept ProfiledBackend = requires(B& be, profile* to) {
  be.record_into(to);
};

/// Lets a backend that can tell a profile what it does, or none where `to` is null; nothing for any other.
template <class B>
void record_operations([[maybe_unused]] B& be, [[maybe_unused]] profile* to) {
  if constexpr (ProfiledBackend<B>) be.record_into(to);
}

}  // namespace ssl
