// Also compiled with -ffast-math: see CMakeLists.txt.
#include "ssl/core/finite.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <vector>

#include "ssl/backend/eigen.hpp"
#include "ssl/core/bf16.hpp"
#include "ssl/ssl.hpp"

namespace ssl {
namespace {

static_assert(is_finite(0.0) && is_finite(std::numeric_limits<float>::max()));
static_assert(is_nan(not_a_number<double>()) && !is_finite(not_a_number<float>()));
static_assert(is_infinite(infinite<float>()) && is_infinite(-infinite<double>()) &&
              !is_nan(infinite<double>()));

/// What the compiler knows nothing about.
template <class T>
T given(T x) {
  volatile T held = x;
  return held;
}

template <class T>
void check_classes() {
  const T most = std::numeric_limits<T>::max(), least = std::numeric_limits<T>::min();
  for (const T x : {T{0}, T{1}, least, most, -most}) {
    const T y = given(x);
    CHECK(is_finite(y));
    CHECK_FALSE(is_nan(y));
    CHECK_FALSE(is_infinite(y));
  }
  // As they come about in a calculation.
  const T over = given(most) * given(T{2}), none = over - given(over), quotient = given(T{0}) / given(T{0});
  CHECK(is_infinite(over));
  CHECK(is_infinite(-over));
  CHECK_FALSE(is_finite(over));
  CHECK_FALSE(is_nan(over));
  for (const T x : {none, quotient, -quotient}) {
    CHECK(is_nan(x));
    CHECK_FALSE(is_finite(x));
    CHECK_FALSE(is_infinite(x));
  }
  const T sum = given(infinite<T>()) + T{1}, lost = given(not_a_number<T>()) * T{3};
  CHECK(is_infinite(sum));
  CHECK(is_nan(lost));
}

/// The value of a loss and the largest NaN-or-number of its gradient on 2 views of 12 samples of 5 features.
template <class T, class Loss>
std::pair<loss_report, std::vector<T>> evaluated(const Loss& loss, T first) {
  std::vector<T> z(5 * 24), dz(z.size());
  for (std::size_t k = 0; k < z.size(); ++k)
    z[k] = static_cast<T>(std::sin(0.7 * static_cast<double>(k * k)));
  z[0] = first;
  workspace<eigen_backend<T>> work;
  auto ctx = work.ctx();
  const auto view = make_view<host_space, const T>(z.data(), 5, 24);
  return {evaluate(ctx, loss, {view, 2}, make_view(dz.data(), 5, 24)), dz};
}

}  // namespace

TEST_CASE("portability/finite: NaN and infinity are told apart, however they came about") {
  check_classes<float>();
  check_classes<double>();
  CHECK(is_finite(bf16(1)));
  CHECK(is_infinite(bf16(given(3.4e38))));
  CHECK(is_nan(bf16(given(not_a_number<double>()))));
}

TEST_CASE_TEMPLATE("portability/finite: a NaN among the embeddings reaches the value, and numbers do not", T,
                   float, double) {
  const auto vicreg = 25 * invariance{} + 25 * variance{} + covariance{};
  const auto all_finite = [](const auto& found) {
    bool finite = is_finite(found.first.total);
    for (const T g : found.second) finite = finite && is_finite(g);
    return finite;
  };
  CHECK(all_finite(evaluated<T>(vicreg, T{1})));
  CHECK_FALSE(all_finite(evaluated<T>(vicreg, not_a_number<T>())));
  CHECK_FALSE(all_finite(evaluated<T>(vicreg, infinite<T>())));
  CHECK(all_finite(evaluated<T>(nt_xent{}, T{1})));
  CHECK_FALSE(all_finite(evaluated<T>(nt_xent{}, not_a_number<T>())));
}

TEST_CASE("portability/finite: a factorisation of what is not a number is a failure") {
  eigen_backend<double> be;
  std::array<double, 9> a{4, 1, 1, 1, 5, 1, 1, 1, 6};
  double info = 7;
  cholesky(be, make_view(a.data(), 3, 3), make_view(&info, 1, 1));
  CHECK(info == 0);
  a = {4, 1, 1, 1, given(not_a_number<double>()), 1, 1, 1, 6};
  cholesky(be, make_view(a.data(), 3, 3), make_view(&info, 1, 1));
  CHECK(info != 0);
}

}  // namespace ssl
