#pragma once
// SPDX-License-Identifier: MIT

/// Whole files in, whole files out. A read gives all bytes or a sentence; a write appears under its name only
/// when it is complete, so that an interrupted or failed run leaves no partial output behind.

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"

namespace ssl {

namespace detail {

/// " (reason)" of errno, or nothing where the standard library does not set it.
inline std::string reason(int code) {
  return code == 0 ? std::string{} : " (" + std::generic_category().message(code) + ")";
}

/// Whether something of that name can be seen; never throws.
inline bool present(const std::filesystem::path& path) {
  std::error_code failure;
  return std::filesystem::exists(path, failure);
}

}  // namespace detail

/// All bytes of a regular file or a pipe. Throws data_error if it is missing, a folder, a device or not
/// readable.
inline std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (!fs::exists(status))
    throw data_error(path.string() + ": no such file" + detail::reason(failure.value()));
  if (fs::is_directory(status)) throw data_error(path.string() + ": is a folder, expected a file");
  if (!fs::is_regular_file(status) && !fs::is_fifo(status))
    throw data_error(path.string() + ": is neither a regular file nor a pipe");

  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw data_error(path.string() + ": cannot be opened for reading" + detail::reason(errno));
  std::vector<std::uint8_t> bytes;
  std::size_t used = 0, block = std::size_t{1} << 16;
  if (fs::is_regular_file(status)) {
    const std::uintmax_t size = fs::file_size(path, failure);
    if (!failure)
      block = static_cast<std::size_t>(size) + 1;  // one more, so that the first read meets the end
  }
  while (stream) {
    if (bytes.size() == used) bytes.resize(used + (used < block ? block : used));
    stream.read(reinterpret_cast<char*>(bytes.data() + used),
                static_cast<std::streamsize>(bytes.size() - used));
    used += static_cast<std::size_t>(stream.gcount());
  }
  if (stream.bad())
    throw data_error(path.string() + ": reading failed after " + std::to_string(used) + " bytes");
  bytes.resize(used);
  return bytes;
}

/// A file under construction: written beside its destination under a temporary name and renamed by `commit`.
/// Destroyed without a commit, it leaves nothing, and what the destination held before stays as it was.
/// A destination that is a device or a pipe is written directly; a link is followed.
class atomic_file {
 public:
  /// Throws data_error if the destination is a folder or the file cannot be made there.
  explicit atomic_file(std::filesystem::path path) : path_(std::move(path)) {
    namespace fs = std::filesystem;
    std::error_code failure;
    const fs::file_status status = fs::status(path_, failure);
    if (fs::is_directory(status))
      throw data_error(path_.string() + ": is a folder, expected the name of a file");
    direct_ = fs::exists(status) && !fs::is_regular_file(status);
    destination_ = path_;
    if (!direct_ && fs::is_symlink(fs::symlink_status(path_, failure))) {
      destination_ = fs::weakly_canonical(path_, failure);
      if (failure) destination_ = path_;
    }
    temporary_ = destination_;
    if (!direct_) temporary_ += std::string(".").append(std::to_string(std::random_device{}())) + ".part";
    errno = 0;
    stream_.open(temporary_, std::ios::binary | std::ios::trunc);
    if (!stream_) fail("cannot be written", errno);
  }

  atomic_file(const atomic_file&) = delete;
  atomic_file& operator=(const atomic_file&) = delete;
  ~atomic_file() { discard(); }

  void write(std::span<const std::uint8_t> bytes) { write(bytes.data(), bytes.size()); }
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Flushes and gives the file its name. Throws data_error, leaving nothing, if a write failed (a full
  /// disk).
  void commit() {
    errno = 0;
    stream_.close();
    if (!stream_) fail("cannot be written", errno);
    if (!direct_) {
      std::error_code failure;
      std::filesystem::rename(temporary_, destination_, failure);
      if (failure) fail("cannot be put in place", failure.value());
    }
    done_ = true;
  }

 private:
  void write(const void* data, std::size_t size) {
    errno = 0;
    stream_.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
    if (!stream_) fail("cannot be written", errno);
  }

  [[noreturn]] void fail(const char* what, int code) {
    const std::string message = path_.string() + ": " + what + detail::reason(code);
    discard();
    throw data_error(message);
  }

  void discard() noexcept {
    if (done_) return;
    done_ = true;
    if (stream_.is_open()) stream_.close();
    std::error_code ignored;
    if (!direct_) std::filesystem::remove(temporary_, ignored);
  }

  std::filesystem::path path_, destination_, temporary_;
  std::ofstream stream_;
  bool direct_ = false, done_ = false;
};

/// The whole file at once: all of it or nothing.
inline void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  atomic_file file(path);
  file.write(bytes);
  file.commit();
}
inline void write_file(const std::filesystem::path& path, std::string_view text) {
  atomic_file file(path);
  file.write(text);
  file.commit();
}

}  // namespace ssl
