#pragma once
/// A program computes on one backend. The same program on another one stands beside it under its own name:
/// `bagssl` on Eigen, `bagssl-thrust-omp`, `bagssl-cuda`.

#include <string>
#include <string_view>
#include <vector>

namespace ssl_example {

/// Every backend that a program may be built for.
const std::vector<std::string>& known_backends();
bool is_known_backend(std::string_view name);

/// Becomes the program of the same name on the backend `wanted`, with the same arguments; `own` is the
/// backend of the running one. Returns never: ssl::option_error where that program is not there, naming those
/// that are, or where this system cannot replace a process.
[[noreturn]] void start_sibling(const std::string& own, const std::string& wanted, char** argv);

}  // namespace ssl_example
