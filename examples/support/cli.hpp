#pragma once
/// What makes the example programs behave alike at the command line:
///
///     int main(int argc, char** argv) {
///       CLI::App app("Trains an encoder.");
///       int epochs = 10;
///       app.add_option("--epochs", epochs, "passes over the images")->check(ssl_example::at_least(1));
///       return ssl_example::run(app, argc, argv, [&] { ... return 0; });
///     }
///
/// Exit codes: 0 done, 1 whatever `body` means by it, 2 a mistake or a failure (one sentence on stderr), 130
/// stopped by Ctrl-C.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace ssl_example {

/// Every option of a parsed command line with its value, given or by default, by the long name without
/// dashes; flags are true or false, lists have commas. Left out: --help, --version, --out, --quiet and what
/// has no value.
std::vector<std::pair<std::string, std::string>> option_values(const CLI::App& app);

/// True once Ctrl-C was pressed in `run`: finish with what there is. A second Ctrl-C ends the program at
/// once.
bool interrupted();

/// For ->check(): a number no smaller than `low`.
CLI::Validator at_least(double low);

/// For ->check(): a number from `low` to `high`, both included.
CLI::Validator between(double low, double high);

/// Gives a program that computes on `own` the option --backend: asked for another, `run` starts the sibling
/// program that has it, see sibling.hpp.
void offer_backends(CLI::App& app, const std::string& own);

/// Parses the command line and calls `body`, whose result is the exit code. --help and --version print to
/// stdout and give 0. A wrong command line, an ssl::error or any other exception prints "program: sentence"
/// to stderr and gives 2. Where `body` returned 0 after Ctrl-C, 130.
int run(CLI::App& app, int argc, char** argv, const std::function<int()>& body);

}  // namespace ssl_example
