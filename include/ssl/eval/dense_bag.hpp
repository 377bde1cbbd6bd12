#pragma once
// SPDX-License-Identifier: MIT

/// The bag-of-patches representation (bag.hpp) over all patches of a grid, encoded image by image instead of
/// patch by patch (dense_patches.hpp).

#include <algorithm>
#include <string>
#include <type_traits>

#include "ssl/eval/bag.hpp"
#include "ssl/eval/dense_patches.hpp"

namespace ssl {

namespace detail {

/// out column v * n + i = h column i * places + v: from image after image to patch after patch.
template <class B>
struct patch_after_patch {
  cview<B> h;
  view<B> out;
  index n, places;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const divided at = divide(j, n);
    const auto* const from = h.column(at.remainder * places + at.quotient);
    auto* const to = out.column(j);
    team.for_each(h.rows, [=](index c) { to[c] = from[c]; });
  }
};

}  // namespace detail

/// embeddings (aggregator.output(e, places), images) = aggregate of the embeddings at all places of the grid,
/// and projections (aggregator.output(d, places), images) = aggregate of projector(embedding), left out where
/// it is empty. `=`. `views` makes whole images of bytes, `patch_views(whole{}, normalize{}, dense.image())`:
/// an augmentation is drawn once for an image. With several views of an image the places of all of them are
/// aggregated, view after view. Networks run in mode::eval. At most `columns` patches, but at least one
/// image, are in work at once: scratch is O(columns), not O(images).
template <class Ctx, class Encoder, class Projector, class Views, Dataset D, class Aggregation,
          class B = typename Ctx::backend>
void dense_bag_features(Ctx& ctx, const dense_patches<Encoder, B>& dense, network<Projector, B>& projector,
                        const Views& views, rng_key key, const D& data, bag_range range,
                        const Aggregation& aggregator, std::type_identity_t<view<B>> embeddings,
                        std::type_identity_t<view<B>> projections = {}, index columns = 2048) {
  const image_shape source = data.shape(), image = dense.image();
  const index e = dense.grid().channels, d = projector.output_shape().size();
  const index places = dense.grid().pixels(), total = places * range.views;
  detail::require_range("dense_bag_features", range, data.size(), views.count(), columns);
  if (views.target != image)
    throw shape_error("ssl::dense_bag_features: the views are " + detail::text(views.target) +
                      ", the grid is over images of " + detail::text(image) +
                      "; a view must be a whole image");
  if (projector.input_shape().size() != e)
    throw shape_error("ssl::dense_bag_features: the projector takes " +
                      detail::text(projector.input_shape()) + ", an embedding has " + std::to_string(e) +
                      " features; they must be as many");
  const bool both = projections.data != nullptr;
  detail::require_output("dense_bag_features", "embeddings", embeddings, aggregator.output(e, total),
                         range.images);
  if (both)
    detail::require_output("dense_bag_features", "projections", projections, aggregator.output(d, total),
                           range.images);

  auto c = ctx;
  c.phase = mode::eval;
  const index block = std::clamp<index>(columns / places, 1, range.images);
  detail::block_reader images(data, block);
  for (index i = 0; i < range.images; i += block) {
    scratch_scope scope(c);
    const index n = std::min(block, range.images - i);
    const auto read = images.read(c, range.first_image + i, n);
    const auto h_out = embeddings.columns(i, n);
    const auto z_out = both ? projections.columns(i, n) : view<B>{};
    aggregator.begin(c, h_out);
    if (both) aggregator.begin(c, z_out);
    const auto x = c.take(image.channels, image.pixels() * n);
    const auto all = c.take(e, places * n);              // (e, places n), image after image
    const auto h = n > 1 ? c.take(e, places * n) : all;  // (e, places n), patch after patch
    const auto z = c.take(d, both ? places * n : 0);     // (d, places n)
    for (index v = 0; v < range.views; ++v) {
      views.make(c, key, read.bytes, source, read.ids, range.first_view + v, 1, x);
      dense.forward(c, x, all);
      if (n > 1) for_each_column(c.be, places * n, detail::patch_after_patch<B>{all, h, n, places});
      aggregator.add(c, h, v * places, places, total, h_out);
      if (!both) continue;
      projector.forward(c, h, z);
      aggregator.add(c, z, v * places, places, total, z_out);
    }
    aggregator.finish(c, total, h_out);
    if (both) aggregator.finish(c, total, z_out);
  }
}

}  // namespace ssl
