#include "support/output_dir.hpp"

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "ssl/core/error.hpp"
#include "ssl/data/file.hpp"

namespace ssl_example {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what,
                       const std::error_code& reason) {
  throw ssl::data_error(path.string() + ": " + what + (reason ? " (" + reason.message() + ")" : ""));
}

}  // namespace

output_dir::output_dir(std::filesystem::path folder) : folder_(std::move(folder)) {
  if (folder_.empty()) throw ssl::option_error("the output folder has an empty name, expected a path");
  std::error_code reason;
  std::filesystem::create_directories(folder_, reason);
  std::error_code unknown;
  if (!std::filesystem::is_directory(folder_, unknown)) {
    if (std::filesystem::exists(folder_, unknown)) fail(folder_, "this is a file, expected a folder", {});
    fail(folder_, "this output folder cannot be made", reason);
  }
  const std::filesystem::path probe = folder_ / ".bagssl-can-write";
  errno = 0;
  const bool writable = std::ofstream(probe).is_open();
  reason.assign(errno, std::generic_category());
  if (!writable) fail(folder_, "this output folder cannot be written to", reason);
  std::filesystem::remove(probe, unknown);
}

void output_dir::write(std::string_view name, std::string_view bytes) const {
  ssl::write_file(folder_ / name, bytes);
}

}  // namespace ssl_example
