#pragma once
// SPDX-License-Identifier: MIT

/// Images of any size made one size: bilinear interpolation with antialiasing, as PIL's
/// `Image.resize(BILINEAR)` and so torchvision's `Resize` on PIL images compute it, bit for bit (Pillow,
/// src/libImaging/Resample.c).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/shape.hpp"

namespace ssl {

/// How an image of another shape fills the one asked for.
enum class image_fit {
  crop,  // scaled until it covers the shape, then cut around its centre: shorter side to `side`, centre crop
  stretch  // both sides scaled to the shape, whatever that does to its proportions
};

namespace detail {

/// One side of a resize: `from` pixels, which stand for `whole` / `reduction` of them, become `full`, of
/// which [first, first + count) are wanted.
struct resize_side {
  index from = 0, whole = 0, reduction = 1, full = 0, first = 0, count = 0;

  bool nothing_to_do() const { return whole == reduction * from && from == full && count == full; }
  friend bool operator==(const resize_side&, const resize_side&) = default;
};

/// round(d / 2), halves to the even number, as torchvision's CenterCrop has it.
constexpr index crop_margin(index d) { return d / 2 + (d % 2) * ((d / 2) % 2); }

/// The two sides, height and width, of fitting `from`, a reduction of `whole`, into `to`. crop: the full
/// longer side is floor(side * longer / shorter).
inline std::array<resize_side, 2> resize_sides(image_shape from, image_shape whole, index reduction,
                                               image_fit fit, image_shape to) {
  index height = to.height, width = to.width;
  if (fit == image_fit::crop) {
    if (to.height * whole.width >= to.width * whole.height)
      width = std::max(to.width, to.height * whole.width / whole.height);
    else
      height = std::max(to.height, to.width * whole.height / whole.width);
  }
  return {{{from.height, whole.height, reduction, height, crop_margin(height - to.height), to.height},
           {from.width, whole.width, reduction, width, crop_margin(width - to.width), to.width}}};
}

/// The weights of one side: pixel `first + o` is the sum over t < taps[o] of weight(o)[t] * pixel at[o] + t,
/// in fixed point of 22 bits. The filter is a triangle of half width max(1, scale) around the pixel's
/// centre.
class resize_weights {
 public:
  static constexpr int bits = 22;

  void prepare(resize_side side) {
    if (side == side_) return;
    side_ = side;
    const double scale = static_cast<double>(side.whole) / static_cast<double>(side.reduction * side.full),
                 support = std::max(1.0, scale);
    stride_ = 2 * static_cast<index>(std::ceil(support)) + 1;
    at_.resize(static_cast<std::size_t>(side.count));
    taps_.resize(at_.size());
    weights_.assign(static_cast<std::size_t>(side.count * stride_), 0);
    std::vector<double> row(static_cast<std::size_t>(stride_));
    for (index o = 0; o < side.count; ++o) {
      const double center = (static_cast<double>(side.first + o) + 0.5) * scale;
      const auto low = static_cast<index>(std::max(0.0, center - support + 0.5)),
                 high = std::min(side.from, static_cast<index>(center + support + 0.5));
      double sum = 0;
      for (index t = 0; t < high - low; ++t) {
        const double x = std::abs((static_cast<double>(t + low) - center + 0.5) * (1 / support));
        sum += row[static_cast<std::size_t>(t)] = x < 1 ? 1 - x : 0;
      }
      for (index t = 0; t < high - low; ++t) {
        double w = row[static_cast<std::size_t>(t)];
        if (sum != 0) w *= 1 / sum;
        weights_[static_cast<std::size_t>(o * stride_ + t)] =
            static_cast<std::int32_t>(0.5 + w * (1 << bits));
      }
      at_[static_cast<std::size_t>(o)] = low;
      taps_[static_cast<std::size_t>(o)] = high - low;
    }
  }

  index count() const { return side_.count; }
  index at(index o) const { return at_[static_cast<std::size_t>(o)]; }
  index taps(index o) const { return taps_[static_cast<std::size_t>(o)]; }
  const std::int32_t* weight(index o) const { return weights_.data() + o * stride_; }

  static std::uint8_t rounded(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::min(sum >> bits, std::int32_t{255}));
  }

 private:
  resize_side side_;
  index stride_ = 0;
  std::vector<index> at_, taps_;
  std::vector<std::int32_t> weights_;
};

}  // namespace detail

/// resizer(from, in, fit, to, out): out (to) = in (from) made `to` by `fit`. Both channel-last, of as many
/// channels; they must not overlap. An image that has the shape already is copied. Keeps its weights and its
/// scratch between calls, so keep one for each thread; costs
/// O(rows (to.width) max(1, scale) + to.height to.width max(1, scale)) for the rows the crop needs.
class image_resizer {
 public:
  /// Throws shape_error unless the extents are positive, the channels agree and are 1 or 3, and the spans
  /// have just as many bytes.
  void operator()(image_shape from, std::span<const std::uint8_t> in, image_fit fit, image_shape to,
                  std::span<std::uint8_t> out) {
    (*this)(from, in, from, 1, fit, to, out);
  }

  /// The same for an image that is a reduction of `whole`, from = ceil(whole / reduction): its last row and
  /// column stand for what is left over, and the proportions are those of `whole`.
  void operator()(image_shape from, std::span<const std::uint8_t> in, image_shape whole, index reduction,
                  image_fit fit, image_shape to, std::span<std::uint8_t> out) {
    require_sizes(from, in.size(), to, out.size());
    const auto [vertical, horizontal] = detail::resize_sides(from, whole, reduction, fit, to);
    y_.prepare(vertical);
    x_.prepare(horizontal);
    const index top = y_.at(0), last = y_.count() - 1, rows = y_.at(last) + y_.taps(last) - top,
                line = from.width * from.channels, wide = to.width * to.channels;
    const std::uint8_t* source = in.data() + top * line;
    index pitch = line;
    if (!horizontal.nothing_to_do()) {
      half_.resize(static_cast<std::size_t>(rows * wide));
      for (index r = 0; r < rows; ++r) {
        if (to.channels == 1)
          across<1>(source + r * line, half_.data() + r * wide);
        else
          across<3>(source + r * line, half_.data() + r * wide);
      }
      source = half_.data();
      pitch = wide;
    }
    if (vertical.nothing_to_do()) {
      std::copy_n(source, static_cast<std::size_t>(rows * wide), out.data());
      return;
    }
    for (index o = 0; o < y_.count(); ++o)
      down(source + (y_.at(o) - top) * pitch, pitch, o, wide, out.data() + o * wide);
  }

 private:
  /// One row: (channels, to.width) = weighted sums of (channels, from.width).
  template <int Channels>
  void across(const std::uint8_t* in, std::uint8_t* out) const {
    constexpr std::int32_t half = 1 << (detail::resize_weights::bits - 1);
    for (index o = 0; o < x_.count(); ++o) {
      const std::uint8_t* p = in + x_.at(o) * Channels;
      const std::int32_t* w = x_.weight(o);
      std::array<std::int32_t, std::size_t{Channels}> sum;
      sum.fill(half);
      for (index t = x_.taps(o); t > 0; --t, ++w, p += Channels)
        for (int c = 0; c < Channels; ++c) sum[static_cast<std::size_t>(c)] += *w * p[c];
      for (const std::int32_t s : sum) *out++ = detail::resize_weights::rounded(s);
    }
  }

  /// out (wide) = row o of the result, from the rows `pitch` apart that begin at `in`.
  void down(const std::uint8_t* in, index pitch, index o, index wide, std::uint8_t* out) const {
    constexpr index block = 64;
    const std::int32_t* w = y_.weight(o);
    for (index e = 0; e < wide; e += block) {
      const index n = std::min(block, wide - e);
      std::array<std::int32_t, block> sum;
      sum.fill(1 << (detail::resize_weights::bits - 1));
      for (index t = 0; t < y_.taps(o); ++t) {
        const std::uint8_t* p = in + t * pitch + e;
        for (index k = 0; k < n; ++k) sum[static_cast<std::size_t>(k)] += w[t] * p[k];
      }
      for (index k = 0; k < n; ++k)
        out[e + k] = detail::resize_weights::rounded(sum[static_cast<std::size_t>(k)]);
    }
  }

  static void require_sizes(image_shape from, std::size_t in, image_shape to, std::size_t out) {
    const bool fine = from.channels == to.channels && (to.channels == 1 || to.channels == 3) &&
                      std::min({from.height, from.width, to.height, to.width}) >= 1;
    if (!fine || static_cast<index>(in) != from.size() || static_cast<index>(out) != to.size())
      throw shape_error("image_resizer: " + text(from) + " in " + std::to_string(in) + " bytes to " +
                        text(to) + " in " + std::to_string(out) +
                        " bytes, expected both of 1 or of 3 channels in just as many bytes as they have");
  }
  static std::string text(image_shape s) {
    return std::to_string(s.height) + "x" + std::to_string(s.width) + "x" + std::to_string(s.channels);
  }

  detail::resize_weights y_, x_;
  std::vector<std::uint8_t> half_;  // (channels, to.width * rows): the rows needed, resized sideways
};

}  // namespace ssl
