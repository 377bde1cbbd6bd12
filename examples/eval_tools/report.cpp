#include "eval_tools/report.hpp"

#include <cmath>
#include <fstream>
#include <iomanip>
#include <sstream>

#include "ssl/core/finite.hpp"
#include "ssl/eval/bootstrap.hpp"
#include "ssl/eval/confusion.hpp"

namespace ssl_eval {
namespace {

using json = nlohmann::ordered_json;

json pair_of(const ssl::interval& i) { return json::array({i.low, i.high}); }

json or_null(double value) { return ssl::is_finite(value) ? json(value) : json(nullptr); }

json intervals(const options& o, const part& test, const ssl::classification& found) {
  const auto right = ssl::correctness(found.predicted, test.labels);
  index hits = 0;
  for (const auto r : right) hits += r;
  return {{"bootstrap", pair_of(ssl::bootstrap_accuracy(right, {.resamples = o.bootstrap, .seed = o.seed}))},
          {"wilson", pair_of(ssl::wilson_interval(hits, test.samples()))},
          {"exact", pair_of(ssl::exact_binomial_interval(hits, test.samples()))}};
}

/// Own less other, on the same test samples.
json difference(const options& o, const part& test, const ssl::classification& own,
                const ssl::classification& other) {
  const auto d = ssl::bootstrap_paired_difference(
      ssl::correctness(own.predicted, test.labels), ssl::correctness(other.predicted, test.labels),
      {.resamples = o.bootstrap > 0 ? o.bootstrap : 10000, .seed = o.seed});
  return {{"other_top1", other.score.top1},
          {"difference", d.estimate},
          {"interval", pair_of(d)},
          {"verdict", ssl::to_text(ssl::verdict_of(d))}};
}

ssl::confusion_matrix confusion_of(const findings& f) {
  const auto& found = f.own.linear ? *f.own.linear : *f.own.knn;
  return {found.predicted, f.test->labels, static_cast<index>(f.names.size())};
}

json confusion_numbers(const findings& f) {
  const auto m = confusion_of(f);
  json recall = json::array(), precision = json::array();
  for (index c = 0; c < m.classes(); ++c) {
    recall.push_back(or_null(m.recall(c)));
    precision.push_back(or_null(m.precision(c)));
  }
  return {{"of", f.own.linear ? "linear" : "knn"},
          {"labels", f.names},
          {"recall", recall},
          {"precision", precision},
          {"balanced_accuracy", or_null(m.balanced_accuracy())},
          {"macro_f1", or_null(m.macro_f1())}};
}

json few_numbers(const judgement& own) {
  json list = json::array();
  for (const auto& few : own.few)
    list.push_back({{"fraction", few.fraction},
                    {"samples", few.samples},
                    {"top1", few.top1.estimate},
                    {"interval", pair_of(few.top1)},
                    {"draws", few.draws}});
  return list;
}

json rank_numbers(const test_rank& rank) {
  json out{{"rank_me", rank.rank_me}, {"uniformity", rank.uniformity}, {"alpha_req", nullptr}};
  if (rank.alpha_req)
    out["alpha_req"] = {{"alpha", rank.alpha_req->alpha},
                        {"r_squared", rank.alpha_req->r_squared},
                        {"ranks", {rank.alpha_req->first, rank.alpha_req->last}}};
  return out;
}

void add_lines(std::ostringstream& text, const std::string& name, const json& value) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items())
      add_lines(text, name.empty() ? key : name + "." + key, inner);
  } else if (value.is_array() && !value.empty() && value.front().is_object()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      add_lines(text, name + "[" + std::to_string(i) + "]", value[i]);
  } else {
    text << std::left << std::setw(32) << name << ' '
         << (value.is_string() ? value.get<std::string>() : value.dump()) << '\n';
  }
}

}  // namespace

json to_json(const options& o, const findings& f) {
  json result;
  const judgement& own = f.own;
  if (!o.protocol.empty()) result["protocol"] = o.protocol;
  if (own.knn) {
    result["knn_top1"] = own.knn->score.top1;
    result["knn_top5"] = own.knn->score.top5;
  }
  if (own.linear) result["linear_top1"] = own.linear->score.top1;
  if (own.best_epoch_top1)
    result["linear_best_epoch_note"] = {{"epoch", own.best_epoch}, {"top1", *own.best_epoch_top1}};
  result["effective_rank"] = own.effective_rank;
  if (own.alignment) result["alignment"] = *own.alignment;
  result["uniformity"] = own.uniformity;
  if (o.bootstrap > 0) {
    if (own.knn) result["knn_top1_interval"] = intervals(o, *f.test, *own.knn);
    if (own.linear) result["linear_top1_interval"] = intervals(o, *f.test, *own.linear);
  }
  if (f.other) {
    result["against"] = {{"train", o.against[0]}, {"test", o.against[1]}};
    if (own.knn) result["against"]["knn"] = difference(o, *f.test, *own.knn, *f.other->knn);
    if (own.linear) result["against"]["linear"] = difference(o, *f.test, *own.linear, *f.other->linear);
  }
  if (!own.few.empty()) result["low_shot"] = few_numbers(own);
  if (own.clusters)
    result["cluster"] = {{"clusters", own.clusters->clusters},
                         {"accuracy", own.clusters->accuracy},
                         {"nmi", own.clusters->nmi},
                         {"ari", own.clusters->ari},
                         {"inertia", own.clusters->inertia}};
  if (own.rank) result["rank"] = rank_numbers(*own.rank);
  if (f.views)
    result["views"] = {{"views", f.views->views},
                       {"samples", f.views->samples},
                       {"lidar", f.views->lidar},
                       {"alignment", f.views->alignment},
                       {"uniformity", f.views->uniformity}};
  if (!o.confusion.empty()) result["confusion"] = confusion_numbers(f);
  result["train_samples"] = f.train->samples();
  result["test_samples"] = f.test->samples();
  result["features"] = f.train->width();
  result["classes"] = f.names.size();
  for (const auto& [name, value] : result.items())
    if (value.is_number_float() && !ssl::is_finite(value.get<double>()))
      throw ssl::numeric_error(o.train + ": the numbers are too large or too small, " + name +
                               " is not finite");
  return result;
}

std::string confusion_table(const findings& f) {
  const auto m = confusion_of(f);
  std::size_t width = std::string("precision").size();
  for (const index name : f.names) width = std::max(width, std::to_string(name).size());
  for (index l = 0; l < m.classes(); ++l) width = std::max(width, std::to_string(m.labelled(l)).size());
  std::ostringstream text;
  const auto cell = [&](const auto& value) { text << ' ' << std::setw(static_cast<int>(width)) << value; };
  const auto share = [&](double value) {
    std::ostringstream number;
    number << std::fixed << std::setprecision(3) << value;
    cell(ssl::is_finite(value) ? number.str() : "-");
  };
  text << "rows: labels, columns: predictions of the " << (f.own.linear ? "linear probe" : "neighbours")
       << '\n';
  cell("");
  for (const index name : f.names) cell(name);
  cell("none");
  cell("recall");
  text << '\n';
  for (index l = 0; l < m.classes(); ++l) {
    cell(f.names[static_cast<std::size_t>(l)]);
    for (index c = 0; c < m.classes(); ++c) cell(m(l, c));
    cell(m(l, -1));
    share(m.recall(l));
    text << '\n';
  }
  cell("precision");
  for (index c = 0; c < m.classes(); ++c) share(m.precision(c));
  cell("");
  share(m.accuracy());
  text << '\n';
  return text.str();
}

std::string confusion_csv(const findings& f) {
  const auto m = confusion_of(f);
  std::ostringstream text;
  text << "label";
  for (const index name : f.names) text << ',' << name;
  text << ",none\n";
  for (index l = 0; l < m.classes(); ++l) {
    text << f.names[static_cast<std::size_t>(l)];
    for (index c = 0; c < m.classes(); ++c) text << ',' << m(l, c);
    text << ',' << m(l, -1) << '\n';
  }
  return text.str();
}

std::string to_lines(const json& value) {
  std::ostringstream text;
  add_lines(text, "", value);
  return text.str();
}

void write_text(const std::string& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.flush();
  if (!out) throw ssl::data_error(file + ": cannot be written");
}

}  // namespace ssl_eval
