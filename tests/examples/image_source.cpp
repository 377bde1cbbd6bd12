// Folders and lists of images as the programs' --data takes them. Needs bagssl::image.
#include "support/data_source.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/image_files.hpp"
#include "support/temporary_folder.hpp"

namespace ex = ssl_example;
using namespace ssl::test;

namespace {

struct collection : temporary_folder {
  explicit collection(ssl::image_shape s) {
    for (const std::string part : {"train", "val"})
      for (const std::string name : {"ant", "bee"}) {
        std::filesystem::create_directories(*this / (part + "/" + name));
        for (const char* number : {"0", "1", "2"})
          file(part + "/" + name + "/" + number + ".png", png_file(s.height, s.width, smooth_image(s)));
      }
  }
  std::string kind(const std::string& name) const { return name + ":" + path().string(); }
};

std::string refusal(const ex::data_options& options) {
  return message<ssl::error>([&] { ex::load_data(options); });
}

}  // namespace

TEST_CASE("examples/image_source: a folder is decoded into memory, its first images of all classes alike") {
  const collection c({3, 6, 6});
  const auto data = ex::load_data({.data = c.kind("folder")});
  CHECK(data.train.size() == 6);
  CHECK(data.test.size() == 6);
  CHECK(data.class_names == std::vector<std::string>{"ant", "bee"});
  CHECK(data.train.label(0) == 0);
  CHECK(data.train.label(1) == 1);
  CHECK(data.train.all_pixels().size() == 6 * 108);
  CHECK(ex::describe_source(c.kind("folder")) == "images from files");
  CHECK(ex::has_image_files(c.kind("folder")));
  CHECK_FALSE(ex::has_image_files("cifar10:x"));
}

TEST_CASE("examples/image_source: or stays in its files, and gives the same images") {
  const collection c({3, 6, 9});
  const auto held = ex::load_data({.data = c.kind("tiny-imagenet"), .image_side = 4}),
             streamed = ex::load_data({.data = c.kind("tiny-imagenet"), .stream = true, .image_side = 4});
  CHECK(streamed.train.all_pixels().empty());
  bytes a(48), b(48);
  for (ssl::index i = 0; i < 6; ++i) {
    held.train.read(i, a);
    streamed.train.read(i, b);
    CHECK(a == b);
    CHECK(held.train.label(i) == streamed.train.label(i));
  }
}

TEST_CASE("examples/image_source: lists keep their order") {
  const collection c({3, 6, 6});
  const auto text = [](const std::string& s) { return bytes(s.begin(), s.end()); };
  const auto data = ex::load_data(
      {.data = "list:" +
               c.file("a.txt", text("train/bee/0.png 1\ntrain/bee/1.png 1\ntrain/ant/0.png 0\n")).string() +
               "," + c.file("b.txt", text("val/ant/0.png 0\n")).string()});
  CHECK(data.train.size() == 3);
  CHECK(data.train.label(1) == 1);
  CHECK(data.test.size() == 1);
}

TEST_CASE("examples/image_source: broken files stop or are left out") {
  const collection c({3, 6, 6});
  c.file("train/bee/1.png", {});
  CHECK(says(refusal({.data = c.kind("folder")}), "1.png: is empty, expected a JPEG or PNG image"));
  CHECK(ex::load_data({.data = c.kind("folder"), .skip_broken = true}).train.size() == 5);
}

TEST_CASE("examples/image_source: what cannot be is refused in a sentence that names the option") {
  const collection c({3, 6, 9});
  CHECK(says(refusal({.data = c.kind("folder")}),
             "9 x 6 pixels, expected square ones, as --image-side makes them"));
  CHECK(says(refusal({.data = "folder"}), "the folder is missing, expected folder:DIR"));
  CHECK(says(refusal({.data = "list:a.txt"}), "names one file, expected list:TRAIN.txt,TEST.txt"));
  CHECK(says(refusal({.data = "synthetic", .image_side = 8}), "--image-side: synthetic has no files"));
  CHECK(says(
      refusal({.data = "cifar10:x", .skip_broken = true}),
      "--skip-broken: cifar10 has no files of single images, expected one of folder, tiny-imagenet, list"));
}
