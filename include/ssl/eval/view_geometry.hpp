#pragma once
// SPDX-License-Identifier: MIT

/// Alignment and uniformity of held-out features of several views (arXiv 2005.10242), on unit columns:
///
///     alignment   mean over pairs of views of mean_i |u_i - u'_i|^2          0 when views agree
///     uniformity  mean over views of log mean_{i<j} exp(-t |u_i - u_j|^2)    lower is more even
///
/// Uniformity leaves out pairs across views, which are positives. t = 2 and exponent 2, as published (a port
/// has t = 1). Columns are scaled to length one here; the released functions expect it. Cost V d n^2 flops.

#include <string>

#include "ssl/eval/geometry.hpp"

namespace ssl {

struct view_geometry {
  double alignment = 0, uniformity = 0;
};

/// Of x (d, V n), view v = columns [v n, (v + 1) n); V, n >= 2. Allocates and waits.
template <class Ctx>
view_geometry geometry_of_views(Ctx& ctx, typename Ctx::const_matrix x, index views, double t = 2) {
  if (views < 2 || x.cols % views != 0 || x.cols / views < 2)
    detail::demand(false, "geometry_of_views",
                   "x is " + detail::extent(x) + " with " + std::to_string(views) +
                       " views, expected at least two views of at least two images each");
  const index n = x.cols / views;
  view_geometry result;
  for (index v = 0; v < views; ++v) {
    for (index u = 0; u < v; ++u)
      result.alignment += pair_alignment(ctx, x.columns(u * n, n), x.columns(v * n, n));
    result.uniformity += pair_uniformity(ctx, x.columns(v * n, n), t);
  }
  result.alignment /= 0.5 * static_cast<double>(views * (views - 1));
  result.uniformity /= static_cast<double>(views);
  return result;
}

}  // namespace ssl
