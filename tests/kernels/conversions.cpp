// bfloat16, quotients of indices and colours of pixels against their definitions.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/sweep.hpp"
#include "ssl/backend/eigen/elementwise.hpp"
#include "ssl/core/bf16.hpp"
#include "ssl/core/divide.hpp"
#include "ssl/core/fn.hpp"
#include "ssl/data/pixel.hpp"

namespace ssl::test {
namespace {

/// The nearest bf16 by comparing with both neighbours. Doubles hold all three exactly.
template <class T>
std::uint16_t nearest_bf16(T from) {
  const double x = static_cast<double>(from), size = std::abs(x);
  const auto sign = static_cast<std::uint16_t>(std::signbit(x) ? 0x8000U : 0U);
  std::uint16_t low = 0, high = 0x7f80U;  // low <= size < high, as patterns
  if (size == std::numeric_limits<double>::infinity()) return static_cast<std::uint16_t>(sign | 0x7f80U);
  const auto value = [](std::uint16_t u) {
    return u == 0x7f80U ? 0x1p128 : static_cast<double>(static_cast<float>(bf16::from_bits(u)));
  };
  if (size >= 0x1p128) return static_cast<std::uint16_t>(sign | 0x7f80U);
  while (high - low > 1) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (value(middle) <= size ? low : high) = middle;
  }
  const double below = size - value(low), above = value(high) - size;
  const bool up = below > above || (below == above && low % 2 == 1);
  return static_cast<std::uint16_t>(sign | (up ? high : low));
}

template <class T>
std::vector<std::uint16_t> stored(const std::vector<T>& x) {
  std::vector<bf16> out(x.size());
  cpu::map(1, make_view(out.data(), static_cast<index>(x.size()), 1), fn::cast<bf16>{},
           make_view<host_space, const T>(x.data(), static_cast<index>(x.size()), 1));
  std::vector<std::uint16_t> patterns;
  for (const bf16 b : out) patterns.push_back(b.bits);
  return patterns;
}

template <class T>
index wrongly_stored(const std::vector<T>& x) {
  const auto found = stored(x);
  index wrong = 0;
  for (std::size_t k = 0; k < x.size(); ++k)
    if (x[k] != x[k])
      wrong += (found[k] & 0x7f80U) != 0x7f80U || (found[k] & 0x7fU) == 0;
    else
      wrong += found[k] != nearest_bf16(x[k]);
  return wrong;
}

}  // namespace

TEST_CASE(
    "kernels/bf16: floats and doubles go to the nearest, of every pattern of the lower half that decides") {
  std::vector<float> x;
  std::vector<double> wide;
  for (std::uint32_t high = 0; high < 65536; high += 3)
    for (const std::uint32_t low : {0U, 1U, 0x7fffU, 0x8000U, 0x8001U, 0xffffU, (high * 40503U) & 0xffffU}) {
      x.push_back(std::bit_cast<float>(high << 16U | low));
      const double d = static_cast<double>(x.back());
      wide.push_back(d);
      if (low == 0x8000U) {
        wide.push_back(std::nextafter(d, 1e300));
        wide.push_back(std::nextafter(d, -1e300));
      }
    }
  for (const double d : {1e39, -1e39, 1e300, 1e-46, -1e-60, 0x1p-134, 0x1.0000001p-134}) wide.push_back(d);
  CHECK(wrongly_stored(x) == 0);
  CHECK(wrongly_stored(wide) == 0);
  MESSAGE((x.size() + wide.size()) << " numbers");
}

TEST_CASE_TEMPLATE("kernels/bf16: there and back in loops of any length", T, float, double) {
  int shapes = 0;
  for (index count = 0; count <= 100; ++count, ++shapes) {
    const auto x = integers<T>(count, 7);
    std::vector<bf16> half(x.size() + 1, bf16(99));
    std::vector<T> back(x.size() + 1, T{99});
    const auto stored = make_view(half.data(), count, 1);
    cpu::map(1, stored, fn::cast<bf16>{}, make_view<host_space, const T>(x.data(), count, 1));
    cpu::map(1, make_view(back.data(), count, 1), fn::identity<T>{}, as_const(stored));
    CHECK((half.back() == 99 && back.back() == 99));
    back.pop_back();
    CHECK(back == x);
  }
  MESSAGE(shapes << " shapes");
}

TEST_CASE("kernels/divide: around every power of two, in 32 bits and in 64") {
  std::vector<index> numbers;
  for (int k = 0; k < 62; ++k)
    for (const index d : {-1, 0, 1})
      if ((index{1} << k) + d >= 0) numbers.push_back((index{1} << k) + d);
  int pairs = 0;
  index wrong = 0;
  for (const index a : numbers)
    for (const index b : numbers)
      if (b > 0) {
        const divided found = divide(a, b);
        wrong += found.quotient != a / b || found.remainder != a % b;
        ++pairs;
      }
  CHECK(wrong == 0);
  MESSAGE(pairs << " pairs");
}

TEST_CASE("kernels/luma: within half a step of the weights of BT.601, and of inks") {
  index wrong = 0, colours = 0;
  for (int r = 0; r < 256; r += 3)
    for (int g = 0; g < 256; g += 5)
      for (int b = 0; b < 256; b += 3, ++colours) {
        const double exact = 0.299 * r + 0.587 * g + 0.114 * b;
        const auto byte = [](int x) { return static_cast<std::uint8_t>(x); };
        wrong += !(std::abs(static_cast<double>(luma(byte(r), byte(g), byte(b))) - exact) <= 0.5 + 0.006);
      }
  CHECK(wrong == 0);
  int shapes = 0;
  for (index n = 0; n < 40; ++n, ++shapes) {
    std::vector<std::uint8_t> inks, expected;
    for (index p = 0; p < n; ++p) {
      const unsigned k = static_cast<unsigned>(p * 37 % 256);
      for (unsigned c = 0; c < 3; ++c) {
        const unsigned ink = static_cast<unsigned>(p * 11 + 90 * c) % 256;
        inks.push_back(static_cast<std::uint8_t>(ink));
        expected.push_back(static_cast<std::uint8_t>(std::floor(ink * k / 255.0 + 0.5)));
      }
      inks.push_back(static_cast<std::uint8_t>(k));
    }
    std::vector<std::uint8_t> out(expected.size());
    detail::colour_of_inks(inks, 3, out.data());
    CHECK(out == expected);
  }
  MESSAGE(colours << " colours, " << shapes << " shapes");
}

}  // namespace ssl::test
