#pragma once
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

/// Numbers went wrong: a NaN, a collapse, a matrix that is not positive definite.
struct numeric_error : error {
  using error::error;
};

/// An option outside its range: the message names the option, its value and the range.
struct option_error : error {
  using error::error;
};

}  // namespace ssl
