#pragma once
// SPDX-License-Identifier: MIT

/// One type for every collection of images: in memory, or read from files when they are needed.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/data/dataset.hpp"

namespace ssl {

namespace detail {

/// A collection behind a virtual call an image.
struct image_reader {
  image_reader() = default;
  image_reader(const image_reader&) = delete;
  image_reader& operator=(const image_reader&) = delete;
  virtual ~image_reader() = default;
  virtual void read(index i, std::span<std::uint8_t> out) const = 0;
  virtual std::span<const std::uint8_t> all_pixels() const = 0;
};

template <Dataset D>
struct image_reader_of final : image_reader {
  explicit image_reader_of(D data) : images(std::move(data)) {}
  void read(index i, std::span<std::uint8_t> out) const override { read_image(images, i, out); }
  std::span<const std::uint8_t> all_pixels() const override {
    if constexpr (ContiguousDataset<D>) {
      return images.all_pixels();
    } else {
      return {};
    }
  }
  D images;
};

}  // namespace detail

/// Holds any collection as a value: a copy, and a part of it, share its images. Labels are kept beside them,
/// so that asking for one reads no file. A collection without labels is one too: it has no classes.
///
/// Reading costs a virtual call an image. It may be done from several threads at once, as what is held
/// promises (`Dataset`).
class any_dataset {
 public:
  any_dataset() = default;

  /// Takes the collection. Throws shape_error for images without a pixel, data_error if a label lies outside
  /// [0, classes).
  template <class D>
  requires(!std::same_as<D, any_dataset> && Dataset<D>) any_dataset(D data)  // NOLINT: a collection is one
      : shape_(data.shape()), size_(data.size()) {
    if constexpr (LabelledDataset<D>) {
      std::vector<int> labels(static_cast<std::size_t>(size_));
      for (index i = 0; i < size_; ++i) labels[static_cast<std::size_t>(i)] = data.label(i);
      set_labels(std::move(labels), data.classes());
    }
    hold(std::move(data));
  }

  /// Takes the collection with these labels, one an image. Throws shape_error and data_error as above.
  template <class D>
  requires(!std::same_as<D, any_dataset> && Dataset<D>)
      any_dataset(D data, std::vector<int> labels, int classes)
      : shape_(data.shape()), size_(data.size()) {
    if (static_cast<index>(labels.size()) != size_)
      throw shape_error("any_dataset: " + std::to_string(size_) + " images but " +
                        std::to_string(labels.size()) + " labels");
    set_labels(std::move(labels), classes);
    hold(std::move(data));
  }

  index size() const { return size_; }
  image_shape shape() const { return shape_; }

  /// Whether the images have a class each.
  bool labelled() const { return labels_ != nullptr; }
  /// 0 without labels.
  int classes() const { return classes_; }
  /// -1 without labels.
  int label(index i) const { return labels_ ? (*labels_)[static_cast<std::size_t>(first_ + i)] : -1; }
  /// (size()), or nothing without labels.
  std::span<const int> labels() const {
    if (!labels_) return {};
    return std::span<const int>(*labels_).subspan(static_cast<std::size_t>(first_),
                                                  static_cast<std::size_t>(size_));
  }

  /// Every image, one after another, (channels, height * width * size()); nothing where they are not in
  /// memory.
  std::span<const std::uint8_t> all_pixels() const {
    const auto all = images_ ? images_->all_pixels() : std::span<const std::uint8_t>{};
    if (all.empty()) return {};
    return all.subspan(static_cast<std::size_t>(first_ * shape_.size()),
                       static_cast<std::size_t>(size_ * shape_.size()));
  }

  /// out (h w c) = image i. Throws shape_error if there is none or `out` has another size, and what the
  /// collection throws.
  void read(index i, std::span<std::uint8_t> out) const {
    if (i < 0 || i >= size_)
      throw shape_error("any_dataset: image " + std::to_string(i) + " was asked for, but there are " +
                        std::to_string(size_));
    if (static_cast<index>(out.size()) != shape_.size())
      throw shape_error("any_dataset: an image has " + std::to_string(shape_.size()) + " bytes, but " +
                        std::to_string(out.size()) + " were asked for");
    images_->read(first_ + i, out);
  }

  /// Images [first, first + count); nothing is copied. Throws shape_error if they are not all there.
  any_dataset subset(index first, index count) const {
    if (first < 0 || count < 0 || first > size_ || count > size_ - first)
      throw shape_error("any_dataset::subset: " + std::to_string(count) + " images from " +
                        std::to_string(first) + " on, but there are " + std::to_string(size_));
    any_dataset part = *this;
    part.first_ += first;
    part.size_ = count;
    return part;
  }

  /// The same images, with labels that are not to be looked at.
  any_dataset without_labels() const {
    any_dataset bare = *this;
    bare.labels_ = nullptr;
    bare.classes_ = 0;
    return bare;
  }

 private:
  template <class D>
  void hold(D data) {
    if (size_ > 0 && (shape_.channels < 1 || shape_.height < 1 || shape_.width < 1))
      throw shape_error("any_dataset: images of " + std::to_string(shape_.height) + "x" +
                        std::to_string(shape_.width) + "x" + std::to_string(shape_.channels) +
                        ", expected at least 1x1x1");
    images_ = std::make_shared<const detail::image_reader_of<D>>(std::move(data));
  }

  void set_labels(std::vector<int> labels, int classes) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (labels[i] < 0 || labels[i] >= classes)
        throw data_error("any_dataset: label " + std::to_string(labels[i]) + " of image " +
                         std::to_string(i) + " is outside [0, " + std::to_string(classes) + ")");
    labels_ = std::make_shared<const std::vector<int>>(std::move(labels));
    classes_ = classes;
  }

  std::shared_ptr<const detail::image_reader> images_;
  std::shared_ptr<const std::vector<int>> labels_;
  image_shape shape_;
  index first_ = 0, size_ = 0;
  int classes_ = 0;
};

namespace detail {

struct pixel_block {
  image_shape extent;
  std::vector<std::uint8_t> pixels;

  index size() const { return static_cast<index>(pixels.size()) / extent.size(); }
  image_shape shape() const { return extent; }
  std::span<const std::uint8_t> all_pixels() const { return pixels; }
  std::span<const std::uint8_t> bytes(index i) const {
    return all_pixels().subspan(static_cast<std::size_t>(i * extent.size()),
                                static_cast<std::size_t>(extent.size()));
  }
};

struct chosen_images {
  any_dataset from;
  std::vector<index> ids;

  index size() const { return static_cast<index>(ids.size()); }
  image_shape shape() const { return from.shape(); }
  void read(index i, std::span<std::uint8_t> out) const { from.read(ids[static_cast<std::size_t>(i)], out); }
};

/// The same labels, if there are any, on these images.
template <class D>
any_dataset with_labels_of(const any_dataset& data, D images, std::span<const int> labels) {
  if (!data.labelled()) return any_dataset(std::move(images));
  return any_dataset(std::move(images), std::vector<int>(labels.begin(), labels.end()), data.classes());
}

}  // namespace detail

/// The same images in one block of memory: read now, one after another, unless they are there already.
inline any_dataset in_memory(const any_dataset& data) {
  if (data.size() == 0 || !data.all_pixels().empty()) return data;
  const auto size = static_cast<std::size_t>(data.shape().size());
  std::vector<std::uint8_t> pixels(size * static_cast<std::size_t>(data.size()));
  for (index i = 0; i < data.size(); ++i)
    data.read(i, std::span(pixels).subspan(static_cast<std::size_t>(i) * size, size));
  return detail::with_labels_of(data, detail::pixel_block{data.shape(), std::move(pixels)}, data.labels());
}

/// Images `ids` in this order; nothing is copied. Throws shape_error if one is not there.
inline any_dataset choose(const any_dataset& data, std::vector<index> ids) {
  std::vector<int> labels;
  for (const index i : ids) {
    if (i < 0 || i >= data.size())
      throw shape_error("ssl::choose: image " + std::to_string(i) + " was asked for, but there are " +
                        std::to_string(data.size()));
    labels.push_back(data.label(i));
  }
  return detail::with_labels_of(data, detail::chosen_images{data, std::move(ids)}, labels);
}

/// The images of an experiment: to train on, to judge by, and, where the training images have no labels or
/// other ones, those that classifiers learn from.
struct any_split {
  any_dataset train, test;
  any_dataset labelled{};                  // none: `train` itself
  std::vector<std::string> class_names{};  // none: not known

  /// What classifiers learn from.
  const any_dataset& bank() const { return labelled.size() > 0 ? labelled : train; }
};

}  // namespace ssl
