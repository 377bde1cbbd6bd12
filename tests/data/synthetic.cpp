#include "ssl/data/synthetic.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

#include "support/temporary_folder.hpp"

using namespace ssl;
using namespace ssl::test;

namespace {

bool same(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

int shared(const std::array<int, 3>& a, const std::array<int, 3>& b) {
  int n = 0;
  for (const int m : a) n += static_cast<int>(std::count(b.begin(), b.end(), m));
  return n;
}

}  // namespace

TEST_CASE("data/synthetic: an image depends on its number and the seed alone") {
  const synthetic_options options;
  const memory_dataset all = make_synthetic(options, 5, 30), tail = make_synthetic(options, 5, 10, 20);
  REQUIRE(tail.size() == 10);
  for (index i = 0; i < 10; ++i) {
    CHECK(same(all.bytes(20 + i), tail.bytes(i)));
    CHECK(all.label(20 + i) == tail.label(i));
  }
  CHECK(same(make_synthetic(options, 5, 30).all_pixels(), all.all_pixels()));
  const memory_dataset other = make_synthetic(options, 6, 30);
  for (index i = 0; i < 30; ++i) {
    CHECK_FALSE(same(all.bytes(i), other.bytes(i)));
    CHECK_FALSE(same(all.bytes(i), all.bytes((i + 10) % 30)));  // another image of the same class
  }
}

TEST_CASE("data/synthetic: every compiler draws the same scenes") {
  const memory_dataset d = make_synthetic({}, 1, 4);
  const double expected[] = {111.815, 94.725, 117.105,
                             119.756};  // fused arithmetic may round a few bytes otherwise
  for (index i = 0; i < 4; ++i) {
    double mean = 0;
    for (const int x : d.bytes(i)) mean += x / 3072.0;
    CHECK(std::abs(mean - expected[i]) < 0.05);
  }
}

TEST_CASE("data/synthetic: shapes are as asked and the classes are balanced") {
  const memory_dataset d = make_synthetic({.classes = 7, .size = 48}, 1, 70);
  CHECK(d.shape() == image_shape{3, 48, 48});
  CHECK(d.classes() == 7);
  std::array<int, 7> count{};
  for (const int label : d.labels()) ++count[static_cast<std::size_t>(label)];
  for (const int c : count) CHECK(c == 10);
  CHECK(make_synthetic({}, 1, 0).size() == 0);
}

TEST_CASE("data/synthetic: each motif serves several classes and no two motifs meet in two classes") {
  const auto sets = synthetic_classes(10);
  REQUIRE(sets.size() == 10);
  std::array<int, motif_count> used{};
  for (std::size_t a = 0; a < 10; ++a) {
    CHECK(std::is_sorted(sets[a].begin(), sets[a].end()));
    for (const int m : sets[a]) ++used[static_cast<std::size_t>(m)];
    for (std::size_t b = 0; b < a; ++b) CHECK(shared(sets[a], sets[b]) <= 1);
  }
  for (const int u : used) {
    CHECK(u >= 2);
    CHECK(u <= 3);
  }
}

TEST_CASE("data/synthetic: two hundred classes differ and fewer are the first of more") {
  const auto many = synthetic_classes(200), few = synthetic_classes(20);
  CHECK(std::set<std::array<int, 3>>(many.begin(), many.end()).size() == 200);
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
}

TEST_CASE("data/synthetic: a larger image is the same scene, sharper") {
  const synthetic_options small{.size = 32, .noise = 0}, large{.size = 128, .noise = 0};
  const memory_dataset a = make_synthetic(small, 3, 10), b = make_synthetic(large, 3, 10);
  double error = 0, spread = 0;
  for (index i = 0; i < 10; ++i) {
    double mean = 0;
    for (const int x : a.bytes(i)) mean += x / 3072.0;
    for (index y = 0; y < 32; ++y)
      for (index x = 0; x < 32; ++x)
        for (index c = 0; c < 3; ++c) {
          double block = 0;
          for (index v = 0; v < 4; ++v)
            for (index u = 0; u < 4; ++u)
              block += b.bytes(i)[static_cast<std::size_t>(((4 * y + v) * 128 + 4 * x + u) * 3 + c)] / 16.0;
          const double here = a.bytes(i)[static_cast<std::size_t>((y * 32 + x) * 3 + c)];
          error += (here - block) * (here - block);
          spread += (here - mean) * (here - mean);
        }
  }
  CHECK(error < 0.2 * spread);
}

TEST_CASE("data/synthetic: pixels alone say little about the class") {
  // 20 nearest neighbours by cosine; chance is 0.1.
  const index n = 1000, m = 200;
  const memory_dataset d = make_synthetic({.noise = 0}, 1, n + m);
  std::vector<float> unit(d.all_pixels().begin(), d.all_pixels().end());
  for (index i = 0; i < n + m; ++i) {
    float norm = 0;
    for (index k = 0; k < 3072; ++k)
      norm += unit[static_cast<std::size_t>(i * 3072 + k)] * unit[static_cast<std::size_t>(i * 3072 + k)];
    for (index k = 0; k < 3072; ++k) unit[static_cast<std::size_t>(i * 3072 + k)] /= std::sqrt(norm);
  }
  int right = 0;
  std::vector<std::pair<float, int>> near(static_cast<std::size_t>(n));
  for (index i = n; i < n + m; ++i) {
    for (index j = 0; j < n; ++j) {
      const float *a = &unit[static_cast<std::size_t>(i * 3072)],
                  *b = &unit[static_cast<std::size_t>(j * 3072)];
      float dot = 0;
      for (index k = 0; k < 3072; k += 4) dot += a[k] * b[k];  // every fourth value is plenty
      near[static_cast<std::size_t>(j)] = {-dot, d.label(j)};
    }
    std::partial_sort(near.begin(), near.begin() + 20, near.end());
    std::array<int, 10> votes{};
    for (int k = 0; k < 20; ++k) ++votes[static_cast<std::size_t>(near[static_cast<std::size_t>(k)].second)];
    right += std::max_element(votes.begin(), votes.end()) - votes.begin() == d.label(i);
  }
  CHECK(right < 0.3 * m);
}

TEST_CASE("data/synthetic: colours and light vary from image to image and use the whole range") {
  const memory_dataset d = make_synthetic({}, 1, 200);
  double least = 255, most = 0;
  for (index i = 0; i < 200; ++i) {
    double mean = 0;
    for (const int x : d.bytes(i)) mean += x / 3072.0;
    least = std::min(least, mean);
    most = std::max(most, mean);
  }
  CHECK(most > 1.5 * least);
  CHECK(*std::min_element(d.all_pixels().begin(), d.all_pixels().end()) == 0);
  CHECK(*std::max_element(d.all_pixels().begin(), d.all_pixels().end()) == 255);
}

TEST_CASE("data/synthetic: options outside their range are named") {
  const auto refused = [](const synthetic_options& o) {
    return message<option_error>([&] { make_synthetic(o, 1, 1); });
  };
  CHECK(says(refused({.classes = 1}), "classes is 1, expected 2 to 200"));
  CHECK(says(refused({.classes = 201}), "classes is 201"));
  CHECK(says(refused({.size = 7}), "size is 7, expected 8 to 4096"));
  CHECK(says(refused({.instances = 2}), "instances is 2"));
  CHECK(says(refused({.distractors = -1}), "distractors is -1"));
  CHECK(says(refused({.missing = 1.5f}), "missing is 1.5"));
  CHECK(says(refused({.radius = 0}), "radius is 0"));
  CHECK(says(refused({.lean = -1}), "lean is -1"));
  CHECK(says(refused({.noise = NAN}), "noise is"));
  CHECK(says(message<option_error>([] { make_synthetic({}, 1, -1); }), "count is -1"));
  CHECK(says(message<option_error>([] { make_synthetic({}, 1, 1, -1); }), "first is -1"));
}
