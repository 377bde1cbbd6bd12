#include "ssl/data/file_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

TEST_CASE("data/file_buffer: files of any size come whole, one after another through one buffer") {
  const temporary_folder folder;
  file_buffer buffer;
  for (const std::size_t size : {3u, 200000u, 0u, 65536u, 65537u, 1u}) {
    std::vector<std::uint8_t> content(size);
    for (std::size_t k = 0; k < size; ++k) content[k] = static_cast<std::uint8_t>(k * k / 3 + size);
    const auto got = buffer.read(folder.file("a", content).string());
    CHECK(std::equal(got.begin(), got.end(), content.begin(), content.end()));
  }
}

TEST_CASE("data/file_buffer: what cannot be read is refused as read_file does") {
  const temporary_folder folder;
  file_buffer buffer;
  CHECK(says(message([&] { buffer.read((folder / "none").string()); }), "none: no such file"));
  CHECK(says(message([&] { buffer.read(folder.path().string()); }), "is a folder, expected a file"));
  CHECK(buffer.read(folder.file("a", {7}).string()).size() == 1);
}
