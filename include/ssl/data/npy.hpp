#pragma once
// SPDX-License-Identifier: MIT

/// NumPy's .npy format, versions 1 to 3: a magic string, a header that is a Python dictionary literal, and
/// the elements. Read: booleans, integers and floats, little-endian, C order. Anything else is named and
/// refused.
///
/// In C order the last axis is contiguous. So the bytes of an (N, D) array are one column-major matrix (D, N)
/// whose columns are the samples, and those of a (V, N, D) array are V such matrices side by side: (D, V *
/// N), view after view, with no copy and no transposition.

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/data/file.hpp"
#include "ssl/data/npy_header.hpp"

namespace ssl {

static_assert(std::endian::native == std::endian::little, "ssl: .npy files are read as little-endian memory");

/// What `write_npy` can write.
template <class T>
concept NpyScalar = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::uint8_t> ||
    std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t>;

namespace detail {

/// f(U{}), U the C++ type of the elements.
template <class F>
decltype(auto) npy_type(npy_dtype dtype, const F& f) {
  switch (dtype.kind) {
    case 'f':
      return dtype.bytes == 4 ? f(float{}) : f(double{});
    case 'i':
      switch (dtype.bytes) {
        case 1:
          return f(std::int8_t{});
        case 2:
          return f(std::int16_t{});
        case 4:
          return f(std::int32_t{});
        default:
          return f(std::int64_t{});
      }
    default:
      switch (dtype.bytes) {
        case 1:
          return f(std::uint8_t{});
        case 2:
          return f(std::uint16_t{});
        case 4:
          return f(std::uint32_t{});
        default:
          return f(std::uint64_t{});
      }
  }
}

/// Element i of those that begin at `from`, which need not be aligned.
template <class T>
T npy_load(const std::uint8_t* from, index i) {
  T value;
  std::copy_n(from + static_cast<std::size_t>(i) * sizeof(T), sizeof(T),
              reinterpret_cast<std::uint8_t*>(&value));
  return value;
}

}  // namespace detail

/// An array as it lies in its file. `as` converts.
struct npy_array {
  std::string path;  // begins every message about the array
  std::vector<index> shape;
  npy_dtype dtype;
  std::vector<std::uint8_t> file;  // the whole file; the elements begin at `offset`
  std::size_t offset = 0;

  index rank() const { return static_cast<index>(shape.size()); }
  index size() const { return static_cast<index>(file.size() - offset) / dtype.bytes; }

  /// Element i, read as what it is and given to `f`.
  template <class F>
  decltype(auto) visit(index i, const F& f) const {
    return detail::npy_type(
        dtype, [&]<class U>(U) -> decltype(auto) { return f(detail::npy_load<U>(file.data() + offset, i)); });
  }

  /// All elements in C order, converted. Throws data_error if a finite double is too large for a float.
  template <std::floating_point T>
  std::vector<T> as() const {
    std::vector<T> out(static_cast<std::size_t>(size()));
    for (index i = 0; i < size(); ++i)
      out[static_cast<std::size_t>(i)] = visit(i, [&]<class U>(U x) {
        if constexpr (sizeof(U) > sizeof(T) && std::is_floating_point_v<U>)
          if (is_finite(x) && std::abs(x) > static_cast<U>(std::numeric_limits<T>::max()))
            throw data_error(path + ": element " + std::to_string(i) + " is " + std::to_string(x) +
                             ", expected a magnitude that a float can hold");
        return static_cast<T>(x);
      });
    return out;
  }

  /// All elements in C order as whole numbers (labels). Throws data_error if one is none, or too large.
  std::vector<index> as_index() const {
    std::vector<index> out(static_cast<std::size_t>(size()));
    for (index i = 0; i < size(); ++i)
      out[static_cast<std::size_t>(i)] = visit(i, [&]<class U>(U x) {
        bool whole = true;
        if constexpr (std::is_floating_point_v<U>) whole = std::trunc(x) == x && std::abs(x) < U{0x1p62};
        if constexpr (std::is_same_v<U, std::uint64_t>) whole = x >> 63 == 0;
        if (!whole)
          throw data_error(path + ": element " + std::to_string(i) + " is " + std::to_string(x) +
                           ", expected a whole number of at most 62 bits");
        return static_cast<index>(x);
      });
    return out;
  }
};

/// Throws data_error unless the array has as many axes as `axes` says, as in require_rank(a, 3, "(views,
/// samples, features)").
inline void require_rank(const npy_array& array, index rank, std::string_view axes) {
  if (array.rank() != rank)
    throw data_error(array.path + ": has shape " + npy_shape_text(array.shape) + ", expected " +
                     std::to_string(rank) + (rank == 1 ? " axis " : " axes ") + std::string(axes));
}

/// Throws data_error if an element is NaN or infinite.
inline void require_finite(const npy_array& array) {
  for (index i = 0; i < array.size(); ++i)
    array.visit(i, [&]<class U>(U x) {
      if constexpr (std::is_floating_point_v<U>)
        if (!is_finite(x))
          throw data_error(array.path + ": element " + std::to_string(i) + " is " +
                           (is_nan(x) ? "NaN" : "infinite") + ", expected finite numbers");
    });
}

namespace detail {

template <NpyScalar T>
constexpr npy_dtype npy_dtype_of() {
  return {std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u', static_cast<int>(sizeof(T))};
}

}  // namespace detail

/// What a .npy file says about its elements, which begin at byte `offset`.
struct npy_layout {
  std::vector<index> shape;
  npy_dtype dtype;
  std::size_t offset = 0;
};

/// The layout of a .npy file of `total` bytes from its first ones, at least up to the end of its header;
/// `path` begins the messages. Throws data_error, also where the file is not as long as it says.
inline npy_layout parse_npy_layout(std::span<const std::uint8_t> bytes, std::uint64_t total,
                                   const std::string& path) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(std::string_view("\x93NUMPY", std::min<std::size_t>(6, bytes.size()))) ||
      bytes.empty())
    throw data_error(path + ": is no .npy file, expected the magic string \\x93NUMPY at its start");
  const auto truncated = [&](std::size_t expected) {
    throw data_error(path + ": is truncated, has " + std::to_string(bytes.size()) + " bytes, expected " +
                     std::to_string(expected) + " up to the end of the header");
  };
  if (bytes.size() < 10) truncated(10);
  const int version = bytes[6];
  if (version < 1 || version > 3)
    throw data_error(path + ": has .npy version " + std::to_string(version) + ", expected 1, 2 or 3");
  const std::size_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start) truncated(start);
  std::size_t length = 0;
  for (std::size_t b = start; b > 8; --b) length = length << 8 | bytes[b - 1];
  if (length > bytes.size() - start) truncated(start + length);

  const detail::npy_header header(text.substr(start, length), path);
  const npy_dtype dtype = detail::npy_parse_dtype(header.descr, path);
  if (header.fortran_order && header.shape.size() > 1)
    throw data_error(path + ": is in Fortran order, expected C order (numpy.ascontiguousarray)");

  const std::uint64_t found = total - start - length;
  std::uint64_t expected = static_cast<std::uint64_t>(dtype.bytes);
  bool empty = false, huge = false;
  for (const index extent : header.shape) empty = empty || extent == 0;
  for (const index extent : header.shape) {
    if (empty || huge) break;
    huge = expected > std::numeric_limits<std::uint64_t>::max() / static_cast<std::uint64_t>(extent);
    expected *= static_cast<std::uint64_t>(extent);
  }
  if (empty) expected = 0;
  if (huge || found != expected)
    throw data_error(path + ": " + (huge || found < expected ? "is truncated, " : "has trailing bytes, ") +
                     "expected " + (huge ? std::string("over 2^64") : std::to_string(expected)) +
                     " bytes for " + npy_shape_text(header.shape) + " of " + dtype.name() + ", found " +
                     std::to_string(found));
  return {header.shape, dtype, start + length};
}

/// An array from a .npy file's bytes; `path` begins the messages. Never allocates more than the bytes
/// justify, whatever the header claims. Throws data_error.
inline npy_array parse_npy(std::vector<std::uint8_t> bytes, std::string path) {
  npy_layout layout = parse_npy_layout(bytes, bytes.size(), path);
  return {std::move(path), std::move(layout.shape), layout.dtype, std::move(bytes), layout.offset};
}

/// The array in a .npy file. Throws data_error.
inline npy_array read_npy(const std::filesystem::path& path) {
  return parse_npy(read_file(path), path.string());
}

/// Writes `values`, in C order of `shape`, as .npy version 1: the whole file or none. Throws shape_error if
/// the shape asks for another number of values, data_error if the file cannot be written.
template <NpyScalar T>
void write_npy(const std::filesystem::path& path, const std::vector<index>& shape,
               std::span<const T> values) {
  index count = 1;
  for (const index extent : shape) count *= extent;
  if (count != static_cast<index>(values.size()))
    throw shape_error(path.string() + ": " + std::to_string(values.size()) + " values to write, expected " +
                      std::to_string(count) + " for " + npy_shape_text(shape));
  constexpr npy_dtype dtype = detail::npy_dtype_of<T>();
  std::string header = std::string("{'descr': '") + (dtype.bytes == 1 ? '|' : '<') + dtype.name() +
                       "', 'fortran_order': False, 'shape': " + npy_shape_text(shape) + ", }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1,
                ' ');  // the elements begin at a multiple of 64
  header += '\n';
  const char start[] = {'\x93',
                        'N',
                        'U',
                        'M',
                        'P',
                        'Y',
                        1,
                        0,
                        static_cast<char>(header.size() & 255),
                        static_cast<char>(header.size() >> 8)};
  atomic_file file(path);
  file.write(std::string_view(start, sizeof start));
  file.write(header);
  file.write(std::span(reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()));
  file.commit();
}
template <NpyScalar T>
void write_npy(const std::filesystem::path& path, const std::vector<index>& shape,
               const std::vector<T>& values) {
  write_npy(path, shape, std::span<const T>(values));
}

}  // namespace ssl
