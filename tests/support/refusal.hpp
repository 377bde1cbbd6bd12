#pragma once
/// What a call that must fail says.

#include <string>

#include "ssl/core/error.hpp"

namespace ssl::test {

/// The sentence of the option_error that f() throws; empty where it throws none.
template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const option_error& e) {
    return e.what();
  }
  return {};
}

}  // namespace ssl::test
