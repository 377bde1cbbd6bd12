#pragma once
// SPDX-License-Identifier: MIT

/// Parameters in PyTorch's layout. A table's names are torchvision's where the network is (resnet.hpp);
/// `num_batches_tracked` and the classifier `fc` have no counterpart here.
///
///     weight            here, column-major                                  PyTorch, last axis contiguous
///     convolution       (out, k * k * in), column (ky * k + kx) * in + c    (out, in, k, k)
///     linear            (out, in)                                           (out, in)
///     linear on a map   (out, h * w * c), channels within pixels            (out, c * h * w)
///     prototypes        (in, count)                                         (count, in)
///     bias, batch norm  (c, 1)                                              (c,)

#include <span>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/core/segment.hpp"

namespace ssl {

/// The shape that PyTorch gives a parameter.
inline std::vector<index> torch_shape(const segment& s) {
  if (s.kind != role::matrix) return {s.size()};
  switch (s.axes.how) {
    case weight_axes::kind::kernel:
      return {s.rows, s.cols / s.axes.pixels(), s.axes.height, s.axes.width};
    case weight_axes::kind::transposed:
      return {s.cols, s.rows};
    default:
      return {s.rows, s.cols};
  }
}

namespace detail {

/// f(here, there) for each entry: its place in a segment, and in PyTorch's array of it.
template <class F>
void for_each_torch_entry(const segment& s, const F& f) {
  const bool plain = s.kind != role::matrix || s.axes.how == weight_axes::kind::transposed;
  const index pixels = s.axes.pixels(), channels = s.cols / pixels;
  for (index j = 0; j < s.cols; ++j) {
    const index column = s.axes.how == weight_axes::kind::plain ? j : j % channels * pixels + j / channels;
    for (index i = 0; i < s.rows; ++i) f(j * s.rows + i, plain ? j * s.rows + i : i * s.cols + column);
  }
}

inline void require_entries(const char* where, const segment& s, std::size_t found) {
  if (static_cast<index>(found) != s.size())
    throw shape_error("ssl::" + std::string(where) + ": " + std::to_string(found) + " values for " + s.name +
                      ", expected " + std::to_string(s.size()));
}

}  // namespace detail

/// The entries of one parameter, as they lie here, from those of PyTorch's array. Throws shape_error.
template <class T>
std::vector<T> from_torch_layout(const segment& s, std::span<const T> theirs) {
  detail::require_entries("from_torch_layout", s, theirs.size());
  std::vector<T> ours(theirs.size());
  detail::for_each_torch_entry(s, [&](index here, index there) {
    ours[static_cast<std::size_t>(here)] = theirs[static_cast<std::size_t>(there)];
  });
  return ours;
}

/// The entries of PyTorch's array from those of one parameter, as they lie here. Throws shape_error.
template <class T>
std::vector<T> to_torch_layout(const segment& s, std::span<const T> ours) {
  detail::require_entries("to_torch_layout", s, ours.size());
  std::vector<T> theirs(ours.size());
  detail::for_each_torch_entry(s, [&](index here, index there) {
    theirs[static_cast<std::size_t>(there)] = ours[static_cast<std::size_t>(here)];
  });
  return theirs;
}

template <class T>
std::vector<T> from_torch_layout(const segment& s, const std::vector<T>& theirs) {
  return from_torch_layout(s, std::span<const T>(theirs));
}
template <class T>
std::vector<T> to_torch_layout(const segment& s, const std::vector<T>& ours) {
  return to_torch_layout(s, std::span<const T>(ours));
}

}  // namespace ssl
