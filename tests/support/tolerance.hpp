#pragma once
/// How far a result may be from its reference: one table for all tests.
///
// clang-format off
/// | arithmetic                            | relative error | of                                            |
/// |---------------------------------------|----------------|-----------------------------------------------|
/// | float on eigen, thrust, cuda          | 2e-5           | the largest entry; sums of up to 10^4 products |
/// | double on eigen, thrust, cuda         | 1e-11          | the same                                      |
/// | float with TF32 products (cuda)       | 2e-3           | the same: 10 bits of mantissa in every factor |
/// | one rounding to bf16                  | 2^-9           | the value: 8 bits of mantissa, to nearest     |
// clang-format on
///
/// Backends differ in the order of their sums, not in their arithmetic, so they share a row. A test that
/// knows better (a well conditioned value, a badly conditioned gradient) says so by `by_scalar`.

#include <type_traits>

namespace ssl::test {

struct tolerance_table {
  double of_float = 2e-5;
  double of_double = 1e-11;
  double of_tf32 = 2e-3;
  double of_bf16 = 0x1p-8;
};
inline constexpr tolerance_table tolerances{};

/// The first for a backend of floats, the second for one of doubles.
template <class B>
constexpr double by_scalar(double of_float, double of_double) {
  return std::is_same_v<typename B::scalar, float> ? of_float : of_double;
}

/// The relative error to expect of an accurate evaluation in a backend's scalar.
template <class B>
inline constexpr double tolerance = by_scalar<B>(tolerances.of_float, tolerances.of_double);

}  // namespace ssl::test
