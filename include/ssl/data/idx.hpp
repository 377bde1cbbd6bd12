#pragma once
// SPDX-License-Identifier: MIT

/// The IDX format of MNIST and Fashion-MNIST: a big-endian header (0, 0, element type, dimensions, then each
/// extent in four bytes) and the elements, here always unsigned bytes (type 8): images (n, height, width),
/// labels (n).

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/data/any_dataset.hpp"
#include "ssl/data/dataset.hpp"
#include "ssl/data/file.hpp"
#include "ssl/data/file_dataset.hpp"

namespace ssl {

struct idx_images {
  image_shape shape{1, 0, 0};
  std::vector<std::uint8_t> pixels;
};

namespace detail {

/// The extents of an IDX file of unsigned bytes, after every check; the elements follow at 4 + 4 * Rank.
/// `bytes` is its beginning, `total` its size.
template <std::size_t Rank>
std::array<std::uint64_t, Rank> idx_header(std::span<const std::uint8_t> bytes, std::uint64_t total,
                                           const std::string& name) {
  const std::size_t header = 4 + 4 * Rank;
  if (bytes.size() < header)
    throw data_error(name + ": has " + std::to_string(bytes.size()) + " bytes, expected an IDX header of " +
                     std::to_string(header));
  if (bytes[0] != 0 || bytes[1] != 0)
    throw data_error(name + ": is no IDX file, expected two zero bytes at its start");
  if (bytes[2] != 8)
    throw data_error(name + ": has the IDX element type " + std::to_string(bytes[2]) +
                     ", expected 8 (unsigned bytes)");
  if (bytes[3] != Rank)
    throw data_error(name + ": has " + std::to_string(bytes[3]) + " dimensions, expected " +
                     std::to_string(Rank) + (Rank == 1 ? " (labels)" : " (images, height, width)"));
  std::array<std::uint64_t, Rank> extent{};
  // Extents are below 2^32. A product beyond the file's own size is wrong whatever follows, so it need not be
  // exact.
  std::uint64_t expected = 1;
  bool huge = false, empty = false;
  for (std::size_t k = 0; k < Rank; ++k) {
    for (std::size_t b = 0; b < 4; ++b) extent[k] = extent[k] << 8 | bytes[4 + 4 * k + b];
    empty = empty || extent[k] == 0;
    huge = huge || expected * extent[k] > std::uint64_t{1} << 32;
    if (!huge) expected *= extent[k];
  }
  if (empty) throw data_error(name + ": holds no element, expected at least one image of at least one pixel");
  if (huge || total - header != expected)
    throw data_error(name + ": has " + std::to_string(total - header) + " bytes after its header, expected " +
                     (huge ? std::string("more than 4294967296") : std::to_string(expected)) +
                     (huge || total - header < expected ? " (truncated)" : " (trailing bytes)"));
  return extent;
}

/// The name as it is, with a dot for its second hyphen, and either with .gz: the first that exists, or the
/// first.
inline std::filesystem::path idx_path(const std::filesystem::path& folder, const std::string& stem,
                                      const std::string& kind) {
  for (const std::string ending : {"", ".gz"})
    for (const std::string dot : {"-", "."})
      if (auto path = folder / (stem + dot + kind + ending); detail::present(path)) return path;
  return folder / (stem + "-" + kind);
}

}  // namespace detail

/// Images of one channel from an IDX file's bytes; `name` begins the messages. Throws data_error.
inline idx_images parse_idx_images(std::span<const std::uint8_t> bytes, const std::string& name) {
  const auto extent = detail::idx_header<3>(bytes, bytes.size(), name);
  return {{1, static_cast<index>(extent[1]), static_cast<index>(extent[2])},
          {bytes.begin() + 16, bytes.end()}};
}

/// Labels from an IDX file's bytes; `name` begins the messages. Throws data_error.
inline std::vector<int> parse_idx_labels(std::span<const std::uint8_t> bytes, const std::string& name) {
  detail::idx_header<1>(bytes, bytes.size(), name);
  return {bytes.begin() + 8, bytes.end()};
}

/// Stands in where no decompressor is at hand: says so.
struct no_decompressor {
  std::vector<std::uint8_t> operator()(std::span<const std::uint8_t>, const std::string& name) const {
    throw data_error(name +
                     ": is compressed and this program has no decompressor, expected the unpacked file "
                     "(gzip -d) beside it");
  }
};

namespace detail {

/// The two files of one part, of which one is there.
struct idx_pair {
  std::filesystem::path images, labels;

  idx_pair(const std::filesystem::path& folder, const std::string& stem)
      : images(idx_path(folder, stem + "-images", "idx3-ubyte")),
        labels(idx_path(folder, stem + "-labels", "idx1-ubyte")) {
    if (!present(images) && !present(labels))
      throw data_error(folder.string() + ": holds no " + images.filename().string() + " and no " +
                       labels.filename().string() + ", expected these (plain or .gz)");
  }

  void require_agreement(index image_count, std::size_t label_count) const {
    if (image_count != static_cast<index>(label_count))
      throw data_error(labels.string() + ": has " + std::to_string(label_count) + " labels, expected the " +
                       std::to_string(image_count) + " of " + images.filename().string());
  }
};

template <class Decompress>
std::vector<std::uint8_t> idx_content(const std::filesystem::path& path, const Decompress& decompress) {
  std::vector<std::uint8_t> bytes = read_file(path);
  return path.extension() == ".gz" ? decompress(std::span<const std::uint8_t>(bytes), path.string()) : bytes;
}

/// Throws unless the parts agree; returns how many classes there are.
inline int idx_classes(const std::filesystem::path& folder, image_shape train, image_shape test,
                       const std::vector<int>& train_labels, const std::vector<int>& test_labels) {
  if (train != test)
    throw data_error(folder.string() + ": its training images and its test images differ in size");
  return 1 + std::max(*std::max_element(train_labels.begin(), train_labels.end()),
                      *std::max_element(test_labels.begin(), test_labels.end()));
}

inline void require_idx_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  if (!std::filesystem::is_directory(folder, failure)) throw data_error(folder.string() + ": no such folder");
}

}  // namespace detail

/// The four files of MNIST or Fashion-MNIST from a folder: train-images-idx3-ubyte, train-labels-idx1-ubyte,
/// t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, plain or, if `decompress(bytes, name)` is given
/// (`gunzip{}` of data/gzip.hpp), with .gz. There are as many classes as the largest label says. Throws
/// data_error.
template <class Decompress = no_decompressor>
dataset_split read_idx(const std::filesystem::path& folder, const Decompress& decompress = {}) {
  detail::require_idx_folder(folder);
  struct part {
    idx_images images;
    std::vector<int> labels;
  };
  const auto read = [&](const std::string& stem) {
    const detail::idx_pair files(folder, stem);
    part p{parse_idx_images(detail::idx_content(files.images, decompress), files.images.string()),
           parse_idx_labels(detail::idx_content(files.labels, decompress), files.labels.string())};
    files.require_agreement(static_cast<index>(p.images.pixels.size()) / p.images.shape.size(),
                            p.labels.size());
    return p;
  };
  part train = read("train"), test = read("t10k");
  const image_shape shape = train.images.shape;
  const int classes = detail::idx_classes(folder, shape, test.images.shape, train.labels, test.labels);
  return {{shape, std::move(train.images.pixels), std::move(train.labels), classes},
          {shape, std::move(test.images.pixels), std::move(test.labels), classes}};
}

/// The same, the images read when they are needed. Their files must be plain: compressed ones have no
/// positions to read at. Throws data_error.
template <class Decompress = no_decompressor>
any_split stream_idx(const std::filesystem::path& folder, const Decompress& decompress = {}) {
  detail::require_idx_folder(folder);
  struct part {
    file_dataset images;
    std::vector<int> labels;
  };
  const auto open = [&](const std::string& stem) {
    const detail::idx_pair files(folder, stem);
    if (files.images.extension() == ".gz")
      throw data_error(files.images.string() +
                       ": is compressed, so its images cannot be read one by one; expected the unpacked file "
                       "(gzip -dk) beside it");
    auto file = std::make_shared<const file_reader>(files.images);
    std::vector<std::uint8_t> start(static_cast<std::size_t>(std::min<std::uint64_t>(16, file->size())));
    file->read(0, start);
    const auto extent = detail::idx_header<3>(start, file->size(), files.images.string());
    const image_shape shape{1, static_cast<index>(extent[1]), static_cast<index>(extent[2])};
    file_dataset images(shape, shape.size());
    images.append(std::move(file), 16, shape.size(), static_cast<index>(extent[0]));
    part p{std::move(images),
           parse_idx_labels(detail::idx_content(files.labels, decompress), files.labels.string())};
    files.require_agreement(p.images.size(), p.labels.size());
    return p;
  };
  part train = open("train"), test = open("t10k");
  const int classes =
      detail::idx_classes(folder, train.images.shape(), test.images.shape(), train.labels, test.labels);
  return {any_dataset(std::move(train.images), std::move(train.labels), classes),
          any_dataset(std::move(test.images), std::move(test.labels), classes)};
}

}  // namespace ssl
