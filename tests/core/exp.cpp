#include "ssl/core/exp.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace ssl {
namespace {

const float inf = infinite<float>();

/// |found - e^x| in units of the spacing of floats at e^x.
double error_in_ulp(float x, float found) {
  const long double exact = std::exp(static_cast<long double>(x));
  const int exponent = std::max(std::ilogb(exact), -126);
  return static_cast<double>(std::abs(static_cast<long double>(found) - exact) *
                             std::exp2(static_cast<long double>(23 - exponent)));
}

}  // namespace

TEST_CASE("core/exp: within two units in the last place wherever the result is a normal float") {
  double worst = 0, sum = 0;
  int count = 0;
  for (double x = -87.3365; x < 88.7228; x += 1.7e-4, ++count) {
    const auto here = static_cast<float>(x);
    const double error = error_in_ulp(here, branchless_exp(here));
    worst = std::max(worst, error);
    sum += error;
  }
  MESSAGE("worst " << worst << " ulp, mean " << sum / count);
  CHECK(worst <= 2);
  // Every float next to a point where the reduction changes its integer.
  for (int k = -125; k < 128; ++k) {
    auto x = static_cast<float>((k + 0.5) * std::log(2.0));
    for (int step = 0; step < 20; ++step) x = std::nextafter(x, -inf);
    for (int step = 0; step < 40; ++step, x = std::nextafter(x, inf))
      CHECK(error_in_ulp(x, branchless_exp(x)) <= 2);
  }
}

TEST_CASE("core/exp: keeps the digits of e^x - 1 near zero") {
  for (float x = 1.0F; x > 1e-9F; x *= 0.83F) {
    CHECK(std::abs(branchless_exp(x) - std::exp(static_cast<double>(x))) <= 0x1p-22 * 2.72);
    CHECK(std::abs(branchless_exp(-x) - std::exp(-static_cast<double>(x))) <= 0x1p-23);
  }
  CHECK(branchless_exp(0.0F) == 1.0F);
  CHECK(branchless_exp(-0.0F) == 1.0F);
}

TEST_CASE("core/exp: zero below the normal floats, infinity above the finite ones, NaN for NaN") {
  for (const float x : {-87.34F, -88.0F, -104.0F, -1e4F, -3e38F, -inf}) CHECK(branchless_exp(x) == 0.0F);
  for (const float x : {88.73F, 89.0F, 1e4F, 3e38F, inf}) CHECK(is_infinite(branchless_exp(x)));
  CHECK(branchless_exp(-87.33654F) >= std::numeric_limits<float>::min());
  CHECK(is_finite(branchless_exp(88.72283F)));
  CHECK(is_nan(branchless_exp(not_a_number<float>())));
  CHECK(is_nan(branchless_exp(-not_a_number<float>())));
  CHECK(is_nan(branchless_exp(not_a_number<double>())));
  CHECK(branchless_exp(-1.25) == std::exp(-1.25));
}

TEST_CASE("core/exp: the same numbers in a loop that a compiler may vectorise") {
  std::vector<float> x(1003), y(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) x[k] = -90.0F + 0.181F * static_cast<float>(k);
  x[17] = not_a_number<float>();
  for (std::size_t k = 0; k < x.size(); ++k) y[k] = branchless_exp(x[k]);
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (k == 17) {
      CHECK(is_nan(y[k]));
    } else if (x[k] > -87.33F && x[k] < 88.72F) {
      CHECK(error_in_ulp(x[k], y[k]) <= 2);
    } else {
      CHECK((x[k] < 0 ? y[k] == 0.0F : is_infinite(y[k])));
    }
  }
}

}  // namespace ssl
