#pragma once
/// The IDX format of MNIST and Fashion-MNIST: a big-endian header (0, 0, element type, dimensions, then each
/// extent in four bytes) and the elements, here always unsigned bytes (type 8): images (n, height, width),
/// labels (n).

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/data/dataset.hpp"
#include "ssl/data/file.hpp"

namespace ssl {

struct idx_images {
  image_shape shape{1, 0, 0};
  std::vector<std::uint8_t> pixels;
};

namespace detail {

/// The extents of an IDX file of unsigned bytes, after every check; the elements follow at 4 + 4 * Rank.
template <std::size_t Rank>
std::array<std::uint64_t, Rank> idx_header(std::span<const std::uint8_t> bytes, const std::string& name) {
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
  if (huge || bytes.size() - header != expected)
    throw data_error(name + ": has " + std::to_string(bytes.size() - header) +
                     " bytes after its header, expected " +
                     (huge ? std::string("more than 4294967296") : std::to_string(expected)) +
                     (huge || bytes.size() - header < expected ? " (truncated)" : " (trailing bytes)"));
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
  const auto extent = detail::idx_header<3>(bytes, name);
  return {{1, static_cast<index>(extent[1]), static_cast<index>(extent[2])},
          {bytes.begin() + 16, bytes.end()}};
}

/// Labels from an IDX file's bytes; `name` begins the messages. Throws data_error.
inline std::vector<int> parse_idx_labels(std::span<const std::uint8_t> bytes, const std::string& name) {
  detail::idx_header<1>(bytes, name);
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

/// The four files of MNIST or Fashion-MNIST from a folder: train-images-idx3-ubyte, train-labels-idx1-ubyte,
/// t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, plain or, if `decompress(bytes, name)` is given
/// (`gunzip{}` of data/gzip.hpp), with .gz. There are as many classes as the largest label says. Throws
/// data_error.
template <class Decompress = no_decompressor>
dataset_split read_idx(const std::filesystem::path& folder, const Decompress& decompress = {}) {
  std::error_code failure;
  if (!std::filesystem::is_directory(folder, failure)) throw data_error(folder.string() + ": no such folder");
  const auto content = [&](const std::filesystem::path& path) {
    std::vector<std::uint8_t> bytes = read_file(path);
    return path.extension() == ".gz" ? decompress(std::span<const std::uint8_t>(bytes), path.string())
                                     : bytes;
  };
  struct part {
    idx_images images;
    std::vector<int> labels;
  };
  const auto read = [&](const std::string& stem) {
    const auto images = detail::idx_path(folder, stem + "-images", "idx3-ubyte");
    const auto labels = detail::idx_path(folder, stem + "-labels", "idx1-ubyte");
    if (!detail::present(images) && !detail::present(labels))
      throw data_error(folder.string() + ": holds no " + images.filename().string() + " and no " +
                       labels.filename().string() + ", expected these (plain or .gz)");
    part p{parse_idx_images(content(images), images.string()),
           parse_idx_labels(content(labels), labels.string())};
    const auto count = static_cast<index>(p.images.pixels.size()) / p.images.shape.size();
    if (count != static_cast<index>(p.labels.size()))
      throw data_error(labels.string() + ": has " + std::to_string(p.labels.size()) +
                       " labels, expected the " + std::to_string(count) + " of " +
                       images.filename().string());
    return p;
  };
  part train = read("train"), test = read("t10k");
  if (train.images.shape != test.images.shape)
    throw data_error(folder.string() + ": its training images and its test images differ in size");
  const int classes = 1 + std::max(*std::max_element(train.labels.begin(), train.labels.end()),
                                   *std::max_element(test.labels.begin(), test.labels.end()));
  const image_shape shape = train.images.shape;
  return {{shape, std::move(train.images.pixels), std::move(train.labels), classes},
          {shape, std::move(test.images.pixels), std::move(test.labels), classes}};
}

}  // namespace ssl
