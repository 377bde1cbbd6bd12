#pragma once
// SPDX-License-Identifier: MIT

/// The header of a .npy file: a Python dictionary literal with the element type, the order and the shape.

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"

namespace ssl {

/// The element type as NumPy spells it without the byte order: kind f, i, u or b, and the bytes of one
/// element.
struct npy_dtype {
  char kind = 'f';
  int bytes = 8;

  std::string name() const { return kind + std::to_string(bytes); }
  friend constexpr bool operator==(const npy_dtype&, const npy_dtype&) = default;
};

/// "(4, 8)", as NumPy prints a shape.
inline std::string npy_shape_text(std::span<const index> shape) {
  std::string text = "(";
  for (std::size_t k = 0; k < shape.size(); ++k) text += (k ? ", " : "") + std::to_string(shape[k]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

namespace detail {

/// Reads the header's dictionary: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }.
class npy_header {
 public:
  npy_header(std::string_view text, const std::string& path) : rest_(text), path_(path) {
    bool seen[3] = {};
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      const int which = key == "descr" ? 0 : key == "fortran_order" ? 1 : key == "shape" ? 2 : 3;
      if (which == 3) malformed("unknown key '" + key + "'");
      if (std::exchange(seen[which], true)) malformed("two keys '" + key + "'");
      if (which == 0) descr = description();
      if (which == 1) fortran_order = boolean();
      if (which == 2) shape = extents();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!seen[0] || !seen[1] || !seen[2]) malformed("expected the keys 'descr', 'fortran_order' and 'shape'");
    space();
    if (!rest_.empty()) malformed("text after the dictionary");
  }

  std::string descr;
  bool fortran_order = false;
  std::vector<index> shape;

 private:
  [[noreturn]] void malformed(const std::string& what) const {
    throw data_error(path_ + ": has a malformed .npy header (" + what + ")");
  }
  void space() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n' || rest_[0] == '\t' || rest_[0] == '\r'))
      rest_.remove_prefix(1);
  }
  bool accept(char c) {
    space();
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) malformed(std::string("expected '") + c + "'");
  }
  std::string quoted() {
    const char mark = accept('\'') ? '\'' : '"';
    if (mark == '"') expect('"');
    const std::size_t end = rest_.find(mark);
    if (end == std::string_view::npos) malformed("unfinished string");
    const std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }
  std::string description() {
    space();
    if (!rest_.empty() && rest_[0] == '[')
      throw data_error(path_ + ": has a structured dtype (records), expected one number per element");
    return quoted();
  }
  bool boolean() {
    space();
    for (const std::string_view word : {"True", "False"})
      if (rest_.starts_with(word)) {
        rest_.remove_prefix(word.size());
        return word == "True";
      }
    malformed("fortran_order is neither True nor False");
  }
  std::vector<index> extents() {
    std::vector<index> out;
    expect('(');
    while (!accept(')')) {
      space();
      index value = 0;
      std::size_t digits = 0;
      for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
        const index digit = rest_[digits] - '0';
        if (value > (std::numeric_limits<index>::max() - digit) / 10) malformed("an extent beyond 63 bits");
        value = 10 * value + digit;
      }
      if (digits == 0) malformed("an extent that is no number");
      rest_.remove_prefix(digits);
      accept('L');  // a long of Python 2
      out.push_back(value);
      if (out.size() > 64) malformed("more than 64 axes");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return out;
  }

  std::string_view rest_;
  const std::string& path_;
};

inline npy_dtype npy_parse_dtype(const std::string& descr, const std::string& path) {
  const std::string type = descr.empty() ? descr : descr.substr(1);
  if (type.starts_with('O')) throw data_error(path + ": has an object dtype, expected numbers");
  for (const npy_dtype known : {npy_dtype{'f', 4}, npy_dtype{'f', 8}, npy_dtype{'i', 1}, npy_dtype{'i', 2},
                                npy_dtype{'i', 4}, npy_dtype{'i', 8}, npy_dtype{'u', 1}, npy_dtype{'u', 2},
                                npy_dtype{'u', 4}, npy_dtype{'u', 8}, npy_dtype{'b', 1}}) {
    if (type != known.name()) continue;
    if (descr[0] == '<' || descr[0] == '=' || (known.bytes == 1 && (descr[0] == '|' || descr[0] == '>')))
      return known;
    if (descr[0] == '>')
      throw data_error(path + ": has the big-endian dtype " + descr + ", expected little-endian (<" + type +
                       ")");
  }
  throw data_error(path + ": has the dtype " + descr + ", expected one of f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1");
}

}  // namespace detail

}  // namespace ssl
