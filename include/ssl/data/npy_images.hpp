#pragma once
// SPDX-License-Identifier: MIT

/// Images of any number of channels from NumPy arrays: (n, h, w), (n, h, w, c) or (n, c, h, w).
///
/// Images of this library are bytes. Arrays of uint8 are taken as they are. Of any other type (uint16,
/// float32, float64, and the other integers) the values between `low` and `high` are divided evenly among 0
/// to 255: byte = round(255 (x - low) / (high - low)), clamped. So an image keeps 256 levels a channel, each
/// value moves by at most (high - low) / 510, and what lies outside the range is cut off. NaN and infinity
/// are errors.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/data/any_dataset.hpp"
#include "ssl/data/file_dataset.hpp"
#include "ssl/data/npy.hpp"

namespace ssl {

/// Where the channels stand in an array of four axes.
enum class npy_axes { channels_last, channels_first };

/// What becomes black and what becomes white.
struct value_range {
  double low = 0, high = 1;
};

struct npy_image_options {
  npy_axes axes = npy_axes::channels_last;
  std::optional<value_range> range{};  // of all channels; none: see read_npy_images
  bool stream = false;                 // reads images when they are needed
};

/// A .npy file of images: what its header says.
class npy_image_file {
 public:
  /// Throws data_error unless it is one: three or four axes, at least one pixel.
  npy_image_file(const std::filesystem::path& path, npy_axes axes)
      : axes_(axes), file_(std::make_shared<const file_reader>(path)) {
    std::vector<std::uint8_t> start(
        static_cast<std::size_t>(std::min<std::uint64_t>(file_->size(), std::uint64_t{1} << 20)));
    file_->read(0, start);
    layout_ = parse_npy_layout(start, file_->size(), path.string());
    const std::vector<index>& s = layout_.shape;
    if (s.size() != 3 && s.size() != 4)
      throw data_error(path.string() + ": has shape " + npy_shape_text(s) +
                       ", expected (images, height, width) or these and channels");
    if (std::any_of(s.begin(), s.end(), [](index extent) { return extent < 1; }))
      throw data_error(path.string() + ": has shape " + npy_shape_text(s) +
                       ", expected at least one image of at least one pixel");
    if (s.size() == 3) {
      shape_ = {1, s[1], s[2]};
    } else if (axes == npy_axes::channels_last) {
      shape_ = {s[3], s[1], s[2]};
    } else {
      shape_ = {s[1], s[2], s[3]};
    }
  }

  index size() const { return layout_.shape[0]; }
  image_shape shape() const { return shape_; }
  npy_dtype dtype() const { return layout_.dtype; }

  /// The least and the greatest value of each channel, (channels): one pass through the file, an image at a
  /// time. Throws data_error for NaN and infinity.
  std::vector<value_range> ranges() const {
    constexpr double most = std::numeric_limits<double>::max();
    std::vector<value_range> found(static_cast<std::size_t>(shape_.channels), {most, -most});
    std::vector<std::uint8_t> raw(static_cast<std::size_t>(record()));
    for (index i = 0; i < size(); ++i) {
      file_->read(offset(i), raw);
      detail::npy_type(dtype(), [&]<class U>(U) {
        for (index k = 0; k < shape_.size(); ++k) {
          const double x = value<U>(raw, k);
          value_range& r = found[static_cast<std::size_t>(channel(k))];
          r.low = std::min(r.low, x);
          r.high = std::max(r.high, x);
        }
      });
    }
    return found;
  }

  /// The images, read when they are needed. `ranges` has one for each channel, or none for bytes as they are.
  /// Reading throws data_error for NaN and infinity.
  file_dataset images(std::vector<value_range> ranges) const {
    const bool as_it_is = ranges.empty() && (axes_ == npy_axes::channels_last || layout_.shape.size() == 3);
    file_dataset out(shape_, record(), as_it_is ? record_decoder{} : decoder(std::move(ranges)));
    out.append(file_, layout_.offset, record(), size());
    return out;
  }

 private:
  index record() const { return shape_.size() * layout_.dtype.bytes; }
  std::uint64_t offset(index i) const {
    return layout_.offset + static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(record());
  }
  bool planar() const { return axes_ == npy_axes::channels_first && layout_.shape.size() == 4; }
  /// The channel of element k of an image in the file.
  index channel(index k) const { return planar() ? k / shape_.pixels() : k % shape_.channels; }

  template <class U>
  double value(std::span<const std::uint8_t> raw, index k) const {
    const U x = detail::npy_load<U>(raw.data(), k);
    if constexpr (std::is_floating_point_v<U>)
      if (!is_finite(x))
        throw data_error(file_->path().string() + ": holds " + (is_nan(x) ? "NaN" : "an infinite number") +
                         ", expected finite numbers");
    return static_cast<double>(x);
  }

  record_decoder decoder(std::vector<value_range> ranges) const {
    if (!ranges.empty() && static_cast<index>(ranges.size()) != shape_.channels)
      throw shape_error("npy_image_file: " + std::to_string(ranges.size()) + " ranges for " +
                        std::to_string(shape_.channels) + " channels");
    return [self = *this, ranges = std::move(ranges)](std::span<const std::uint8_t> raw,
                                                      std::span<std::uint8_t> out) {
      const index pixels = self.shape_.pixels(), channels = self.shape_.channels;
      const bool planar = self.planar();
      detail::npy_type(self.dtype(), [&]<class U>(U) {
        for (index p = 0; p < pixels; ++p)
          for (index c = 0; c < channels; ++c) {
            const double x = self.template value<U>(raw, planar ? c * pixels + p : p * channels + c);
            double byte = x;
            if (!ranges.empty()) {
              const value_range r = ranges[static_cast<std::size_t>(c)];
              // Halves, so that no difference is beyond what a double holds.
              byte = r.high > r.low ? 255 * ((x / 2 - r.low / 2) / (r.high / 2 - r.low / 2)) : 0;
            }
            out[static_cast<std::size_t>(p * channels + c)] =
                static_cast<std::uint8_t>(std::clamp(byte, 0.0, 255.0) + 0.5);
          }
      });
    };
  }

  npy_axes axes_;
  std::shared_ptr<const file_reader> file_;
  npy_layout layout_;
  image_shape shape_;
};

/// Labels from a .npy file of whole numbers from 0 on. Throws data_error unless there are `count` of them.
inline std::vector<int> read_npy_labels(const std::filesystem::path& path, index count) {
  const npy_array array = read_npy(path);
  if (array.dtype.kind == 'f')
    throw data_error(array.path + ": has the dtype " + array.dtype.name() + ", expected whole numbers");
  require_rank(array, 1, "(images)");
  if (array.size() != count)
    throw data_error(array.path + ": has " + std::to_string(array.size()) + " labels, expected the " +
                     std::to_string(count) + " of its images");
  std::vector<int> labels;
  constexpr index most = 999'999;
  for (const index label : array.as_index()) {
    if (label < 0 || label > most)
      throw data_error(array.path + ": label " + std::to_string(labels.size()) + " is " +
                       std::to_string(label) + ", expected 0 to " + std::to_string(most));
    labels.push_back(static_cast<int>(label));
  }
  return labels;
}

/// train_images.npy, train_labels.npy, test_images.npy and test_labels.npy from a folder. Without a range,
/// bytes stay as they are, and any other type takes the least and the greatest value of each channel over
/// the training images, for the test images too. There are as many classes as the largest label says. Throws
/// data_error, option_error for a range that is none.
inline any_split read_npy_images(const std::filesystem::path& folder, const npy_image_options& options = {}) {
  std::error_code failure;
  if (!std::filesystem::is_directory(folder, failure)) throw data_error(folder.string() + ": no such folder");
  if (options.range && (!is_finite(options.range->low) || !is_finite(options.range->high) ||
                        options.range->low >= options.range->high))
    throw option_error("ssl::read_npy_images: the range is " + std::to_string(options.range->low) + " to " +
                       std::to_string(options.range->high) + ", expected the lower number first");
  const npy_image_file train(folder / "train_images.npy", options.axes),
      test(folder / "test_images.npy", options.axes);
  if (train.shape() != test.shape() || train.dtype() != test.dtype())
    throw data_error(folder.string() +
                     ": train_images.npy and test_images.npy differ in the size or the type "
                     "of their images");
  auto train_labels = read_npy_labels(folder / "train_labels.npy", train.size()),
       test_labels = read_npy_labels(folder / "test_labels.npy", test.size());
  const int classes = 1 + std::max(*std::max_element(train_labels.begin(), train_labels.end()),
                                   *std::max_element(test_labels.begin(), test_labels.end()));
  std::vector<value_range> ranges;
  if (options.range) {
    ranges.assign(static_cast<std::size_t>(train.shape().channels), *options.range);
  } else if (train.dtype() != npy_dtype{'u', 1}) {
    ranges = train.ranges();
  }
  any_split split{any_dataset(train.images(ranges), std::move(train_labels), classes),
                  any_dataset(test.images(ranges), std::move(test_labels), classes)};
  if (!options.stream) split.train = in_memory(split.train), split.test = in_memory(split.test);
  return split;
}

}  // namespace ssl
