#pragma once
// SPDX-License-Identifier: MIT

/// Collections of JPEG and PNG files that are read when an image is asked for, or once into memory. Include
/// it by name and link the target bagssl::image.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/shape.hpp"
#include "ssl/data/dataset.hpp"
#include "ssl/data/file.hpp"
#include "ssl/data/file_buffer.hpp"
#include "ssl/data/image_file.hpp"
#include "ssl/data/joined_threads.hpp"
#include "ssl/data/labelled_files.hpp"

namespace ssl {

/// What a collection does about files that cannot be decoded.
enum class broken_files {
  stop,  // reading one throws data_error, which names it
  skip   // all are decoded when the collection is opened, and broken ones left out
};

struct image_options {
  index channels = 3;               // 3, grey made colour; or 1, colour made grey
  index side = 0;                   // images are made side x side; 0: all have one size already
  image_fit fit = image_fit::crop;  // how they are made so
  bool reduced = true;  // large JPEG files may be decoded at a half, a quarter, an eighth (image_decoder)
  broken_files broken = broken_files::stop;
  int threads = 0;  // that open, check and load; 0: one for each core
};

namespace detail {

/// body(i) for i in [0, count) on `threads` threads, 0: one for each core. Throws what the first i threw, in
/// the order of numbers, not of time.
template <class Body>
void for_each_file(index count, int threads, const Body& body) {
  if (threads < 0)
    throw option_error("images are to be read by " + std::to_string(threads) +
                       " threads, expected 0 or more");
  if (threads == 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::atomic<index> next{0}, failed{count};
  std::mutex mutex;
  std::exception_ptr error;
  const auto work = [&] {
    for (index i = next++; i < failed; i = next++) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < failed) {
          failed = i;
          error = std::current_exception();
        }
      }
    }
  };
  {
    joined_threads others;
    try {
      for (index k = 1; k < std::min<index>(threads, count); ++k) others.start(work);
    } catch (const std::system_error&) {
      // fewer threads do the same
    }
    work();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace detail

/// What decoding every file of a collection found.
struct image_check {
  index files = 0, broken = 0;
  std::vector<std::string> sentences;  // of the first ten broken ones, in the order of the collection
};

/// Labelled images in files of their own, numbered in the order they are given; decoded by `read`, every
/// time, so it needs the memory of their names only. May be read from several threads. A LabelledDataset.
class image_dataset {
 public:
  image_dataset() = default;

  /// Without a side, the first image's size is that of all. Opens no more than that one, but for `skip`,
  /// which decodes all of them. Throws data_error if there is no file or no intact one, or for the first file
  /// if it is broken and `stop`; and as `decode_all` if sizes differ.
  explicit image_dataset(labelled_files files, const image_options& options = {})
      : files_(std::move(files)), options_(options) {
    if (options.channels != 1 && options.channels != 3)
      throw option_error("image_dataset: channels is " + std::to_string(options.channels) +
                         ", expected 1 or 3");
    if (options.side < 0 || options.side * options.side > max_image_pixels)
      throw option_error("image_dataset: side is " + std::to_string(options.side) +
                         ", expected 0 or the pixels of a side");
    if (files_.paths.size() != files_.labels.size())
      throw shape_error("image_dataset: " + std::to_string(files_.paths.size()) + " files but " +
                        std::to_string(files_.labels.size()) + " labels");
    for (std::size_t i = 0; i < files_.labels.size(); ++i)
      if (files_.labels[i] < 0 || files_.labels[i] >= classes())
        throw data_error(files_.paths[i] + ": has the label " + std::to_string(files_.labels[i]) +
                         ", expected 0 to " + std::to_string(classes() - 1));
    if (files_.paths.empty()) throw data_error("image_dataset: no file, expected at least one");
    if (options.broken == broken_files::skip) {
      leave_out_broken();
    } else {
      shape_ = options.side > 0
                   ? image_shape{options.channels, options.side, options.side}
                   : image_file_shape(read_file(files_.paths[0]), files_.paths[0], options.channels);
    }
  }

  index size() const { return static_cast<index>(files_.paths.size()); }
  image_shape shape() const { return shape_; }
  int label(index i) const { return files_.labels[static_cast<std::size_t>(i)]; }
  int classes() const { return static_cast<int>(files_.class_names.size()); }
  std::span<const int> labels() const { return files_.labels; }
  std::span<const std::string> class_names() const { return files_.class_names; }
  std::filesystem::path path(index i) const { return files_.paths[static_cast<std::size_t>(i)]; }

  /// Broken files that were found on opening and left out.
  const image_check& skipped() const { return skipped_; }

  /// out (h w c) = image i. Throws data_error if its file is broken or, without a side, of another size.
  void read(index i, std::span<std::uint8_t> out) const {
    const std::string& name = files_.paths[static_cast<std::size_t>(i)];
    auto& [files, decode] = this_threads_reader();
    const std::span<const std::uint8_t> file = files.read(name);
    if (options_.side > 0) {
      decode(file, name, shape_, options_.fit, options_.reduced, out);
    } else if (const image_shape own = decode.exact(file, name, shape_, out); own != shape_) {
      throw data_error(other_size(name, own, shape_, files_.paths[0]));
    }
  }

  /// Decodes every file and counts the broken ones. Throws data_error if an intact one has another size.
  image_check decode_all() const {
    std::vector<std::string> problems;
    examine(problems);
    return summary(problems);
  }

  /// All of it, decoded once. Throws as `read`, for the first file that it fails on.
  memory_dataset load() const {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(size() * shape_.size()));
    const auto one = static_cast<std::size_t>(shape_.size());
    detail::for_each_file(size(), options_.threads, [&](index i) {
      read(i, std::span(pixels).subspan(static_cast<std::size_t>(i) * one, one));
    });
    return {shape_, std::move(pixels), files_.labels, classes()};
  }

 private:
  struct reader {
    file_buffer files;
    image_decoder decode;
  };
  static reader& this_threads_reader() {
    static thread_local reader mine;
    return mine;
  }

  static std::string other_size(const std::string& name, image_shape own, image_shape expected,
                                const std::string& as) {
    return name + ": has " + std::to_string(own.width) + " x " + std::to_string(own.height) +
           " pixels, expected " + std::to_string(expected.width) + " x " + std::to_string(expected.height) +
           " as " + as +
           " has; images of several sizes need a side to be resized to (image_options::side, --image-side)";
  }

  /// problems[i] = what is wrong with file i, empty if nothing. Returns the shape of the intact ones.
  image_shape examine(std::vector<std::string>& problems) const {
    problems.assign(files_.paths.size(), {});
    image_shape shape{options_.channels, options_.side, options_.side};
    std::vector<image_shape> own(options_.side > 0 ? 0 : files_.paths.size());
    detail::for_each_file(size(), options_.threads, [&](index i) {
      const auto k = static_cast<std::size_t>(i);
      const std::string& name = files_.paths[k];
      static thread_local std::vector<std::uint8_t> pixels;
      try {
        auto& [files, decode] = this_threads_reader();
        const std::span<const std::uint8_t> file = files.read(name);
        if (options_.side > 0) {
          pixels.resize(static_cast<std::size_t>(shape.size()));
          decode(file, name, shape, options_.fit, options_.reduced, pixels);
        } else {
          own[k] = decode.whole(file, name, options_.channels);
        }
      } catch (const data_error& e) {
        problems[k] = e.what();
      }
    });
    std::optional<std::size_t> first;
    for (std::size_t k = 0; k < own.size(); ++k) {
      if (!problems[k].empty()) continue;
      if (!first) first = k;
      if (own[k] != own[*first])
        throw data_error(other_size(files_.paths[k], own[k], own[*first], files_.paths[*first]));
    }
    return first ? own[*first] : shape;
  }

  static image_check summary(const std::vector<std::string>& problems) {
    image_check found{static_cast<index>(problems.size()), 0, {}};
    for (const std::string& problem : problems) {
      if (problem.empty()) continue;
      if (++found.broken <= 10) found.sentences.push_back(problem);
    }
    return found;
  }

  void leave_out_broken() {
    std::vector<std::string> problems;
    shape_ = examine(problems);
    skipped_ = summary(problems);
    if (skipped_.broken == skipped_.files)
      throw data_error(skipped_.sentences[0] + " (and so are all " + std::to_string(skipped_.files) +
                       " files)");
    std::size_t kept = 0;
    for (std::size_t k = 0; k < problems.size(); ++k) {
      if (!problems[k].empty()) continue;
      if (kept != k) {
        files_.paths[kept] = std::move(files_.paths[k]);
        files_.labels[kept] = files_.labels[k];
      }
      ++kept;
    }
    files_.paths.resize(kept);
    files_.labels.resize(kept);
  }

  labelled_files files_;
  image_options options_;
  image_shape shape_{};
  image_check skipped_;
};

/// Images to learn from and images to measure on, of one shape.
struct image_split {
  image_dataset train, test;
};

/// Both parts opened with the same options. Throws data_error as image_dataset, and if they differ in the
/// size of their images.
inline image_split open_images(labelled_files_split files, const image_options& options = {}) {
  image_split both{image_dataset(std::move(files.train), options),
                   image_dataset(std::move(files.test), options)};
  const image_shape a = both.train.shape(), b = both.test.shape();
  if (a != b)
    throw data_error(
        both.test.path(0).string() + ": has " + std::to_string(b.width) + " x " + std::to_string(b.height) +
        " pixels, expected " + std::to_string(a.width) + " x " + std::to_string(a.height) + " as " +
        both.train.path(0).string() +
        " has; images of several sizes need a side to be resized to (image_options::side, --image-side)");
  return both;
}

/// DIR/train/<class>/* and DIR/val|test/<class>/*: see scan_image_folder.
inline image_split open_image_folder(const std::filesystem::path& folder, const image_options& options = {}) {
  return open_images(scan_image_folder(folder), options);
}

/// Tiny-ImageNet as it is published: see scan_tiny_imagenet.
inline image_split open_tiny_imagenet(const std::filesystem::path& folder,
                                      const image_options& options = {}) {
  return open_images(scan_tiny_imagenet(folder), options);
}

/// Two lists of files with their labels: see scan_image_lists.
inline image_split open_image_lists(const std::filesystem::path& train, const std::filesystem::path& test,
                                    const image_options& options = {}) {
  return open_images(scan_image_lists(train, test), options);
}

}  // namespace ssl
