#pragma once
// SPDX-License-Identifier: MIT

/// How the embeddings of an image's patches become one vector (bag of patches, arXiv 2206.08954, 2304.03977).
/// This header is the law; each model has a header of its own.
///
/// Patches arrive in chunks of views, so that memory does not grow with their number:
///
///     aggregator.begin(ctx, out);                                       // out (output(e, views), n)
///     for (first = 0; first < total; first += views)
///       aggregator.add(ctx, h, first, views, total, out);               // h (e, views * n), view after view
///     aggregator.finish(ctx, total, out);
///
/// Chunks come in order of their views and cover [0, total) once. The result does not depend on how they are
/// cut, to the bit. Nothing but `out` is kept between calls.

#include <concepts>
#include <string>

#include "ssl/eval/lengths.hpp"

namespace ssl {

template <class A, class Ctx>
concept Aggregator = requires(const A aggregator, Ctx& ctx, index e, index first, index views, index total,
                              typename Ctx::const_matrix h, typename Ctx::matrix out) {
  { aggregator.output(e, total) } -> std::same_as<index>;
  aggregator.begin(ctx, out);
  aggregator.add(ctx, h, first, views, total, out);
  aggregator.finish(ctx, total, out);
};

/// Everything at once: h is (e, views * n), out (output(e, views), n), `=`.
template <class Ctx, Aggregator<Ctx> A>
void aggregate(Ctx& ctx, const A& aggregator, typename Ctx::const_matrix h, index views,
               typename Ctx::matrix out) {
  aggregator.begin(ctx, out);
  aggregator.add(ctx, h, 0, views, views, out);
  aggregator.finish(ctx, views, out);
}

namespace detail {

/// Throws unless the chunk [first, first + views) of `total` fits h (e, views * n) and out (expected_rows,
/// n).
template <class H, class Out>
void require_chunk(const char* who, const H& h, index first, index views, index total, const Out& out,
                   index expected_rows) {
  if (views < 1 || first < 0 || first + views > total)
    demand(false, who,
           "views " + std::to_string(first) + " to " + std::to_string(first + views) + " of " +
               std::to_string(total) + " were added; a chunk is a part of them");
  if (h.cols != views * out.cols || out.rows != expected_rows)
    demand(false, who,
           "h is " + extent(h) + " with " + std::to_string(views) + " views, out is " + extent(out) +
               "; out must be " + std::to_string(expected_rows) + " x (columns of h / views)");
}

}  // namespace detail
}  // namespace ssl
