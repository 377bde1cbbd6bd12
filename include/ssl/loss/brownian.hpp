#pragma once
// SPDX-License-Identifier: MIT

/// Brownian term: every embedding gets a random push, so that images drift apart.
///
///     value    = mean over samples and views of r . u,  u = z / |z|, r a random direction of length one
///     gradient = (r - (u . r) u) / (|z| V n)
///
/// The local dispersion of MSBReg (arXiv 2207.03552): one direction per image, drawn anew in every step and
/// shared by its views, so that only the links between images are stretched. Its expected gradient is zero
/// and its value is noise of deviation about 1 / sqrt(n d): it measures no progress. Directions per view
/// spread an image's views too; one per batch shifts all points alike.
///
/// Directions are `z.directions`, of any length, one column per direction: (d, n) for images, (d, V n) for
/// views, (d, 1) for the batch; throws shape_error for another number. Without them entry i is the i-th
/// normal number of random_stream(z.key, image, view, purpose::direction), image and view counted within the
/// batch: a caller who changes `key` every step gets new ones. Cost: one pass over z, dz and the directions;
/// drawing them costs more than the pass. Columns need not have length one.

#include "ssl/loss/directions.hpp"

namespace ssl {

/// What shares one random direction.
enum class brownian_scope { image, view, batch };

struct brownian {
  using kind = loss_kind;
  static constexpr std::string_view name = "brownian";

  brownian_scope scope = brownian_scope::image;

  template <class Ctx, class B = typename Ctx::backend>
  void add(Ctx& ctx, double weight, view_batch<B> z, accumulator_view<B> value, view<B> dz) const {
    const index count = directions(z), n = z.samples();
    scratch_scope release(ctx);
    cview<B> r = z.directions;  // (d, count)
    if (r.data == nullptr) {
      const auto drawn = ctx.take(z.features(), count);
      for_each_column(ctx.be, count, detail::draw_directions<B>{drawn, z.key, n, purpose::direction});
      r = drawn;
    } else if (r.rows != z.features() || r.cols != count) {
      throw shape_error("ssl::brownian: the directions are " + detail::extent(r) + "; they must be " +
                        detail::extent(z.features(), count));
    }
    const auto each = ctx.take_accumulator(1, z.z.cols);
    const double factor = 1.0 / static_cast<double>(z.z.cols);
    for_each_column(ctx.be, z.z.cols, push<B>{z.z, r, dz, each, weight * factor});
    map_reduce(ctx.be, value, fn::plus{}, fn::scale<double>{factor}, each);
  }

  // The functors below are public because nvcc gives a kernel no private type.

  /// Column k of z goes with direction k mod their number: images and views are counted so.
  template <class B>
  struct push {
    cview<B> z, r;             // (d, V n), (d, count)
    view<B> dz;                // (d, V n)
    accumulator_view<B> each;  // (1, V n)
    double slope;

    template <class Team>
    SSL_FN void operator()(const Team& team, index k) const {
      const index d = z.rows;
      const auto* const direction = r.column(k % r.cols);
      const detail::pulled_column<typename B::scalar> column{z.column(k), dz.column(k), d,
                                                             detail::clamped_square(team, z.column(k), d)};
      const double along = column.towards(team, slope, direction, detail::clamped_square(team, direction, d));
      const auto out = each;
      team.for_each(1, [=](index) { out.data[k] = along; });
    }
  };

 private:
  template <class B>
  index directions(const view_batch<B>& z) const {
    return scope == brownian_scope::image ? z.samples() : scope == brownian_scope::view ? z.z.cols : 1;
  }
};

}  // namespace ssl
