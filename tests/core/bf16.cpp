#include "ssl/core/bf16.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "support/bf16.hpp"

using ssl::bf16;

static_assert(sizeof(bf16) == 2);
static_assert(std::is_trivially_copyable_v<bf16> && std::is_trivially_default_constructible_v<bf16>);
static_assert(std::is_convertible_v<bf16, float> && std::is_convertible_v<bf16, double>);
static_assert(!std::is_convertible_v<float, bf16>, "digits are lost only where one says so");

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

float number(unsigned bits) { return bf16::from_bits(static_cast<std::uint16_t>(bits)); }
unsigned bits(float x) { return bf16(x).bits; }
unsigned bits(double x) { return bf16(x).bits; }

}  // namespace

TEST_CASE("core/bf16: each of the 65536 patterns survives the way through float and through double") {
  unsigned wrong = 0, not_numbers = 0;
  for (unsigned b = 0; b < 65536; ++b) {
    const float x = number(b);
    const bool nan = (b & 0x7f80U) == 0x7f80U && (b & 0x7fU) != 0;
    if (nan) {
      ++not_numbers;
      wrong += !std::isnan(x) || !std::isnan(static_cast<float>(bf16(x))) || (bits(x) ^ b) > 0x40U ||
               !std::isnan(static_cast<float>(bf16(static_cast<double>(x))));
    } else {
      wrong += std::isnan(x) || bits(x) != b || bits(static_cast<double>(x)) != b;
    }
  }
  CHECK(wrong == 0);
  CHECK(not_numbers == 2 * 127);
}

TEST_CASE("core/bf16: every number between two neighbours goes to the nearer one, ties to the even one") {
  unsigned wrong = 0;
  for (unsigned b = 0; b < 0x7f80U; ++b)  // up to the step from the largest number to infinity
    for (const unsigned sign : {0U, 0x8000U}) {
      const double low = static_cast<double>(number(b));
      const double high = b == 0x7f7fU ? std::ldexp(1.0, 128) : static_cast<double>(number(b + 1));
      const double flip = sign != 0 ? -1 : 1, middle = flip * (low + high) / 2;
      const double up = std::nextafter(middle, flip * 1e300), down = std::nextafter(middle, 0.0);
      const float f = static_cast<float>(middle);  // exact: one digit more than bf16 has
      wrong += bits(f) != (b + (b & 1U)) + sign;
      wrong += bits(std::nextafter(f, flip > 0 ? infinity : -infinity)) != b + 1 + sign;
      wrong += bits(std::nextafter(f, 0.0F)) != b + sign;
      // A double is rounded once: by way of a float these would be ties.
      wrong += bits(middle) != (b + (b & 1U)) + sign;
      wrong += bits(up) != b + 1 + sign;
      wrong += bits(down) != b + sign;
    }
  CHECK(wrong == 0);
}

TEST_CASE("core/bf16: zeros keep their sign, what is too large is infinite, NaN stays NaN") {
  CHECK(bits(0.0F) == 0);
  CHECK(bits(-0.0F) == 0x8000U);
  CHECK(bits(infinity) == 0x7f80U);
  CHECK(bits(-infinity) == 0xff80U);
  CHECK(bits(std::numeric_limits<float>::max()) == 0x7f80U);
  CHECK(bits(std::numeric_limits<double>::max()) == 0x7f80U);
  CHECK(bits(-std::numeric_limits<double>::max()) == 0xff80U);
  CHECK(bits(std::numeric_limits<double>::denorm_min()) == 0);
  CHECK(bits(-std::numeric_limits<double>::denorm_min()) == 0x8000U);
  CHECK(bits(std::numeric_limits<float>::denorm_min()) == 0);
  CHECK(number(1) == std::ldexp(1.0F, -133));
  for (const unsigned payload : {0x7f800001U, 0x7fffffffU, 0xff800001U, 0xffffffffU, 0x7fc00000U}) {
    const bf16 x(__builtin_bit_cast(float, payload));
    CHECK(std::isnan(static_cast<float>(x)));
    CHECK((x.bits >> 15U) == (payload >> 31U));
  }
  CHECK(std::isnan(static_cast<float>(bf16(std::numeric_limits<double>::quiet_NaN()))));
  CHECK(static_cast<float>(bf16(3)) == 3.0F);
  CHECK(bf16(256) == 256);
  CHECK(bf16(257) == 256);
}

TEST_CASE("core/bf16: it computes as a float") {
  const bf16 a(1.5F), b(-2.25F);
  static_assert(std::is_same_v<decltype(a + b), float>);
  CHECK(a + b == -0.75F);
  CHECK(a * b == -3.375F);
  CHECK(a > b);
  CHECK(2.0 * static_cast<double>(a) == 3.0);
}

TEST_CASE_TEMPLATE("core/bf16: map writes and reads it, map_reduce sums it, on every backend", B,
                   SSL_BACKENDS) {
  using T = typename B::scalar;
  ssl::workspace<B> work;
  B& be = work.backend();
  for (const ssl::index rows : {3, 700}) {
    const ssl::index cols = 70000 / rows;
    const auto values = ssl::test::normals(rows * cols, 1);
    const ssl::test::matrix<B> x(be, rows, cols, values), y(be, rows, cols);
    const ssl::test::bf16_matrix<B> half(be, rows, cols, std::vector<double>(values.size(), 9.0));
    ssl::map(be, half(), ssl::fn::cast<bf16>{}, x.read());
    const auto found = half.bits();
    const auto given = x.get();  // rounded to the scalar already
    unsigned wrong = 0;
    double sum = 0, magnitude = 0;
    for (std::size_t k = 0; k < found.size(); ++k) {
      wrong += found[k].bits != bf16(given[k]).bits;
      sum += static_cast<double>(found[k]);
      magnitude += std::abs(static_cast<double>(found[k]));
    }
    CHECK(wrong == 0);

    ssl::map(be, y(), ssl::fn::axpy<T>{T{2}}, half(), x.read());  // functors of the scalar take it as it is
    const auto axpy = y.get();
    std::vector<double> expected;
    for (std::size_t k = 0; k < found.size(); ++k)
      expected.push_back(2 * static_cast<double>(found[k]) + given[k]);
    CHECK(ssl::test::relative_error(axpy, expected) < ssl::test::tolerance<B>);

    auto ctx = work.ctx();
    ssl::scratch_scope scope(ctx);
    const auto total = ctx.take_accumulator(1, 1);
    ssl::fill(be, total, 0.0);
    ssl::map_reduce(be, total, ssl::fn::plus{}, ssl::fn::cast<double>{}, half());
    double host = 0;
    be.download(ssl::as_const(total), ssl::make_view(&host, 1, 1));
    be.wait();
    CHECK(std::abs(host - sum) < 1e-12 * magnitude);
  }
}
