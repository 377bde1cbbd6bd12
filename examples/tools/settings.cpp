#include "tools/settings.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"

namespace ssl_example {

namespace {

double number(const parameter& p, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const bool finite = !text.empty() && *end == '\0' && ssl::is_finite(value);
  if (finite && !(p.whole && value != std::floor(value)) && value >= p.least && value <= p.most &&
      !(p.open && value == p.least))
    return value;
  std::string range;
  if (p.most < std::numeric_limits<double>::max())
    range = " from " + short_text(p.least) + " to " + short_text(p.most);
  else if (p.least > std::numeric_limits<double>::lowest())
    range = (p.open ? " above " : " of at least ") + short_text(p.least);
  throw ssl::option_error("--set " + p.name + "=" + text + ": expected a " + (p.whole ? "whole" : "finite") +
                          " number" + range);
}

}  // namespace

std::string short_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

double settings::operator[](std::string_view name) const {
  for (const parameter& p : values_)
    if (p.name == name) return p.value;
  throw ssl::option_error("no parameter is called " + std::string(name));
}

void settings::set(const std::string& loss, const std::string& assignment) {
  const auto middle = assignment.find('=');
  const std::string key = assignment.substr(0, middle);
  if (middle == std::string::npos)
    throw ssl::option_error("--set " + assignment + " has no '=', expected key=value");
  for (parameter& p : values_)
    if (p.name == key) {
      p.value = number(p, assignment.substr(middle + 1));
      return;
    }
  std::string known;
  for (const parameter& p : values_) known += (known.empty() ? "" : ", ") + p.name;
  throw ssl::option_error("--set " + assignment + ": the loss " + loss + " has no parameter " + key +
                          ", expected " + (known.empty() ? "none" : "one of " + known));
}

}  // namespace ssl_example
