#pragma once
// SPDX-License-Identifier: MIT

/// Decompression of .gz bytes (RFC 1952) by zlib. The only header that needs zlib: include it by name and
/// link the target bagssl::zlib.

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"

namespace ssl {

/// gunzip{}(bytes, name): the content of every member of a .gz file, one after another. `name` begins the
/// messages. Throws data_error if the bytes are not gzip, are corrupt or truncated, or unpack to more than
/// `limit` bytes.
struct gunzip {
  std::size_t limit = std::size_t{1} << 32;

  std::vector<std::uint8_t> operator()(std::span<const std::uint8_t> bytes, const std::string& name) const {
    struct inflater {
      z_stream z{};
      bool ready = false;
      ~inflater() {
        if (ready) inflateEnd(&z);
      }
    } state;
    z_stream& z = state.z;
    state.ready = inflateInit2(&z, 16 + MAX_WBITS) == Z_OK;  // 16: a gzip header is required
    if (!state.ready) throw data_error(name + ": zlib could not be started");

    std::vector<std::uint8_t> out;
    std::size_t read = 0, written = 0;
    int status = Z_OK;
    for (;;) {
      const std::size_t step = std::min<std::size_t>(bytes.size() - read, 1u << 20);
      z.next_in = const_cast<Bytef*>(bytes.data() + read);  // zlib does not write here
      z.avail_in = static_cast<uInt>(step);
      if (written == out.size())
        out.resize(std::min(std::max<std::size_t>(2 * written, 1u << 16), limit + 1));
      const std::size_t room = std::min<std::size_t>(out.size() - written, 1u << 30);
      z.next_out = out.data() + written;
      z.avail_out = static_cast<uInt>(room);
      status = inflate(&z, Z_NO_FLUSH);
      read += step - z.avail_in;
      written += room - z.avail_out;
      if (written > limit)
        throw data_error(name + ": unpacks to more than the expected " + std::to_string(limit) + " bytes");
      if (status == Z_STREAM_END) {
        if (read == bytes.size()) break;
        status = inflateReset(&z);  // another member follows
      }
      if (status == Z_BUF_ERROR && read == bytes.size())
        throw data_error(name + ": is truncated after " + std::to_string(bytes.size()) +
                         " bytes, expected more compressed data");
      if (status != Z_OK && status != Z_BUF_ERROR)
        throw data_error(name + ": is not intact gzip (" + (z.msg ? z.msg : "unexpected data") + " at byte " +
                         std::to_string(read) + ")");
    }
    out.resize(written);
    return out;
  }
};

}  // namespace ssl
