#pragma once
/// Images in files of their own, JPEG and PNG, as the example programs take them.

#include <string>

#include "ssl/data/any_dataset.hpp"
#include "support/data_source.hpp"

namespace ssl_example {

/// Where the files and their classes are.
enum class image_layout {
  folders,        // DIR/train/<class>/*, DIR/val|test/<class>/*
  tiny_imagenet,  // DIR/train/<id>/images/*, DIR/val/images/* with val_annotations.txt
  lists           // TRAIN.txt,TEST.txt: lines of a path and a label
};

/// Images of more bytes than this, decoded, stay in their files.
inline constexpr double image_memory = 4e9;

/// The images at `where`, square. They are decoded into memory, on every core, unless `options.stream` or
/// image_memory say otherwise. Broken files stop it, or are left out and told of on stderr
/// (options.skip_broken). ssl::option_error where this program was built without the libraries that decode.
ssl::any_split read_image_files(image_layout layout, const std::string& where, const data_options& options);

}  // namespace ssl_example
