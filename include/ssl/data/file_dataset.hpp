#pragma once
// SPDX-License-Identifier: MIT

/// Images of one size that lie in files as records of one size, read when they are needed.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/data/dataset.hpp"
#include "ssl/data/file_reader.hpp"

namespace ssl {

/// out (h w c) = the image whose bytes in the file are `raw`. Called from several threads at once. May throw.
using record_decoder = std::function<void(std::span<const std::uint8_t> raw, std::span<std::uint8_t> out)>;

/// Part after part, each a row of records in one file. A read is one system call and a decoding; what the
/// system keeps of the file in its cache costs a copy.
class file_dataset {
 public:
  /// Images that take `raw` bytes of a record; without a decoder they are the image as it is. Throws
  /// shape_error where that cannot be.
  file_dataset(image_shape shape, index raw, record_decoder decode = nullptr)
      : shape_(shape), raw_(raw), decode_(std::move(decode)) {
    if (shape.channels < 1 || shape.height < 1 || shape.width < 1 || raw < 1 ||
        (!decode_ && raw != shape.size()))
      throw shape_error("file_dataset: " + std::to_string(raw) + " bytes for an image of " +
                        std::to_string(shape.size()) + ", expected as many, or a decoder");
  }

  /// Goes on with `count` images of a file, the first at byte `first`, the next `stride` bytes later. Throws
  /// data_error unless the file is long enough.
  void append(std::shared_ptr<const file_reader> file, std::uint64_t first, index stride, index count) {
    if (count < 1) return;
    const std::uint64_t end = first +
                              static_cast<std::uint64_t>(stride) * static_cast<std::uint64_t>(count - 1) +
                              static_cast<std::uint64_t>(raw_);
    if (end > file->size())
      throw data_error(file->path().string() + ": has " + std::to_string(file->size()) +
                       " bytes, expected at least " + std::to_string(end) + " for " + std::to_string(count) +
                       " images");
    parts_.push_back({std::move(file), first, stride, size_});
    size_ += count;
  }

  index size() const { return size_; }
  image_shape shape() const { return shape_; }

  /// Throws shape_error if there is no such image or `out` has another size, data_error if reading fails, and
  /// what the decoder throws.
  void read(index i, std::span<std::uint8_t> out) const {
    if (i < 0 || i >= size_ || static_cast<index>(out.size()) != shape_.size())
      throw shape_error("file_dataset: image " + std::to_string(i) + " of " + std::to_string(size_) +
                        " was to be read into " + std::to_string(out.size()) + " bytes, expected " +
                        std::to_string(shape_.size()));
    std::size_t k = parts_.size() - 1;
    while (parts_[k].begin > i) --k;
    const part& p = parts_[k];
    const std::uint64_t at =
        p.first + static_cast<std::uint64_t>(p.stride) * static_cast<std::uint64_t>(i - p.begin);
    if (!decode_) {
      p.file->read(at, out);
      return;
    }
    std::vector<std::uint8_t> raw(static_cast<std::size_t>(raw_));
    p.file->read(at, raw);
    decode_(raw, out);
  }

 private:
  struct part {
    std::shared_ptr<const file_reader> file;
    std::uint64_t first;
    index stride, begin;  // begin: the number of its first image
  };

  image_shape shape_;
  index raw_, size_ = 0;
  record_decoder decode_;
  std::vector<part> parts_;
};

}  // namespace ssl
