#pragma once
/// The images that the example trainers take: generated, or from files.

#include <cstdint>
#include <string>

#include "ssl/data/any_dataset.hpp"

namespace ssl_example {

/// What --data says about itself in --help.
inline constexpr const char* data_help =
    "synthetic | synthetic:TRAIN,TEST | cifar10:DIR | cifar100:DIR | idx:DIR (MNIST's format, plain or .gz)";

/// Reads or generates. ssl::option_error for a kind that is not known, ssl::data_error for files that are not
/// right.
ssl::any_split load_data(const std::string& source, std::uint64_t seed);

}  // namespace ssl_example
