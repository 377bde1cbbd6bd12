#pragma once
/// Runs something on images in a backend's memory, and what the tests feed it.

#include <vector>

#include "ssl/core/image_ref.hpp"
#include "support/backends.hpp"
#include "support/pixels.hpp"

namespace ssl::test {

/// f(team, image, number) on each of a row of images.
template <class F, class T>
struct image_column {
  F f;
  T *pixels, *scratch;
  image_shape shape;

  template <class Team>
  SSL_FN void operator()(const Team& team, index j) const {
    f(team, image_ref<T>{pixels + j * shape.size(), scratch + j * shape.size(), shape}, j);
  }
};

/// The images in `values`, channel-last, after f.
template <class B, class F>
std::vector<double> on_images(image_shape shape, const std::vector<double>& values, F f) {
  B be;
  const index n = static_cast<index>(values.size()) / shape.size();
  matrix<B> pixels(be, shape.size(), n, values), scratch(be, shape.size(), n, values);
  ssl::for_each_column(be, n, image_column<F, typename B::scalar>{f, pixels().data, scratch().data, shape});
  return pixels.get();
}

/// An augmentation with a key: image number j as image `item + j`, view `view`.
template <class A>
struct augmented {
  A augmentation;
  rng_key key{7, 1};
  index item = 0, view = 0;

  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, index j) const {
    augmentation(team, image, key, item + j, view);
  }
};

template <class B, class A>
std::vector<double> augment(image_shape shape, const std::vector<double>& values, A a, rng_key key = {7, 1},
                            index view = 0) {
  return on_images<B>(shape, values, augmented<A>{a, key, 0, view});
}

/// byte(c, y, x) / 255 with byte(c, y, x) = (91 c + 53 y + 29 x + 17 x y + 5) mod 256: the image behind the
/// golden pixels, repeated n times.
inline std::vector<double> formula_image(image_shape shape, index n = 1) {
  std::vector<double> out;
  for (index i = 0; i < n; ++i)
    for (index y = 0; y < shape.height; ++y)
      for (index x = 0; x < shape.width; ++x)
        for (index c = 0; c < shape.channels; ++c)
          out.push_back(static_cast<double>((91 * c + 53 * y + 29 * x + 17 * x * y + 5) % 256) / 255);
  return out;
}

/// n images of uniform noise in [0, 1).
inline std::vector<double> noise_images(image_shape shape, index n, unsigned seed = 1) {
  random_stream draw({seed, 0}, 0, 0, purpose::generate);
  std::vector<double> out(static_cast<std::size_t>(shape.size() * n));
  for (auto& x : out) x = static_cast<double>(draw.uniform());
  return out;
}

}  // namespace ssl::test
