// What is done to images in runs of sixteen: copied and resampled boxes, blur; and resizing in blocks of 64
// bytes.

#include <cmath>
#include <cstdint>

#include "kernels/sweep.hpp"
#include "ssl/augment/blur.hpp"
#include "ssl/backend/team.hpp"
#include "ssl/core/image_ref.hpp"
#include "ssl/data/resize.hpp"
#include "ssl/patch/crop.hpp"

namespace ssl::test {
namespace {

std::vector<std::uint8_t> bytes(index count) {
  std::vector<std::uint8_t> out;
  std::uint32_t state = 5;
  for (index k = 0; k < count; ++k) {
    state = state * 1664525U + 1013904223U;
    out.push_back(static_cast<std::uint8_t>(state >> 24U));
  }
  return out;
}

/// A patch and its scratch, with a number behind each that must stay.
template <class T>
struct patch_memory {
  image_shape shape;
  std::vector<T> pixels, scratch;

  patch_memory(image_shape s, index scratch_size)
      : shape(s),
        pixels(static_cast<std::size_t>(s.size() + 1), T{99}),
        scratch(static_cast<std::size_t>(scratch_size + 1), T{99}) {}
  image_ref<T> image() { return {pixels.data(), scratch.data(), shape}; }
  bool intact() const { return pixels.back() == T{99} && scratch.back() == T{99}; }
  std::vector<T> values() const { return {pixels.begin(), pixels.end() - 1}; }
};

/// The weights of output i over the pixels of an axis's box by the definition in patch/crop.hpp.
std::vector<double> axis_weights(double start, double extent, index size, index i, index source, bool cubic) {
  const double ratio = extent / static_cast<double>(size), wide = ratio > 1 ? ratio : 1,
               centre = start + (static_cast<double>(i) + 0.5) * ratio;
  std::vector<double> w(static_cast<std::size_t>(source), 0.0);
  double total = 0;
  for (index j = 0; j < source; ++j) {
    const double at = static_cast<double>(j);
    if (at + 1 <= start || at >= start + extent) continue;  // not touched by the box
    const double t = std::abs(at + 0.5 - centre) / wide;
    double value = t < 1 ? 1 - t : 0;
    if (cubic) value = t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
    total += w[static_cast<std::size_t>(j)] = value;
  }
  for (double& x : w) x /= total;
  return w;
}

template <class T, resampling filter>
void check_resample(image_shape source, image_shape target, index left, index top, index width,
                    index height) {
  CAPTURE(target.height);
  CAPTURE(target.width);
  CAPTURE(width);
  CAPTURE(height);
  const auto in = bytes(source.size());
  const auto share = [](index part, index all) { return static_cast<float>(part) / static_cast<float>(all); };
  const detail::resample_axis<T, filter> across(share(left, source.width), share(width, source.width),
                                                source.width, target.width),
      down(share(top, source.height), share(height, source.height), source.height, target.height);
  patch_memory<T> patch(target, target.height * target.channels * std::max(source.width, target.width));
  detail::resample_box(serial_team{}, in.data(), source, across, down, patch.image());
  std::vector<double> expected;
  std::vector<std::vector<double>> columns;
  for (index x = 0; x < target.width; ++x)
    columns.push_back(axis_weights(static_cast<double>(left), static_cast<double>(width), target.width, x,
                                   source.width, filter == resampling::cubic));
  for (index y = 0; y < target.height; ++y) {
    const auto row = axis_weights(static_cast<double>(top), static_cast<double>(height), target.height, y,
                                  source.height, filter == resampling::cubic);
    for (index x = 0; x < target.width; ++x)
      for (index c = 0; c < target.channels; ++c) {
        double sum = 0;
        for (index i = 0; i < source.height; ++i)
          for (index j = 0; j < source.width; ++j)
            if (row[static_cast<std::size_t>(i)] != 0)
              sum += row[static_cast<std::size_t>(i)] *
                     columns[static_cast<std::size_t>(x)][static_cast<std::size_t>(j)] *
                     static_cast<double>(
                         in[static_cast<std::size_t>((i * source.width + j) * source.channels + c)]);
        expected.push_back(std::clamp(sum / 255, 0.0, 1.0));
      }
  }
  // Weights of up to one, positions to one in 2^24 of some tens of pixels.
  CHECK(first_beyond(patch.values(), expected, sizeof(T) == 4 ? 2e-5 : 1e-12) == -1);
  CHECK(patch.intact());
}

template <class T>
void check_blur(image_shape shape, T sigma, index radius) {
  CAPTURE(shape.height);
  CAPTURE(shape.width);
  CAPTURE(radius);
  patch_memory<T> image(shape, shape.size());
  const auto in = integers<T>(shape.size(), 8);
  std::copy(in.begin(), in.end(), image.pixels.begin());
  blur_image(serial_team{}, image.image(), sigma, radius);
  const index reach = std::min({radius, std::min(shape.height, shape.width) - 1, max_blur_radius});
  const auto mirrored = [](index i, index size) {
    while (i < 0 || i >= size) i = i < 0 ? -i : 2 * (size - 1) - i;
    return i;
  };
  std::vector<double> weight, half(in.begin(), in.end()), expected(half.size());
  double total = 0;
  for (index k = -reach; k <= reach; ++k) {
    const double ratio = static_cast<double>(k) / static_cast<double>(sigma);
    weight.push_back(std::exp(-0.5 * ratio * ratio));
    total += weight.back();
  }
  const auto at = [&](index c, index y, index x) {
    return static_cast<std::size_t>((y * shape.width + x) * shape.channels + c);
  };
  for (const bool vertical : {true, false}) {
    for (index y = 0; y < shape.height; ++y)
      for (index x = 0; x < shape.width; ++x)
        for (index c = 0; c < shape.channels; ++c) {
          double sum = 0;
          for (index k = -reach; k <= reach; ++k)
            sum += weight[static_cast<std::size_t>(k + reach)] / total *
                   (vertical ? half[at(c, mirrored(y + k, shape.height), x)]
                             : half[at(c, y, mirrored(x + k, shape.width))]);
          expected[at(c, y, x)] = sum;
        }
    half = expected;
  }
  CHECK(first_beyond(image.values(), expected, 3 * (sizeof(T) == 4 ? 4e-6 : 1e-14)) == -1);
  CHECK(image.intact());
}

/// Weights of one side of a resize as fixed point of 22 bits: a triangle, as in PIL.
struct side_of_resize {
  index low, high;
  std::vector<std::int64_t> weight;
};
side_of_resize resize_weights(index from, index full, index o) {
  const double scale = static_cast<double>(from) / static_cast<double>(full), support = scale > 1 ? scale : 1,
               centre = (static_cast<double>(o) + 0.5) * scale;
  side_of_resize side{std::max<index>(0, static_cast<index>(std::floor(centre - support + 0.5))),
                      std::min(from, static_cast<index>(std::floor(centre + support + 0.5))),
                      {}};
  std::vector<double> w;
  double sum = 0;
  for (index t = side.low; t < side.high; ++t) {
    const double x = std::abs((static_cast<double>(t) - centre + 0.5) * (1 / support));
    w.push_back(x < 1 ? 1 - x : 0);
    sum += w.back();
  }
  for (const double x : w)
    side.weight.push_back(static_cast<std::int64_t>(std::floor(0.5 + x * (1 / sum) * 4194304.0)));
  return side;
}

std::vector<std::uint8_t> resized_by_definition(image_shape from, const std::vector<std::uint8_t>& in,
                                                image_shape to) {
  std::vector<std::uint8_t> half, out;
  const auto rounded = [](std::int64_t sum) {
    return static_cast<std::uint8_t>(std::min<std::int64_t>((sum + 2097152) / 4194304, 255));
  };
  for (index y = 0; y < from.height; ++y)
    for (index x = 0; x < to.width; ++x)
      for (index c = 0; c < to.channels; ++c) {
        const side_of_resize side = resize_weights(from.width, to.width, x);
        std::int64_t sum = 0;
        for (index t = side.low; t < side.high; ++t)
          sum += side.weight[static_cast<std::size_t>(t - side.low)] *
                 in[static_cast<std::size_t>((y * from.width + t) * from.channels + c)];
        half.push_back(rounded(sum));
      }
  if (from.width == to.width) half = in;
  if (from.height == to.height) return half;
  const index line = to.width * to.channels;
  for (index y = 0; y < to.height; ++y)
    for (index e = 0; e < line; ++e) {
      const side_of_resize side = resize_weights(from.height, to.height, y);
      std::int64_t sum = 0;
      for (index t = side.low; t < side.high; ++t)
        sum += side.weight[static_cast<std::size_t>(t - side.low)] *
               half[static_cast<std::size_t>(t * line + e)];
      out.push_back(rounded(sum));
    }
  return out;
}

void check_resize(image_resizer& resizer, image_shape from, image_shape to) {
  CAPTURE(from.height);
  CAPTURE(from.width);
  CAPTURE(to.height);
  CAPTURE(to.width);
  const auto in = bytes(from.size());
  std::vector<std::uint8_t> out(static_cast<std::size_t>(to.size()));
  resizer(from, in, image_fit::stretch, to, out);
  CHECK(first_difference(out, resized_by_definition(from, in, to)) == -1);
}

}  // namespace

TEST_CASE("kernels/runs: a row of any length is cut into runs that cover it once") {
  int shapes = 0;
  for (index rows = 0; rows < 4; ++rows)
    for (index length = 0; length <= 70; ++length, ++shapes) {
      std::vector<int> seen(static_cast<std::size_t>(rows * length), 0);
      for_each_run(serial_team{}, rows, length, [&](index row, index first, auto count) {
        for_each_lane(count, [&](index e) { ++seen[static_cast<std::size_t>(row * length + first + e)]; });
      });
      CHECK(seen == std::vector<int>(seen.size(), 1));
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/crop: boxes of every width are copied", T, float, double) {
  int shapes = 0;
  for (const index channels : {1, 3})
    for (const index width : sizes(36, {64}))
      for (const index height : {1, 3}) {
        ++shapes;
        CAPTURE(width);
        const image_shape source{channels, height + 2, width + 3}, target{channels, height, width};
        const auto in = bytes(source.size());
        patch_memory<T> patch(target, 0);
        detail::copy_box(serial_team{}, in.data(), source, 2, 1, patch.image());
        std::vector<T> expected;
        for (index y = 0; y < height; ++y)
          for (index e = 0; e < width * channels; ++e)
            expected.push_back(
                static_cast<T>(in[static_cast<std::size_t>(((1 + y) * source.width + 2) * channels + e)]) /
                T{255});
        CHECK(first_difference(patch.values(), expected) == -1);
        CHECK(patch.intact());
      }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/crop: boxes are resampled to every side around the runs of sixteen", T, float,
                   double) {
  int shapes = 0;
  const image_shape source{1, 21, 23}, coloured{3, 12, 20};
  for (const index side : sizes(18, {32}))
    for (const index box : {1, 2, 7, 16, 17, 19}) {
      check_resample<T, resampling::triangle>(source, {1, side, 5}, 3, 1, 6, box);
      check_resample<T, resampling::triangle>(source, {1, 5, side}, 2, 1, box, 6);
      check_resample<T, resampling::cubic>(source, {1, side, side}, 2, 1, box, box);
      shapes += 3;
    }
  for (const index side : {1, 5, 6, 11, 15, 16, 17}) {
    check_resample<T, resampling::triangle>(coloured, {3, side, side}, 1, 2, 17, 9);
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE_TEMPLATE("kernels/blur: images of every side around the runs of sixteen", T, float, double) {
  int shapes = 0;
  for (const index side : sizes(18, {32}))
    for (const index channels : {1, 3}) {
      check_blur<T>({channels, side, 7}, T{1.25}, 4);
      check_blur<T>({channels, 7, side}, T{1.25}, 4);
      shapes += 2;
    }
  for (const index radius : {0, 1, 30, 31, 32, 40}) {
    check_blur<T>({1, 35, 33}, T{9}, radius);
    ++shapes;
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE("kernels/resize: every small side, and lines of every length around the blocks of 64 bytes") {
  image_resizer resizer;
  int shapes = 0;
  for (index from = 1; from <= 13; ++from)
    for (index to = 1; to <= 13; ++to) {
      check_resize(resizer, {1, from, 3}, {1, to, 5});
      check_resize(resizer, {3, 4, from}, {3, 3, to});
      check_resize(resizer, {3, from, to}, {3, to, from});
      shapes += 3;
    }
  for (const index width : {20, 21, 22, 42, 43, 63, 64, 65, 127, 128, 129})
    for (const index channels : {1, 3}) {
      check_resize(resizer, {channels, 5, 9}, {channels, 3, width});      // larger
      check_resize(resizer, {channels, 5, width}, {channels, 8, width});  // in height alone
      check_resize(resizer, {channels, 7, width}, {channels, 4, 11});     // smaller
      shapes += 3;
    }
  MESSAGE(shapes << " shapes");
}

}  // namespace ssl::test
