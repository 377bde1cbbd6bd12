#pragma once
// SPDX-License-Identifier: MIT

/// The k nearest columns of a bank for each query column, nearest first; equal similarities in the bank's
/// order.
///
/// With item numbers for bank and queries, columns of a query's own item are left out: for patches, the
/// neighbours from other images only. The bank is streamed as in kNN (knn.hpp). Memory (k, m) twice on the
/// host; cost 2 d n m flops.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ssl/core/finite.hpp"
#include "ssl/eval/nearest_search.hpp"

namespace ssl {

struct neighbour_options {
  index k = 10;  // at most the bank is used
  similarity metric = similarity::cosine;
  index bank_tile = 2048, query_tile = 1024;
};

/// Column j of both is query j's, from the nearest on.
struct neighbours {
  index k = 0, queries = 0;
  std::vector<std::int32_t> who;   // (k, queries): columns of the bank; -1 where there are no more
  std::vector<double> similarity;  // (k, queries): cosine, inner product, or minus the squared distance

  /// Of query j, without those that are missing.
  std::span<const std::int32_t> of(index j) const {
    const auto first = who.begin() + j * k;
    return {first, std::find(first, first + k, -1)};
  }
};

namespace detail {

template <class T, class Space>
struct exclude_own_item {                                // `nothing` where both items are one, else x
  matrix_view<const std::int32_t, Space> bank, queries;  // (1, rows), (1, cols)
  T nothing;
  SSL_FN T operator()(index i, index j, T x) const { return bank.data[i] == queries.data[j] ? nothing : x; }
};

}  // namespace detail

/// bank (d, n), queries (d, m); items one for each column, or none. Allocates and waits.
template <class Ctx>
neighbours find_neighbours(Ctx& ctx, typename Ctx::const_matrix bank, typename Ctx::const_matrix queries,
                           const neighbour_options& options = {}, std::span<const int> bank_items = {},
                           std::span<const int> query_items = {}) {
  using T = typename Ctx::scalar;
  using S = typename Ctx::space;
  if (bank.rows != queries.rows || bank.size() == 0 || queries.size() == 0)
    detail::demand(false, "find_neighbours",
                   "the bank is " + detail::extent(bank) + ", the queries are " + detail::extent(queries) +
                       "; their rows must be equal, and both have columns");
  if (options.k < 1 || options.bank_tile < 1 || options.query_tile < 1)
    throw option_error("ssl::find_neighbours: k is " + std::to_string(options.k) + ", the tiles are " +
                       std::to_string(options.bank_tile) + " and " + std::to_string(options.query_tile) +
                       "; expected at least 1");
  const bool exclude = !bank_items.empty() || !query_items.empty();
  if (exclude && (static_cast<index>(bank_items.size()) != bank.cols ||
                  static_cast<index>(query_items.size()) != queries.cols))
    throw shape_error("ssl::find_neighbours: there are " + std::to_string(bank_items.size()) + " items for " +
                      std::to_string(bank.cols) + " columns of the bank and " +
                      std::to_string(query_items.size()) + " for " + std::to_string(queries.cols) +
                      " queries, expected one for each, or none");

  auto& be = ctx.be;
  scratch_scope scope(ctx);
  const index n = bank.cols, k = std::min(options.k, n);
  const auto bank_item = ctx.scratch.template take<std::int32_t>(1, exclude ? n : 0),
             query_item = ctx.scratch.template take<std::int32_t>(1, exclude ? queries.cols : 0);
  const std::vector<std::int32_t> bank_host(bank_items.begin(), bank_items.end()),
      query_host(query_items.begin(), query_items.end());
  if (exclude) {
    be.upload(make_view<host_space, const std::int32_t>(bank_host.data(), 1, n), bank_item);
    be.upload(make_view<host_space, const std::int32_t>(query_host.data(), 1, queries.cols), query_item);
  }
  const auto leave_out_own = [&](typename Ctx::matrix tile, index i0, index j0) {
    if (exclude)  // an infinity is never among the nearest
      map(be, tile,
          detail::exclude_own_item<T, S>{bank_item.columns(i0, tile.rows), query_item.columns(j0, tile.cols),
                                         -infinite<T>()},
          tile);
  };

  neighbours result{k, queries.cols, {}, {}};
  result.who.reserve(static_cast<std::size_t>(k * queries.cols));
  result.similarity.reserve(result.who.capacity());
  detail::search_nearest(ctx, bank, queries, {k, options.metric, options.bank_tile, options.query_tile},
                         leave_out_own, [&](const detail::nearest_of_queries<T>& found) {
                           result.who.insert(result.who.end(), found.who.begin(), found.who.end());
                           result.similarity.insert(result.similarity.end(), found.best.begin(),
                                                    found.best.end());
                         });
  return result;
}

}  // namespace ssl
