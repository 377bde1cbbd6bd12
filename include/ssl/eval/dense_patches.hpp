#pragma once
// SPDX-License-Identifier: MIT

/// The embeddings of all patches of a grid in one pass over the image: neighbouring patches share most of
/// their pixels, and an encoder without padding computes what they share once (arXiv 1904.00760, 1312.6229).

#include <string>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/divide.hpp"
#include "ssl/nn/network.hpp"
#include "ssl/nn/receptive_field.hpp"

namespace ssl {

namespace detail {

/// x(c, j) of the part of each image that starts at pixel (top, left).
template <class B>
struct part_of_image {
  image_shape image, part;
  index top, left;
  cview<B> x;  // (channels, image.pixels() n)
  SSL_FN typename B::scalar operator()(index c, index j) const {
    const divided number = divide(j, part.pixels()), pixel = divide(number.remainder, part.width);
    return x(c,
             (number.quotient * image.height + top + pixel.quotient) * image.width + left + pixel.remainder);
  }
};

/// Places along one axis that one pass computes: every `period`-th of the grid from `first` on, `count` of
/// them, which are every `step`-th pixel of the pass's map.
struct dense_axis {
  index first = 0, count = 0, period = 1, step = 1;
};

/// h column (image, row, column) = the pass's output at that place.
template <class B>
struct place_embeddings {
  cview<B> y;  // (features, pass.pixels() n)
  view<B> h;   // (features, grid.pixels() n)
  image_shape pass, grid;
  dense_axis down, across;
  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const divided number = divide(j, down.count * across.count), at = divide(number.remainder, across.count);
    const auto* const from = y.column((number.quotient * pass.height + at.quotient * down.step) * pass.width +
                                      at.remainder * across.step);
    auto* const to =
        h.column((number.quotient * grid.height + down.first + at.quotient * down.period) * grid.width +
                 across.first + at.remainder * across.period);
    team.for_each(y.rows, [=](index c) { to[c] = from[c]; });
  }
};

}  // namespace detail

/// An encoder's parameters bound to whole images. Its patches are the squares of `field().side` pixels whose
/// corners lie `stride` pixels apart, row after row, those that would leave the image left out: those of the
/// sampler `grid{.image, .size = field().side, .stride}` on square images. Their embeddings are what the
/// encoder makes of each of them alone, to rounding.
///
///     network encoder(be, bag_encoder({.patch = 16}), {3, 16, 16}, 512);  // trained on patches
///     const dense_patches dense(encoder, {3, 32, 32}, 4);                 // 5 x 5 patches of an image
///     dense.forward(ctx, x, h);                                           // x (3, 1024 n), h (128, 25 n)
///
/// A stride that is a multiple of the encoder's takes one pass, of which it keeps a part; any other takes
/// (e / gcd(e, stride))^2 passes over shifted images, e being the encoder's stride. An encoder whose stride
/// is the grid's is the fastest; patches that do not overlap are cheaper one by one.
template <class Encoder, Backend B>
class dense_patches {
 public:
  /// `stride` 0 is the encoder's own. The network must outlive this, and its parameters are read when
  /// `forward` runs. Throws option_error where an embedding is no function of a square of pixels, because a
  /// layer pads or reads the whole map (see receptive_field_of), shape_error where the image is too small.
  dense_patches(const network<Encoder, B>& encoder, image_shape image, index stride = 0)
      : encoder_(&encoder),
        field_(receptive_field_of(encoder.arch())),
        image_(image),
        stride_(stride == 0 ? field_.stride : stride) {
    if (stride_ < 1)
      throw option_error("ssl::dense_patches: the stride is " + std::to_string(stride) +
                         ", expected at least 1, or 0 for the encoder's");
    const image_shape patch{encoder.input_shape().channels, field_.side, field_.side};
    if (image.channels != patch.channels || image.height < patch.height || image.width < patch.width)
      throw shape_error("ssl::dense_patches: the images are " + detail::text(image) +
                        ", the encoder takes patches of " + detail::text(patch) +
                        "; images must have as many channels and be as large");
    const image_shape map = encoder.arch().output(image);
    if (map.height != field_.positions(image.height) || map.width != field_.positions(image.width) ||
        encoder.arch().parameter_count(image) != encoder.params().rows)
      throw option_error("ssl::dense_patches: the encoder makes " + detail::text(map) + " of " +
                         detail::text(image) + ", and a field of " + std::to_string(field_.side) +
                         " pixels with stride " + std::to_string(field_.stride) + " would make " +
                         detail::extent(field_.positions(image.height), field_.positions(image.width)) +
                         " places of the same parameters; a layer's `field` must say what the layer does");
    const receptive_field at{field_.side, stride_};
    grid_ = {map.channels, at.positions(image.height), at.positions(image.width)};
  }

  /// What one embedding sees, and how far apart the encoder's own places are.
  receptive_field field() const { return field_; }
  image_shape image() const { return image_; }
  index stride() const { return stride_; }
  /// {features, rows of patches, patches in a row}.
  image_shape grid() const { return grid_; }
  const network<Encoder, B>& encoder() const { return *encoder_; }

  /// h (grid().channels, grid().pixels() n) = the embeddings of x (channels, image().pixels() n), image after
  /// image, both contiguous. As in mode::eval. Scratch: two of the encoder's maps of n images.
  template <class Ctx>
  void forward(Ctx& ctx, cview<B> x, view<B> h) const {
    const index n = x.cols / image_.pixels();
    if (x.rows != image_.channels || x.cols != image_.pixels() * n || h.rows != grid_.channels ||
        h.cols != grid_.pixels() * n || !x.contiguous() || !h.contiguous())
      detail::demand(false, "dense_patches::forward",
                     "x is " + detail::extent(x) + ", h is " + detail::extent(h) +
                         "; x must be a contiguous " + detail::extent(image_.channels, image_.pixels()) +
                         " times the images, h a contiguous " +
                         detail::extent(grid_.channels, grid_.pixels()) + " times the images");
    if (n == 0) return;
    auto c = ctx;
    c.phase = mode::eval;
    if (stride_ == field_.stride) return run(c, image_, n, x, h);
    index g = stride_;
    for (index rest = field_.stride; rest != 0;) {
      const index next = g % rest;
      g = rest;
      rest = next;
    }
    const index period = field_.stride / g;
    for (index top = 0; top < period && top < grid_.height; ++top)
      for (index left = 0; left < period && left < grid_.width; ++left)
        shifted(c, n, x, h, axis(top, period, stride_ / g, grid_.height),
                axis(left, period, stride_ / g, grid_.width));
  }

 private:
  static detail::dense_axis axis(index first, index period, index step, index places) {
    return {first, (places - 1 - first) / period + 1, period, step};
  }

  /// Pixels from the first to the last one that a pass reads along an axis.
  index extent(const detail::dense_axis& a) const { return field_.side + (a.count - 1) * a.period * stride_; }

  template <class Ctx>
  void run(Ctx& ctx, image_shape in, index n, cview<B> x, view<B> y) const {
    scratch_scope scope(ctx);
    encoder_->arch().forward(ctx, in, n, pass<B>{.params = encoder_->params(), .x = x, .y = y});
  }

  template <class Ctx>
  void shifted(Ctx& ctx, index n, cview<B> x, view<B> h, detail::dense_axis down,
               detail::dense_axis across) const {
    scratch_scope scope(ctx);
    const image_shape part{image_.channels, extent(down), extent(across)};
    if (part != image_) {
      const view<B> own = ctx.take(part.channels, part.pixels() * n);
      map(ctx.be, own,
          detail::part_of_image<B>{image_, part, down.first * stride_, across.first * stride_, x});
      x = own;
    }
    const image_shape out = encoder_->arch().output(part);
    const view<B> y = ctx.take(out.channels, out.pixels() * n);
    run(ctx, part, n, x, y);
    for_each_column(ctx.be, down.count * across.count * n,
                    detail::place_embeddings<B>{y, h, out, grid_, down, across});
  }

  const network<Encoder, B>* encoder_;
  receptive_field field_;
  image_shape image_;
  index stride_;
  image_shape grid_;
};

}  // namespace ssl
