#include "support/run_record.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"

namespace ssl_example {
namespace {

using json = nlohmann::ordered_json;

json texts(const condition& pairs) {
  json object = json::object();
  for (const auto& [name, value] : pairs) object[name] = value;
  return object;
}

json number(double value) { return ssl::is_finite(value) ? json(value) : json(nullptr); }

/// Entries of an object by name and kind; what is wrong is said with the file and the name.
class reader {
 public:
  reader(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) throw ssl::data_error(where_ + " is not an object");
  }

  template <class T>
  void read(const char* name, T& to, bool required = false) const {
    const auto found = object_.find(name);
    if (found == object_.end()) {
      if (required) throw ssl::data_error(where_ + " has no entry '" + name + "'");
      return;
    }
    convert(*found, to, where_ + ", entry '" + name + "'");
  }

 private:
  static void convert(const json& from, std::string& to, const std::string& where) {
    if (!from.is_string()) throw ssl::data_error(where + " is not a text");
    to = from.get<std::string>();
  }
  static void convert(const json& from, double& to, const std::string& where) {
    if (!from.is_number() && !from.is_null()) throw ssl::data_error(where + " is not a number");
    to = from.is_null() ? ssl::not_a_number<double>() : from.get<double>();
  }
  static void convert(const json& from, std::int64_t& to, const std::string& where) {
    if (!from.is_number_integer()) throw ssl::data_error(where + " is not a whole number");
    to = from.get<std::int64_t>();
  }
  static void convert(const json& from, std::uint64_t& to, const std::string& where) {
    if (!from.is_number_unsigned()) throw ssl::data_error(where + " is not a whole number");
    to = from.get<std::uint64_t>();
  }
  static void convert(const json& from, result_row& to, const std::string& where) {
    const reader row(from, where);
    row.read("condition", to.where, true);
    row.read("measures", to.measures, true);
  }
  template <class T>
  static void convert(const json& from, std::vector<std::pair<std::string, T>>& to,
                      const std::string& where) {
    if (!from.is_object()) throw ssl::data_error(where + " is not an object");
    for (const auto& [name, value] : from.items()) {
      to.emplace_back(name, T());
      convert(value, to.back().second, where + ", entry '" + name + "'");
    }
  }
  template <class T>
  static void convert(const json& from, std::vector<T>& to, const std::string& where) {
    if (!from.is_array()) throw ssl::data_error(where + " is not a list");
    for (const json& value : from) {
      T& element = to.emplace_back();
      convert(value, element, where + ", element " + std::to_string(to.size()));
    }
  }

  const json& object_;
  std::string where_;
};

}  // namespace

std::string to_json(const run_record& r) {
  json out = {{"kind", r.kind},
              {"program", r.program},
              {"title", r.title},
              {"options", texts(r.options)},
              {"seeds", r.seeds},
              {"version", r.version},
              {"backend", r.backend},
              {"compiler", r.compiler},
              {"machine", r.machine},
              {"started", r.started},
              {"seconds", number(r.seconds)},
              {"patches_per_second", number(r.patches_per_second)},
              {"parameters", r.parameters},
              {"claim", r.claim},
              {"source", r.source},
              {"verdict", r.verdict},
              {"conclusion", r.conclusion},
              {"stopped", r.stopped},
              {"classes", r.classes},
              {"warnings", r.warnings},
              {"results", json::array()}};
  for (const result_row& row : r.results) {
    json measures = json::object();
    for (const auto& [name, value] : row.measures) measures[name] = number(value);
    out["results"].push_back({{"condition", texts(row.where)}, {"measures", measures}});
  }
  return out.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

run_record read_run_record(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw ssl::data_error(file.string() + ": cannot be read");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  json all;
  try {
    all = json::parse(text);
  } catch (const json::parse_error& e) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(e.byte, text.size()));
    throw ssl::data_error(file.string() + ", line " +
                          std::to_string(1 + std::count(text.begin(), end, '\n')) + ": this is no JSON");
  }
  const reader top(all, file.string());
  run_record r;
  top.read("kind", r.kind, true);
  top.read("program", r.program, true);
  top.read("options", r.options, true);
  top.read("title", r.title);
  top.read("seeds", r.seeds);
  top.read("version", r.version);
  top.read("backend", r.backend);
  top.read("compiler", r.compiler);
  top.read("machine", r.machine);
  top.read("started", r.started);
  top.read("seconds", r.seconds);
  top.read("patches_per_second", r.patches_per_second);
  top.read("parameters", r.parameters);
  top.read("claim", r.claim);
  top.read("source", r.source);
  top.read("verdict", r.verdict);
  top.read("conclusion", r.conclusion);
  top.read("stopped", r.stopped);
  top.read("classes", r.classes);
  top.read("warnings", r.warnings);
  top.read("results", r.results);
  if (r.kind != "training" && r.kind != "experiment")
    throw ssl::data_error(file.string() + ", entry 'kind' is '" + r.kind +
                          "', expected training or experiment");
  return r;
}

}  // namespace ssl_example
