#pragma once
/// Where a program leaves its results: a folder that exists and can be written, and files that are whole or
/// absent.

#include <filesystem>
#include <string_view>

namespace ssl_example {

/// A folder made (with its parents) and tried before any work is done.
class output_dir {
 public:
  /// ssl::data_error names the path and the reason where the folder cannot be made or written.
  explicit output_dir(std::filesystem::path folder);

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path operator/(std::string_view name) const { return folder_ / name; }

  /// A file of this folder, whole or not at all. ssl::data_error names the path and the reason.
  void write(std::string_view name, std::string_view bytes) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace ssl_example
