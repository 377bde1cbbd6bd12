#pragma once
// SPDX-License-Identifier: MIT

/// Which files a collection of images consists of, and the class of each: from folders, from Tiny-ImageNet's
/// layout, or from lists. Names are read here, no image is opened.

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/data/file.hpp"

namespace ssl {

/// Files, each with a class in [0, class_names.size()).
struct labelled_files {
  std::vector<std::string> paths;
  std::vector<int> labels;
  std::vector<std::string> class_names;
};

/// Both parts have the same classes.
struct labelled_files_split {
  labelled_files train, test;
};

namespace detail {

/// Whether a name ends as images' names do, also those of formats that cannot be read: they are refused one
/// by one when they are opened, rather than left out without a word.
inline bool named_as_image(const std::filesystem::path& path) {
  std::string end = path.extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 15> known{".jpg",  ".jpeg", ".jpe",  ".jfif", ".png",
                                                   ".gif",  ".bmp",  ".webp", ".tif",  ".tiff",
                                                   ".heic", ".avif", ".ppm",  ".pgm",  ".jp2"};
  return std::find(known.begin(), known.end(), end) != known.end();
}

inline bool hidden(const std::filesystem::path& path) { return path.filename().string().starts_with('.'); }

/// body(entry) for what a folder holds, but for hidden entries, in no certain order.
template <class Body>
void for_each_entry(const std::filesystem::path& folder, const Body& body) {
  namespace fs = std::filesystem;
  std::error_code failure;
  if (!present(folder)) throw data_error(folder.string() + ": no such folder");
  fs::directory_iterator at(folder, failure);
  for (; !failure && at != fs::directory_iterator{}; at.increment(failure))
    if (!hidden(at->path())) body(*at);
  if (failure) throw data_error(folder.string() + ": cannot be read as a folder" + reason(failure.value()));
}

/// The images of one class: in its folder and in the folders inside, sorted by name.
inline std::vector<std::string> images_below(const std::filesystem::path& folder) {
  std::vector<std::string> paths;
  const auto take = [&](const std::filesystem::directory_entry& entry) {
    std::error_code failure;
    if (named_as_image(entry.path()) && entry.is_regular_file(failure))
      paths.push_back(entry.path().string());
  };
  for_each_entry(folder, [&](const std::filesystem::directory_entry& entry) {
    std::error_code failure;
    if (entry.is_directory(failure)) {
      for_each_entry(entry.path(), take);
    } else {
      take(entry);
    }
  });
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// The lines of a text file that are not blank, without their ends.
inline std::vector<std::string> lines_of(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

/// Throws unless both parts have the same classes, in the sorted order they come in.
inline void same_classes(const std::vector<std::string>& train, const std::vector<std::string>& test,
                         const std::filesystem::path& train_at, const std::filesystem::path& test_at) {
  std::vector<std::string> missing, extra;
  std::set_difference(train.begin(), train.end(), test.begin(), test.end(), std::back_inserter(missing));
  std::set_difference(test.begin(), test.end(), train.begin(), train.end(), std::back_inserter(extra));
  if (!missing.empty())
    throw data_error(test_at.string() + ": has no class '" + missing[0] + "', expected all " +
                     std::to_string(train.size()) + " classes of " + train_at.string());
  if (!extra.empty())
    throw data_error(test_at.string() + ": has the class '" + extra[0] + "', expected only the " +
                     std::to_string(train.size()) + " classes of " + train_at.string());
}

}  // namespace detail

/// part/<class>/*: the folders are the classes, in the order of their names (byte by byte), each with the
/// images in it and in the folders inside it, in the order of their names. Images are files named .jpg,
/// .jpeg, .png or as other images are, in letters of either case; other and hidden files are left out. Throws
/// data_error if there is no class, or one without an image.
inline labelled_files scan_class_folders(const std::filesystem::path& part) {
  labelled_files files;
  detail::for_each_entry(part, [&](const std::filesystem::directory_entry& entry) {
    std::error_code failure;
    if (entry.is_directory(failure)) files.class_names.push_back(entry.path().filename().string());
  });
  if (files.class_names.empty())
    throw data_error(part.string() + ": holds no folder, expected one for each class");
  std::sort(files.class_names.begin(), files.class_names.end());
  for (std::size_t c = 0; c < files.class_names.size(); ++c) {
    std::vector<std::string> paths = detail::images_below(part / files.class_names[c]);
    if (paths.empty())
      throw data_error((part / files.class_names[c]).string() +
                       ": holds no image, expected JPEG or PNG files");
    std::move(paths.begin(), paths.end(), std::back_inserter(files.paths));
    files.labels.resize(files.paths.size(), static_cast<int>(c));
  }
  return files;
}

/// DIR/train/<class>/* and DIR/val/<class>/* or, where there is no val, DIR/test/<class>/*. Throws data_error
/// as for one part, or if the parts differ in their classes.
inline labelled_files_split scan_image_folder(const std::filesystem::path& folder) {
  if (!detail::present(folder)) throw data_error(folder.string() + ": no such folder");
  const std::filesystem::path train = folder / "train",
                              test = detail::present(folder / "val") ? folder / "val" : folder / "test";
  if (!detail::present(train) || !detail::present(test))
    throw data_error(folder.string() +
                     ": holds no images in folders, expected train/<class>/ and val/<class>/ or " +
                     "test/<class>/");
  labelled_files_split both{scan_class_folders(train), scan_class_folders(test)};
  detail::same_classes(both.train.class_names, both.test.class_names, train, test);
  return both;
}

/// The same files in another order: the first of each class, in the order of classes, then the second of
/// each, ...; so that any number of them from the first on holds all classes alike.
inline labelled_files in_turn(labelled_files files) {
  std::vector<std::size_t> seen(files.class_names.size(), 0), turn, order;
  for (std::size_t i = 0; i < files.labels.size(); ++i) {
    turn.push_back(seen.at(static_cast<std::size_t>(files.labels[i]))++);
    order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(turn[a], files.labels[a], a) < std::tie(turn[b], files.labels[b], b);
  });
  labelled_files out{{}, {}, std::move(files.class_names)};
  for (const std::size_t i : order) {
    out.paths.push_back(std::move(files.paths[i]));
    out.labels.push_back(files.labels[i]);
  }
  return out;
}

namespace detail {

/// A line of a list: "path<TAB>label", or "path label" in a line without a tab.
inline std::pair<std::string, std::string> path_and_label(const std::string& line,
                                                          const std::filesystem::path& list) {
  std::size_t cut = line.rfind('\t');
  if (cut == std::string::npos) cut = line.rfind(' ');
  if (cut == std::string::npos || cut == 0 || cut + 1 == line.size())
    throw data_error(list.string() + ": has the line '" + line +
                     "', expected a path, a tab or a space, and a label");
  return {line.substr(0, cut), line.substr(cut + 1)};
}

/// The number that a text is, or -1.
inline int class_number(std::string_view text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : -1;
}

struct file_list {
  std::vector<std::string> paths, labels;
};

inline file_list read_list(const std::filesystem::path& list) {
  file_list out;
  for (const std::string& line : lines_of(list)) {
    auto [path, label] = path_and_label(line, list);
    out.paths.push_back((list.parent_path() / path).string());
    out.labels.push_back(std::move(label));
  }
  if (out.paths.empty()) throw data_error(list.string() + ": is empty, expected lines of a path and a label");
  return out;
}

inline labelled_files numbered(file_list list, const std::vector<std::string>& names,
                               const std::filesystem::path& at) {
  labelled_files files{std::move(list.paths), {}, names};
  std::map<std::string_view, int> numbers;
  for (std::size_t c = 0; c < names.size(); ++c) numbers.emplace(names[c], static_cast<int>(c));
  for (const std::string& label : list.labels) {
    const auto found = numbers.find(label);
    if (found == numbers.end())
      throw data_error(at.string() + ": has the label '" + label + "', expected one of the " +
                       std::to_string(names.size()) + " labels of the list to train on");
    files.labels.push_back(found->second);
  }
  return files;
}

}  // namespace detail

/// Two text files, a line for each image: its path, a tab or a space, its label. Paths are relative to the
/// list they stand in; with a tab they may have spaces. Labels that are all numbers are the classes
/// themselves, 0 to the largest of both lists (below 100000); other labels are names, sorted. Throws
/// data_error for a line that is not so, for an empty list, and for a name in `test` that `train` does not
/// have.
inline labelled_files_split scan_image_lists(const std::filesystem::path& train,
                                             const std::filesystem::path& test) {
  detail::file_list a = detail::read_list(train), b = detail::read_list(test);
  std::vector<std::string> names;
  int largest = -1;
  bool numbers = true;
  for (const detail::file_list* list : {&a, &b})
    for (const std::string& label : list->labels) {
      const int number = detail::class_number(label);
      numbers = numbers && number >= 0 && number < 100000;
      largest = std::max(largest, number);
    }
  if (numbers) {
    for (detail::file_list* list : {&a, &b})  // "07" is 7
      for (std::string& label : list->labels) label = std::to_string(detail::class_number(label));
    for (int c = 0; c <= largest; ++c) names.push_back(std::to_string(c));
  } else {
    names = a.labels;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
  }
  labelled_files first = detail::numbered(std::move(a), names, train);
  return {std::move(first), detail::numbered(std::move(b), names, test)};
}

namespace detail {

/// The names of WordNet's ids in words.txt, each the first of its synonyms, with the id behind it where two
/// are equal; the ids themselves without that file.
inline std::vector<std::string> names_of(const std::vector<std::string>& ids,
                                         const std::filesystem::path& words) {
  if (!present(words)) return ids;
  std::map<std::string, std::string, std::less<>> name_of;
  for (const std::string& line : lines_of(words)) {
    const std::size_t tab = line.find('\t');
    if (tab != std::string::npos)
      name_of[line.substr(0, tab)] = line.substr(tab + 1, line.find(',', tab) - tab - 1);
  }
  std::map<std::string, int> count;
  for (const std::string& id : ids)
    if (const auto found = name_of.find(id); found != name_of.end()) ++count[found->second];
  std::vector<std::string> names;
  for (const std::string& id : ids) {
    const auto found = name_of.find(id);
    if (found == name_of.end())
      names.push_back(id);
    else
      names.push_back(count[found->second] > 1 ? found->second + " (" + id + ")" : found->second);
  }
  return names;
}

/// val/images/* with the classes of val_annotations.txt, in its order.
inline labelled_files annotated(const std::filesystem::path& val, const std::vector<std::string>& ids) {
  const std::filesystem::path list = val / "val_annotations.txt", folder = val / "images";
  std::unordered_set<std::string> there;
  for (const std::string& path : images_below(folder))
    there.insert(std::filesystem::path(path).filename().string());
  labelled_files files;
  for (const std::string& line : lines_of(list)) {
    const std::size_t name_end = line.find('\t'),
                      id_end = std::min(line.find('\t', name_end + 1), line.size());
    if (name_end == std::string::npos)
      throw data_error(list.string() + ": has the line '" + line +
                       "', expected a file name, a tab and a class");
    const std::string name = line.substr(0, name_end), id = line.substr(name_end + 1, id_end - name_end - 1);
    const auto found = std::lower_bound(ids.begin(), ids.end(), id);
    if (found == ids.end() || *found != id)
      throw data_error(list.string() + ": gives " + name + " the class '" + id + "', expected one of the " +
                       std::to_string(ids.size()) + " classes of the training part");
    if (there.erase(name) == 0)
      throw data_error((folder / name).string() + ": no such file, but " + list.string() +
                       " names it once or twice");
    files.paths.push_back((folder / name).string());
    files.labels.push_back(static_cast<int>(found - ids.begin()));
  }
  if (!there.empty())
    throw data_error((folder / *std::min_element(there.begin(), there.end())).string() +
                     ": has no class, expected one in " + list.string());
  if (files.paths.empty()) throw data_error(list.string() + ": is empty, expected a line for each image");
  return files;
}

}  // namespace detail

/// Tiny-ImageNet as it is published, in the folder or in tiny-imagenet-200 inside it: train/<id>/images/*,
/// val/images/* with val/val_annotations.txt (or val/<id>/*, as some sort it). Classes are in the order of
/// their WordNet ids, those of wnids.txt where it is there; class_names come from words.txt where it is
/// there. Its test/ has no labels and is not read. Throws data_error if a part is missing or they disagree.
inline labelled_files_split scan_tiny_imagenet(const std::filesystem::path& folder) {
  if (!detail::present(folder)) throw data_error(folder.string() + ": no such folder");
  const std::filesystem::path at =
      detail::present(folder / "tiny-imagenet-200") ? folder / "tiny-imagenet-200" : folder;
  if (!detail::present(at / "train") || !detail::present(at / "val"))
    throw data_error(at.string() +
                     ": holds no Tiny-ImageNet, expected train/<class>/images/ and val/images/ with " +
                     "val/val_annotations.txt");
  labelled_files_split both;
  both.train = scan_class_folders(at / "train");
  const std::vector<std::string> ids = both.train.class_names;
  if (detail::present(at / "wnids.txt")) {
    std::vector<std::string> listed = detail::lines_of(at / "wnids.txt");
    std::sort(listed.begin(), listed.end());
    detail::same_classes(listed, ids, at / "wnids.txt", at / "train");
  }
  if (detail::present(at / "val" / "val_annotations.txt")) {
    both.test = detail::annotated(at / "val", ids);
  } else {
    both.test = scan_class_folders(at / "val");
    detail::same_classes(ids, both.test.class_names, at / "train", at / "val");
  }
  both.train.class_names = both.test.class_names = detail::names_of(ids, at / "words.txt");
  return both;
}

}  // namespace ssl
