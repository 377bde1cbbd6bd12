#include "ssl/data/npy.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ssl/core/finite.hpp"
#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

/// A .npy file's bytes from its parts.
std::vector<std::uint8_t> npy_bytes(const std::string& header, std::size_t data, int version = 1) {
  std::vector<std::uint8_t> bytes{0x93, 'N', 'U', 'M', 'P', 'Y', static_cast<std::uint8_t>(version), 0};
  for (int b = 0; b < (version == 1 ? 2 : 4); ++b)
    bytes.push_back(static_cast<std::uint8_t>(header.size() >> (8 * b)));
  bytes.insert(bytes.end(), header.begin(), header.end());
  for (std::size_t i = 0; i < data; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  return bytes;
}

std::string header(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

std::string refusal(const std::vector<std::uint8_t>& bytes) {
  return message([&] { parse_npy(bytes, "x.npy"); });
}

template <class T>
npy_array round_trip(const std::vector<index>& shape, const std::vector<T>& values) {
  const temporary_folder folder;
  write_npy(folder / "a.npy", shape, values);
  return read_npy(folder / "a.npy");
}

}  // namespace

TEST_CASE("data/npy: what is written is read back bit for bit") {
  const std::vector<double> values{0.1, -1e300, 5e-324, 3, -0.0, 1.0 / 3};
  const npy_array a = round_trip({2, 3}, values);
  CHECK(a.shape == std::vector<index>{2, 3});
  CHECK(a.dtype == npy_dtype{'f', 8});
  CHECK(a.size() == 6);
  CHECK(a.rank() == 2);
  CHECK(a.as<double>() == values);
  CHECK(a.offset % 64 == 0);

  CHECK(round_trip<float>({3}, {0.1f, -2, 3e38f}).as<float>() == std::vector<float>{0.1f, -2, 3e38f});
  CHECK(round_trip<std::uint8_t>({2}, {0, 255}).as_index() == std::vector<index>{0, 255});
  CHECK(round_trip<std::int32_t>({2}, {INT32_MIN, INT32_MAX}).as_index() ==
        std::vector<index>{INT32_MIN, INT32_MAX});
  CHECK(round_trip<std::int64_t>({1, 2}, {INT64_MIN, INT64_MAX}).as_index() ==
        std::vector<index>{INT64_MIN, INT64_MAX});
  CHECK(round_trip<float>({}, {7}).rank() == 0);
  CHECK(round_trip<float>({4, 0}, {}).size() == 0);
}

TEST_CASE("data/npy: the file is the one that NumPy writes") {
  const temporary_folder folder;
  write_npy(folder / "a.npy", {2}, std::vector<std::uint8_t>{5, 6});
  const auto bytes = read_file(folder / "a.npy");
  const std::string dictionary = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
  REQUIRE(bytes.size() == 130);
  CHECK(std::string(bytes.begin(), bytes.begin() + 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(std::string(bytes.begin() + 10, bytes.begin() + 128) ==
        dictionary + std::string(117 - dictionary.size(), ' ') + "\n");
  CHECK(bytes[128] == 5);
  CHECK(folder.entries() == 1);
}

TEST_CASE("data/npy: every number type converts") {
  const auto values = [](const std::string& descr, std::size_t bytes) {
    return parse_npy(npy_bytes(header(descr, "(2,)"), bytes), "x.npy");
  };
  // The data are the bytes 0, 1, 2, ...
  CHECK(values("|u1", 2).as_index() == std::vector<index>{0, 1});
  CHECK(values("|i1", 2).as_index() == std::vector<index>{0, 1});
  CHECK(values("|b1", 2).as_index() == std::vector<index>{0, 1});
  CHECK(values("<u2", 4).as_index() == std::vector<index>{0x0100, 0x0302});
  CHECK(values("<i2", 4).as_index() == std::vector<index>{0x0100, 0x0302});
  CHECK(values("<u4", 8).as_index() == std::vector<index>{0x03020100, 0x07060504});
  CHECK(values("<i4", 8).as<double>() == std::vector<double>{0x03020100, 0x07060504});
  CHECK(values("<u8", 16).as_index() == std::vector<index>{0x0706050403020100, 0x0f0e0d0c0b0a0908});
  CHECK(values("<i8", 16).as_index() == std::vector<index>{0x0706050403020100, 0x0f0e0d0c0b0a0908});
  CHECK(parse_npy(npy_bytes(header("|i1", "(256,)"), 256), "x").as_index()[255] == -1);
  CHECK(round_trip<double>({2}, {0.1, 2}).as<float>() == std::vector<float>{0.1f, 2});
}

TEST_CASE("data/npy: versions 2 and 3 and the older spellings of a header are read") {
  for (const int version : {1, 2, 3}) {
    const npy_array a = parse_npy(npy_bytes(header("<f4", "(2, 1)"), 8, version), "x.npy");
    CHECK(a.shape == std::vector<index>{2, 1});
  }
  const std::string other = "{ \"shape\":(3L,2L),\"descr\":\"<i2\" , 'fortran_order':False}   \n";
  CHECK(parse_npy(npy_bytes(other, 12), "x.npy").shape == std::vector<index>{3, 2});
  CHECK(parse_npy(npy_bytes(header("<f4", "(2,)", "True"), 8), "x.npy").size() ==
        2);  // one axis: no difference
}

TEST_CASE("data/npy: a file that is no array is named") {
  const temporary_folder folder;
  CHECK(says(message([&] { read_npy(folder / "none.npy"); }), "none.npy: no such file"));
  CHECK(says(message([&] { read_npy(folder.file("t.npy", {'1', ',', '2'})); }), "t.npy: is no .npy file"));
  CHECK(says(refusal({}), "is no .npy file"));
  CHECK(says(refusal({'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0, 0, 0}), "is no .npy file"));
  CHECK(refusal({}).starts_with("x.npy: "));
  auto version = npy_bytes(header("<f4", "(2,)"), 8);
  version[6] = 4;
  CHECK(says(refusal(version), "version 4, expected 1, 2 or 3"));
}

TEST_CASE("data/npy: a file cut anywhere is refused") {
  const auto whole = npy_bytes(header("<f4", "(2,)"), 8, 2);
  REQUIRE(refusal(whole).empty());
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(refusal({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}).starts_with("x.npy: "));
  CHECK(says(refusal(npy_bytes(header("<f4", "(2, 3)"), 23)),
             "is truncated, expected 24 bytes for (2, 3) of f4, found 23"));
  CHECK(says(refusal(npy_bytes(header("<f4", "(2,)"), 9)),
             "has trailing bytes, expected 8 bytes for (2,) of f4, found 9"));
}

TEST_CASE("data/npy: hostile headers allocate nothing and are refused") {
  CHECK(says(refusal(npy_bytes(header("<f8", "(4611686018427387904, 4)"), 8)), "expected over 2^64 bytes"));
  CHECK(says(refusal(npy_bytes(header("<f8", "(2305843009213693952,)"), 8)), "found 8"));
  CHECK(says(refusal(npy_bytes(header("<f8", "(1000000000000,)"), 8)), "expected 8000000000000 bytes"));
  CHECK(says(refusal(npy_bytes(header("<f8", "(99999999999999999999,)"), 8)), "beyond 63 bits"));
  CHECK(says(refusal(npy_bytes(header("<f8", "(0, 9223372036854775807, 9223372036854775807)"), 8)),
             "expected 0 bytes"));
  std::string many = "(";
  for (int k = 0; k < 70; ++k) many += "1,";
  CHECK(says(refusal(npy_bytes(header("<f8", many + ")"), 8)), "more than 64 axes"));
  auto length = npy_bytes(header("<f4", "(2,)"), 8, 2);
  length[8] = length[9] = length[10] = length[11] = 0xff;
  CHECK(says(refusal(length), "expected 4294967307 up to the end of the header"));
}

TEST_CASE("data/npy: a malformed header says what is wrong with it") {
  const auto says_of = [](const std::string& text, const std::string& part) {
    return says(refusal(npy_bytes(text, 8)), part);
  };
  CHECK(says_of("", "expected '{'"));
  CHECK(says_of("{}", "expected the keys"));
  CHECK(says_of("{'descr': '<f4', 'shape': (2,)}", "expected the keys"));
  CHECK(says_of("{'descr': '<f4', 'descr': '<f4'}", "two keys 'descr'"));
  CHECK(says_of("{'colour': 3}", "unknown key 'colour'"));
  CHECK(says_of("{'descr", "unfinished string"));
  CHECK(says_of("{'descr' '<f4'}", "expected ':'"));
  CHECK(says_of("{'descr': '<f4' 'shape'}", "expected '}'"));
  CHECK(says_of(header("<f4", "(-2,)"), "an extent that is no number"));
  CHECK(says_of(header("<f4", "(2 3)"), "expected ')'"));
  CHECK(says_of(header("<f4", "(2,)", "Maybe"), "neither True nor False"));
  CHECK(says_of(header("<f4", "(2,)") + "x", "text after the dictionary"));
}

TEST_CASE("data/npy: orders and element types that cannot be used are named") {
  CHECK(
      says(refusal(npy_bytes(header("<f4", "(2, 1)", "True"), 8)), "is in Fortran order, expected C order"));
  CHECK(says(refusal(npy_bytes(header("|O", "(1,)"), 8)), "has an object dtype"));
  CHECK(says(refusal(npy_bytes(header(">f8", "(1,)"), 8)),
             "big-endian dtype >f8, expected little-endian (<f8)"));
  CHECK(says(refusal(npy_bytes("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", 8)),
             "structured"));
  for (const std::string descr : {"<c8", "<U2", "|S8", "<M8[ns]", "<f2", "<f16", "", "f", "<b8", "|f8"})
    CHECK(says(refusal(npy_bytes(header(descr, "(1,)"), 8)),
               "has the dtype " + descr + ", expected one of f4 f8"));
}

TEST_CASE("data/npy: ranks and finite values are checked on request") {
  const npy_array a = round_trip<double>({2, 2}, {1, 2, 3, 4});
  CHECK_NOTHROW(require_rank(a, 2, "(samples, features)"));
  CHECK(says(message([&] { require_rank(a, 3, "(views, samples, features)"); }),
             "a.npy: has shape (2, 2), expected 3 axes (views, samples, features)"));
  CHECK(says(message([&] { require_rank(a, 1, "(samples)"); }), "expected 1 axis (samples)"));
  CHECK_NOTHROW(require_finite(a));
  CHECK_NOTHROW(require_finite(round_trip<std::int32_t>({1}, {5})));
  CHECK(says(message([] {
               require_finite(round_trip<float>({3}, {1, 2, not_a_number<float>()}));
             }),
             "element 2 is NaN"));
  CHECK(says(message([] {
               require_finite(round_trip<double>({2}, {1, -infinite<double>()}));
             }),
             "element 1 is infinite"));
}

TEST_CASE("data/npy: a conversion that would change a value is refused") {
  CHECK(says(message([] { round_trip<double>({2}, {1, 1e300}).as<float>(); }), "element 1 is"));
  CHECK(is_infinite(round_trip<double>({1}, {infinite<double>()}).as<float>()[0]));
  CHECK(round_trip<double>({2}, {3, -1}).as_index() == std::vector<index>{3, -1});
  CHECK(says(message([] { round_trip<double>({2}, {3, 0.5}).as_index(); }), "element 1 is 0.5"));
  CHECK(says(message([] { round_trip<float>({1}, {not_a_number<float>()}).as_index(); }),
             "expected a whole number"));
  CHECK(says(message([] { round_trip<float>({1}, {1e30f}).as_index(); }), "expected a whole number"));
  auto large = npy_bytes(header("<u8", "(1,)"), 8);
  large.back() = 0x80;
  CHECK(says(message([&] { parse_npy(large, "x").as_index(); }), "expected a whole number"));
}

TEST_CASE("data/npy: the bytes of an array of views are matrices side by side") {
  // (V, N, D) = (2, 3, 4): element (v, n, d) lies at row d of column v N + n of a column-major (D, V N).
  std::vector<double> values(24);
  for (int v = 0; v < 2; ++v)
    for (int n = 0; n < 3; ++n)
      for (int d = 0; d < 4; ++d)
        values[static_cast<std::size_t>((v * 3 + n) * 4 + d)] = 100 * v + 10 * n + d;
  const auto read = round_trip({2, 3, 4}, values).as<double>();
  const index rows = 4, column = 1 * 3 + 2, row = 3;
  CHECK(read[static_cast<std::size_t>(column * rows + row)] == 123);
}

TEST_CASE("data/npy: a write that fails leaves nothing") {
  const temporary_folder folder;
  CHECK(says(message<shape_error>([&] {
               write_npy(folder / "a.npy", {2, 2}, std::vector<float>{1, 2, 3});
             }),
             "a.npy: 3 values to write, expected 4 for (2, 2)"));
  CHECK(says(message([&] { write_npy(folder / "no" / "a.npy", {1}, std::vector<float>{1}); }),
             "cannot be written"));
  CHECK(folder.entries() == 0);
}
