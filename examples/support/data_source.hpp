#pragma once
/// The images that the example programs take: generated, or from files.

#include <cstdint>
#include <optional>
#include <string>

#include "ssl/data/any_dataset.hpp"
#include "ssl/data/npy_images.hpp"

namespace ssl_example {

/// What --data and the options beside it say.
struct data_request {
  std::string source;                       // KIND or KIND:WHERE
  std::uint64_t seed = 1;                   // of generated images
  bool stream = false;                      // leave images in their files until they are needed
  std::optional<ssl::value_range> range{};  // of arrays that do not hold bytes
  ssl::index image_side = 0;                // files of images are made so wide and high; 0: as they are
  bool skip_broken = false;                 // leave out files of images that cannot be decoded
};

/// What --data says about itself in --help: every kind of source.
std::string data_help();

/// Reads or generates. ssl::option_error for a kind that is not known or an option that it does not take,
/// ssl::data_error for files that are not right.
ssl::any_split load_data(const data_request& request);

/// What the images of a source are, as in "2500 training and 500 test images of CIFAR-10".
std::string describe_source(const std::string& source);

}  // namespace ssl_example
