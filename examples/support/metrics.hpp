#pragma once
/// A training log that programs read: one JSON object a line.

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace ssl_example {

/// One named number, truth value or text.
struct metric {
  std::string name;
  std::variant<bool, std::int64_t, double, std::string> value;

  metric(std::string n, bool v) : name(std::move(n)), value(v) {}
  template <std::integral Int>
  metric(std::string n, Int v) : name(std::move(n)), value(static_cast<std::int64_t>(v)) {}
  template <std::floating_point Real>
  metric(std::string n, Real v) : name(std::move(n)), value(static_cast<double>(v)) {}
  metric(std::string n, std::string_view v) : name(std::move(n)), value(std::string(v)) {}
  metric(std::string n, const char* v) : name(std::move(n)), value(std::string(v)) {}
  metric(std::string n, const std::string& v) : name(std::move(n)), value(v) {}
};

class metrics_writer {
 public:
  /// Opens `file`, empty unless `append`. ssl::data_error where it cannot be opened.
  explicit metrics_writer(std::filesystem::path file, bool append = false);

  /// One line, in the order given, on disk when this returns. NaN and infinities become null, and the last of
  /// two equal names wins. ssl::data_error where the line cannot be written.
  void write(std::span<const metric> values);
  void write(std::initializer_list<metric> values) {
    write(std::span<const metric>(values.begin(), values.size()));
  }

 private:
  std::filesystem::path file_;
  std::ofstream out_;
};

}  // namespace ssl_example
