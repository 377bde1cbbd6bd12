#include "support/data_source.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

#include "ssl/data/cifar.hpp"
#include "ssl/data/idx.hpp"
#include "ssl/data/npy_images.hpp"
#include "ssl/data/stl10.hpp"
#include "ssl/data/synthetic.hpp"

#include "support/image_source.hpp"

#if defined(SSL_HAS_ZLIB)
#include "ssl/data/gzip.hpp"
#endif

namespace ssl_example {

namespace {

/// The options and what follows the colon of --data.
struct place : data_options {
  std::string where;
};

/// One kind of source; the table below has them all.
struct data_kind {
  const char* name;
  const char* where;  // what follows the colon, for a sentence
  const char* what;   // the images, for a sentence
  bool streams, takes_range;
  ssl::any_split (*read)(const place&);
  bool image_files = false;  // one for each image
};

ssl::index number(const std::string& text, const std::string& source) {
  ssl::index value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1)
    throw ssl::option_error("--data " + source + ": '" + text +
                            "' is not a number of images, expected synthetic:TRAIN,TEST");
  return value;
}

/// Both parts in memory.
ssl::any_split held(ssl::dataset_split split) { return {std::move(split.train), std::move(split.test)}; }

ssl::any_split generate(const place& p) {
  ssl::index train = 2500, test = 500;
  if (!p.where.empty()) {
    const auto comma = p.where.find(',');
    train = number(p.where.substr(0, comma), p.data);
    test = comma == std::string::npos ? train / 4 + 1 : number(p.where.substr(comma + 1), p.data);
  }
  const ssl::synthetic_options options;
  return {ssl::make_synthetic(options, p.seed, train), ssl::make_synthetic(options, p.seed, test, train)};
}

ssl::any_split cifar10(const place& p) {
  auto split = p.stream ? ssl::stream_cifar10(p.where) : held(ssl::read_cifar10(p.where));
  split.class_names = {"airplane", "automobile", "bird",  "cat",  "deer",
                       "dog",      "frog",       "horse", "ship", "truck"};
  return split;
}

template <ssl::cifar100_labels Which>
ssl::any_split cifar100(const place& p) {
  return p.stream ? ssl::stream_cifar100(p.where, Which) : held(ssl::read_cifar100(p.where, Which));
}

template <ssl::stl10_training Train>
ssl::any_split stl10(const place& p) {
  return ssl::read_stl10(p.where, {.train = Train, .stream = p.stream});
}

ssl::any_split idx(const place& p) {
#if defined(SSL_HAS_ZLIB)
  const ssl::gunzip decompress;
#else
  const ssl::no_decompressor decompress;
#endif
  return p.stream ? ssl::stream_idx(p.where, decompress) : held(ssl::read_idx(p.where, decompress));
}

template <ssl::npy_axes Axes>
ssl::any_split npy(const place& p) {
  std::optional<ssl::value_range> range;
  if (!p.value_range.empty()) range = {p.value_range.at(0), p.value_range.at(1)};
  return ssl::read_npy_images(p.where, {.axes = Axes, .range = range, .stream = p.stream});
}

template <image_layout Layout>
ssl::any_split images(const place& p) {
  return read_image_files(Layout, p.where, p);
}

constexpr std::array kinds{
    data_kind{"synthetic", "TRAIN,TEST",
              "generated images in which a class is a set of three textures or shapes that occur together",
              false, false, generate},
    data_kind{"cifar10", "DIR", "images of CIFAR-10", true, false, cifar10},
    data_kind{"cifar100", "DIR", "images of CIFAR-100", true, false, cifar100<ssl::cifar100_labels::fine>},
    data_kind{"cifar100-coarse", "DIR", "images of CIFAR-100 in its 20 groups of classes", true, false,
              cifar100<ssl::cifar100_labels::coarse>},
    data_kind{"stl10", "DIR", "images of STL-10, those to train on without labels", true, false,
              stl10<ssl::stl10_training::unlabelled>},
    data_kind{"stl10-labelled", "DIR", "images of STL-10", true, false, stl10<ssl::stl10_training::labelled>},
    data_kind{"stl10-all", "DIR", "images of STL-10, with and without labels to train on", true, false,
              stl10<ssl::stl10_training::both>},
    data_kind{"idx", "DIR", "images in MNIST's format", true, false, idx},
    data_kind{"npy", "DIR", "images from NumPy arrays", true, true, npy<ssl::npy_axes::channels_last>},
    data_kind{"npy-chw", "DIR", "images from NumPy arrays", true, true, npy<ssl::npy_axes::channels_first>},
    data_kind{"folder", "DIR", "images from files", true, false, images<image_layout::folders>, true},
    data_kind{"tiny-imagenet", "DIR", "images of Tiny-ImageNet", true, false,
              images<image_layout::tiny_imagenet>, true},
    data_kind{"list", "TRAIN.txt,TEST.txt", "images from files", true, false, images<image_layout::lists>,
              true},
};

/// The names of all kinds for which `which` holds.
template <class F>
std::string names(F which) {
  std::string list;
  for (const data_kind& kind : kinds)
    if (which(kind)) list += (list.empty() ? "" : ", ") + std::string(kind.name);
  return list;
}

const data_kind* find(const std::string& source) {
  const std::string name = source.substr(0, source.find(':'));
  for (const data_kind& kind : kinds)
    if (name == kind.name) return &kind;
  return nullptr;
}

}  // namespace

void add_options(CLI::App& app, data_options& o) {
  std::string text = "synthetic";
  for (const data_kind& kind : kinds) text += " | " + std::string(kind.name) + ":" + kind.where;
  text +=
      " (idx: MNIST's format, plain or .gz; stl10: trains on the images without labels, -labelled "
      "on the others, -all on both; npy: train_images.npy, train_labels.npy, test_images.npy, "
      "test_labels.npy of (n, h, w) or (n, h, w, c), npy-chw of (n, c, h, w); folder: JPEG and PNG "
      "files DIR/train/CLASS/*, DIR/val/CLASS/* or test; list: lines of a path, a tab or space, a label)";
  app.add_option("--data", o.data, text);
  app.add_flag("--stream", o.stream,
               "leave the images in their files until they are needed, for more than fit in memory");
  app.add_option(
         "--image-side", o.image_side,
         "files of images: made so wide and high, the shorter side resized, then the centre; 0: as they are")
      ->check(between(0, 4096));
  app.add_flag("--skip-broken", o.skip_broken,
               "files of images: leave out those that cannot be decoded, rather than stop");
  app.add_option("--value-range", o.value_range,
                 "npy: the values that become black and white; default: the training images' own, by channel")
      ->delimiter(',')
      ->expected(2);
}

ssl::any_split load_data(const data_options& options) {
  const std::string& source = options.data;
  const auto colon = source.find(':');
  const data_kind* const kind = find(source);
  if (!kind)
    throw ssl::option_error("--data " + source + ": '" + source.substr(0, colon) +
                            "' is not known, expected one of " + names([](const auto&) { return true; }));
  const std::string where = colon == std::string::npos ? "" : source.substr(colon + 1);
  if (where.empty() && std::string(kind->where) == "DIR")
    throw ssl::option_error("--data " + source + ": the folder is missing, expected " + kind->name + ":DIR");
  if ((options.image_side != 0 || options.skip_broken) && !kind->image_files)
    throw ssl::option_error(std::string(options.skip_broken ? "--skip-broken: " : "--image-side: ") +
                            kind->name + " has no files of single images, expected one of " +
                            names([](const auto& k) { return k.image_files; }));
  if (options.stream && !kind->streams)
    throw ssl::option_error("--stream: " + std::string(kind->name) +
                            " has no files to read from, expected one of " +
                            names([](const auto& k) { return k.streams; }));
  if (!options.value_range.empty() && !kind->takes_range)
    throw ssl::option_error("--value-range: images of " + std::string(kind->name) +
                            " are bytes already, expected one of " +
                            names([](const auto& k) { return k.takes_range; }));
  return kind->read({options, where});
}

bool has_image_files(const std::string& source) {
  const data_kind* const kind = find(source);
  return kind && kind->image_files;
}

std::string describe_source(const std::string& source) {
  const data_kind* const kind = find(source);
  return kind ? kind->what : "images";
}

}  // namespace ssl_example
