#include "support/cli.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <limits>
#include <locale>
#include <new>
#include <sstream>
#include <string>
#include <string_view>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "support/sibling.hpp"

#if __has_include(<unistd.h>)
#include <unistd.h>
#define SSL_EXAMPLE_POSIX 1
#else
#define SSL_EXAMPLE_POSIX 0
#endif

namespace ssl_example {
namespace {

constexpr int failed = 2;
constexpr int stopped = 130;

std::atomic<int> presses{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

/// Only what a signal handler may call.
void say([[maybe_unused]] std::string_view text) {
#if SSL_EXAMPLE_POSIX
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
#endif
}

extern "C" void on_interrupt(int) {
  if (presses.fetch_add(1) > 0) {
    say("\n");
    std::_Exit(stopped);
  }
  std::signal(SIGINT, on_interrupt);
  say("\nstopping; press Ctrl-C again to quit at once\n");
}

/// A bound as a person would write it.
std::string plain(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(12);
  text << value;
  return text.str();
}

int complain(const std::string& program, std::string message) {
  for (char& c : message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  while (!message.empty() && message.back() == ' ') message.pop_back();
  std::cerr << program << ": " << message << std::endl;
  return failed;
}

/// How to ask for less memory, of the options that the program has.
std::string with_less(const CLI::App& app) {
  std::string options;
  for (const char* name : {"--batch", "--patches", "--views", "--widths", "--projector", "--eval-images"}) {
    if (app.get_option_no_throw(name) == nullptr) continue;
    options += (options.empty() ? "" : ", ") + std::string(name);
  }
  if (options.empty()) return options;
  const auto last = options.rfind(", ");
  if (last != std::string::npos) options.replace(last, 2, " or ");
  return "; smaller " + options + " need less";
}

/// The last --backend of the command line; empty without one.
std::string requested_backend(int argc, char** argv) {
  constexpr std::string_view option = "--backend", with_value = "--backend=";
  std::string wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--") break;
    if (argument.starts_with(with_value)) wanted = argument.substr(with_value.size());
    if (argument == option && i + 1 < argc) wanted = argv[i + 1];
  }
  return wanted;
}

constexpr double unbounded = std::numeric_limits<double>::max();

}  // namespace

CLI::Validator between(double low, double high) {
  const std::string wanted = high == unbounded ? "at least " + plain(low) : plain(low) + " to " + plain(high);
  return CLI::Validator(
      [low, high, wanted](std::string& text) {
        std::istringstream in(text);
        in.imbue(std::locale::classic());
        double value = 0;
        if (in >> value && in.eof() && ssl::is_finite(value) && value >= low && value <= high)
          return std::string();
        return (text.empty() ? "nothing" : text) + " found, expected " + wanted;
      },
      wanted);
}

CLI::Validator at_least(double low) { return between(low, unbounded); }

void offer_backends(CLI::App& app, const std::string& own) {
  app.add_option_function<std::string>(
         "--backend", [](const std::string&) {},
         "what computes; another than this program's starts its sibling")
      ->check(CLI::IsMember(known_backends()))
      ->default_str(own);
}

std::vector<std::pair<std::string, std::string>> option_values(const CLI::App& app) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_single_name();
    const auto left_out = {"help", "version", "out", "quiet"};
    if (std::find(left_out.begin(), left_out.end(), name) != left_out.end()) continue;
    std::string value;
    if (option->get_expected_max() == 0) {
      value = option->count() > 0 ? "true" : "false";
    } else if (option->count() > 0) {
      for (const std::string& part : option->results()) value += (value.empty() ? "" : ",") + part;
    } else {
      value = option->get_default_str();
      if (value.starts_with("[") && value.ends_with("]")) value = value.substr(1, value.size() - 2);
    }
    if (!value.empty()) values.emplace_back(name, value);
  }
  return values;
}

bool interrupted() { return presses.load() > 0; }

int run(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
  const std::string program =
      argc > 0 && argv[0] != nullptr ? std::filesystem::path(argv[0]).stem().string() : "program";
  if (app.get_name().empty()) app.name(program);
  try {
    if (const CLI::Option* backend = app.get_option_no_throw("--backend")) {
      const std::string own = backend->get_default_str(), wanted = requested_backend(argc, argv);
      if (wanted != own && is_known_backend(wanted)) start_sibling(own, wanted, argv);
    }
    app.parse(argc, argv);
  } catch (const ssl::error& e) {
    return complain(program, e.what());
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& mistake) {
    return complain(program, std::string(mistake.what()) + " (see " + program + " --help)");
  }
  std::signal(SIGINT, on_interrupt);
  try {
    const int code = body();
    return code == 0 && interrupted() ? stopped : code;
  } catch (const ssl::out_of_memory& e) {
    return complain(program, e.what() + with_less(app));
  } catch (const std::bad_alloc&) {
    return complain(program, "out of memory" + with_less(app));
  } catch (const std::exception& e) {
    return complain(program, e.what());
  }
}

}  // namespace ssl_example
