#include "support/run_folder.hpp"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"

namespace ssl_example {

const std::vector<double>* training_log::find(std::string_view name) const {
  for (const auto& [known, values] : columns)
    if (known == name) return &values;
  return nullptr;
}

training_log read_training_log(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw ssl::data_error(file.string() + ": cannot be read");
  training_log log;
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    const auto line = nlohmann::ordered_json::parse(text, nullptr, false);
    if (line.is_discarded() && in.eof()) break;
    const std::string where = file.string() + ", line " + std::to_string(number) + ": ";
    if (line.is_discarded()) throw ssl::data_error(where + "this is no JSON");
    if (!line.is_object() || !line.contains("step") || !line["step"].is_number())
      throw ssl::data_error(where + "expected an object with a step");
    for (const auto& [name, value] : line.items()) {
      if (name == "step" || (!value.is_number() && !value.is_null())) continue;
      auto column = std::find_if(log.columns.begin(), log.columns.end(),
                                 [&key = name](const auto& known) { return known.first == key; });
      if (column == log.columns.end()) column = log.columns.insert(log.columns.end(), {name, {}});
      column->second.resize(log.step.size(), ssl::not_a_number<double>());
      column->second.push_back(value.is_null() ? ssl::not_a_number<double>() : value.get<double>());
    }
    log.step.push_back(line["step"].get<double>());
  }
  for (auto& [name, values] : log.columns) values.resize(log.step.size(), ssl::not_a_number<double>());
  return log;
}

std::string run_folder::name(std::size_t depth) const {
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  std::vector<std::filesystem::path> parts;
  for (const std::filesystem::path& part : whole.relative_path())
    if (!part.empty()) parts.push_back(part);  // a slash at the end leaves an empty one
  std::filesystem::path last;
  for (std::size_t i = parts.size() - std::min(depth, parts.size()); i < parts.size(); ++i) last /= parts[i];
  return last.generic_string();
}

run_folder read_run_folder(const std::filesystem::path& folder) {
  std::error_code unknown;
  if (!std::filesystem::is_directory(folder, unknown))
    throw ssl::data_error(folder.string() + (std::filesystem::exists(folder, unknown)
                                                 ? ": this is a file, expected the folder of a run"
                                                 : ": there is no such folder"));
  if (!std::filesystem::exists(folder / "run.json", unknown))
    throw ssl::data_error(folder.string() + ": is not the folder of a run, it has no run.json");
  run_folder run{folder, read_run_record(folder / "run.json"), {}, {}, {}};
  if (run.is_experiment()) {  // the file of results is ahead of a record that was interrupted
    run.results.emplace(folder / "results.jsonl");
    run.record.seeds = run.results->seeds();
    run.record.seconds = run.results->seconds();
  }
  if (!run.is_experiment() && std::filesystem::exists(folder / "metrics.jsonl", unknown))
    run.log = read_training_log(folder / "metrics.jsonl");
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".png") run.pictures.push_back(entry.path());
  std::sort(run.pictures.begin(), run.pictures.end());
  return run;
}

}  // namespace ssl_example
