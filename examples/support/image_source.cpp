#include "support/image_source.hpp"

#if defined(SSL_HAS_IMAGE)
#include <cstdio>
#include <utility>

#include "ssl/data/image_folder.hpp"
#endif

namespace ssl_example {

#if defined(SSL_HAS_IMAGE)

namespace {

ssl::labelled_files_split scan(image_layout layout, const std::string& where) {
  switch (layout) {
    case image_layout::tiny_imagenet:
      return ssl::scan_tiny_imagenet(where);
    case image_layout::lists: {
      const auto comma = where.find(',');
      if (comma == std::string::npos || comma == 0 || comma + 1 == where.size())
        throw ssl::option_error("--data list:" + where +
                                ": names one file, expected list:TRAIN.txt,TEST.txt");
      return ssl::scan_image_lists(where.substr(0, comma), where.substr(comma + 1));
    }
    case image_layout::folders:
      break;
  }
  return ssl::scan_image_folder(where);
}

void tell_of_skipped(const ssl::image_check& found, const char* part) {
  if (found.broken == 0) return;
  std::fprintf(stderr, "--skip-broken: %lld of %lld %s files are left out, the first of them:\n",
               static_cast<long long>(found.broken), static_cast<long long>(found.files), part);
  for (const std::string& sentence : found.sentences) std::fprintf(stderr, "  %s\n", sentence.c_str());
}

}  // namespace

ssl::any_split read_image_files(image_layout layout, const std::string& where, const data_options& options) {
  ssl::labelled_files_split files = scan(layout, where);
  // So that the first images, of which some options take a number, are of all classes alike.
  if (layout != image_layout::lists) {
    files.train = ssl::in_turn(std::move(files.train));
    files.test = ssl::in_turn(std::move(files.test));
  }
  ssl::image_split images = ssl::open_images(
      std::move(files), {.side = options.image_side,
                         .broken = options.skip_broken ? ssl::broken_files::skip : ssl::broken_files::stop});
  tell_of_skipped(images.train.skipped(), "training");
  tell_of_skipped(images.test.skipped(), "test");
  const ssl::image_shape shape = images.train.shape();
  if (shape.height != shape.width)
    throw ssl::data_error("--data " + options.data + ": the images are " + std::to_string(shape.width) +
                          " x " + std::to_string(shape.height) +
                          " pixels, expected square ones, as --image-side makes them");
  const auto names = images.train.class_names();
  const double size =
      static_cast<double>(shape.size()) * static_cast<double>(images.train.size() + images.test.size());
  ssl::any_split split;
  split.class_names.assign(names.begin(), names.end());
  if (options.stream || size > image_memory) {
    split.train = std::move(images.train);
    split.test = std::move(images.test);
  } else {
    split.train = images.train.load();
    split.test = images.test.load();
  }
  return split;
}

#else

ssl::any_split read_image_files(image_layout, const std::string&, const data_options& options) {
  throw ssl::option_error(
      "--data " + options.data +
      ": this program was built without libjpeg and libpng, expected another kind of source");
}

#endif

}  // namespace ssl_example
