#include "support/profile_table.hpp"

#include <algorithm>
#include <cstdio>

#include "support/format.hpp"

namespace ssl_example {
namespace {

void add(ssl::profile::row& to, const ssl::profile::row& r) {
  to.calls += r.calls;
  to.seconds += r.seconds;
  to.flops += r.flops;
  to.bytes += r.bytes;
}

std::vector<std::string> cells(const ssl::profile::row& r, const profile_summary& s) {
  const double speed = r.seconds > 0 ? r.flops / r.seconds : 0;
  const bool arithmetic = r.flops > 0, memory = r.bytes > 0 && r.seconds > 0;
  return {r.verb,
          r.what,
          r.calls > 0 ? std::to_string(r.calls) : "",
          fixed(r.seconds, 3),
          percent(r.seconds / std::max(s.seconds, 1e-12)),
          arithmetic ? fixed(speed / 1e9, 1) : "",
          arithmetic && s.product_speed > 0 ? percent(speed / s.product_speed) : "",
          memory ? fixed(r.bytes / r.seconds / 1e9, 1) : ""};
}

std::string caption(const profile_summary& s) {
  return "Products are measured by one of 1024 x 1024 x 1024 floats, " + fixed(s.product_speed / 1e9, 1) +
         " GFLOP/s. Memory is that of the matrices that a call names, each once; what a functor carries with "
         "it is "
         "not counted.";
}

}  // namespace

std::vector<std::vector<std::string>> profile_cells(const profile_summary& s, std::size_t longest) {
  std::vector<std::vector<std::string>> out;
  ssl::profile::row all{.verb = "training"}, rest{.verb = "others"}, outside{.verb = "outside the verbs"};
  for (std::size_t i = 0; i < s.rows.size(); ++i) {
    if (i < longest) {
      out.push_back(cells(s.rows[i], s));
    } else {
      add(rest, s.rows[i]);
    }
    add(all, s.rows[i]);
  }
  if (s.rows.size() > longest) {
    rest.what = std::to_string(s.rows.size() - longest) + " operations";
    rest.bytes = 0;
    out.push_back(cells(rest, s));
  }
  outside.seconds = std::max(0.0, s.seconds - all.seconds);
  out.push_back(cells(outside, s));
  all.seconds = s.seconds;
  all.bytes = 0;
  out.push_back(cells(all, s));
  return out;
}

void print_profile(const profile_summary& s) {
  auto rows = profile_cells(s);
  rows.insert(rows.begin(), profile_columns);
  std::vector<std::size_t> width(profile_columns.size());
  for (const auto& row : rows)
    for (std::size_t j = 0; j < row.size(); ++j) width[j] = std::max(width[j], row[j].size());
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t j = 0; j < row.size(); ++j) {
      const std::string space(width[j] - row[j].size(), ' ');
      line += (j == 0 ? "" : "  ") + (j < 2 ? row[j] + space : space + row[j]);
    }
    while (line.ends_with(' ')) line.pop_back();
    std::printf("%s\n", line.c_str());
  }
  std::printf("%s\n", caption(s).c_str());
}

void report_profile(report& page, const profile_summary& s) {
  page.heading("Time by operation");
  page.table(profile_columns, profile_cells(s), caption(s));
}

}  // namespace ssl_example
