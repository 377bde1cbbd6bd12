#pragma once
/// What ssl_eval says: JSON, lines for people, and confusion matrices.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval_tools/judge.hpp"

namespace ssl_eval {

/// Everything that was computed, for one object.
struct findings {
  judgement own;
  std::optional<judgement> other;  // of --against
  std::optional<view_numbers> views;
  const part* train = nullptr;
  const part* test = nullptr;
  std::vector<index> names;  // of the classes
};

/// ssl::numeric_error where a number is not finite.
nlohmann::ordered_json to_json(const options& o, const findings& f);

/// Of the linear probe, or of kNN where there is none: counts with a row a label, and recall and precision.
std::string confusion_table(const findings& f);
std::string confusion_csv(const findings& f);

/// One line a number, names with dots.
std::string to_lines(const nlohmann::ordered_json& json);

/// ssl::data_error where it cannot be written.
void write_text(const std::string& file, const std::string& text);

}  // namespace ssl_eval
