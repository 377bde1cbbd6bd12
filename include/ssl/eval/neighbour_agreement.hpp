#pragma once
// SPDX-License-Identifier: MIT

/// What neighbours have in common: the share of a query's nearest columns that have its tag. With classes as
/// tags this is class purity, with the numbers of positions in an image it is the agreement of positions.
///
///     agreement_j = #{r : tag of neighbour r = tag_j} / #{r}
///
/// One value a query, so `bootstrap_mean` (bootstrap.hpp) gives the mean its interval, and of two kinds of
/// features on the same queries the differences give a paired one. Patches of one image are no independent
/// queries: take the mean over each image's queries first (`agreement_of_items`). Host only.

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "ssl/core/error.hpp"
#include "ssl/core/finite.hpp"
#include "ssl/eval/neighbours.hpp"

namespace ssl {

namespace detail {

inline void require_tags(const char* who, const char* what, std::size_t found, index expected) {
  if (static_cast<index>(found) != expected)
    throw shape_error(std::string("ssl::") + who + ": there are " + std::to_string(found) + " " + what +
                      ", expected " + std::to_string(expected));
}

}  // namespace detail

/// Of each query; NaN where it has no neighbours. Only the `first` nearest count, all if 0.
inline std::vector<double> neighbour_agreement(const neighbours& found, std::span<const int> bank_tags,
                                               std::span<const int> query_tags, index first = 0) {
  detail::require_tags("neighbour_agreement", "tags of queries", query_tags.size(), found.queries);
  std::vector<double> share;
  for (index j = 0; j < found.queries; ++j) {
    auto names = found.of(j);
    if (first > 0 && static_cast<index>(names.size()) > first)
      names = names.first(static_cast<std::size_t>(first));
    double same = 0;
    for (const auto i : names) {
      if (static_cast<std::size_t>(i) >= bank_tags.size())
        detail::require_tags("neighbour_agreement", "tags of the bank", bank_tags.size(), index{i} + 1);
      same += bank_tags[static_cast<std::size_t>(i)] == query_tags[static_cast<std::size_t>(j)] ? 1 : 0;
    }
    share.push_back(names.empty() ? not_a_number<double>() : same / static_cast<double>(names.size()));
  }
  return share;
}

/// The agreement of neighbours drawn at random: of each query, the share of the bank that has its tag,
/// without its own item where items are given.
inline std::vector<double> chance_agreement(std::span<const int> bank_tags, std::span<const int> query_tags,
                                            std::span<const int> bank_items = {},
                                            std::span<const int> query_items = {}) {
  if (!bank_items.empty() || !query_items.empty()) {
    detail::require_tags("chance_agreement", "items of the bank", bank_items.size(),
                         static_cast<index>(bank_tags.size()));
    detail::require_tags("chance_agreement", "items of queries", query_items.size(),
                         static_cast<index>(query_tags.size()));
  }
  const bool exclude = !bank_items.empty();
  std::unordered_map<std::int64_t, double> of_tag, of_item, of_both;
  const auto both = [](int item, int tag) {
    return static_cast<std::int64_t>(item) * (std::int64_t{1} << 32U) + static_cast<std::uint32_t>(tag);
  };
  for (std::size_t i = 0; i < bank_tags.size(); ++i) {
    of_tag[bank_tags[i]] += 1;
    if (!exclude) continue;
    of_item[bank_items[i]] += 1;
    of_both[both(bank_items[i], bank_tags[i])] += 1;
  }
  std::vector<double> share;
  for (std::size_t j = 0; j < query_tags.size(); ++j) {
    double same = of_tag[query_tags[j]], all = static_cast<double>(bank_tags.size());
    if (exclude) {
      same -= of_both[both(query_items[j], query_tags[j])];
      all -= of_item[query_items[j]];
    }
    share.push_back(all > 0 ? same / all : not_a_number<double>());
  }
  return share;
}

/// The mean over each item's values that are numbers, items in the order in which they first occur; items
/// without any are left out.
inline std::vector<double> agreement_of_items(std::span<const double> values, std::span<const int> items) {
  detail::require_tags("agreement_of_items", "items", items.size(), static_cast<index>(values.size()));
  std::unordered_map<int, std::size_t> place;
  std::vector<double> sum, count;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] == values[i])) continue;
    const auto at = place.try_emplace(items[i], sum.size()).first->second;
    if (at == sum.size()) {
      sum.push_back(0);
      count.push_back(0);
    }
    sum[at] += values[i];
    count[at] += 1;
  }
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] /= count[k];
  return sum;
}

}  // namespace ssl
