#include "ssl/data/labelled_files.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

using names = std::vector<std::string>;

struct tree : temporary_folder {
  /// An empty file, and the folders it needs.
  void touch(const std::string& name) const { write(name, ""); }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((*this / name).parent_path());
    return file(name, {text.begin(), text.end()}).string();
  }
  /// Paths as they are below the folder.
  names below(const names& paths) const {
    names out;
    for (const std::string& p : paths) out.push_back(std::filesystem::relative(p, path()).generic_string());
    return out;
  }
};

}  // namespace

TEST_CASE("data/labelled_files: folders are classes, sorted, with the images in them and one folder deeper") {
  const tree t;
  for (const char* name :
       {"part/b/2.JPEG", "part/b/10.jpg", "part/B/x.Png", "part/a/images/1.jpeg", "part/a/0.png",
        "part/a/notes.txt", "part/a/.hidden.jpg", "part/a/images/a_boxes.txt", "part/stray.jpg",
        "part/.cache/1.jpg", "part/a/two/deep/1.jpg", "part/b/3.webp"})
    t.touch(name);
  const labelled_files f = scan_class_folders(t / "part");
  CHECK(f.class_names == names{"B", "a", "b"});
  CHECK(t.below(f.paths) == names{"part/B/x.Png", "part/a/0.png", "part/a/images/1.jpeg", "part/b/10.jpg",
                                  "part/b/2.JPEG", "part/b/3.webp"});
  CHECK(f.labels == std::vector<int>{0, 1, 1, 2, 2, 2});
}

TEST_CASE("data/labelled_files: train and val, or test where there is no val") {
  const tree t;
  for (const char* name : {"train/a/1.png", "train/b/1.png", "train/b/2.png", "test/b/3.png", "test/a/3.png"})
    t.touch(name);
  CHECK(t.below(scan_image_folder(t.path()).test.paths) == names{"test/a/3.png", "test/b/3.png"});
  t.touch("val/a/4.png");
  t.touch("val/b/4.png");
  const labelled_files_split both = scan_image_folder(t.path());
  CHECK(t.below(both.test.paths) == names{"val/a/4.png", "val/b/4.png"});
  CHECK(both.train.labels == std::vector<int>{0, 1, 1});
}

TEST_CASE("data/labelled_files: folders that are no collection are refused in a sentence") {
  const tree t;
  const auto refusal = [&] { return message([&] { scan_image_folder(t.path()); }); };
  CHECK(says(refusal(), "expected train/<class>/ and val/<class>/ or test/<class>/"));
  CHECK(says(message([&] { scan_image_folder(t / "none"); }), "none: no such folder"));
  t.touch("train/stray.png");
  t.touch("val/a/1.png");
  CHECK(says(refusal(), "train: holds no folder, expected one for each class"));
  t.touch("train/a/text.txt");
  CHECK(says(refusal(), "a: holds no image, expected JPEG or PNG files"));
  t.touch("train/a/1.png");
  CHECK(refusal().empty());
  t.touch("train/b/1.png");
  CHECK(says(refusal(), "val: has no class 'b', expected all 2 classes of"));
  t.touch("val/b/1.png");
  t.touch("val/c/1.png");
  CHECK(says(refusal(), "val: has the class 'c', expected only the 2 classes of"));
}

TEST_CASE("data/labelled_files: lists with numbers, with names, with spaces in a path") {
  const tree t;
  const std::string a = t.write("lists/a.txt", "../x/1.png 0\r\n\n../x/2 b.png\t02\r\n"),
                    b = t.write("b.txt", "\xef\xbb\xbfx/3.png\t1");
  const labelled_files_split both = scan_image_lists(a, b);
  CHECK(both.train.labels == std::vector<int>{0, 2});
  CHECK(both.test.labels == std::vector<int>{1});
  CHECK(both.train.class_names == names{"0", "1", "2"});
  CHECK(t.below(both.train.paths) == names{"x/1.png", "x/2 b.png"});
  CHECK(t.below(both.test.paths) == names{"x/3.png"});

  const labelled_files_split named = scan_image_lists(t.write("c.txt", "1.png dog\n2.png 7\n3.png cat\n"),
                                                      t.write("d.txt", "/4 5.png\tdog\n"));
  CHECK(named.test.class_names == names{"7", "cat", "dog"});
  CHECK(named.train.labels == std::vector<int>{2, 0, 1});
  CHECK(named.test.labels == std::vector<int>{2});
  CHECK(named.test.paths == names{"/4 5.png"});
}

TEST_CASE("data/labelled_files: lists that are not right are refused in a sentence") {
  const tree t;
  const std::string good = t.write("good.txt", "1.png a\n");
  const auto refusal = [&](const std::string& text) {
    return message([&] { scan_image_lists(good, t.write("bad.txt", text)); });
  };
  CHECK(says(refusal(""), "bad.txt: is empty, expected lines of a path and a label"));
  CHECK(says(refusal("1.png\n"),
             "bad.txt: has the line '1.png', expected a path, a tab or a space, and a label"));
  CHECK(says(refusal("1.png\t\n"), "bad.txt: has the line"));
  CHECK(says(refusal("1.png b\n"), "bad.txt: has the label 'b', expected one of the 1 labels of the list"));
  CHECK(says(message([&] { scan_image_lists(t / "none.txt", good); }), "none.txt: no such file"));
}

TEST_CASE("data/labelled_files: Tiny-ImageNet as it is published") {
  const tree outer;
  const std::string in = "tiny-imagenet-200/";
  for (const char* name :
       {"train/n2/images/n2_0.JPEG", "train/n1/images/n1_0.JPEG", "train/n3/images/n3_0.JPEG",
        "val/images/val_0.JPEG", "val/images/val_1.JPEG", "test/images/test_0.JPEG"})
    outer.touch(in + name);
  outer.write(in + "train/n1/n1_boxes.txt", "n1_0.JPEG\t0\t0\t1\t1\n");
  const auto annotate = [&](const std::string& text) { outer.write(in + "val/val_annotations.txt", text); };
  annotate("val_1.JPEG\tn3\t0\t32\t44\t62\nval_0.JPEG\tn1\t52\t55\t57\t59\n");
  outer.write(in + "wnids.txt", "n2\nn3\nn1\n");
  outer.write(in + "words.txt", "n0\tentity\nn1\tcrane, bird\nn2\tgoldfish, Carassius auratus\nn3\tcrane\n");
  const labelled_files_split both = scan_tiny_imagenet(outer.path());
  CHECK(both.train.class_names == names{"crane (n1)", "goldfish", "crane (n3)"});
  CHECK(both.test.class_names == both.train.class_names);
  CHECK(both.train.labels == std::vector<int>{0, 1, 2});
  CHECK(both.test.labels == std::vector<int>{2, 0});
  CHECK(outer.below(both.test.paths) == names{in + "val/images/val_1.JPEG", in + "val/images/val_0.JPEG"});
  CHECK(scan_tiny_imagenet(outer / "tiny-imagenet-200").train.paths.size() == 3);

  const auto refusal = [&] { return message([&] { scan_tiny_imagenet(outer.path()); }); };
  annotate("val_1.JPEG\tn3\nval_0.JPEG\tn9\n");
  CHECK(
      says(refusal(), "val_annotations.txt: gives val_0.JPEG the class 'n9', expected one of the 3 classes"));
  annotate("val_1.JPEG\tn3\n");
  CHECK(says(refusal(), "val_0.JPEG: has no class, expected one in"));
  annotate("val_1.JPEG\tn3\nval_0.JPEG\tn1\nval_7.JPEG\tn1\n");
  CHECK(says(refusal(), "val_7.JPEG: no such file"));
  annotate("val_1.JPEG n3\n");
  CHECK(says(refusal(), "has the line 'val_1.JPEG n3', expected a file name, a tab and a class"));
  annotate("val_1.JPEG\tn3\nval_0.JPEG\tn1\n");
  outer.write(in + "wnids.txt", "n2\nn3\nn1\nn4\n");
  CHECK(says(refusal(), "train: has no class 'n4', expected all 4 classes of"));
}

TEST_CASE("data/labelled_files: Tiny-ImageNet with its validation images in folders, without the lists") {
  const tree t;
  for (const char* name :
       {"train/n2/images/0.JPEG", "train/n1/images/0.JPEG", "val/n1/images/1.JPEG", "val/n2/2.JPEG"})
    t.touch(name);
  const labelled_files_split both = scan_tiny_imagenet(t.path());
  CHECK(both.train.class_names == names{"n1", "n2"});
  CHECK(both.test.labels == std::vector<int>{0, 1});
  CHECK(says(message([&] { scan_tiny_imagenet(t / "train"); }),
             "holds no Tiny-ImageNet, expected train/<class>/"));
}

TEST_CASE("data/labelled_files: in turn, the first files are of all classes alike") {
  const labelled_files f = in_turn({{"a", "b", "c", "d", "e", "f"}, {0, 0, 1, 2, 2, 2}, {"x", "y", "z"}});
  CHECK(f.paths == names{"a", "c", "d", "b", "e", "f"});
  CHECK(f.labels == std::vector<int>{0, 1, 2, 0, 2, 2});
  CHECK(f.class_names == names{"x", "y", "z"});
}
