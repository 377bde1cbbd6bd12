#include "support/sibling.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "ssl/core/error.hpp"

#if __has_include(<unistd.h>)
#include <unistd.h>
#define SSL_EXAMPLE_CAN_EXEC 1
#else
#define SSL_EXAMPLE_CAN_EXEC 0
#endif

namespace ssl_example {
namespace {

namespace fs = std::filesystem;

/// The file of this process: where the system tells, else as it was started, else as the shell found it.
fs::path running_program(const char* started_as) {
  std::error_code unknown;
  const fs::path told = fs::read_symlink("/proc/self/exe", unknown);
  if (!unknown) return told;
  const fs::path name = started_as != nullptr ? started_as : "";
  if (name.has_parent_path()) return fs::absolute(name, unknown);
  const char* folders = std::getenv("PATH");
  std::istringstream search(folders != nullptr ? folders : "");
  for (std::string folder; std::getline(search, folder, ':');)
    if (fs::exists(fs::path(folder) / name, unknown)) return fs::path(folder) / name;
  return name;
}

std::string suffix(const std::string& backend) { return backend == "eigen" ? "" : "-" + backend; }

/// The program `self` on another backend.
fs::path beside(const fs::path& self, const std::string& own, const std::string& other) {
  std::string base = self.stem().string();
  if (base.ends_with(suffix(own))) base.resize(base.size() - suffix(own).size());
  return self.parent_path() / (base + suffix(other) + self.extension().string());
}

}  // namespace

const std::vector<std::string>& known_backends() {
  static const std::vector<std::string> names{"eigen", "thrust-omp", "cuda"};
  return names;
}

bool is_known_backend(std::string_view name) {
  return std::find(known_backends().begin(), known_backends().end(), name) != known_backends().end();
}

void start_sibling(const std::string& own, const std::string& wanted, char** argv) {
  const fs::path self = running_program(argv[0]), other = beside(self, own, wanted);
  std::error_code unknown;
  if (!fs::is_regular_file(other, unknown)) {
    std::string present;
    for (const std::string& name : known_backends()) {
      if (name != own && !fs::is_regular_file(beside(self, own, name), unknown)) continue;
      present += (present.empty() ? "" : " or ") + name;
    }
    throw ssl::option_error("--backend " + wanted + ": " + other.filename().string() +
                            " was not built into this installation, expected " + present);
  }
#if SSL_EXAMPLE_CAN_EXEC
  std::string path = other.string();
  argv[0] = path.data();
  ::execv(path.c_str(), argv);
  throw ssl::option_error("--backend " + wanted + ": " + path + " cannot be started (" +
                          std::generic_category().message(errno) + ")");
#else
  throw ssl::option_error("--backend " + wanted + ": this system cannot change programs, start " +
                          other.filename().string() + " instead");
#endif
}

}  // namespace ssl_example
