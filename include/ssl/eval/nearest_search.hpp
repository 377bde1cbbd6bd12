#pragma once
// SPDX-License-Identifier: MIT

/// The k nearest of a bank for each of many queries, tile by tile: what kNN and searches for neighbours
/// share.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "ssl/eval/metric.hpp"
#include "ssl/eval/nearest.hpp"

namespace ssl::detail {

struct nearest_request {
  index k = 1;  // at most the bank's columns
  similarity metric = similarity::cosine;
  index bank_tile = 2048, query_tile = 1024;
};

/// Of queries [first, first + count), on the host.
template <class T>
struct nearest_of_queries {
  index first = 0, count = 0;
  std::span<const T> best;            // (k, count): similarities, largest first
  std::span<const std::int32_t> who;  // (k, count): columns of the bank; -1 where there are no more
};

/// found(nearest_of_queries) for every tile of queries, in order. `change(tile, i0, j0)` sees the inner
/// products of the bank's columns from i0 on with the queries from j0 on before they count. bank (d, n),
/// queries (d, m). Memory (k, query_tile) and one tile; cost 2 d n m flops. Allocates and waits.
template <class Ctx, class Change, class Found>
void search_nearest(Ctx& ctx, typename Ctx::const_matrix bank, typename Ctx::const_matrix queries,
                    const nearest_request& request, const Change& change, const Found& found) {
  using T = typename Ctx::scalar;
  using S = typename Ctx::space;
  auto& be = ctx.be;
  scratch_scope scope(ctx);
  const index n = bank.cols, k = request.k;
  const index wide = std::min(request.query_tile, queries.cols), tall = std::min(request.bank_tile, n);
  const auto bank_norm = ctx.take(1, n), query_norm = ctx.take(1, queries.cols);
  metric_norms(ctx, request.metric, bank, bank_norm);
  metric_norms(ctx, request.metric, queries, query_norm);
  const auto products = ctx.take(tall, wide);
  nearest_so_far<Ctx> nearest(ctx, k, tall, wide, request.metric != similarity::euclidean);

  std::vector<T> best(static_cast<std::size_t>(k * wide));
  std::vector<std::int32_t> who(best.size());
  for (index j0 = 0; j0 < queries.cols; j0 += wide) {
    const index m = std::min(wide, queries.cols - j0);
    nearest.start(m);
    for (index i0 = 0; i0 < n; i0 += tall) {
      const index rows = std::min(tall, n - i0);
      const matrix_view<T, S> tile{products.data, rows, m, rows};
      gemm(be, trans::yes, trans::no, T{1}, bank.columns(i0, rows), queries.columns(j0, m), T{0}, tile);
      change(tile, i0, j0);
      nearest.add(tile, bank_norm.columns(i0, rows), query_norm.columns(j0, m), i0);
    }
    nearest.finish();
    be.download(as_const(nearest.best()), make_view(best.data(), k, m));
    be.download(as_const(nearest.who()), make_view(who.data(), k, m));
    be.wait();
    const auto used = static_cast<std::size_t>(k * m);
    found(nearest_of_queries<T>{j0, m, std::span<const T>(best).first(used),
                                std::span<const std::int32_t>(who).first(used)});
  }
}

}  // namespace ssl::detail
