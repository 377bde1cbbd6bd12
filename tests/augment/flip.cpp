#include "ssl/augment/flip.hpp"

#include "augment/on_image.hpp"

namespace ssl::test {

TEST_CASE_TEMPLATE("augment/flip: mirrors every row, pixels whole", B, SSL_BACKENDS) {
  const auto odd = augment<B>({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, flip{1});
  CHECK(odd == std::vector<double>{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8});
  const auto even = augment<B>({1, 1, 4}, {1, 2, 3, 4}, flip{1});
  CHECK(even == std::vector<double>{4, 3, 2, 1});
}

TEST_CASE_TEMPLATE("augment/flip: twice is not at all", B, SSL_BACKENDS) {
  for (const index width : {1, 4, 7}) {
    const image_shape shape{3, 5, width};
    const auto from = augment<B>(shape, noise_images(shape, 3), flip{0});
    CHECK(augment<B>(shape, from, flip{1} | flip{1}) == from);
    CHECK((width == 1) == (augment<B>(shape, from, flip{1}) == from));
  }
}

TEST_CASE_TEMPLATE("augment/flip: half of the images, by default", B, SSL_BACKENDS) {
  const index n = 4000;
  std::vector<double> from;
  for (index i = 0; i < n; ++i) from.insert(from.end(), {0, 1});
  const auto out = augment<B>({1, 1, 2}, from, flip{});
  index flipped = 0;
  for (index i = 0; i < n; ++i) flipped += out[static_cast<std::size_t>(2 * i)] == 1;
  CHECK(std::abs(static_cast<double>(flipped) / static_cast<double>(n) - 0.5) < 0.032);  // 4 sigma
}

}  // namespace ssl::test
