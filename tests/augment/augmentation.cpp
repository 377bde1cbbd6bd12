#include "ssl/augment/augmentation.hpp"

#include "augment/on_image.hpp"

namespace ssl::test {

namespace {

/// x = 2 x + digit: shows which augmentations ran and in which order.
struct append {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 1;
  double digit = 0;
  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key, index, index, std::uint32_t) const {
    T* const p = image.pixels;
    const T d = static_cast<T>(digit);
    team.for_each(image.shape.size(), [=](index k) { p[k] = 10 * p[k] + d; });
  }
};

/// Writes a random number into place `where` of the image.
struct draw {
  using kind = augmentation_kind;
  static constexpr std::uint32_t streams = 1;
  index where = 0;
  template <class Team, class T>
  SSL_FN void operator()(const Team& team, image_ref<T> image, rng_key key, index item, index view,
                         std::uint32_t slot) const {
    const T x = static_cast<T>(random_stream(key, item, view, purpose::generate, slot).uniform());
    T* const p = image.pixels + where;
    team.for_each(1, [=](index) { *p = x; });
  }
};

struct no_kind {
  [[maybe_unused]] static constexpr std::uint32_t streams = 1;
  template <class Team, class T>
  void operator()(const Team&, image_ref<T>, rng_key, index, index, std::uint32_t) const {}
};

static_assert(Augmentation<append> && Augmentation<draw> && !Augmentation<no_kind>);
static_assert(Augmentation<decltype(append{} | sometimes(0.5, draw{}))>);

constexpr image_shape dot{1, 1, 1};

}  // namespace

TEST_CASE_TEMPLATE("augment/augmentation: a chain runs from left to right", B, SSL_BACKENDS) {
  CHECK(augment<B>(dot, {0}, append{1} | append{2} | append{3}) == std::vector<double>{123});
  CHECK(augment<B>(dot, {0}, append{1} | (append{2} | append{3})) == std::vector<double>{123});
}

TEST_CASE_TEMPLATE("augment/augmentation: each place in a chain draws its own numbers", B, SSL_BACKENDS) {
  const image_shape four{1, 2, 2};
  const std::vector<double> none(4, 0);
  const auto out = augment<B>(four, none, draw{0} | draw{1} | draw{2} | draw{3});
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < i; ++j) CHECK(out[i] != out[j]);
  CHECK(augment<B>(four, none, draw{0} | (draw{1} | (draw{2} | draw{3}))) == out);
  CHECK(augment<B>(four, none, sometimes(1, draw{1}) | draw{2})[2] == out[2]);  // the choice took slot 0
}

TEST_CASE_TEMPLATE("augment/augmentation: sometimes obeys its probability", B, SSL_BACKENDS) {
  const index n = 4000;
  const std::vector<double> none(static_cast<std::size_t>(n), 0);
  const auto count = [&](double probability) {
    double sum = 0;
    for (const double x : augment<B>(dot, none, sometimes(probability, append{1}))) sum += x;
    return sum;
  };
  CHECK(count(0) == 0);
  CHECK(count(1) == static_cast<double>(n));
  CHECK(std::abs(count(0.3) / static_cast<double>(n) - 0.3) < 0.03);  // 4 sigma
}

TEST_CASE_TEMPLATE("augment/augmentation: per_view takes turns", B, SSL_BACKENDS) {
  const auto turns = per_view(append{1}, append{2} | append{3}) | append{4};
  CHECK(augment<B>(dot, {0}, turns, {7, 1}, 0) == std::vector<double>{14});
  CHECK(augment<B>(dot, {0}, turns, {7, 1}, 1) == std::vector<double>{234});
  CHECK(augment<B>(dot, {0}, turns, {7, 1}, 2) == std::vector<double>{14});
}

TEST_CASE("augment/augmentation: streams add up") {
  static_assert((draw{} | draw{} | draw{}).streams == 3);
  static_assert(sometimes(0.5, draw{} | draw{}).streams == 3);
  static_assert(per_view(draw{}, draw{} | draw{}).streams == 2);
  CHECK((draw{} | per_view(draw{}, sometimes(1, draw{}))).streams == 3);
}

}  // namespace ssl::test
