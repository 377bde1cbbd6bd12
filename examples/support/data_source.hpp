#pragma once
/// The images that the example programs take: generated, or from files.

#include <cstdint>
#include <string>
#include <vector>

#include "ssl/data/any_dataset.hpp"
#include "support/cli.hpp"

namespace ssl_example {

/// --data and the options beside it.
struct data_options {
  std::string data = "synthetic";        // KIND or KIND:WHERE
  std::uint64_t seed = 1;                // of generated images
  bool stream = false;                   // images stay in their files until they are needed
  int image_side = 0;                    // files of images are made so wide and high; 0: as they are
  bool skip_broken = false;              // leave out files of images that cannot be decoded
  std::vector<double> value_range = {};  // low and high of arrays that do not hold bytes; none: their own
};

/// --data, --stream, --image-side, --skip-broken and --value-range; the seed is the program's own.
void add_options(CLI::App& app, data_options& options);

/// Reads or generates. ssl::option_error for a kind that is not known or an option that it does not take,
/// ssl::data_error for files that are not right.
ssl::any_split load_data(const data_options& options);

/// Whether a source has a file for each image, which are brought to any size; false where it is not known.
bool has_image_files(const std::string& source);

/// What the images of a source are, as in "2500 training and 500 test images of CIFAR-10".
std::string describe_source(const std::string& source);

}  // namespace ssl_example
