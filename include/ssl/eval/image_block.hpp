#pragma once
// SPDX-License-Identifier: MIT

/// What the walks over the bags of a collection share: their range, the sizes of their outputs, and the
/// images, block after block on the backend.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/shape.hpp"
#include "ssl/data/dataset.hpp"
#include "ssl/exec/context.hpp"

namespace ssl {

/// Which part of a collection, and which of its views, a call works through.
struct bag_range {
  index first_image = 0, images = 0;
  index first_view = 0, views = 1;
};

namespace detail {

/// Throws unless there are so many images and views, and work for at least one column at once.
inline void require_range(const std::string& who, const bag_range& range, index images, index views,
                          index columns) {
  if (columns < 1)
    throw option_error("ssl::" + who + ": columns is " + std::to_string(columns) + ", expected at least 1");
  if (range.views < 1 || range.first_view < 0 || range.first_view + range.views > views)
    throw option_error("ssl::" + who + ": views [" + std::to_string(range.first_view) + ", " +
                       std::to_string(range.first_view + range.views) + ") were asked for; the sampler has " +
                       std::to_string(views));
  if (range.first_image < 0 || range.images < 1 || range.first_image + range.images > images)
    throw shape_error("ssl::" + who + ": images [" + std::to_string(range.first_image) + ", " +
                      std::to_string(range.first_image + range.images) + ") were asked for; there are " +
                      std::to_string(images));
}

/// Throws unless `out` is (rows, columns).
template <class View>
void require_output(const char* who, const char* name, const View& out, index rows, index columns) {
  if (out.rows != rows || out.cols != columns)
    demand(false, who, std::string(name) + " is " + extent(out) + "; it must be " + extent(rows, columns));
}

/// Images on the backend: their bytes, and their numbers in the collection.
template <class Ctx>
struct image_block {
  matrix_view<const std::uint8_t, typename Ctx::space> bytes;  // (h w c, n)
  const index* ids;                                            // (n)
};

/// Reads images one after another and sends up to `most` at once.
template <class D>
class block_reader {
 public:
  block_reader(const D& data, index most)
      : data_(&data),
        host_(static_cast<std::size_t>(data.shape().size() * most)),
        names_(static_cast<std::size_t>(most)) {}

  /// Images [first, first + n), in scratch.
  template <class Ctx>
  image_block<Ctx> read(Ctx& ctx, index first, index n) {
    const index size = data_->shape().size();
    for (index k = 0; k < n; ++k) {
      read_image(
          *data_, first + k,
          std::span(host_).subspan(static_cast<std::size_t>(k * size), static_cast<std::size_t>(size)));
      names_[static_cast<std::size_t>(k)] = first + k;
    }
    const auto bytes = ctx.scratch.template take<std::uint8_t>(size, n);
    const auto ids = ctx.scratch.template take<index>(n, 1);
    ctx.be.upload(make_view<host_space, const std::uint8_t>(host_.data(), size, n), bytes);
    ctx.be.upload(make_view<host_space, const index>(names_.data(), n, 1), ids);
    return {as_const(bytes), ids.data};
  }

 private:
  const D* data_;
  std::vector<std::uint8_t> host_;
  std::vector<index> names_;
};

}  // namespace detail
}  // namespace ssl
