#pragma once
// SPDX-License-Identifier: MIT

/// What a collection of images must offer, and the collection that lies in memory.
///
/// An image on the host is `shape.size()` bytes, channel-last: pixel after pixel, row after row, the channels
/// of a pixel side by side. So n images are a matrix (channels, height * width * n) of bytes, or a row-major
/// (n, height, width, channels) array.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/shape.hpp"

namespace ssl {

/// A collection whose images lie in memory: `bytes(i)` stays valid as long as the collection does.
template <class D>
concept StoredImages = requires(const D data, index i) {
  { data.bytes(i) } -> std::convertible_to<std::span<const std::uint8_t>>;
};

/// A collection that writes image i into the memory it is given: what decodes files offers this.
template <class D>
concept ReadableImages = requires(const D data, index i, std::span<std::uint8_t> out) {
  data.read(i, out);
};

/// Images of one shape, addressed by number. `bytes` and `read` may be called from several threads.
template <class D>
concept Dataset = requires(const D data) {
  { data.size() } -> std::same_as<index>;
  { data.shape() } -> std::same_as<image_shape>;
}
&&(StoredImages<D> || ReadableImages<D>);

/// out (h w c) = image i. Throws shape_error unless a stored image has just as many bytes.
template <Dataset D>
void read_image(const D& data, index i, std::span<std::uint8_t> out) {
  if constexpr (StoredImages<D>) {
    const std::span<const std::uint8_t> image = data.bytes(i);
    if (image.size() != out.size())
      throw shape_error("ssl::read_image: image " + std::to_string(i) + " has " +
                        std::to_string(image.size()) + " bytes, expected " + std::to_string(out.size()));
    std::copy(image.begin(), image.end(), out.begin());
  } else {
    data.read(i, out);
  }
}

/// Images one after another in one block of host memory: (channels, height * width * size()). A collection
/// that may or may not lie in one block says so by giving nothing.
template <class D>
concept ContiguousDataset = Dataset<D> && requires(const D data) {
  { data.all_pixels() } -> std::convertible_to<std::span<const std::uint8_t>>;
};

/// Images with a class in [0, classes()).
template <class D>
concept LabelledDataset = Dataset<D> && requires(const D data, index i) {
  { data.label(i) } -> std::convertible_to<int>;
  { data.classes() } -> std::convertible_to<int>;
};

/// Labelled images in one block of memory. Immutable, so that it can be shared between threads.
class memory_dataset {
 public:
  memory_dataset() = default;

  /// `pixels` holds labels.size() images of `shape`, image i at i * shape.size(). Throws shape_error if the
  /// sizes disagree, data_error if a label lies outside [0, classes).
  memory_dataset(image_shape shape, std::vector<std::uint8_t> pixels, std::vector<int> labels, int classes)
      : shape_(shape), pixels_(std::move(pixels)), labels_(std::move(labels)), classes_(classes) {
    if (shape.channels < 1 || shape.height < 1 || shape.width < 1)
      throw shape_error("memory_dataset: images of " + text(shape) + ", expected at least 1x1x1");
    const auto count = static_cast<index>(pixels_.size()) / shape.size();
    if (count * shape.size() != static_cast<index>(pixels_.size()))
      throw shape_error("memory_dataset: " + std::to_string(pixels_.size()) +
                        " bytes are no whole number of images of " + text(shape) + " = " +
                        std::to_string(shape.size()) + " bytes");
    if (count != static_cast<index>(labels_.size()))
      throw shape_error("memory_dataset: " + std::to_string(count) + " images but " +
                        std::to_string(labels_.size()) + " labels");
    for (std::size_t i = 0; i < labels_.size(); ++i)
      if (labels_[i] < 0 || labels_[i] >= classes)
        throw data_error("memory_dataset: label " + std::to_string(labels_[i]) + " of image " +
                         std::to_string(i) + " is outside [0, " + std::to_string(classes) + ")");
  }

  index size() const { return static_cast<index>(labels_.size()); }
  image_shape shape() const { return shape_; }
  int classes() const { return classes_; }

  /// Image i, channel-last.
  std::span<const std::uint8_t> bytes(index i) const {
    return all_pixels().subspan(static_cast<std::size_t>(i * shape_.size()),
                                static_cast<std::size_t>(shape_.size()));
  }
  int label(index i) const { return labels_[static_cast<std::size_t>(i)]; }

  /// Every image, one after another: (channels, height * width * size()).
  std::span<const std::uint8_t> all_pixels() const { return pixels_; }
  std::span<const int> labels() const { return labels_; }

  /// A copy of images [first, first + count). Throws shape_error if they are not all there.
  memory_dataset subset(index first, index count) const {
    if (first < 0 || count < 0 || first > size() || count > size() - first)
      throw shape_error("memory_dataset::subset: " + std::to_string(count) + " images from " +
                        std::to_string(first) + " on, but there are " + std::to_string(size()));
    const auto pixel = pixels_.begin() + first * shape_.size();
    const auto label = labels_.begin() + first;
    return {shape_, {pixel, pixel + count * shape_.size()}, {label, label + count}, classes_};
  }

 private:
  static std::string text(image_shape s) {
    return std::to_string(s.height) + "x" + std::to_string(s.width) + "x" + std::to_string(s.channels);
  }

  image_shape shape_;
  std::vector<std::uint8_t> pixels_;
  std::vector<int> labels_;
  int classes_ = 0;
};

/// What most public collections come as.
struct dataset_split {
  memory_dataset train, test;
};

}  // namespace ssl
