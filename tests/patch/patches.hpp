#pragma once
/// Byte images in a backend's memory, patches back on the host.

#include <cstdint>
#include <utility>
#include <vector>

#include "ssl/patch/crop.hpp"
#include "support/backends.hpp"
#include "support/pixels.hpp"

namespace ssl::test {

/// byte(c, y, x) = (91 c + 53 y + 29 x + 17 x y + 5) mod 256, the image behind the golden pixels; image i
/// adds 40 i. Channel-last, n images.
inline std::vector<std::uint8_t> formula_bytes(image_shape shape, index n = 1) {
  std::vector<std::uint8_t> out;
  for (index i = 0; i < n; ++i)
    for (index y = 0; y < shape.height; ++y)
      for (index x = 0; x < shape.width; ++x)
        for (index c = 0; c < shape.channels; ++c)
          out.push_back(
              static_cast<std::uint8_t>((91 * c + 53 * y + 29 * x + 17 * x * y + 5 + 40 * i) % 256));
  return out;
}

/// A sampler of one box.
struct one_box {
  box where;
  view_count views = 1;

  SSL_FN box operator()(rng_key, index, index) const { return where; }
};

/// A copy of host values in a backend's memory.
template <class U, class B>
auto to_backend(B& be, const std::vector<U>& host) {
  auto buffer = be.template allocate<U>(static_cast<index>(host.size()));
  const index count = static_cast<index>(host.size());
  be.upload(matrix_view<const U, host_space>{host.data(), count, 1, count},
            matrix_view<U, typename B::space>{buffer.all().data, count, 1, count});
  be.wait();
  return buffer;
}

struct crop_options {
  rng_key key{3, 0};
  std::vector<index> ids{};  // none: column numbers
  index first_view = 0, view_count = -1;
  resampling filter = resampling::triangle;
};

/// What `crop` makes of the images in `bytes`: all views unless options say otherwise.
template <class B, class Sampler, class After = keep_patch>
std::vector<double> patches(const std::vector<std::uint8_t>& bytes, image_shape source, Sampler sampler,
                            image_shape target, crop_options options = {}, After after = {}) {
  workspace<B> work;
  auto ctx = work.ctx();
  const index n = static_cast<index>(bytes.size()) / source.size();
  const index views = options.view_count < 0 ? sampler.views() : options.view_count;
  const auto images = to_backend(work.backend(), bytes);
  const auto ids = to_backend(work.backend(), options.ids);
  matrix<B> out(work.backend(), target.channels, target.pixels() * n * views);
  const matrix_view<const std::uint8_t, typename B::space> columns{images.all().data, source.size(), n,
                                                                   source.size()};
  crop(ctx, options.key, columns, source, options.ids.empty() ? nullptr : ids.all().data, sampler,
       options.first_view, views, target, out(), after, options.filter);
  return out.get();
}

}  // namespace ssl::test
