#include "support/machine.hpp"

#include <ctime>
#include <fstream>
#include <thread>

#include "ssl/core/config.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

namespace ssl_example {
namespace {

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    // "model name" on x86; Arm names no model there.
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
#if defined(__aarch64__) || defined(_M_ARM64)
  return "an Arm processor";
#else
  return "unknown processor";
#endif
}

unsigned threads() {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return static_cast<unsigned>(CPU_COUNT(&allowed));
#endif
  return std::thread::hardware_concurrency();
}

}  // namespace

std::string machine_text() {
  const unsigned count = threads();
  return processor() + ", " + std::to_string(count) + (count == 1 ? " thread" : " threads");
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
#if defined(_WIN32)
  gmtime_s(&parts, &now);
#else
  gmtime_r(&now, &parts);
#endif
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

std::string library_version() {
  return std::to_string(SSL_VERSION_MAJOR) + "." + std::to_string(SSL_VERSION_MINOR) + "." +
         std::to_string(SSL_VERSION_PATCH);
}

}  // namespace ssl_example
