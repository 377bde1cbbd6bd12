#pragma once
// SPDX-License-Identifier: MIT

/// The bag-of-patches representation of images: many patches through frozen networks, aggregated on the way
/// (BagSSL, arXiv 2206.08954). Memory does not grow with the number of patches.

#include <algorithm>
#include <type_traits>

#include "ssl/eval/aggregator.hpp"
#include "ssl/eval/image_block.hpp"
#include "ssl/nn/network.hpp"
#include "ssl/patch/views.hpp"

namespace ssl {

/// embeddings (aggregator.output(e, views), images) = aggregate of h = encoder(patch) over the range's views,
/// and projections (aggregator.output(d, views), images) = aggregate of projector(h), left out where it is
/// empty. `=`. Networks run in mode::eval. At most `columns` patches are in work at once: scratch is
/// O(columns), not O(views). `key` gives position and colours, so two calls with one key see the same
/// patches.
template <class Ctx, class Encoder, class Projector, class Views, Dataset D, class Aggregation,
          class B = typename Ctx::backend>
void bag_features(Ctx& ctx, network<Encoder, B>& encoder, network<Projector, B>& projector,
                  const Views& views, rng_key key, const D& data, bag_range range,
                  const Aggregation& aggregator, std::type_identity_t<view<B>> embeddings,
                  std::type_identity_t<view<B>> projections = {}, index columns = 2048) {
  const image_shape source = data.shape();
  const index e = encoder.output_shape().size(), d = projector.output_shape().size();
  detail::require_range("bag_features", range, data.size(), views.count(), columns);
  const bool both = projections.data != nullptr;
  detail::require_output("bag_features", "embeddings", embeddings, aggregator.output(e, range.views),
                         range.images);
  if (both)
    detail::require_output("bag_features", "projections", projections, aggregator.output(d, range.views),
                           range.images);

  auto c = ctx;
  c.phase = mode::eval;
  const index block = std::min(columns, range.images),
              width = std::min(range.views, std::max<index>(1, columns / block));
  detail::block_reader images(data, block);

  for (index i = 0; i < range.images; i += block) {
    scratch_scope scope(c);
    const index n = std::min(block, range.images - i);
    const auto read = images.read(c, range.first_image + i, n);
    const auto h_out = embeddings.columns(i, n);
    const auto z_out = both ? projections.columns(i, n) : view<B>{};
    aggregator.begin(c, h_out);
    if (both) aggregator.begin(c, z_out);
    for (index v = 0; v < range.views; v += width) {
      scratch_scope inner(c);
      const index w = std::min(width, range.views - v);
      const auto x = c.take(views.target.channels, views.target.pixels() * n * w);
      const auto h = c.take(e, n * w);  // (e, w n)
      views.make(c, key, read.bytes, source, read.ids, range.first_view + v, w, x);
      encoder.forward(c, x, h);
      aggregator.add(c, h, v, w, range.views, h_out);
      if (!both) continue;
      const auto z = c.take(d, n * w);  // (d, w n)
      projector.forward(c, h, z);
      aggregator.add(c, z, v, w, range.views, z_out);
    }
    aggregator.finish(c, range.views, h_out);
    if (both) aggregator.finish(c, range.views, z_out);
  }
}

}  // namespace ssl
