#pragma once
// SPDX-License-Identifier: MIT

/// A loss on matched positions of two views' feature maps: `matched(vicreg_vicregl(), 49)`.
///
///     value    = mean over pairs of views, both directions and matches k of loss(x_k, y_k)
///     gradient = the loss's, added up at the positions that were matched; none through the choice of matches
///
/// A view's columns are images x positions, an image's positions side by side. Forth, every position of the
/// first map is matched with the nearest position of the same image in the second; back, the other way round.
/// Match k of all images makes one batch of two views (c, 2 images) for the loss, whose statistics so are
/// over images, apart for every k. Nearest by features: least squared distance of the columns. Nearest by
/// places: of `z.places` (2, V n), each position's coordinates in the uncropped image; throws shape_error
/// without them. `forth` and `back` keep only the closest matches of each image (0: all), in the order of the
/// positions; of equal distances the first. Pairs are those with one of the first two views, as of a
/// multi-crop's large views.
///
/// The local criterion of VICRegL (arXiv 2210.01571, facebookresearch/VICRegL: all matches by features, 20
/// and 4 by places, `vicregl_local`). Nothing for one view. Cost a pair: 6 c P^2 flops an image for matching
/// by features, and twice the loss on P batches; scratch: the gathered maps.

#include <string>
#include <tuple>

#include "ssl/loss/evaluate.hpp"
#include "ssl/loss/recipes.hpp"

namespace ssl {

/// What makes two positions near.
enum class nearness { features, places };

namespace detail {

/// match(k, image) = a position of the first map, its nearest position in the second.
template <class Space>
struct matches {
  matrix_view<index, Space> from, to;  // (kept, images)
};

/// All positions of image `image` of a: their nearest in b, and of them the `kept` closest.
template <class B>
struct find_matches {
  cview<B> a, b;                                  // (rows, images P)
  matches<typename B::space> found;               // (kept, images)
  matrix_view<index, typename B::space> nearest;  // (P, images)
  accumulator_view<B> distance;                   // (P, images)

  template <class Team>
  SSL_FN void operator()(const Team& team, index image) const {
    const index positions = distance.rows;
    const auto self = *this;
    for (index p = 0; p < positions; ++p) {
      const auto* const x = a.column(image * positions + p);
      index best = 0;
      double least = -1;
      for (index q = 0; q < positions; ++q) {
        const auto* const y = b.column(image * positions + q);
        const double squared = team.reduce(a.rows, 0.0, fn::plus{}, [=](index i) {
          const double gap = static_cast<double>(x[i]) - static_cast<double>(y[i]);
          return gap * gap;
        });
        if (q == 0 || squared < least) least = squared, best = q;
      }
      team.for_each(1, [=](index) {
        self.nearest(p, image) = best;
        self.distance(p, image) = least;
      });
    }
    // A position is kept if fewer than `kept` are closer; its place is the number of kept ones before it.
    team.for_each(1, [=](index) {
      index slot = 0;
      for (index p = 0; p < positions && slot < self.found.from.rows; ++p) {
        index closer = 0;
        for (index o = 0; o < positions; ++o) {
          const double mine = self.distance(p, image), other = self.distance(o, image);
          closer += other < mine || (other == mine && o < p) ? 1 : 0;
        }
        if (closer >= self.found.from.rows) continue;
        self.found.from(slot, image) = p;
        self.found.to(slot, image) = self.nearest(p, image);
        ++slot;
      }
      // Distances that are no numbers leave places free.
      for (; slot < self.found.from.rows; ++slot)
        self.found.from(slot, image) = slot, self.found.to(slot, image) = self.nearest(slot, image);
    });
  }
};

/// Batch k of the gathered maps: columns of the first map's matches over the images, then the second's.
template <class B>
struct gather_matches {
  cview<B> a, b;  // (c, images P)
  matches<typename B::space> of;
  view<B> out;  // (c, kept 2 images)
  index positions;

  template <class Team>
  SSL_FN void operator()(const Team& team, index column) const {
    const index images = of.from.cols, image = column % images, half = column / images;
    const index k = half / 2;
    const auto* const x = half % 2 == 0 ? a.column(image * positions + of.from(k, image))
                                        : b.column(image * positions + of.to(k, image));
    auto* const y = out.column(column);
    team.for_each(out.rows, [=](index i) { y[i] = x[i]; });
  }
};

/// Adds the gathered maps' gradient back: one team an image, as several matches may share a position.
template <class B>
struct scatter_matches {
  cview<B> gradient;  // (c, kept 2 images)
  matches<typename B::space> of;
  view<B> da, db;  // (c, images P)
  index positions;

  template <class Team>
  SSL_FN void operator()(const Team& team, index image) const {
    const index images = of.from.cols;
    for (index k = 0; k < of.from.rows; ++k) {
      const auto* const x = gradient.column(2 * k * images + image);
      const auto* const y = gradient.column((2 * k + 1) * images + image);
      auto* const dx = da.column(image * positions + of.from(k, image));
      auto* const dy = db.column(image * positions + of.to(k, image));
      team.for_each(gradient.rows, [=](index i) {
        dx[i] += x[i];
        dy[i] += y[i];
      });
    }
  }
};

}  // namespace detail

template <LossTerm L>
struct matched_positions {
  using kind = loss_kind;
  static constexpr std::string_view name = "matched";
  static constexpr index parts = term_count<L>;

  L loss{};
  index positions = 1;  // P
  nearness by = nearness::features;
  index forth = 0, back = 0;

  constexpr auto part_names() const { return term_names(loss); }
  constexpr auto part_weights() const { return term_weights(loss); }

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> values, view<B> dz) const {
    const index n = z.samples();
    if (positions < 1 || n % positions != 0 || n / positions < 2)
      throw shape_error("ssl::matched: a view has " + std::to_string(n) + " columns; they must be " +
                        std::to_string(positions) + " positions of at least 2 images");
    if (by == nearness::places && (z.places.rows != 2 || z.places.cols != z.z.cols))
      throw shape_error("ssl::matched: the places are " + detail::extent(z.places) + "; they must be " +
                        detail::extent(2, z.z.cols));
    if (z.views < 2) return;
    scratch_scope scope(ctx);
    const auto sum = ctx.take_accumulator(1, parts);
    fill(ctx.be, sum, 0.0);
    const double pairs = static_cast<double>(2 * z.views - 3), factor = 1.0 / (2 * pairs);
    for (index v = 0; v < 2; ++v)
      for (index w = v + 1; w < z.views; ++w) {
        add_direction(ctx, weight * factor, factor, z, v, w, kept(forth), sum, dz);
        add_direction(ctx, weight * factor, factor, z, w, v, kept(back), sum, dz);
      }
    map(ctx.be, values, fn::axpy<double>{1.0}, sum, values);
  }

 private:
  constexpr index kept(index asked) const { return asked <= 0 || asked > positions ? positions : asked; }

  /// sum += factor * mean over the matches of v in w, dz += weight * its gradient.
  template <class Ctx, class B = typename Ctx::backend>
  void add_direction(Ctx& ctx, double weight, double factor, const view_batch<B>& z, index v, index w,
                     index count, accumulator_view<B> sum, view<B> dz) const {
    scratch_scope scope(ctx);
    const index n = z.samples(), c = z.features(), images = n / positions, columns = count * 2 * images;
    const cview<B> compared = by == nearness::places ? z.places : z.z;
    const detail::matches<typename B::space> of{ctx.scratch.template take<index>(count, images),
                                                ctx.scratch.template take<index>(count, images)};
    for_each_column(ctx.be, images,
                    detail::find_matches<B>{compared.columns(v * n, n), compared.columns(w * n, n), of,
                                            ctx.scratch.template take<index>(positions, images),
                                            ctx.take_accumulator(positions, images)});
    const auto t = ctx.take(c, columns), dt = ctx.take(c, columns);
    for_each_column(ctx.be, columns, detail::gather_matches<B>{z[v], z[w], of, t, positions});
    fill(ctx.be, dt, typename B::scalar{0});
    const auto values = ctx.take_accumulator(1, parts);
    fill(ctx.be, values, 0.0);
    const double each = 1.0 / static_cast<double>(count);
    for (index k = 0; k < count; ++k) {
      const view_batch<B> batch{
          .z = t.columns(2 * k * images, 2 * images), .views = 2, .key = z.key, .side = z.side};
      detail::add_loss(ctx, weight * each, terms(loss), batch, values,
                       dt.columns(2 * k * images, 2 * images));
    }
    map(ctx.be, sum, fn::axpy<double>{factor * each}, values, sum);
    for_each_column(
        ctx.be, images,
        detail::scatter_matches<B>{dt, of, dz.columns(v * n, n), dz.columns(w * n, n), positions});
  }
};

/// The loss on matched positions.
template <LossTerm L>
constexpr matched_positions<L> matched(L loss, index positions, nearness by = nearness::features,
                                       index forth = 0, index back = 0) {
  return {loss, positions, by, forth, back};
}

/// VICRegL's local criterion as released: all matches by features, and 20 and 4 by places.
constexpr auto vicregl_local(index positions) {
  return matched(vicreg_vicregl(), positions) + matched(vicreg_vicregl(), positions, nearness::places, 20, 4);
}

}  // namespace ssl
