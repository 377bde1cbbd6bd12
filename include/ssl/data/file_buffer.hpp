#pragma once
// SPDX-License-Identifier: MIT

/// Small files one after another through the same memory.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "ssl/data/file.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>
#endif

namespace ssl {

/// Reads whole files with as few system calls as there can be, which is half the time of read_file on files
/// of a few kilobytes. Keep one for each thread.
class file_buffer {
 public:
  /// All bytes of the file, valid until the next call. Throws as read_file.
  std::span<const std::uint8_t> read(const std::string& path) {
#if defined(__unix__) || defined(__APPLE__)
    if (bytes_.empty()) bytes_.resize(std::size_t{1} << 16);
    if (const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC); file >= 0) {
      std::size_t used = 0;
      ::ssize_t got = 0;
      do {
        if (used == bytes_.size()) bytes_.resize(2 * used);
        got = ::read(file, bytes_.data() + used, bytes_.size() - used);
        used += static_cast<std::size_t>(std::max<::ssize_t>(got, 0));
      } while (got > 0 || (got < 0 && errno == EINTR));
      ::close(file);
      if (got == 0) return std::span(bytes_).first(used);
    }
#endif
    bytes_ = read_file(path);  // which also says what is wrong
    return bytes_;
  }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace ssl
