#include "ssl/data/gzip.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl::test;

namespace {

using bytes = std::vector<std::uint8_t>;

bytes compress(const bytes& content) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  bytes out(deflateBound(&z, static_cast<uLong>(content.size())) + 64);
  z.next_in = const_cast<Bytef*>(content.data());
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = out.data();
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

bytes content(std::size_t size, unsigned step) {
  bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>((i * i / 7 + i * step) >> 3);
  return out;
}

std::string refusal(const bytes& packed) {
  return message([&] { ssl::gunzip{}(packed, "x.gz"); });
}

}  // namespace

TEST_CASE("data/gzip: what was packed is unpacked, whatever its size") {
  for (const std::size_t size : {0u, 1u, 65535u, 65536u, 65537u, 3000000u}) {
    const bytes original = content(size, 5);
    CHECK(ssl::gunzip{}(compress(original), "x.gz") == original);
  }
}

TEST_CASE("data/gzip: several members are one content") {
  const bytes a = content(1000, 3), b = content(70000, 9);
  bytes packed = compress(a), both = a;
  const bytes second = compress(b);
  packed.insert(packed.end(), second.begin(), second.end());
  both.insert(both.end(), b.begin(), b.end());
  CHECK(ssl::gunzip{}(packed, "x.gz") == both);
}

TEST_CASE("data/gzip: a file cut anywhere is truncated") {
  const bytes whole = compress(content(200, 3));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(says(refusal({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}),
               "x.gz: is truncated"));
}

TEST_CASE("data/gzip: damage and other formats are refused") {
  bytes damaged = compress(content(5000, 3));
  damaged[damaged.size() - 6] ^= 1;  // the check sum
  CHECK(says(refusal(damaged), "x.gz: is not intact gzip (incorrect data check"));
  CHECK(says(refusal({'P', 'K', 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
             "is not intact gzip (incorrect header check"));
  bytes trailing = compress(content(10, 3));
  trailing.insert(trailing.end(), 20, 'x');
  CHECK(says(refusal(trailing), "is not intact gzip"));
}

TEST_CASE("data/gzip: a content beyond the limit is refused before it fills the memory") {
  const bytes packed = compress(bytes(1000000, 0));
  CHECK(ssl::gunzip{1000000}(packed, "x.gz").size() == 1000000);
  CHECK(says(message([&] { ssl::gunzip{999999}(packed, "x.gz"); }),
             "unpacks to more than the expected 999999 bytes"));
}
