#pragma once
/// What the command line says about the machine that computes. Known to every program; the answers come from
/// the one backend that the program was built for (backend.cpp).

#include <CLI/CLI.hpp>
#include <string>

namespace ssl_example {

struct backend_options {
  int threads = 0;       // of the CPU backends; 0: as many as there are cores
  bool tf32 = false;     // of the CUDA backend
  bool profile = false;  // time every operation of the training
};

/// --backend, --threads, --tf32 and --version; `profile` is the trainers' --profile.
void add_backend_options(CLI::App& app, backend_options& options);

/// This program's backend as the command line says it: eigen, thrust-omp or cuda.
const char* backend_name();

/// What compiled this program.
std::string compiler_text();

/// Version, backend, the libraries and the compiler behind it, several lines.
std::string version_text(const std::string& program);

}  // namespace ssl_example
