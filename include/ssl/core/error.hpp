#pragma once
// SPDX-License-Identifier: MIT

/// What the library throws. Every message is one sentence: what was found, and what was expected.

#include <stdexcept>
#include <string>

namespace ssl {

/// Base of everything below: catch this to catch all of the library's errors.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Two extents that must agree do not, or one is out of its range: the caller's mistake.
struct shape_error : error {
  using error::error;
};

/// A file is missing, truncated or malformed. The message begins with its path.
struct data_error : error {
  using error::error;
};

/// A vendor library or the machine refused: out of memory, no device, a failed call.
struct backend_error : error {
  using error::error;
};

/// Memory that could not be allocated; what was asked for, and for what, is in the message.
struct out_of_memory : backend_error {
  using backend_error::backend_error;
};

/// Numbers went wrong: a NaN, a collapse, a matrix that is not positive definite.
struct numeric_error : error {
  using error::error;
};

/// An option outside its range: the message names the option, its value and the range.
struct option_error : error {
  using error::error;
};

/// A number of bytes as a person says it: "640 bytes", "1.5 GB" (of 10^9 bytes).
inline std::string bytes_text(double bytes) {
  const char* const units[] = {"kB", "MB", "GB", "TB"};
  if (bytes < 1000) return std::to_string(static_cast<long long>(bytes)) + " bytes";
  int unit = -1;
  while (bytes >= 1000 && unit < 3) {
    bytes /= 1000;
    ++unit;
  }
  const auto tenths = static_cast<long long>(bytes * 10 + 0.5);
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text.append(".").append(std::to_string(tenths % 10));
  return text.append(" ").append(units[unit]);
}

}  // namespace ssl
