#pragma once
// SPDX-License-Identifier: MIT

/// A file that is read where it is needed, by any number of threads at once: the piece under every collection
/// that does not fit in memory.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "ssl/core/error.hpp"
#include "ssl/data/file.hpp"

#if defined(__unix__) || defined(__APPLE__)
#define SSL_HAS_PREAD 1
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>
#else
#include <fstream>
#include <mutex>
#endif

namespace ssl {

/// Open as long as it lives. Where the system reads at a position (POSIX), threads do not wait for each
/// other; elsewhere they take turns.
class file_reader {
 public:
  /// Throws data_error if the file is missing, no regular file, or cannot be opened.
  explicit file_reader(std::filesystem::path path) : path_(std::move(path)) {
    namespace fs = std::filesystem;
    std::error_code failure;
    const fs::file_status status = fs::status(path_, failure);
    if (!fs::exists(status))
      throw data_error(path_.string() + ": no such file" + detail::reason(failure.value()));
    if (!fs::is_regular_file(status))
      throw data_error(path_.string() + (fs::is_directory(status)
                                             ? ": is a folder, expected a file"
                                             : ": is no regular file, expected one to read parts of"));
    size_ = fs::file_size(path_, failure);
    if (failure) throw data_error(path_.string() + ": has no size" + detail::reason(failure.value()));
    errno = 0;
#if defined(SSL_HAS_PREAD)
    file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    const bool opened = file_ >= 0;
#else
    stream_.open(path_, std::ios::binary);
    const bool opened = stream_.is_open();
#endif
    if (!opened) throw data_error(path_.string() + ": cannot be opened for reading" + detail::reason(errno));
  }

  file_reader(const file_reader&) = delete;
  file_reader& operator=(const file_reader&) = delete;
  ~file_reader() {
#if defined(SSL_HAS_PREAD)
    ::close(file_);
#endif
  }

  const std::filesystem::path& path() const { return path_; }
  /// In bytes, when it was opened.
  std::uint64_t size() const { return size_; }

  /// out = the bytes from `offset` on. Throws data_error unless all of them are there.
  void read(std::uint64_t offset, std::span<std::uint8_t> out) const {
    std::size_t done = 0;
#if defined(SSL_HAS_PREAD)
    while (done < out.size()) {
      const ::ssize_t got =
          ::pread(file_, out.data() + done, out.size() - done, static_cast<::off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0)
        throw data_error(path_.string() + ": cannot be read at byte " + std::to_string(offset + done) +
                         detail::reason(errno));
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
#else
    const std::lock_guard lock(turn_);
    stream_.clear();
    stream_.seekg(static_cast<std::streamoff>(offset));
    stream_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
    done = static_cast<std::size_t>(stream_.gcount());
#endif
    if (done < out.size())
      throw data_error(path_.string() + ": ends after " + std::to_string(offset + done) +
                       " bytes, expected " + std::to_string(offset + out.size()));
  }

 private:
  std::filesystem::path path_;
  std::uint64_t size_ = 0;
#if defined(SSL_HAS_PREAD)
  int file_ = -1;
#else
  mutable std::mutex turn_;
  mutable std::ifstream stream_;
#endif
};

}  // namespace ssl
