// Exponentials and error functions of float, scalar and in loops that become vector instructions.

#include "ssl/core/exp.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/sweep.hpp"
#include "ssl/nn/gelu.hpp"

namespace ssl::test {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();

/// One number at a time: a loop around it cannot become vectors.
[[gnu::noinline]] float one_exp(float x) { return branchless_exp(x); }
[[gnu::noinline]] float one_erf(float x) { return detail::branchless_erf(x); }

/// A loop that can.
[[gnu::noinline]] void all_exp(const float* x, float* y, index n) {
  for (index i = 0; i < n; ++i) y[i] = branchless_exp(x[i]);
}
[[gnu::noinline]] void all_erf(const float* x, float* y, index n) {
  for (index i = 0; i < n; ++i) y[i] = detail::branchless_erf(x[i]);
}

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }
bool same(float a, float b) { return bits(a) == bits(b) || (a != a && b != b); }

/// Whether y is what the contract of branchless_exp allows for x. In double, e^x is right to 2^-29 of a
/// float's unit in the last place.
bool fine(float x, float y) {
  if (x != x) return y != y;
  const double exact = std::exp(static_cast<double>(x));
  if (exact < 0x1p-126) return bits(y) == 0;
  if (exact > static_cast<double>(std::numeric_limits<float>::max())) return y == inf;
  const double unit = std::ldexp(1.0, std::ilogb(exact) - 23);
  return std::abs(static_cast<double>(y) - exact) <= 2 * unit;
}

/// Every float on both sides of zero, at a stride that is prime; all around the ends, zero and the
/// infinities.
std::vector<float> numbers() {
  std::vector<float> x;
  for (const std::uint32_t sign : {0U, 0x80000000U}) {
    for (std::uint32_t u = 0; u < 0x7f800000U; u += 1021U) x.push_back(std::bit_cast<float>(u | sign));
    for (const float edge : {0.0F, 87.33654F, 88.72283F, 103.97208F, 0.34657359F, 1.0F, 4.0F, 5.6568542F,
                             std::numeric_limits<float>::min(), std::numeric_limits<float>::max(), inf}) {
      const std::uint32_t middle = bits(edge);
      for (std::uint32_t u = middle < 400 ? 0 : middle - 400; u < middle + 400; ++u)
        x.push_back(std::bit_cast<float>(u | sign));  // beyond infinity: NaNs
    }
  }
  // Where the reduction changes its integer.
  for (int k = -126; k < 129; ++k) {
    const std::uint32_t middle = bits(static_cast<float>((k + 0.5) * 0.69314718055994531));
    for (std::uint32_t u = middle - 8; u < middle + 8; ++u) x.push_back(std::bit_cast<float>(u));
  }
  return x;
}

}  // namespace

TEST_CASE(
    "kernels/exp: within two units in the last place, 0 below the normal floats, infinity above, NaN for "
    "NaN") {
  const std::vector<float> x = numbers();
  std::vector<float> y(x.size());
  all_exp(x.data(), y.data(), static_cast<index>(x.size()));
  index wrong = 0, different = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    wrong += !fine(x[k], y[k]);
    different += !same(y[k], one_exp(x[k]));
  }
  CHECK(wrong == 0);
  CHECK(different == 0);
  MESSAGE(x.size() << " numbers");
}

TEST_CASE("kernels/exp: the same bits in a loop of any length and as a single call") {
  int shapes = 0;
  const index most = 70;
  std::vector<float> x(static_cast<std::size_t>(most + 16)), y(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) x[k] = -95.0F + 2.317F * static_cast<float>(k);
  x[5] = nan, x[21] = inf, x[22] = -inf, x[40] = -0.0F;
  for (index first = 0; first < 16; ++first)
    for (index count = 0; count <= most; ++count, ++shapes) {
      std::fill(y.begin(), y.end(), 99.0F);
      all_exp(x.data() + first, y.data() + first, count);
      bool agrees = true;
      for (index i = 0; i < static_cast<index>(y.size()); ++i) {
        const auto k = static_cast<std::size_t>(i);
        agrees = agrees && same(y[k], i >= first && i < first + count ? one_exp(x[k]) : 99.0F);
      }
      CHECK(agrees);
    }
  MESSAGE(shapes << " shapes");
}

TEST_CASE("kernels/erf: within 5e-7 of the error function, whatever the number") {
  const std::vector<float> x = numbers();
  std::vector<float> y(x.size());
  all_erf(x.data(), y.data(), static_cast<index>(x.size()));
  index wrong = 0, different = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double exact = std::erf(static_cast<double>(x[k]));
    wrong += x[k] != x[k] ? y[k] == y[k] : !(std::abs(static_cast<double>(y[k]) - exact) <= 5e-7);
    different += !same(y[k], one_erf(x[k]));
  }
  CHECK(wrong == 0);
  CHECK(different == 0);
  MESSAGE(x.size() << " numbers");
}

}  // namespace ssl::test
