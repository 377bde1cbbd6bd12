#pragma once
// SPDX-License-Identifier: MIT

/// KoLeo: every sample of a view keeps away from its nearest neighbour in it, on columns of length one.
///
///     value    = - 1/n sum_i log(r_i + epsilon) per view
///     r_i      = |u_i - u_m(i)|,  m(i) the other column of largest cosine
///     gradient = - 1/n (u_i - u_m(i)) / (r_i (r_i + epsilon)) at u_i, its opposite at u_m(i)
///
/// The Kozachenko-Leonenko estimate of the entropy (arXiv 1806.03198), with the epsilon of DINOv2 (arXiv
/// 2304.07193, facebookresearch/dinov2). Neighbours are constants, of equal ones the first; a neighbour at
/// distance zero gives no gradient. Mean over the views by default. - log(epsilon) for a collapsed view.
/// Cost: d n^2 flops a view, twice that in tiles where n^2 scalars are more than `memory` bytes; the gradient
/// is one pass.

#include <algorithm>
#include <cmath>

#include "ssl/loss/loss.hpp"
#include "ssl/loss/similarity.hpp"

namespace ssl {

struct koleo {
  using kind = loss_kind;
  static constexpr std::string_view name = "koleo";
  static constexpr moment needs = moment::none;
  static constexpr bool unit_norm = true;

  double epsilon = 1e-8;
  over_views reduction = over_views::mean;
  index memory = similarity_memory;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, one_view<B> z, accumulator_view<B> value, view<B> dz) const {
    using T = typename B::scalar;
    const index n = z.x.cols, fit = memory / (n * static_cast<index>(sizeof(T)));
    const index tile = fit >= n ? n : std::min(n, std::clamp<index>(fit, 16, 256));
    const double factor = -view_factor(reduction, z.views) / static_cast<double>(n);
    scratch_scope scope(ctx);
    const auto nearest = ctx.scratch.template take<index>(n, 1);
    const auto distance = ctx.take_accumulator(n, 1);
    const auto s = ctx.take(n, tile);
    for (index first = 0; first < n; first += tile) {
      const index count = std::min(tile, n - first);
      if (tile == n) {
        syrk(ctx.be, trans::yes, T{1}, z.x, T{0}, s);
      } else {
        gemm(ctx.be, trans::yes, trans::no, T{1}, z.x, z.x.columns(first, count), T{0}, s.columns(0, count));
      }
      for_each_column(ctx.be, count, find_nearest<B>{z.x, s, nearest, distance, first});
    }
    map_reduce(ctx.be, value, fn::plus{}, log_distance{epsilon, factor}, distance);
    for_each_column(ctx.be, n, push_apart<B>{z.x, dz, nearest, distance, epsilon, weight * factor});
  }

  collapse_value collapsed(batch_shape shape, double) const {
    const double views = static_cast<double>(shape.views) * view_factor(reduction, shape.views);
    return {-views * std::log(epsilon), "-ln(epsilon)"};
  }

  // The functors below are public because nvcc gives a kernel no private type.

  struct candidate {
    double cosine = -3;
    index at = 0;
  };
  struct closer {
    SSL_FN candidate operator()(candidate a, candidate b) const {
      return b.cosine > a.cosine || (b.cosine == a.cosine && b.at < a.at) ? b : a;
    }
    template <class V>
    SSL_FN static constexpr V identity() {
      return V{};
    }
  };

  /// The nearest other column of column first + k, and its distance.
  template <class B>
  struct find_nearest {
    cview<B> x;  // (d, n)
    view<B> s;   // (n, tile)
    matrix_view<index, typename B::space> nearest;
    accumulator_view<B> distance;  // (n, 1)
    index first;

    template <class Team>
    SSL_FN void operator()(const Team& team, index k) const {
      const index j = first + k;
      const auto cosines = s;
      const auto columns = x;
      const candidate best = team.reduce(s.rows, candidate{}, closer{}, [=](index i) {
        return i == j ? candidate{} : candidate{static_cast<double>(cosines(i, k)), i};
      });
      const double squared = team.reduce(x.rows, 0.0, fn::plus{}, [=](index i) {
        const double difference =
            static_cast<double>(columns(i, j)) - static_cast<double>(columns(i, best.at));
        return difference * difference;
      });
      const auto found = nearest;
      const auto lengths = distance;
      team.for_each(1, [=](index) {
        found.data[j] = best.at;
        lengths.data[j] = std::sqrt(squared);
      });
    }
  };

  struct log_distance {  // factor log(r + epsilon)
    double epsilon, factor;
    SSL_FN double operator()(double r) const { return factor * std::log(r + epsilon); }
  };

  /// Column j's gradient: from its own neighbour, and from every column whose neighbour it is.
  template <class B>
  struct push_apart {
    cview<B> x;
    view<B> dx;
    matrix_view<index, typename B::space> nearest;
    accumulator_view<B> distance;
    double epsilon, factor;

    template <class Team>
    SSL_FN void operator()(const Team& team, index j) const {
      push(team, j, nearest.data[j], distance.data[j]);
      for (index i = 0; i < x.cols; ++i)
        if (nearest.data[i] == j && i != j) push(team, j, i, distance.data[i]);
    }
    /// dx_j += factor (x_j - x_other) / (r (r + epsilon))
    template <class Team>
    SSL_FN void push(const Team& team, index j, index other, double r) const {
      if (r == 0) return;
      const double slope = factor / (r * (r + epsilon));
      const auto from = x;
      const auto to = dx;
      team.for_each(x.rows, [=](index i) {
        const double difference = static_cast<double>(from(i, j)) - static_cast<double>(from(i, other));
        to(i, j) += static_cast<typename B::scalar>(slope * difference);
      });
    }
  };
};

}  // namespace ssl
