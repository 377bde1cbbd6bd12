#pragma once
// SPDX-License-Identifier: MIT

/// CIFAR-10 and CIFAR-100 in their binary format: records without a header, each one or two label bytes and
/// then 3072 bytes of a 32x32 image, planar (1024 red, 1024 green, 1024 blue). Krizhevsky, "Learning Multiple
/// Layers of Features from Tiny Images", 2009. Pixels are made channel-last on reading. `read_` brings all
/// into memory; `stream_` leaves the images in their files until they are needed and keeps the labels.

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

inline constexpr image_shape cifar_shape{3, 32, 32};

/// CIFAR-100 has 100 classes in 20 groups.
enum class cifar100_labels { fine, coarse };

/// Planar to channel-last: from[c * pixels + p] to to[p * channels + c].
inline void channel_last(image_shape shape, std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
  const auto pixels = static_cast<std::size_t>(shape.pixels()),
             channels = static_cast<std::size_t>(shape.channels);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t p = 0; p < pixels; ++p) to[p * channels + c] = from[c * pixels + p];
}

namespace detail {

struct cifar_format {
  std::size_t label_bytes, label_at;
  int classes;
  std::size_t record() const { return label_bytes + 3072; }
};

inline cifar_format cifar10_format() { return {1, 0, 10}; }
inline cifar_format cifar100_format(cifar100_labels which) {
  return which == cifar100_labels::fine ? cifar_format{2, 1, 100} : cifar_format{2, 0, 20};
}

/// Records in a file of so many bytes.
inline index cifar_count(const std::filesystem::path& path, std::uint64_t bytes, std::size_t record) {
  if (bytes == 0 || bytes % record != 0)
    throw data_error(path.string() + ": has " + std::to_string(bytes) +
                     " bytes, expected a multiple of the " + std::to_string(record) +
                     " bytes of one record (truncated, or another format)");
  return static_cast<index>(bytes / record);
}

inline int cifar_label(const std::filesystem::path& path, cifar_format format, index i, int label) {
  if (label >= format.classes)
    throw data_error(path.string() + ": record " + std::to_string(i) + " has the label " +
                     std::to_string(label) + ", expected 0 to " + std::to_string(format.classes - 1));
  return label;
}

inline void append_cifar(const std::filesystem::path& path, cifar_format format,
                         std::vector<std::uint8_t>& pixels, std::vector<int>& labels) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  const std::size_t record = format.record(), size = 3072;
  const auto count = static_cast<std::size_t>(cifar_count(path, bytes.size(), record));
  std::size_t at = pixels.size();
  pixels.resize(at + count * size);
  labels.reserve(labels.size() + count);
  for (std::size_t i = 0; i < count; ++i, at += size) {
    const std::span<const std::uint8_t> one = std::span(bytes).subspan(i * record, record);
    labels.push_back(cifar_label(path, format, static_cast<index>(i), one[format.label_at]));
    channel_last(cifar_shape, one.subspan(format.label_bytes), std::span(pixels).subspan(at, size));
  }
}

inline memory_dataset read_cifar(const std::vector<std::filesystem::path>& files, cifar_format format) {
  std::vector<std::uint8_t> pixels;
  std::vector<int> labels;
  for (const auto& file : files) append_cifar(file, format, pixels, labels);
  return {cifar_shape, std::move(pixels), std::move(labels), format.classes};
}

inline any_dataset stream_cifar(const std::vector<std::filesystem::path>& files, cifar_format format) {
  file_dataset images(cifar_shape, 3072, [](std::span<const std::uint8_t> raw, std::span<std::uint8_t> out) {
    channel_last(cifar_shape, raw, out);
  });
  std::vector<int> labels;
  for (const auto& path : files) {
    auto file = std::make_shared<const file_reader>(path);
    const index count = cifar_count(path, file->size(), format.record());
    for (index i = 0; i < count; ++i) {
      std::uint8_t label = 0;
      file->read(static_cast<std::uint64_t>(i) * format.record() + format.label_at, {&label, 1});
      labels.push_back(cifar_label(path, format, i, label));
    }
    images.append(std::move(file), format.label_bytes, static_cast<index>(format.record()), count);
  }
  return {std::move(images), std::move(labels), format.classes};
}

/// The folder itself, or the one inside it that the official archive unpacks to.
inline std::filesystem::path cifar_folder(const std::filesystem::path& folder, const char* inner) {
  std::error_code failure;
  if (!present(folder)) throw data_error(folder.string() + ": no such folder");
  if (!std::filesystem::is_directory(folder, failure))
    throw data_error(folder.string() + ": is a file, expected a folder");
  return std::filesystem::is_directory(folder / inner, failure) ? folder / inner : folder;
}

struct cifar_files {
  std::vector<std::filesystem::path> train, test;
};

inline cifar_files cifar10_files(const std::filesystem::path& folder) {
  const std::filesystem::path at = cifar_folder(folder, "cifar-10-batches-bin");
  std::vector<std::filesystem::path> batches;
  bool official = present(at / "test_batch.bin");
  for (int k = 1; k <= 5; ++k) {
    batches.push_back(at / ("data_batch_" + std::to_string(k) + ".bin"));
    official = official || present(batches.back());
  }
  if (official) return {batches, {at / "test_batch.bin"}};
  if (!present(at / "train.bin") && !present(at / "test.bin"))
    throw data_error(
        folder.string() +
        ": holds no CIFAR-10, expected data_batch_1.bin to data_batch_5.bin and test_batch.bin, or "
        "train.bin and test.bin");
  return {{at / "train.bin"}, {at / "test.bin"}};
}

inline cifar_files cifar100_files(const std::filesystem::path& folder) {
  const std::filesystem::path at = cifar_folder(folder, "cifar-100-binary");
  if (!present(at / "train.bin") && !present(at / "test.bin"))
    throw data_error(folder.string() + ": holds no CIFAR-100, expected train.bin and test.bin");
  return {{at / "train.bin"}, {at / "test.bin"}};
}

}  // namespace detail

/// One file of CIFAR-10 records. Throws data_error if it is missing, truncated, or holds a label above 9.
inline memory_dataset read_cifar10_file(const std::filesystem::path& path) {
  return detail::read_cifar({path}, detail::cifar10_format());
}

/// CIFAR-10 from a folder: data_batch_1.bin ... data_batch_5.bin and test_batch.bin (the official names, also
/// inside cifar-10-batches-bin), or train.bin and test.bin with the same records. Throws data_error as for
/// one file, or if a file of the set is missing.
inline dataset_split read_cifar10(const std::filesystem::path& folder) {
  const detail::cifar_files files = detail::cifar10_files(folder);
  return {detail::read_cifar(files.train, detail::cifar10_format()),
          detail::read_cifar(files.test, detail::cifar10_format())};
}
inline any_split stream_cifar10(const std::filesystem::path& folder) {
  const detail::cifar_files files = detail::cifar10_files(folder);
  return {detail::stream_cifar(files.train, detail::cifar10_format()),
          detail::stream_cifar(files.test, detail::cifar10_format())};
}

/// One file of CIFAR-100 records (group, class, pixels). Throws as for CIFAR-10.
inline memory_dataset read_cifar100_file(const std::filesystem::path& path,
                                         cifar100_labels which = cifar100_labels::fine) {
  return detail::read_cifar({path}, detail::cifar100_format(which));
}

/// CIFAR-100 from a folder: train.bin and test.bin, also inside cifar-100-binary.
inline dataset_split read_cifar100(const std::filesystem::path& folder,
                                   cifar100_labels which = cifar100_labels::fine) {
  const detail::cifar_files files = detail::cifar100_files(folder);
  return {detail::read_cifar(files.train, detail::cifar100_format(which)),
          detail::read_cifar(files.test, detail::cifar100_format(which))};
}
inline any_split stream_cifar100(const std::filesystem::path& folder,
                                 cifar100_labels which = cifar100_labels::fine) {
  const detail::cifar_files files = detail::cifar100_files(folder);
  return {detail::stream_cifar(files.train, detail::cifar100_format(which)),
          detail::stream_cifar(files.test, detail::cifar100_format(which))};
}

}  // namespace ssl
