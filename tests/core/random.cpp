#include "ssl/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

using namespace ssl;

namespace {

struct moments {
  double mean = 0, variance = 0;
};

template <class Draw>
moments measure(int count, Draw draw) {
  double sum = 0, squares = 0;
  for (int i = 0; i < count; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / count;
  return {mean, squares / count - mean * mean};
}

double correlation(random_stream a, random_stream b, int count) {
  double ab = 0, aa = 0, bb = 0;
  for (int i = 0; i < count; ++i) {
    const double x = a.uniform() - 0.5, y = b.uniform() - 0.5;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE("core/random: Philox 4x32-10 gives the published known answers") {
  struct known_answer {
    philox_block counter;
    std::uint32_t k0, k1;
    philox_block expected;
  };
  const known_answer answers[] = {
      {{{0, 0, 0, 0}}, 0, 0, {{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}}},
      {{{0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}},
       0xffffffffu,
       0xffffffffu,
       {{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}}},
      {{{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}},
       0xa4093822u,
       0x299f31d0u,
       {{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}}},
  };
  for (const auto& answer : answers) {
    const philox_block found = philox(answer.counter, answer.k0, answer.k1);
    for (int word = 0; word < 4; ++word) CHECK(found.word[word] == answer.expected.word[word]);
  }
}

TEST_CASE("core/random: a stream is Philox of its key and position, four words a block") {
  const rng_key key{.seed = 0x0123456789abcdefu, .epoch = 7};
  random_stream stream(key, 11, 2, purpose::crop, 3);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const philox_block expected =
        philox({{11u, 2u ^ (3u << 24), 7u, (3u << 24) + block}}, 0x89abcdefu, 0x01234567u);
    for (std::uint32_t word : expected.word) CHECK(stream.bits() == word);
  }
}

TEST_CASE("core/random: a stream that seeks goes on as one that drew up to that word") {
  const rng_key key{.seed = 3, .epoch = 1};
  random_stream drawn(key, 5, 1, purpose::direction);
  for (int word = 0; word < 11; ++word) {
    random_stream sought(key, 5, 1, purpose::direction);
    sought.bits();
    sought.seek(word);
    random_stream same = drawn;
    for (int k = 0; k < 6; ++k) CHECK(sought.bits() == same.bits());
    drawn.bits();
  }
}

TEST_CASE("core/random: the same key gives the same numbers, whatever was drawn before") {
  const rng_key key{.seed = 42, .epoch = 1};
  random_stream other(key, 4, 0, purpose::flip);
  for (int i = 0; i < 100; ++i) other.bits();
  random_stream a(key, 5, 1, purpose::flip), b(key, 5, 1, purpose::flip);
  for (int i = 0; i < 100; ++i) CHECK(a.bits() == b.bits());
}

TEST_CASE("core/random: each part of a key changes the stream") {
  const rng_key key{.seed = 42, .epoch = 1};
  std::vector<random_stream> streams{
      random_stream(key, 5, 1, purpose::crop),
      random_stream({.seed = 43, .epoch = 1}, 5, 1, purpose::crop),
      random_stream({.seed = 42 + (std::uint64_t{1} << 32), .epoch = 1}, 5, 1, purpose::crop),
      random_stream({.seed = 42, .epoch = 2}, 5, 1, purpose::crop),
      random_stream(key, 6, 1, purpose::crop),
      random_stream(key, 5, 2, purpose::crop),
      random_stream(key, 5, 1, purpose::flip),
      random_stream(key, 5, 1, purpose::crop, 1),
  };
  std::set<std::uint32_t> words;
  for (auto& stream : streams) {
    for (int i = 0; i < 8; ++i) words.insert(stream.bits());
  }
  CHECK(words.size() == streams.size() * 8);
}

TEST_CASE("core/random: purposes, views and items are uncorrelated") {
  const rng_key key{.seed = 3};
  const int count = 40000;
  const double bound = 5 / std::sqrt(static_cast<double>(count));  // five standard deviations
  const random_stream crop(key, 0, 0, purpose::crop);
  CHECK(std::abs(correlation(crop, random_stream(key, 0, 0, purpose::flip), count)) < bound);
  CHECK(std::abs(correlation(crop, random_stream(key, 0, 1, purpose::crop), count)) < bound);
  CHECK(std::abs(correlation(crop, random_stream(key, 1, 0, purpose::crop), count)) < bound);
  CHECK(std::abs(correlation(crop, random_stream({.seed = 4}, 0, 0, purpose::crop), count)) < bound);
}

TEST_CASE("core/random: uniform is at least 0 and below 1 with the mean, variance and spread of a uniform") {
  random_stream stream({.seed = 1}, 0, 0, purpose::probe);
  const int count = 200000, bins = 64;
  std::vector<int> histogram(bins);
  const moments m = measure(count, [&] {
    const float u = stream.uniform();
    REQUIRE(u >= 0.0f);
    REQUIRE(u < 1.0f);
    ++histogram[static_cast<std::size_t>(u * bins)];
    return static_cast<double>(u);
  });
  CHECK(std::abs(m.mean - 0.5) < 5 * std::sqrt(1.0 / 12 / count));
  CHECK(std::abs(m.variance - 1.0 / 12) < 5 * std::sqrt(1.0 / 180 / count));
  double chi_squared = 0;
  const double expected = static_cast<double>(count) / bins;
  for (int found : histogram) chi_squared += (found - expected) * (found - expected) / expected;
  // 63 degrees of freedom: mean 63, standard deviation 11.2. Too even would be as suspect as too uneven.
  CHECK(chi_squared > 63 - 4 * 11.2);
  CHECK(chi_squared < 63 + 5 * 11.2);
}

TEST_CASE("core/random: uniform over a range stays in the range and scales the unit draw") {
  random_stream unit({.seed = 1}, 0, 0, purpose::probe), ranged({.seed = 1}, 0, 0, purpose::probe);
  for (int i = 0; i < 1000; ++i) {
    const float u = unit.uniform(), x = ranged.uniform(-2.0f, 6.0f);
    CHECK(x == -2.0f + 8.0f * u);
    CHECK(x >= -2.0f);
    CHECK(x < 6.0f);
  }
}

TEST_CASE("core/random: normal has the first four moments of a standard normal") {
  random_stream stream({.seed = 5}, 0, 0, purpose::probe);
  const int count = 200000;
  double s1 = 0, s2 = 0, s3 = 0, s4 = 0;
  for (int i = 0; i < count; ++i) {
    const double x = stream.normal();
    REQUIRE(std::isfinite(x));
    s1 += x;
    s2 += x * x;
    s3 += x * x * x;
    s4 += x * x * x * x;
  }
  CHECK(std::abs(s1 / count) < 5 * std::sqrt(1.0 / count));
  CHECK(std::abs(s2 / count - 1) < 5 * std::sqrt(2.0 / count));
  CHECK(std::abs(s3 / count) < 5 * std::sqrt(15.0 / count));
  CHECK(std::abs(s4 / count - 3) < 5 * std::sqrt(96.0 / count));
}

TEST_CASE("core/random: below reaches every value of its range about equally and nothing else") {
  random_stream stream({.seed = 6}, 0, 0, purpose::probe);
  const index n = 7;
  const int count = 70000;
  std::vector<int> histogram(static_cast<std::size_t>(n));
  for (int i = 0; i < count; ++i) {
    const index k = stream.below(n);
    REQUIRE(k >= 0);
    REQUIRE(k < n);
    ++histogram[static_cast<std::size_t>(k)];
  }
  const double p = 1.0 / 7, deviation = std::sqrt(count * p * (1 - p));
  for (int found : histogram) CHECK(std::abs(found - count * p) < 5 * deviation);
  CHECK(stream.below(1) == 0);
}

TEST_CASE("core/random: chance is never at 0, always at 1, and about p between") {
  random_stream stream({.seed = 8}, 0, 0, purpose::probe);
  const int count = 40000;
  int never = 0, always = 0, sometimes = 0;
  for (int i = 0; i < count; ++i) {
    never += stream.chance(0.0f);
    always += stream.chance(1.0f);
    sometimes += stream.chance(0.2f);
  }
  CHECK(never == 0);
  CHECK(always == count);
  CHECK(std::abs(sometimes - 0.2 * count) < 5 * std::sqrt(0.2 * 0.8 * count));
}
