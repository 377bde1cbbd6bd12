#include "ssl/data/image_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "ssl/data/prefetch.hpp"
#include "support/image_files.hpp"
#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

static_assert(LabelledDataset<image_dataset> && ReadableImages<image_dataset>);

namespace {

bytes image_of(image_shape s, unsigned seed) { return png_file(s.height, s.width, smooth_image(s, seed)); }

/// Nine PNG files of one size in three classes below train/, three below val/.
struct collection : temporary_folder {
  explicit collection(image_shape s = {3, 8, 10}) {
    unsigned seed = 0;
    for (const std::string part : {"train", "val"})
      for (const std::string name : {"ant", "bee", "cat"}) {
        std::filesystem::create_directories(*this / (part + "/" + name));
        for (int k = 0; k < (part == "train" ? 3 : 1); ++k)
          file(part + "/" + name + "/" + std::to_string(k) + ".png", image_of(s, seed++));
      }
  }
  bytes train_image(unsigned i, image_shape s = {3, 8, 10}) const { return smooth_image(s, i); }
};

bytes read(const image_dataset& d, index i) {
  bytes out(static_cast<std::size_t>(d.shape().size()));
  d.read(i, out);
  return out;
}

}  // namespace

TEST_CASE("data/image_folder: images of one size come as they are, with classes, names and paths") {
  const collection c;
  const image_split both = open_image_folder(c.path());
  const image_dataset& d = both.train;
  CHECK(d.size() == 9);
  CHECK(both.test.size() == 3);
  CHECK(d.shape() == image_shape{3, 8, 10});
  CHECK(d.classes() == 3);
  CHECK(d.class_names()[1] == "bee");
  CHECK(d.label(4) == 1);
  CHECK(d.path(4) == c.path() / "train" / "bee" / "1.png");
  for (unsigned i = 0; i < 9; ++i) CHECK(read(d, i) == c.train_image(i));
  const image_check found = d.decode_all();
  CHECK(found.files == 9);
  CHECK(found.broken == 0);
}

TEST_CASE("data/image_folder: decoded once into memory, by any number of threads, they are the same") {
  const collection c;
  for (const int threads : {0, 1, 2, 20}) {
    const memory_dataset m = open_image_folder(c.path(), {.threads = threads}).train.load();
    CHECK(m.size() == 9);
    CHECK(m.classes() == 3);
    CHECK(m.label(8) == 2);
    for (unsigned i = 0; i < 9; ++i) CHECK(bytes(m.bytes(i).begin(), m.bytes(i).end()) == c.train_image(i));
  }
}

TEST_CASE("data/image_folder: read by several threads, every batch is what one thread reads") {
  const collection c;
  const image_dataset d = open_image_folder(c.path(), {.side = 5}).train;
  prefetcher<image_dataset> one(d, 4, {.seed = 3}, 12, 1), many(d, 4, {.seed = 3}, 12, 4);
  for (int s = 0; s < 12; ++s) {
    const auto& a = one.next();
    const auto& b = many.next();
    CHECK(a.ids == b.ids);
    CHECK(a.pixels == b.pixels);
  }
}

TEST_CASE("data/image_folder: images of several sizes need a side, and the message names the option") {
  const collection c;
  c.file("train/bee/1.png", image_of({3, 9, 10}, 4));
  const image_dataset d = open_image_folder(c.path()).train;
  CHECK(read(d, 3) == c.train_image(3));
  for (const std::string& text :
       {message([&] { read(d, 4); }), message([&] { d.decode_all(); }), message([&] { d.load(); }),
        message([&] { open_image_folder(c.path(), {.broken = broken_files::skip}); })}) {
    CHECK(says(text, "1.png: has 10 x 9 pixels, expected 10 x 8 as "));
    CHECK(says(text, "need a side to be resized to (image_options::side, --image-side)"));
  }
  const image_dataset sided = open_image_folder(c.path(), {.side = 6}).train;
  CHECK(sided.shape() == image_shape{3, 6, 6});
  bytes expected(108);
  image_resizer{}({3, 9, 10}, smooth_image({3, 9, 10}, 4), image_fit::crop, {3, 6, 6}, expected);
  CHECK(read(sided, 4) == expected);
  const image_dataset stretched = open_image_folder(c.path(), {.side = 6, .fit = image_fit::stretch}).train;
  image_resizer{}({3, 9, 10}, smooth_image({3, 9, 10}, 4), image_fit::stretch, {3, 6, 6}, expected);
  CHECK(read(stretched, 4) == expected);
  for (const char* name : {"ant", "bee", "cat"})
    c.file(std::string("val/") + name + "/0.png", image_of({3, 8, 8}, 4));
  CHECK(says(message([&] { open_image_folder(c.path()); }), "0.png: has 8 x 8 pixels, expected 10 x 8 as "));
}

TEST_CASE("data/image_folder: one channel where one is asked for") {
  const collection c;
  const image_dataset d = open_image_folder(c.path(), {.channels = 1}).train;
  CHECK(d.shape() == image_shape{1, 8, 10});
  const bytes colour = c.train_image(2), grey = read(d, 2);
  for (std::size_t p = 0; p < grey.size(); ++p)
    CHECK(grey[p] == luma(colour[3 * p], colour[3 * p + 1], colour[3 * p + 2]));
}

TEST_CASE("data/image_folder: a broken file stops, and names itself") {
  const collection c;
  bytes cut = image_of({3, 8, 10}, 4);
  cut.resize(cut.size() / 2);
  c.file("train/bee/1.png", cut);
  c.file("train/cat/2.png", {});
  for (const index side : {0, 6}) {
    const image_dataset d = open_image_folder(c.path(), {.side = side, .threads = 3}).train;
    CHECK(message([&] { d.load(); }) == d.path(4).string() + ": is truncated, expected more than its " +
                                            std::to_string(cut.size()) + " bytes of a PNG image");
    const image_check found = d.decode_all();
    CHECK(found.files == 9);
    CHECK(found.broken == 2);
    REQUIRE(found.sentences.size() == 2);
    CHECK(says(found.sentences[0], "1.png: is truncated"));
    CHECK(says(found.sentences[1], "2.png: is empty"));
  }
  c.file("train/ant/0.png", {'x'});
  CHECK(says(message([&] { open_image_folder(c.path()); }), "0.png: is no image"));
}

TEST_CASE("data/image_folder: or broken files are found on opening, counted and left out") {
  const collection c;
  c.file("train/ant/0.png", {'x'});
  c.file("train/bee/1.png", {});
  for (const index side : {0, 6}) {
    const image_split both = open_image_folder(c.path(), {.side = side, .broken = broken_files::skip});
    const image_dataset& d = both.train;
    CHECK(d.size() == 7);
    CHECK(d.skipped().files == 9);
    CHECK(d.skipped().broken == 2);
    CHECK(says(d.skipped().sentences[1], "1.png: is empty"));
    CHECK(both.test.skipped().broken == 0);
    CHECK(d.path(0).filename() == "1.png");
    CHECK(d.path(3) == c.path() / "train" / "bee" / "2.png");
    CHECK(d.label(3) == 1);
    if (side == 0) CHECK(read(d, 3) == c.train_image(5));
    CHECK(d.decode_all().broken == 0);
  }
  for (const char* name : {"ant", "bee", "cat"}) c.file(std::string("val/") + name + "/0.png", {});
  CHECK(says(message([&] { open_image_folder(c.path(), {.broken = broken_files::skip}); }),
             "0.png: is empty, expected a JPEG or PNG image (and so are all 3 files)"));
}

TEST_CASE("data/image_folder: options that make no sense are refused") {
  const collection c;
  const auto refusal = [&](const image_options& options) {
    return message<option_error>([&] { open_image_folder(c.path(), options).train.load(); });
  };
  CHECK(says(refusal({.channels = 2}), "channels is 2, expected 1 or 3"));
  CHECK(says(refusal({.side = -1}), "side is -1"));
  CHECK(says(refusal({.threads = -1}), "-1 threads"));
  CHECK(says(message([] { image_dataset({{}, {}, {"a"}}); }), "no file, expected at least one"));
  CHECK(says(message([] {
               image_dataset({{"a.png"}, {1}, {"a"}});
             }),
             "a.png: has the label 1, expected 0 to 0"));
  CHECK(says(message<shape_error>([] { image_dataset({{"a.png"}, {}, {"a"}}); }), "1 files but 0 labels"));
}

TEST_CASE("data/image_folder: lists and Tiny-ImageNet's layout open the same way") {
  const collection c;
  const auto text = [](const std::string& s) { return bytes(s.begin(), s.end()); };
  const image_split lists =
      open_image_lists(c.file("a.txt", text("train/ant/1.png dog\ntrain/bee/0.png cat\n")),
                       c.file("b.txt", text("val/ant/0.png dog\n")));
  CHECK(lists.train.label(0) == 1);
  CHECK(read(lists.train, 1) == c.train_image(3));
  CHECK(lists.test.classes() == 2);
  const image_split tiny = open_tiny_imagenet(c.path());
  CHECK(tiny.test.size() == 3);
  CHECK(read(tiny.train, 5) == c.train_image(5));
}
