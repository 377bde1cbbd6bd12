#pragma once
// SPDX-License-Identifier: MIT

/// Boxes of byte images become patches of scalars, and whatever comes next happens to each patch while it is
/// still in the cache.

#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>

#include "ssl/backend/verbs.hpp"
#include "ssl/core/image_ref.hpp"
#include "ssl/exec/context.hpp"
#include "ssl/patch/sampler.hpp"

namespace ssl {

/// What `crop` does with a finished patch unless told otherwise: nothing.
struct keep_patch {
  template <class Team, class T>
  SSL_FN void operator()(const Team&, image_ref<T>, rng_key, index, index) const {}
};

/// How a box becomes a patch of another size. Both widen when they shrink (antialiasing) and lie about the
/// pixels of the box alone, as PIL's and torchvision's resizing with antialiasing do on a crop.
enum class resampling {
  triangle,  // bilinear: max(0, 1 - |t|)
  cubic,     // bicubic, Keys' kernel with a = -1/2, which is PIL's; results are cut to [0, 1]
};

namespace detail {

/// A coordinate that missed a whole pixel by rounding is that pixel.
SSL_FN float snap(float pixels) {
  const float whole = std::floor(pixels + 0.5f);
  return std::fabs(pixels - whole) < 1e-3f ? whole : pixels;
}

/// One axis of a resampling: `size` outputs from the source pixels that [start, start + extent) touches.
/// Output i is centred at start + (i + 1/2) ratio, ratio = extent / size, and weighs the pixel j at j + 1/2
/// with k(|j + 1/2 - centre| / max(1, ratio)), k the filter: interpolation where it enlarges, antialiased
/// where it shrinks. Pixels outside the box do not count; the weights' sum is divided out.
template <class T, resampling filter = resampling::triangle>
struct resample_axis {
  T start, ratio, support, slope;
  index low, high;  // source pixels [low, high)

  SSL_FN resample_axis(float from, float length, index source, index size) {
    const float left = snap(from * static_cast<float>(source));
    const float right = left + snap(length * static_cast<float>(source));
    start = static_cast<T>(left);
    ratio = static_cast<T>(right - left) / static_cast<T>(size);
    support = ratio > T{1} ? ratio : T{1};
    slope = T{1} / support;
    if constexpr (filter == resampling::cubic) support *= T{2};
    low = clamp(static_cast<index>(std::floor(left)), 0, source - 1);
    high = clamp(static_cast<index>(std::ceil(right)), low + 1, source);
  }

  /// The box is `size` whole pixels: nothing to resample.
  SSL_FN bool exact(index size) const {
    return ratio == T{1} && start == static_cast<T>(low) && high - low == size;
  }
  SSL_FN T centre(index i) const { return start + (static_cast<T>(i) + T(0.5)) * ratio; }
  SSL_FN index first(T centre) const {
    return clamp(static_cast<index>(std::floor(centre - support + T(0.5))), low, high - 1);
  }
  SSL_FN index last(T centre) const {
    return clamp(static_cast<index>(std::floor(centre + support + T(0.5))), low + 1, high);
  }
  SSL_FN T weight(T centre, index j) const {
    if constexpr (filter == resampling::cubic) {
      const T t = std::fabs(static_cast<T>(j) + T(0.5) - centre) * slope;
      if (t < T{1}) return (T(1.5) * t - T(2.5)) * t * t + T{1};
      return t < T{2} ? ((T(-0.5) * t + T(2.5)) * t - T{4}) * t + T{2} : T{0};
    } else {
      const T w = T{1} - std::fabs(static_cast<T>(j) + T(0.5) - centre) * slope;
      return w > T{0} ? w : T{0};
    }
  }
  SSL_FN static index clamp(index i, index least, index most) {
    return i < least ? least : i > most ? most : i;
  }
};

/// patch = bytes / 255 of the box whose corner is pixel (left, top) and whose size is the patch's.
template <class Team, class T>
SSL_FN void copy_box(const Team& team, const std::uint8_t* image, image_shape source, index left, index top,
                     image_ref<T> patch) {
  const index length = patch.shape.width * patch.shape.channels;
  for_each_run(team, patch.shape.height, length, [=](index y, index first, auto count) {
    const std::uint8_t* from = image + ((top + y) * source.width + left) * source.channels + first;
    T* to = patch.pixels + y * length + first;
    for_each_lane(count, [&](index e) { to[e] = static_cast<T>(from[e]) / T{255}; });
  });
}

/// patch = the box resampled to the patch's size, rows before columns. Between the two the rows lie turned
/// in scratch, (patch height, channels * box width), so that both loops run along contiguous memory.
template <class Team, class T, class Axis>
SSL_FN void resample_box(const Team& team, const std::uint8_t* image, image_shape source, Axis across,
                         Axis down, image_ref<T> patch) {
  const image_shape target = patch.shape;
  const index channels = target.channels, height = target.height;
  T* const turned = patch.scratch;
  for_each_run(team, height, (across.high - across.low) * channels, [=](index y, index first, auto count) {
    const T centre = down.centre(y);
    const index end = down.last(centre);
    T sum[full_run::length] = {}, total = 0;
    for (index j = down.first(centre); j < end; ++j) {
      const T weight = down.weight(centre, j);
      const std::uint8_t* from = image + (j * source.width + across.low) * channels + first;
      for_each_lane(count, [&](index e) { sum[e] += weight * static_cast<T>(from[e]); });
      total += weight;
    }
    const T scale = T{1} / (T{255} * total);
    for_each_lane(count, [&](index e) { turned[(first + e) * height + y] = scale * sum[e]; });
  });
  for_each_run(team, target.width * channels, height, [=](index column, index first, auto count) {
    const index x = column / channels, channel = column - x * channels;
    const T centre = across.centre(x);
    const index end = across.last(centre);
    T sum[full_run::length] = {}, total = 0;
    for (index j = across.first(centre); j < end; ++j) {
      const T weight = across.weight(centre, j);
      const T* from = turned + ((j - across.low) * channels + channel) * height + first;
      for_each_lane(count, [&](index e) { sum[e] += weight * from[e]; });
      total += weight;
    }
    const T scale = T{1} / total;
    T* const to = patch.pixels + first * target.width * channels + column;
    for_each_lane(count, [&](index e) {
      const T value = scale * sum[e], low = value > T{0} ? value : T{0};
      to[e * target.width * channels] = low < T{1} ? low : T{1};
    });
  });
}

/// Column `begin + j` of a crop: view (begin + j) / n of image (begin + j) % n.
template <class T, class Sampler, class After>
struct crop_column {
  rng_key key;
  const std::uint8_t* images;
  index image_ld, n, first_view, begin;
  image_shape source, target;
  const index* ids;
  Sampler sampler;
  After after;
  T *out, *scratch;
  index scratch_ld;
  resampling filter;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    const index column = begin + j, block = column / n, i = column - block * n;
    const index item = ids != nullptr ? ids[i] : i, view = first_view + block;
    const std::uint8_t* const image = images + i * image_ld;
    const image_ref<T> patch{out + column * target.size(), scratch + j * scratch_ld, target};
    const box where = sampler(key, item, view);
    if (filter == resampling::triangle) {
      resample<resampling::triangle>(team, image, where, patch);
    } else {
      resample<resampling::cubic>(team, image, where, patch);
    }
    after(team, patch, key, item, view);
  }

  template <resampling how, class Team>
  SSL_FN void resample(const Team& team, const std::uint8_t* image, box where, image_ref<T> patch) const {
    const resample_axis<T, how> across(where.x, where.width, source.width, target.width);
    const resample_axis<T, how> down(where.y, where.height, source.height, target.height);
    if (across.exact(target.width) && down.exact(target.height)) {
      copy_box(team, image, source, across.low, down.low, patch);
    } else {
      resample_box(team, image, source, across, down, patch);
    }
  }
};

}  // namespace detail

/// Views [first_view, first_view + view_count) of n images, as scalars in [0, 1].
///
/// `images` (source.size(), n) holds an image a column, channel-last bytes. `out` (channels, target.pixels()
/// * n * view_count), contiguous, is view-major: patch number v * n + i is view first_view + v of column i.
/// `ids`, in the backend's memory, names the n images for the random key; null takes the column's number.
/// A box of exactly the target's size in whole pixels is copied; any other is resampled by `filter`: bilinear
/// or bicubic with antialiasing, in the scalar, where PIL and torchvision on bytes round between the axes and
/// at the end.
///
/// `after(team, patch, key, image, view)` then runs on each finished patch: an augmentation fits. Writes
/// `out` (=). Works through the patches in blocks, so that scratch stays at a few megabytes for small
/// images: target.height * channels * max(source.width, target.width) scalars a patch, 256 patches or more.
/// Cost about (taps across + taps down) multiplications a scalar, 2 taps where it enlarges, cubic twice that.
/// Throws shape_error where extents disagree, option_error for views that the sampler does not have.
template <class Ctx, PatchSampler Sampler, class After = keep_patch>
void crop(Ctx& ctx, rng_key key, matrix_view<const std::uint8_t, typename Ctx::space> images,
          image_shape source, const index* ids, Sampler sampler, index first_view, index view_count,
          image_shape target, typename Ctx::matrix out, After after = {},
          resampling filter = resampling::triangle) {
  using T = typename Ctx::scalar;
  const index n = images.cols, count = n * view_count;
  detail::demand(source.channels == target.channels && target.size() > 0 && source.size() > 0, "crop",
                 "the images have " + std::to_string(source.channels) + " channels, the patches " +
                     std::to_string(target.channels) + "; both must have the same, and at least one pixel");
  detail::demand(images.rows == source.size(), "crop",
                 "images is " + detail::extent(images) + "; a column must hold an image's " +
                     std::to_string(source.size()) + " bytes");
  detail::demand(
      out.rows == target.channels && out.cols == target.pixels() * count && out.contiguous(), "crop",
      "out is " + detail::extent(out) + "; " + std::to_string(view_count) + " views of " + std::to_string(n) +
          " images need a contiguous " + detail::extent(target.channels, target.pixels() * count));
  if (first_view < 0 || view_count < 0 || first_view + view_count > sampler.views())
    throw option_error("ssl::crop: views [" + std::to_string(first_view) + ", " +
                       std::to_string(first_view + view_count) + ") were asked for; the sampler has " +
                       std::to_string(sampler.views()));
  if (count == 0) return;

  const index widest = source.width < target.width ? target.width : source.width;
  const index scratch_ld = (target.height * target.channels * widest + 15) / 16 * 16;
  const index fitting = (index{1} << 21) / scratch_ld, least = fitting < 256 ? 256 : fitting;
  const index block = count < least ? count : least;
  scratch_scope scope(ctx);
  const auto scratch = ctx.take(scratch_ld, block);  // (scratch_ld, block)
  for (index begin = 0; begin < count; begin += block) {
    const index columns = count - begin < block ? count - begin : block;
    for_each_column(ctx.be, columns,
                    detail::crop_column<T, Sampler, After>{key, images.data, images.ld, n, first_view, begin,
                                                           source, target, ids, sampler, after, out.data,
                                                           scratch.data, scratch_ld, filter});
  }
}

}  // namespace ssl
