#pragma once
// SPDX-License-Identifier: MIT

/// STL-10 in its binary format: 96x96 colour images, 5,000 with labels to learn from, 8,000 to judge by, and
/// 100,000 without labels, which are meant to be learnt from first (Coates, Lee and Ng, "An Analysis of
/// Single Layer Networks in Unsupervised Feature Learning", 2011). A file of images has no header; an image
/// is 27,648 bytes, planar (red, green, blue), each plane column after column. Labels are bytes 1 to 10.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/data/any_dataset.hpp"
#include "ssl/data/file.hpp"
#include "ssl/data/file_dataset.hpp"

namespace ssl {

inline constexpr image_shape stl10_shape{3, 96, 96};

/// What is trained on: the labelled images, those without labels, or both (the labels unused).
enum class stl10_training { labelled, unlabelled, both };

struct stl10_options {
  stl10_training train = stl10_training::unlabelled;
  bool stream = false;  // reads the labelled images, too, when they are needed
};

namespace detail {

/// Planar and column after column to channel-last: from[c * 9216 + x * 96 + y] to to[(y * 96 + x) * 3 + c].
inline void stl10_pixels(std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
  constexpr std::size_t side = 96, plane = side * side;
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t x = 0; x < side; ++x)
      for (std::size_t y = 0; y < side; ++y) to[(y * side + x) * 3 + c] = from[c * plane + x * side + y];
}

/// Adds every image of a file; returns how many there are.
inline index append_stl10(file_dataset& images, const std::filesystem::path& path) {
  const index size = stl10_shape.size();
  auto file = std::make_shared<const file_reader>(path);
  const auto count = static_cast<index>(file->size() / static_cast<std::uint64_t>(size));
  if (count == 0 || file->size() % static_cast<std::uint64_t>(size) != 0)
    throw data_error(path.string() + ": has " + std::to_string(file->size()) +
                     " bytes, expected a multiple of the 27648 bytes of an image (truncated, or another "
                     "format)");
  images.append(std::move(file), 0, size, count);
  return count;
}

inline std::vector<int> stl10_labels(const std::filesystem::path& path, index images) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  if (static_cast<index>(bytes.size()) != images)
    throw data_error(path.string() + ": has " + std::to_string(bytes.size()) + " labels, expected the " +
                     std::to_string(images) + " of its images");
  std::vector<int> labels;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] < 1 || bytes[i] > 10)
      throw data_error(path.string() + ": label " + std::to_string(i) + " is " + std::to_string(bytes[i]) +
                       ", expected 1 to 10");
    labels.push_back(bytes[i] - 1);
  }
  return labels;
}

inline any_dataset stl10_part(const std::filesystem::path& folder, const std::string& name, bool stream) {
  file_dataset images(stl10_shape, stl10_shape.size(), stl10_pixels);
  const index count = append_stl10(images, folder / (name + "_X.bin"));
  any_dataset part(std::move(images), stl10_labels(folder / (name + "_y.bin"), count), 10);
  return stream ? part : in_memory(part);
}

/// The folder itself, or stl10_binary inside it, which the official archive unpacks to.
inline std::filesystem::path stl10_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  if (!std::filesystem::is_directory(folder, failure)) throw data_error(folder.string() + ": no such folder");
  const auto inner = folder / "stl10_binary";
  const auto at = std::filesystem::is_directory(inner, failure) ? inner : folder;
  if (!present(at / "train_X.bin") && !present(at / "test_X.bin") && !present(at / "unlabeled_X.bin"))
    throw data_error(folder.string() +
                     ": holds no STL-10, expected train_X.bin, train_y.bin, test_X.bin, test_y.bin and "
                     "unlabeled_X.bin");
  return at;
}

}  // namespace detail

/// STL-10 from a folder. Images without labels are always read when they are needed (2.7 GB), the others lie
/// in memory (360 MB) unless they are to be streamed. Classifiers learn from the labelled training images,
/// whatever the networks are trained on. Any number of images will do. Throws data_error if a file that is
/// needed is missing or has a wrong size, or a label is none.
inline any_split read_stl10(const std::filesystem::path& folder, const stl10_options& options = {}) {
  const std::filesystem::path at = detail::stl10_folder(folder);
  any_split split;
  split.train = detail::stl10_part(at, "train", options.stream);
  split.test = detail::stl10_part(at, "test", options.stream);
  split.class_names = {"airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"};
  if (options.train == stl10_training::labelled) return split;
  split.labelled = split.train;
  file_dataset bare(stl10_shape, stl10_shape.size(), detail::stl10_pixels);
  if (options.train == stl10_training::both) detail::append_stl10(bare, at / "train_X.bin");
  detail::append_stl10(bare, at / "unlabeled_X.bin");
  split.train = std::move(bare);
  return split;
}

/// The ten folds of the official protocol, from fold_indices.txt: a line each of numbers of training images,
/// counted from 0; `choose(images, fold)` is a fold's part. Throws data_error if the file is missing or says
/// anything else.
inline std::vector<std::vector<index>> read_stl10_folds(const std::filesystem::path& folder, index images) {
  const std::filesystem::path path = detail::stl10_folder(folder) / "fold_indices.txt";
  const std::vector<std::uint8_t> bytes = read_file(path);
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  std::vector<std::vector<index>> folds;
  for (std::string line; std::getline(text, line);) {
    std::istringstream numbers(line);
    std::vector<index> fold;
    for (index i = 0; numbers >> i;) {
      if (i < 0 || i >= images)
        throw data_error(path.string() + ": fold " + std::to_string(folds.size()) + " names image " +
                         std::to_string(i) + ", expected 0 to " + std::to_string(images - 1));
      fold.push_back(i);
    }
    if (!numbers.eof())
      throw data_error(path.string() + ": line " + std::to_string(folds.size() + 1) +
                       " holds something else than whole numbers");
    if (!fold.empty()) folds.push_back(std::move(fold));
  }
  if (folds.empty()) throw data_error(path.string() + ": holds no fold");
  return folds;
}

}  // namespace ssl
