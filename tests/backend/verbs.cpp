// The checked front door: what a wrong shape is told. Nothing reaches a backend, so nothing is written.

#include "block.hpp"

namespace ssl::test {

TEST_CASE_TEMPLATE("backend/verbs: map names the shapes that differ", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  const matrix<B> a(be, 2, 3), b(be, 3, 2), out(be, 2, 3, std::vector<double>(6, 5));
  CHECK_THROWS_WITH_AS(map(be, out(), fn::axpy<T>{}, a(), b()),
                       "ssl::map: out is 2x3, the inputs are 2x3, 3x2; all must be equal", shape_error);
  CHECK_THROWS_WITH_AS(copy(be, b(), out()), "ssl::map: out is 2x3, the inputs are 3x2; all must be equal",
                       shape_error);
  CHECK(out.get() == std::vector<double>(6, 5.0));
}

TEST_CASE_TEMPLATE("backend/verbs: map_reduce names the shapes that a result may have", B, SSL_BACKENDS) {
  using T = typename B::scalar;
  B be;
  const matrix<B> x(be, 4, 3), y(be, 3, 4), two(be, 2, 1), whole(be, 4, 3);
  const std::string start = "ssl::map_reduce: out is ";
  const std::string rest = ", the first input is 4x3; inputs must be equal, out must be 1x1, 4x1 or 1x3";
  CHECK_THROWS_WITH_AS(map_reduce(be, two(), fn::plus{}, fn::identity<T>{}, x()),
                       (start + "2x1" + rest).c_str(), shape_error);
  CHECK_THROWS_WITH_AS(map_reduce(be, whole(), fn::plus{}, fn::identity<T>{}, x()),
                       (start + "4x3" + rest).c_str(), shape_error);
  CHECK_THROWS_WITH_AS(map_reduce(be, view<B>{two().data, 1, 1, 1}, fn::plus{}, fn::product<T>{}, x(), y()),
                       (start + "1x1" + rest).c_str(), shape_error);
}

}  // namespace ssl::test
