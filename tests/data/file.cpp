#include "ssl/data/file.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

}  // namespace

TEST_CASE("data/file: what is written is read back, whatever its size") {
  const temporary_folder folder;
  for (const std::size_t size : {0u, 1u, 65535u, 65536u, 65537u, 300001u}) {
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
    write_file(folder / "a", bytes);
    CHECK(read_file(folder / "a") == bytes);
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("data/file: a missing file, a folder and a device are refused by name") {
  const temporary_folder folder;
  const std::string missing = message([&] { read_file(folder / "none.npy"); });
  CHECK(missing.starts_with((folder / "none.npy").string()));
  CHECK(says(missing, "no such file"));
  CHECK(says(message([&] { read_file(folder.path()); }), "is a folder"));
  if (std::filesystem::exists("/dev/zero"))
    CHECK(says(message([] { read_file("/dev/zero"); }), "neither a regular file nor a pipe"));
}

TEST_CASE("data/file: nothing appears under the name before the commit") {
  const temporary_folder folder;
  {
    atomic_file file(folder / "out");
    file.write("half");
    CHECK_FALSE(std::filesystem::exists(folder / "out"));
    CHECK(folder.entries() == 1);
  }
  CHECK(folder.entries() == 0);
}

TEST_CASE("data/file: an abandoned write leaves the earlier file as it was") {
  const temporary_folder folder;
  write_file(folder / "out", "first");
  { atomic_file(folder / "out").write("second"); }
  CHECK(read_file(folder / "out") == bytes_of("first"));
  write_file(folder / "out", "third");
  CHECK(read_file(folder / "out") == bytes_of("third"));
  CHECK(folder.entries() == 1);
}

TEST_CASE("data/file: a link is followed, not replaced") {
  const temporary_folder folder;
  write_file(folder / "real", "first");
  std::filesystem::create_symlink(folder / "real", folder / "link");
  write_file(folder / "link", "second");
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(read_file(folder / "real") == bytes_of("second"));
}

TEST_CASE("data/file: a destination that cannot be is an error that names it") {
  const temporary_folder folder;
  CHECK(
      says(message([&] { write_file(folder / "no/such/place", "x"); }), "no/such/place: cannot be written"));
  CHECK(says(message([&] { write_file(folder.path(), "x"); }), "is a folder"));
}

TEST_CASE("data/file: a device is written directly and a full one is an error") {
  if (std::filesystem::is_character_file("/dev/full")) {
    CHECK(says(message([] { write_file("/dev/full", "x"); }), "/dev/full: cannot be written"));
    CHECK(std::filesystem::is_character_file("/dev/full"));
  }
  if (std::filesystem::is_character_file("/dev/null")) {
    CHECK_NOTHROW(write_file("/dev/null", "x"));
    CHECK(std::filesystem::is_character_file("/dev/null"));
  }
}
