#include "support/metrics.hpp"

#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>
#include <type_traits>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"

namespace ssl_example {
namespace {

void require_good(const std::ofstream& out, const std::filesystem::path& file) {
  if (out) return;
  const std::string reason = errno != 0 ? " (" + std::generic_category().message(errno) + ")" : "";
  throw ssl::data_error(file.string() + ": this log cannot be written" + reason);
}

}  // namespace

metrics_writer::metrics_writer(std::filesystem::path file, bool append) : file_(std::move(file)) {
  errno = 0;
  out_.open(file_, std::ios::binary | (append ? std::ios::app : std::ios::trunc));
  require_good(out_, file_);
}

void metrics_writer::write(std::span<const metric> values) {
  nlohmann::ordered_json line = nlohmann::ordered_json::object();
  for (const metric& m : values) {
    std::visit(
        [&](const auto& v) {
          line[m.name] = v;
          if constexpr (std::is_same_v<std::decay_t<decltype(v)>, double>) {
            if (!ssl::is_finite(v)) line[m.name] = nullptr;
          }
        },
        m.value);
  }
  errno = 0;
  out_ << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n' << std::flush;
  require_good(out_, file_);
}

}  // namespace ssl_example
