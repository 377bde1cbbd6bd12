#pragma once
/// What a call that must fail says.

#include <string>

#include "ssl/core/error.hpp"

namespace ssl::test {

/// What `action` throws as E says; "" if it throws nothing, "another exception" if something else.
template <class E = data_error, class F>
std::string message(const F& action) {
  try {
    action();
  } catch (const E& e) {
    return e.what();
  } catch (...) {
    return "another exception";
  }
  return "";
}

inline bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace ssl::test
