#pragma once
/// Running a program from a test, and the files it is given.

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "ssl/core/random.hpp"
#include "ssl/data/npy.hpp"

namespace ssl::test {

/// A folder of its own that goes when the test does.
class temporary_folder {
 public:
  temporary_folder()
      : path_(std::filesystem::temp_directory_path() /
              ("ssl-tools-" + std::to_string(std::random_device{}()))) {
    std::filesystem::create_directories(path_);
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::size_t files() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_)) ++count;
    return count;
  }

 private:
  std::filesystem::path path_;
};

struct finished {
  int code = 0;
  std::string out, error;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
  bool complains_of(const std::string& what) const { return error.find(what) != std::string::npos; }
};

inline std::string read_text(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// Runs `program arguments` and waits. The arguments are words without blanks or quotes.
inline finished run_program(const std::string& program, const std::string& arguments) {
  const temporary_folder folder;
  const std::string out = folder / "out", error = folder / "error";
  const int status =
      std::system(("\"" + program + "\" " + arguments + " > \"" + out + "\" 2> \"" + error + "\"").c_str());
  return {status > 255 ? status >> 8 : status, read_text(out),
          read_text(error)};  // POSIX keeps the code above
}

/// One sentence on stderr, nothing on stdout, exit code 2.
inline void check_refused(const finished& f, const std::string& what) {
  INFO("stderr: " << f.error);
  CHECK(f.code == 2);
  CHECK(f.out.empty());
  CHECK(std::count(f.error.begin(), f.error.end(), '\n') == 1);
  CHECK_MESSAGE(f.complains_of(what), "expected: " << what);
}

/// Standard normal numbers.
inline std::vector<double> noise(index count, unsigned seed) {
  random_stream draw({seed, 0}, 0, 0, purpose::generate);
  std::vector<double> out(static_cast<std::size_t>(count));
  for (double& x : out) x = static_cast<double>(draw.normal());
  return out;
}

/// A .npy file of version 1 with any header.
inline void write_raw_npy(const std::string& path, const std::string& dictionary, std::size_t bytes) {
  std::string header = dictionary;
  header.resize((10 + header.size() + 64) / 64 * 64 - 11, ' ');
  header += '\n';
  std::ofstream stream(path, std::ios::binary);
  stream << "\x93NUMPY" << '\1' << '\0' << static_cast<char>(header.size() & 255)
         << static_cast<char>(header.size() >> 8) << header << std::string(bytes, '\0');
}

}  // namespace ssl::test
