#pragma once
/// The bag-of-patches representation of images: many patches through frozen networks, aggregated on the way
/// (BagSSL, arXiv 2206.08954). Memory does not grow with the number of patches.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "ssl/data/dataset.hpp"
#include "ssl/eval/aggregator.hpp"
#include "ssl/nn/network.hpp"
#include "ssl/patch/views.hpp"

namespace ssl {

/// Which part of a collection, and which of its views, a call works through.
struct bag_range {
  index first_image = 0, images = 0;
  index first_view = 0, views = 1;
};

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
  if (columns < 1)
    throw option_error("ssl::bag_features: columns is " + std::to_string(columns) + ", expected at least 1");
  if (range.views < 1 || range.first_view < 0 || range.first_view + range.views > views.count())
    throw option_error("ssl::bag_features: views [" + std::to_string(range.first_view) + ", " +
                       std::to_string(range.first_view + range.views) + ") were asked for; the sampler has " +
                       std::to_string(views.count()));
  if (range.first_image < 0 || range.images < 1 || range.first_image + range.images > data.size())
    throw shape_error("ssl::bag_features: images [" + std::to_string(range.first_image) + ", " +
                      std::to_string(range.first_image + range.images) + ") were asked for; there are " +
                      std::to_string(data.size()));
  const bool both = projections.data != nullptr;
  detail::require(embeddings.rows == aggregator.output(e, range.views) && embeddings.cols == range.images,
                  "bag_features",
                  "embeddings is " + detail::extent(embeddings) + "; it must be " +
                      detail::extent(aggregator.output(e, range.views), range.images));
  detail::require(
      !both || (projections.rows == aggregator.output(d, range.views) && projections.cols == range.images),
      "bag_features",
      "projections is " + detail::extent(projections) + "; it must be " +
          detail::extent(aggregator.output(d, range.views), range.images));

  auto c = ctx;
  c.phase = mode::eval;
  const index block = std::min(columns, range.images),
              width = std::min(range.views, std::max<index>(1, columns / block));
  std::vector<std::uint8_t> host(static_cast<std::size_t>(source.size() * block));
  std::vector<index> names(static_cast<std::size_t>(block));

  for (index i = 0; i < range.images; i += block) {
    scratch_scope scope(c);
    const index n = std::min(block, range.images - i);
    for (index k = 0; k < n; ++k) {
      read_image(data, range.first_image + i + k,
                 std::span(host).subspan(static_cast<std::size_t>(k * source.size()),
                                         static_cast<std::size_t>(source.size())));
      names[static_cast<std::size_t>(k)] = range.first_image + i + k;
    }
    const auto bytes = c.scratch.template take<std::uint8_t>(source.size(), n);  // (h w c, n)
    const auto ids = c.scratch.template take<index>(n, 1);
    c.be.upload(make_view<host_space, const std::uint8_t>(host.data(), source.size(), n), bytes);
    c.be.upload(make_view<host_space, const index>(names.data(), n, 1), ids);
    const auto h_out = embeddings.columns(i, n);
    const auto z_out = both ? projections.columns(i, n) : view<B>{};
    aggregator.begin(c, h_out);
    if (both) aggregator.begin(c, z_out);
    for (index v = 0; v < range.views; v += width) {
      scratch_scope inner(c);
      const index w = std::min(width, range.views - v);
      const auto x = c.take(views.target.channels, views.target.pixels() * n * w);
      const auto h = c.take(e, n * w);  // (e, w n)
      views.make(c, key, as_const(bytes), source, ids.data, range.first_view + v, w, x);
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
